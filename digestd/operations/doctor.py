"""Check an installation from all sides: run every probe at once, each with a deadline.

A probe never changes anything and sends no mail. One that fails or takes too long becomes a warning.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from digestd import app as wiring
from digestd import settings as configuration
from digestd.app import App
from digestd.errors import DigestdError
from digestd.operations import local_probes, network_probes
from digestd.operations.diagnosis import Diagnosis, Level, error, warning
from digestd.operations.name_lookups import open_resolver
from digestd.operations.network_probes import CLOCK_SERVERS
from digestd.settings import Settings
from digestd.settings_validation import check_settings

DEADLINE_SECONDS = 20.0
"""For each probe; they run side by side, so this bounds all of them together."""
Probe = Callable[[], Awaitable[Sequence[Diagnosis]]]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """Servers and files that the probes ask.

    Attributes:
        resolver: a DNS server as ADDRESS or ADDRESS:PORT; empty for those of the system.
        clock_servers: web servers whose `Date` is compared with the clock.
        deadline: seconds for each probe.
    """

    resolver: str = ""
    clock_servers: Sequence[str] = CLOCK_SERVERS
    deadline: float = DEADLINE_SECONDS


def examine(options: DoctorOptions = DoctorOptions()) -> list[Diagnosis]:
    """Return the results of all probes, in the order of the areas; a fault that several of them meet once.

    Raises:
        BadInput: the resolver is not an address.
        BadSetting: the settings cannot be read, so that nothing can be checked.
    """
    settings = configuration.load()
    if options.resolver:
        open_resolver(options.resolver)  # so that a wrong address is refused even if nothing is looked up
    app, found = _open(settings)
    found += asyncio.run(_run(probes_of(settings, app, options), options.deadline))
    return list(_each_once(found))


def _each_once(found: Iterable[Diagnosis]) -> Iterator[Diagnosis]:
    """Yield the findings without those that repeat another, or try a relay that is paused because it fails."""
    once = {finding.message: finding for finding in reversed(list(found))}
    paused = [message.partition(_PAUSED)[0] for message in once if _PAUSED in message]
    for finding in reversed(once.values()):
        is_tried = finding.area == "relay" and finding.level is Level.ERROR and _PAUSED not in finding.message
        if not (is_tried and any(relay in finding.message for relay in paused)):
            yield finding


_PAUSED = " is paused until "


def probes_of(settings: Settings, app: App | None, options: DoctorOptions) -> dict[str, Probe]:
    """Return the probes by area; those of the database are left out if it cannot be opened."""
    local: dict[str, Callable[[], Sequence[Diagnosis]]] = {
        "files": partial(local_probes.check_files, settings),
        "sandbox": local_probes.check_sandbox,
    }
    if app is not None:
        local |= {
            "database": partial(local_probes.check_database, app),
            "service": partial(local_probes.check_service, app),
            "sources": partial(local_probes.check_fetches, app),
        }
    online: dict[str, Probe] = {
        "relay": partial(network_probes.check_relays, settings),
        "dns": partial(network_probes.check_dns, settings, options.resolver),
        "web": partial(network_probes.check_web, settings),
        "clock": partial(network_probes.check_clock, settings, wiring.clock(settings.now), options.clock_servers),
    }
    if app is not None:
        online["hosts"] = partial(network_probes.check_source_hosts, app)
    return {area: partial(asyncio.to_thread, check) for area, check in local.items()} | online


def _open(settings: Settings) -> tuple[App | None, list[Diagnosis]]:
    """Return the installation, or None, and what is wrong with settings, secret key and schema."""
    found = []
    try:
        check_settings(settings)
    except DigestdError as problem:
        found.append(error("settings", str(problem), _CORRECT))
    try:
        return wiring.connect(settings), found
    except DigestdError as problem:
        return None, [*found, error("database", str(problem), _REPAIR)]


_CORRECT = "correct it; `digestd config show` lists the settings in force, `digestd config check` tries them"
_REPAIR = "`digestd config check` tries it again; until then no digest is planned or sent"


async def _run(probes: dict[str, Probe], deadline: float) -> list[Diagnosis]:
    asyncio.get_running_loop().set_default_executor(_DaemonThreads())
    results = await asyncio.gather(*(_bounded(area, probe, deadline) for area, probe in probes.items()))
    return [finding for found in results for finding in found]


async def _bounded(area: str, probe: Probe, deadline: float) -> Sequence[Diagnosis]:
    try:
        async with asyncio.timeout(deadline):
            return await probe()
    except TimeoutError:
        return [
            warning(
                area, f"no result within {deadline:g} seconds", "check the network, then run `digestd doctor` again"
            )
        ]
    except DigestdError as problem:
        return [error(area, str(problem), "correct it, then run `digestd doctor` again")]
    except Exception as problem:  # one broken probe must not hide the results of the others
        return [
            warning(
                area,
                f"could not be checked: {type(problem).__name__}",
                "report this with what `DIGESTD_DEBUG=1 digestd doctor` prints",
            )
        ]


class _DaemonThreads(ThreadPoolExecutor):
    """Runs each call in a thread of its own that does not keep the process alive.

    A name lookup without an answer could do so for minutes.
    """

    def submit(self, call: Callable[..., _T], /, *args: Any, **named: Any) -> Future[_T]:
        """Start a call and return its future result."""
        future: Future[_T] = Future()
        future.set_running_or_notify_cancel()  # from here on it cannot be cancelled, so it always takes a result

        def work() -> None:
            try:
                future.set_result(call(*args, **named))
            except Exception as problem:
                future.set_exception(problem)

        threading.Thread(target=work, daemon=True).start()
        return future
