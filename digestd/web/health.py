"""Answer health checks.

/healthz says that pages are served, /readyz that the service can do its work. Both run in the threads of the pages: if
those are stuck, so are the answers.

Ready means that the database answers with the schema of this version and that the scheduler of this process, if
any, ticks. The rest of the report (last ingest, coverage, stopped relays, disk space, uncertain and uncomposable
mails) does not affect readiness: a silent source or a failing relay is no reason to take the pages offline.
"""

from datetime import datetime, timedelta

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, PlainTextResponse, Response

from digestd.app import App
from digestd.domain.coverage import Coverage, incomplete_states
from digestd.domain.delivery import State
from digestd.errors import DatabaseUnreachable
from digestd.operations.service_status import ServiceHealth
from digestd.operations.status_reader import read_disk, read_health
from digestd.store.migrate import is_current
from digestd.store.rate_limits import PausedRelay
from digestd.web.access import only_operators
from digestd.web.dependencies import Installation, Now, Ticked
from digestd.web.pages import SHOW

TICK_TIMEOUT = timedelta(minutes=10)
"""Without a tick for this long, the scheduler counts as stopped."""
router = APIRouter()


@router.api_route("/healthz", methods=SHOW)
def healthz() -> Response:
    return PlainTextResponse("ok")


@router.api_route("/readyz", methods=SHOW, dependencies=[Depends(only_operators)])
def readyz(app: Installation, now: Now, last_tick: Ticked) -> Response:
    ticked = last_tick() if last_tick else None
    found, reasons = _read(app)
    if last_tick and (ticked is None or now - ticked > TICK_TIMEOUT):
        reasons.append("the scheduler does not tick")
    report = {
        "ready": not reasons,
        "reasons": reasons,
        "last_ingest_seconds": _age(found.last_ingest, now),
        "last_tick_seconds": _age(ticked, now),
        **_report(found),
    }
    return JSONResponse(report, 503 if reasons else 200)


def _read(app: App) -> tuple[ServiceHealth, list[str]]:
    """Return the state of the service, and why the database cannot say it. Error texts do not contain its URL."""
    try:
        if is_current(app.db):
            return read_health(app), []
        why = "the database has another schema than this version needs; run `digestd init`"
    except DatabaseUnreachable:
        why = "the database does not answer"
    return read_disk(app), [why]


def _report(found: ServiceHealth) -> dict[str, object]:
    is_full = found.free_bytes < found.free_needed
    return {
        "relays_stopped": {relay.relay: _backoff_json(relay) for relay in found.stopped},
        "uncertain_for_a_day": found.long_uncertain,
        "poisoned": found.open.get(State.POISONED, 0),
        "refused_waiting": found.refused,
        "bounces_held": found.held,
        "sender_refused": found.refused_sender,
        "disk": "it is nearly full; nothing is sent until there is room" if is_full else None,
        "coverage": {day.source: _coverage_json(day) for day in found.sources},
        "sources_missing": sorted(incomplete_states(found.sources, found.at.date())),
    }


def _coverage_json(day: Coverage) -> dict[str, object]:
    return {"day": day.day.isoformat(), "state": day.state.value, "items": day.items}


def _backoff_json(relay: PausedRelay) -> dict[str, object]:
    return {"why": relay.why, "failures": relay.failures, "tried_again": relay.until.isoformat(timespec="seconds")}


def _age(instant: datetime | None, now: datetime) -> float | None:
    return None if instant is None else round((now - instant).total_seconds(), 1)
