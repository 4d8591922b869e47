"""Answer health checks.

/healthz says that pages are served, /readyz that the service can do its work. Both run in the threads of the pages: if
those are stuck, so are the answers.

Ready means that the database answers with the schema of this version and that the scheduler of this process, if
any, ticks. The rest of the report (last ingest, coverage, stopped relays, disk space, uncertain and uncomposable
mails) does not affect readiness: a silent source or a failing relay is no reason to take the pages offline.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, PlainTextResponse, Response

from digestd.app import App
from digestd.delivery.disk_space import DiskFull, check_disk_space
from digestd.domain.coverage import Coverage, incomplete_states
from digestd.errors import DatabaseUnreachable
from digestd.store import bounce_surge, bounces, ledger
from digestd.store.ledger import queries
from digestd.store.migrate import is_current
from digestd.store.throttles import PausedRelay, paused_relays
from digestd.web.operator_access import only_operators
from digestd.web.pages import SHOW
from digestd.web.service_stats import last_ingest, newest_days

TICK_TIMEOUT = timedelta(minutes=10)
"""Without a tick for this long, the scheduler counts as stopped."""


def router(app: App, last_tick: Callable[[], datetime | None] | None) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter()

    @routes.api_route("/healthz", methods=SHOW)
    def healthz() -> Response:
        return PlainTextResponse("ok")

    @routes.api_route("/readyz", methods=SHOW, dependencies=[Depends(only_operators(app))])
    def readyz() -> Response:
        now = app.clock()
        ticked = last_tick() if last_tick else None
        found = _database(app, now)
        reasons = list(found.reasons)
        if last_tick and (ticked is None or now - ticked > TICK_TIMEOUT):
            reasons.append("the scheduler does not tick")
        report = {
            "ready": not reasons,
            "reasons": reasons,
            "last_ingest_seconds": _age(found.ingested, now),
            "last_tick_seconds": _age(ticked, now),
            "relays_stopped": {relay.relay: _backoff_json(relay) for relay in found.relays},
            "uncertain_for_a_day": found.uncertain,
            "poisoned": found.poisoned,
            "refused_waiting": found.refused,
            "bounces_held": found.held,
            "sender_refused": found.sender_refused,
            "disk": _disk(app),
            "coverage": {source: _coverage_json(day) for source, day in found.sources.items()},
            "sources_missing": sorted(incomplete_states(found.sources.values(), now.date())),
        }
        return JSONResponse(report, 503 if reasons else 200)

    return routes


@dataclass(frozen=True, slots=True)
class _DatabaseReport:
    """Report of the database, or the `reasons` why there is none.

    Attributes:
        ingested: Time of the last ingest.
        sources: Newest day of each source.
        relays: Relays that are paused after failures.
        uncertain: Mails that have been uncertain for a day.
        poisoned: Mails that cannot be composed.
        refused: Mails held back because too many were refused for good.
        held: Addresses not suppressed because too many bounced at once.
        sender_refused: Addresses that refused a mail within a day because of its sender or content.
    """

    ingested: datetime | None = None
    sources: Mapping[str, Coverage] = field(default_factory=dict)
    relays: Sequence[PausedRelay] = ()
    uncertain: int = 0
    poisoned: int = 0
    refused: int = 0
    held: int = 0
    sender_refused: int = 0
    reasons: tuple[str, ...] = ()


def _database(app: App, now: datetime) -> _DatabaseReport:
    """Query the database. Error texts do not contain its URL."""
    try:
        if not is_current(app.db):
            return _DatabaseReport(
                reasons=("the database has another schema than this version needs; run `digestd init`",)
            )
        with app.db.read() as session:
            days = newest_days(session, now.date())
            return _DatabaseReport(
                ingested=last_ingest(session),
                sources=days,
                relays=paused_relays(session),
                uncertain=ledger.count_long_uncertain(session, now),
                poisoned=queries.count_poisoned(session),
                refused=ledger.count_waiting(session),
                held=len(bounce_surge.held_addresses(session, now)),
                sender_refused=bounces.count_refused_senders(session, now)[0],
            )
    except DatabaseUnreachable:
        return _DatabaseReport(reasons=("the database does not answer",))


def _disk(app: App) -> str | None:
    """Return a warning if the disk is too full to send. Paths go to the log only."""
    try:
        check_disk_space([app.journals, *([app.db.file.parent] if app.db.file else [])])
    except DiskFull:
        return "it is nearly full; nothing is sent until there is room"
    return None


def _coverage_json(day: Coverage) -> dict[str, object]:
    return {"day": day.day.isoformat(), "state": day.state.value, "items": day.items}


def _backoff_json(relay: PausedRelay) -> dict[str, object]:
    return {"why": relay.why, "failures": relay.failures, "tried_again": relay.until.isoformat(timespec="seconds")}


def _age(instant: datetime | None, now: datetime) -> float | None:
    return None if instant is None else round((now - instant).total_seconds(), 1)
