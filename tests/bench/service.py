"""Measure `digestd up`: from the hour to the mails, what it uses then and when idle, and its pages.

    python -m tests.bench.service [--subscribers 4000] [--papers 500] [--procs 0] [--rate 200] [--json]

The service starts before the hour at which every subscriber is due, plans at the hour, and mails a local sink. Once
everything is sent, it is left alone and its wake-ups are counted. Then its pages are requested.

    first_mail, last_mail   seconds from the hour
    cores                   CPU time of the service over wall-clock time, from the hour to the last mail
    peak_mib                peak memory of the main process, and of the largest other one
    idle                    memory after the work, wake-ups per hour, and number of processes
    pages                   see `pages`
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from digestd.app import App
from digestd.cli.output import emit
from digestd.cli.stdio import say
from digestd.domain.delivery import State
from digestd.store import due
from digestd.store.fsck import fsck
from digestd.store.ledger import queries
from tests.bench.delivery import NOW, DeliveryLoad, prepare_install, run_relay
from tests.bench.pages import measure_pages, paths
from tests.bench.running_service import RunningService, run_service
from tests.bench.smtp_sink import Sink

BEFORE_SECONDS = 30.0
"""Time between the start of the service and the hour."""
POLL_SECONDS = 0.1
SETTLE_SECONDS = 30.0
_OPEN = (State.READY, State.LEASED, State.FINAL_DOT)


@dataclass(frozen=True, slots=True)
class ServiceLoad:
    """The size of a service benchmark.

    `rate`, `seconds`: requests of pages per second, and for how long. `idle_seconds`: for how long an idle service is
    watched.
    """

    subscribers: int
    papers: int = 500
    processes: int = 0
    rate: int = 200
    seconds: int = 10
    idle_seconds: int = 60
    database: str = ""


@dataclass(frozen=True, slots=True)
class _Burst:
    first: float
    last: float
    cpu: float
    peaks: dict[int, float]


def measure_service(load: ServiceLoad, now: datetime, say: Callable[[str], None] = lambda _: None) -> dict[str, object]:
    """Measure the service and return the figures by name.

    Raises:
        BadSetting: the database is in use.
    """
    delivery = DeliveryLoad(load.subscribers, load.papers, database=load.database)
    with TemporaryDirectory(prefix="digestd-bench-") as name, run_relay(delivery, Path(name)) as relay:
        folder, hour = Path(name), now + timedelta(days=1)
        say("generating papers and subscribers, compiling profiles")
        app, environment, _ = prepare_install(delivery, relay, folder, now)
        environment["DIGESTD_NOW"] = (hour - timedelta(seconds=BEFORE_SECONDS)).isoformat()
        environment["DIGESTD_PROCESSES"] = str(load.processes)
        began = time.monotonic()
        with run_service(environment, folder) as service:
            say("waiting for the hour, then for the mails")
            burst = _watch_burst(app, service, relay, began + BEFORE_SECONDS)
            say("idle")
            idle = _watch_idle(service, load.idle_seconds)
            say("requesting pages")
            pages = measure_pages(service, paths(app, load.papers, hour), load.rate, load.seconds)
        with app.db.read() as session:
            accepted = queries.counts(session).get(State.ACCEPTED, 0)
        broken = sorted(name for name, rows in fsck(app.db, hour + timedelta(hours=1)).items() if rows)
        arrived = relay.count
        app.db.close()
    main, *others = burst.peaks.values()
    return {
        "first_mail": round(burst.first, 1),
        "last_mail": round(burst.last, 1),
        "cores": round(burst.cpu / burst.last, 2),
        "cpu_us": round(burst.cpu / accepted * 1e6),
        "peak_mib": {"main": round(main), "other": round(max(others, default=0.0))},
        "idle": idle,
        "pages": pages,
        "sent": accepted,
        "arrived": arrived,
        "broken": broken,
    }


def _watch_burst(app: App, service: RunningService, relay: Sink, hour: float) -> _Burst:
    """Watch until everything is sent.

    `hour`: when everybody becomes due, by the monotonic clock.
    """
    time.sleep(max(0.0, hour - time.monotonic()))
    first, count, last, before = 0.0, 0, 0.0, service.cpu()
    cpu, peaks = before, dict[int, float]()
    while not count or not _is_done(app):
        time.sleep(POLL_SECONDS)
        peaks |= service.memory("VmHWM")
        if (arrived := relay.count) > count:
            count, last, cpu = arrived, time.monotonic() - hour, service.cpu()
            first = first or last
    return _Burst(first, last, cpu - before, peaks)


def _is_done(app: App) -> bool:
    """Return True if everybody is planned and nothing waits."""
    with app.db.read() as session:
        counts = queries.counts(session)
        return not any(counts.get(state) for state in _OPEN) and not due.split(session, 1, app.clock())


def _watch_idle(service: RunningService, seconds: int) -> dict[str, float]:
    """Return memory and wake-ups once the service has nothing to do."""
    time.sleep(SETTLE_SECONDS)
    before = service.wakeups()
    time.sleep(seconds)
    wakeups = service.wakeups() - before
    resident, private = service.memory(), service.memory("RssAnon")
    return {
        "rss_mib": round(sum(resident.values())),
        "private_mib": round(sum(private.values())),
        "wakeups_an_hour": round(wakeups * 3_600 / seconds),
        "processes": len(resident),
    }


def main() -> None:
    """Measure with the given load, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=4_000)
    parser.add_argument("--papers", type=int, default=500, help="papers of the day")
    parser.add_argument("--procs", type=int, default=0, help="DIGESTD_PROCESSES of the service")
    parser.add_argument("--rate", type=int, default=200, help="pages requested per second")
    parser.add_argument("--database", default="", help="URL of an empty database; default: SQLite in a folder")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    load = ServiceLoad(given.subscribers, given.papers, given.procs, given.rate, database=given.database)
    emit(measure_service(load, NOW, say), given.json)


if __name__ == "__main__":
    main()
