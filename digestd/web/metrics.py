"""Serve Prometheus metrics, counted on request and cached for a few seconds."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from digestd.app import App
from digestd.domain.coverage import Coverage, CoverageState
from digestd.operations.service_status import LastBackup, ServiceTotals
from digestd.operations.status_reader import read_totals
from digestd.store.rate_limits import HostState, PausedRelay, is_circuit_open
from digestd.web.access import only_operators
from digestd.web.dependencies import Now, Ticked, part
from digestd.web.pages import SHOW

KEPT = timedelta(seconds=15)
"""Counting a large ledger is slow, so frequent scrapes share one count."""
router = APIRouter()


class _StatsCollector(Collector):
    def __init__(self, counted: ServiceTotals, ticked: datetime | None, now: datetime) -> None:
        self._counted, self._ticked, self._now = counted, ticked, now

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering does not query the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the current counts as metrics."""
        counted = self._counted
        yield _by("digestd_deliveries", "Rows of the ledger", "state", counted.deliveries)
        yield _by("digestd_subscribers", "Subscribers", "status", counted.subscribers)
        yield _by("digestd_bounces", "Bounces and complaints", "kind", counted.bounces)
        yield _by("digestd_inbound", "Mails and events that came in", "outcome", counted.inbound)
        yield _by("digestd_suppressions", "Addresses never to write to", "reason", counted.suppressions)
        yield _by("digestd_hook_posts", "Events for the operator's own programs", "state", counted.hook_posts)
        yield _instant("digestd_last_inbound", "When anything last came in", counted.last_inbound)
        yield GaugeMetricFamily("digestd_papers", "Papers known", counted.papers)
        yield _instant("digestd_last_ingest", "When a source last answered", counted.last_ingest)
        yield from _sources(counted.sources, counted.answered)
        yield from _hosts(counted.hosts, self._now)
        yield _stopped_relays(counted.stopped)
        yield GaugeMetricFamily(
            "digestd_refused_waiting",
            "Mails refused for good that wait: too many to be about them",
            counted.refused,
        )
        yield GaugeMetricFamily(
            "digestd_bounces_held", "Addresses not suppressed, as too many bounced at once", counted.held
        )
        yield from _backup(counted.backup)
        yield _instant("digestd_last_tick", "When the scheduler last ticked", self._ticked)


class KeptTotals:
    """The counts, at most KEPT old."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._kept: ServiceTotals | None = None
        self._lock = Lock()

    def at(self, now: datetime) -> ServiceTotals:
        """Return the counts."""
        with self._lock:
            if self._kept is None or not timedelta() <= now - self._kept.at < KEPT:
                self._kept = read_totals(self._app)
            return self._kept


@router.api_route("/metrics", methods=SHOW, dependencies=[Depends(only_operators)])
def metrics(totals: Annotated[KeptTotals, Depends(part(KeptTotals))], last_tick: Ticked, now: Now) -> Response:
    registry = CollectorRegistry()
    registry.register(_StatsCollector(totals.at(now), last_tick() if last_tick else None, now))
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


_Label = TypeVar("_Label", bound=StrEnum)


def _by(name: str, help_: str, label: str, counts: Mapping[_Label, int]) -> Metric:
    family = GaugeMetricFamily(name, help_, labels=[label])
    for value, number in counts.items():
        family.add_metric([value], number)
    return family


def _sources(newest: Sequence[Coverage], answered: Mapping[str, datetime]) -> Iterator[Metric]:
    """Yield state and size of each source's newest day, and its last answer."""
    states = GaugeMetricFamily(
        "digestd_source_state", "1 for the state of the newest day of a source", labels=["source", "state"]
    )
    items = GaugeMetricFamily("digestd_source_items", "Papers of the newest day of a source", labels=["source"])
    last = GaugeMetricFamily(
        "digestd_source_last_answer_timestamp_seconds", "When a source last gave a usable answer", labels=["source"]
    )
    for day in newest:
        for state in CoverageState:
            states.add_metric([day.source, state], state is day.state)
        items.add_metric([day.source], day.items)
    for source, instant in answered.items():
        last.add_metric([source], instant.timestamp())
    yield from (states, items, last)


def _hosts(known: Sequence[HostState], now: datetime) -> Iterator[Metric]:
    """Yield failures in a row per host, and whether its circuit breaker is open."""
    failures = GaugeMetricFamily("digestd_host_failures", "Failed fetches of a host in a row", labels=["host"])
    alone = GaugeMetricFamily(
        "digestd_host_left_alone", "1 while a host is not asked, as it failed too often", labels=["host"]
    )
    for state in known:
        failures.add_metric([state.host], state.failures)
        alone.add_metric([state.host], is_circuit_open(state, now))
    yield from (failures, alone)


def _stopped_relays(stopped: Sequence[PausedRelay]) -> Metric:
    """Return the number of consecutive failures of each relay that failed last time."""
    family = GaugeMetricFamily("digestd_relay_stopped", "Failures in a row of a relay that is paused", labels=["relay"])
    for relay in stopped:
        family.add_metric([relay.relay], relay.failures)
    return family


def _backup(last: LastBackup | None) -> Iterator[Metric]:
    """Yield the time of the last good backup on this machine, and whether a later one failed; no sample before any."""
    yield _instant("digestd_last_backup", "When the last good backup was made", None if last is None else last.good)
    failed = GaugeMetricFamily("digestd_backup_failed", "1 if the last backup failed", labels=[])
    if last is not None:
        failed.add_metric([], bool(last.why))
    yield failed


def _instant(name: str, help_: str, instant: datetime | None) -> Metric:
    """Return a timestamp metric in Unix seconds, without a sample for None."""
    family = GaugeMetricFamily(f"{name}_timestamp_seconds", help_, labels=[])
    if instant is not None:
        family.add_metric([], instant.timestamp())
    return family
