"""Look up papers at the registries of their identifiers, within limits.

Requests keep the pace of the host, shared with the sources. Their failures do not: whoever makes us ask for something
must not be able to switch off ingest, so lookups have circuit breakers of their own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from digestd.domain.paper import PaperId, Sighting
from digestd.domain.reference import LookupResult
from digestd.errors import DigestdError, SourceFailed
from digestd.fetching.answer_parser import AnswerParser, ParserLimits
from digestd.fetching.fetch import Client, Fetcher, Limits
from digestd.fetching.host_scheduler import HostUnavailableError, RefusedError
from digestd.sources.registries import REGISTRIES, Registry
from digestd.store.database import Database

LIMITS = Limits(seconds=20, wire=2_000_000, body=4_000_000, attempts=2, redirects=2, patience=30)
"""Limits of a request in the background."""
INTERACTIVE_LIMITS = replace(LIMITS, seconds=10, attempts=1, patience=5)
"""Limits of a request that a person waits for."""
PARSER_LIMITS = ParserLimits(cpu=3, seconds=10, result=10_000_000)
BREAKER = " (lookups)"
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RegistryReader:
    """Asks registries for papers.

    Attributes:
        registries: the registries of each scheme.
        limits: the limits of one request.
    """

    db: Database
    client: Client
    clock: Callable[[], datetime]
    registries: Mapping[str, tuple[Registry, ...]] = field(default_factory=lambda: REGISTRIES)
    limits: Limits = LIMITS

    async def look_up(self, names: Iterable[PaperId]) -> dict[PaperId, LookupResult]:
        """Return the result of looking up each paper; one whose scheme has no registry is absent.

        A paper is unknown only if every registry that was asked said so.
        """
        by_scheme: dict[str, list[PaperId]] = {}
        for name in dict.fromkeys(names):
            by_scheme.setdefault(name.partition(":")[0], []).append(name)
        results: dict[PaperId, LookupResult] = {}
        async with AsyncExitStack() as stack:
            client = replace(self.client, limits=self.limits)
            fetcher = await stack.enter_async_context(Fetcher(self.db, client, self.clock, breaker=BREAKER))
            for scheme, wanted in by_scheme.items():
                for registry in self.registries.get(scheme, ()):
                    left = [name for name in wanted if name not in results or results[name].sighting is None]
                    parser = await stack.enter_async_context(AnswerParser(PARSER_LIMITS))
                    for start in range(0, len(left), registry.ids_max):
                        batch = left[start : start + registry.ids_max]
                        found = await _Lookup(fetcher, parser, registry).of(batch)
                        results |= {name: _joined(results.get(name), result) for name, result in found.items()}
        return results


@dataclass(frozen=True, slots=True)
class _Lookup:
    """The parts that ask one registry."""

    fetcher: Fetcher
    parser: AnswerParser
    registry: Registry

    async def of(self, names: Sequence[PaperId]) -> dict[PaperId, LookupResult]:
        """Return the result for each name; one that the registry refuses does not spoil the others."""
        try:
            sightings = await self._ask(names)
        except HostUnavailableError as error:
            return dict.fromkeys(names, LookupResult(why=str(error), busy=True))
        except SourceFailed as error:
            is_unknown = isinstance(error, RefusedError) and error.status in self.registry.unknown_statuses
            if is_unknown and len(names) > 1:
                half = len(names) // 2
                return await self.of(names[:half]) | await self.of(names[half:])
            return dict.fromkeys(names, LookupResult(why="" if is_unknown else str(error)))
        except DigestdError:
            raise
        except Exception as error:  # an answer of a kind that nobody foresaw
            log.exception("a registry's answer cannot be read", registry=self.registry.rate_limit.host)
            return dict.fromkeys(names, LookupResult(why=f"the answer cannot be read ({type(error).__name__})"))
        named = {name: sighting for sighting in sightings for name in sighting.ids}
        return {name: LookupResult(named.get(name)) for name in names}

    async def _ask(self, names: Sequence[PaperId]) -> tuple[Sighting, ...]:
        answer = await self.fetcher.fetch(self.registry.request(names), self.registry.rate_limit)
        return (await self.parser.parse(self.registry, answer.body or b"", None)).sightings


def _joined(before: LookupResult | None, result: LookupResult) -> LookupResult:
    """Return the result of two registries: found at either, else failed at either, else unknown."""
    if before is None or result.sighting is not None or (result.why and not before.why):
        return result
    return before
