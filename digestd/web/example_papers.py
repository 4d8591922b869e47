"""Look up the example papers of visitors for the preview.

Anybody can make us ask a registry here, so it happens in the background, in memory, and within limits: for each network
and for all together. A visitor waits a few seconds at most, and learns nothing about what others looked up, because
results are kept for each network. Nothing is stored.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

import structlog
from fastapi import Depends

from digestd.app import App
from digestd.domain.paper import PaperId
from digestd.domain.reference import LookupResult, LookupState, Reference, registries_of
from digestd.fetching.paper_lookup import INTERACTIVE_LIMITS
from digestd.subscribers.paper_lookups import looked_up_reference
from digestd.web.dependencies import part
from digestd.web.guards import Window

LookUp = Callable[[Sequence[PaperId]], Awaitable[Mapping[PaperId, LookupResult]]]
NAMES_MAX = 10
"""Papers of one form that are looked up."""
SPAN = timedelta(hours=1)
PER_NETWORK, EVERYONE = 20, 120
"""Papers that may be looked up in SPAN: 120 at one every three seconds occupy arXiv for six minutes an hour."""
BATCHES_MAX, AT_ONCE = 20, 2
"""Lookups of forms that may wait, and that run at once."""
KEPT, FAILURE_KEPT = timedelta(hours=1), timedelta(minutes=1)
RESULTS_MAX = 500
"""Results in memory, at most 10 kB each."""
WAIT_SECONDS = 3.0
log = structlog.get_logger(__name__)


class ExampleState(StrEnum):
    """The state of an example paper that no source has reported."""

    FOUND = "found"
    COMING = "coming"  # is being looked up
    UNKNOWN = "unknown"  # no registry knows it
    FAILED = "failed"  # a registry does not answer
    UNASKED = "unasked"  # was not looked up yet, or too many were; it will be once they have subscribed
    LATER = "later"  # is not looked up: no registry has such identifiers, or lookups are off


@dataclass(frozen=True, slots=True)
class ExamplePaper:
    """An example paper that no source has reported.

    `reference`: the paper itself, if it was found; `registries`: where it is looked up.
    """

    name: PaperId
    state: ExampleState
    reference: Reference | None = None
    registries: tuple[str, ...] = ()


class ExamplePapers:
    """Looks up example papers. Used on the event loop only.

    Args:
        look_up: asks the registries; None if lookups are off.
    """

    def __init__(self, look_up: LookUp | None) -> None:
        self._look_up = look_up
        self._networks, self._everyone = Window(PER_NETWORK, SPAN), Window(EVERYONE, SPAN)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._running: dict[tuple[str, PaperId], asyncio.Task[None]] = {}
        self._results: OrderedDict[tuple[str, PaperId], tuple[datetime, LookupResult]] = OrderedDict()

    @classmethod
    def of(cls, app: App) -> Self:
        reader = app.registry_reader
        return cls(None if reader is None else replace(reader, limits=INTERACTIVE_LIMITS).look_up)

    async def get(
        self, network: str, names: Sequence[PaperId], now: datetime, *, ask: bool = True
    ) -> list[ExamplePaper]:
        """Return the state of papers that no source has reported, after WAIT_SECONDS at most.

        Args:
            ask: False to return what is known already.
        """
        if ask and self._look_up is not None:
            tasks = self._begin(network, names[:NAMES_MAX], now)
            if tasks:
                await asyncio.wait(tasks, timeout=WAIT_SECONDS)
        return [self._example(network, name, now) for name in names]

    def _begin(self, network: str, names: Sequence[PaperId], now: datetime) -> set[asyncio.Task[None]]:
        """Start the lookups that are needed and allowed; return those of these papers that run."""
        new = [
            name
            for name in names
            if registries_of(name)
            and (network, name) not in self._running
            and self._result(network, name, now) is None
            and len(set(self._running.values())) < BATCHES_MAX
            and self._networks.allows(network, now)
            and self._everyone.allows("", now)
        ]
        if new:
            task = asyncio.create_task(self._run(network, new, now))
            self._running |= {(network, name): task for name in new}
        return {self._running[network, name] for name in names if (network, name) in self._running}

    async def _run(self, network: str, names: Sequence[PaperId], now: datetime) -> None:
        results: Mapping[PaperId, LookupResult] = {}
        try:
            async with self._turns:
                if self._look_up is not None:
                    results = await self._look_up(names)
        except Exception as error:  # a visitor's paper must not break their page
            log.warning("looking up example papers failed", kind=type(error).__name__)
        finally:
            for name in names:
                del self._running[network, name]
                self._results[network, name] = (now, results.get(name) or LookupResult(why="failed"))
            while len(self._results) > RESULTS_MAX:
                self._results.popitem(last=False)

    def _result(self, network: str, name: PaperId, now: datetime) -> LookupResult | None:
        made, result = self._results.get((network, name), (None, None))
        if made is None or result is None:
            return None
        kept = FAILURE_KEPT if result.state is LookupState.FAILED else KEPT
        return result if timedelta() <= now - made < kept else None

    def _example(self, network: str, name: PaperId, now: datetime) -> ExamplePaper:
        registries = registries_of(name)
        result = self._result(network, name, now)
        if (network, name) in self._running:
            return ExamplePaper(name, ExampleState.COMING, registries=registries)
        if result is None:
            is_looked_up = self._look_up is not None and registries
            state = ExampleState.UNASKED if is_looked_up else ExampleState.LATER
            return ExamplePaper(name, state, registries=registries)
        if result.sighting is None:
            return ExamplePaper(name, ExampleState(result.state or LookupState.FAILED), registries=registries)
        return ExamplePaper(name, ExampleState.FOUND, looked_up_reference(name, result.sighting), registries)


Lookups = Annotated[ExamplePapers, Depends(part(ExamplePapers.of))]
