"""Is the process alive, and can it serve?

Ready means that the database answers with the schema of this version and that the scheduler of
this process, if it has one, ticks. The age of the last ingest, how whole each source's newest day is, which
lanes to a relay have stopped, whether the disk has room, how many mails nobody knows the end of and how many cannot
be composed are told but decide nothing: a silent source or a relay that does not serve us is no reason to take the
pages away.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, PlainTextResponse, Response

from digestd.app import App
from digestd.deliver.room import DiskFull, see_room
from digestd.domain.coverage import Coverage, missing
from digestd.errors import DatabaseUnreachable
from digestd.store import bounce_surge, ledger
from digestd.store.ledger import queries
from digestd.store.migrate import is_current
from digestd.store.throttles import RelayBackoff, backed_off_relays
from digestd.web.figures import last_ingest, newest_days
from digestd.web.operations import only_operators
from digestd.web.pages import SHOW

STILL = timedelta(minutes=10)
"""A scheduler that has not ticked for so long has stopped."""


def router(app: App, last_tick: Callable[[], datetime | None] | None) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    @routes.api_route("/healthz", methods=SHOW)
    async def healthz() -> Response:
        return PlainTextResponse("ok")

    @routes.api_route("/readyz", methods=SHOW, dependencies=[Depends(only_operators(app))])
    def readyz() -> Response:
        now = app.clock()
        ticked = last_tick() if last_tick else None
        found = _database(app, now)
        reasons = list(found.reasons)
        if last_tick and (ticked is None or now - ticked > STILL):
            reasons.append("the scheduler does not tick")
        told = {
            "ready": not reasons,
            "reasons": reasons,
            "last_ingest_seconds": _age(found.ingested, now),
            "last_tick_seconds": _age(ticked, now),
            "lanes_stopped": {lane.relay: _stopped(lane) for lane in found.lanes},
            "uncertain_for_a_day": found.uncertain,
            "poisoned": found.poisoned,
            "refused_waiting": found.refused,
            "bounces_held": found.held,
            "disk": _disk(app),
            "coverage": {source: _told(day) for source, day in found.sources.items()},
            "sources_missing": sorted(missing(found.sources.values(), now.date())),
        }
        return JSONResponse(told, 503 if reasons else 200)

    return routes


@dataclass(frozen=True, slots=True)
class _Found:
    """What the database says: the last ingest, the newest day of each source, the lanes that rest, how many mails
    have been uncertain for a day, cannot be composed, or wait although they were refused for good, and how many
    addresses are not suppressed because their bounces are held; or what is wrong with it."""

    ingested: datetime | None = None
    sources: Mapping[str, Coverage] = field(default_factory=dict)
    lanes: Sequence[RelayBackoff] = ()
    uncertain: int = 0
    poisoned: int = 0
    refused: int = 0
    held: int = 0
    reasons: tuple[str, ...] = ()


def _database(app: App, now: datetime) -> _Found:
    """Ask the database. What is wrong with it is said without its URL."""
    try:
        if not is_current(app.db):
            return _Found(reasons=("the database has another schema than this version needs; run `digestd init`",))
        with app.db.read() as session:
            days = newest_days(session, now.date())
            return _Found(
                ingested=last_ingest(session),
                sources=days,
                lanes=backed_off_relays(session),
                uncertain=ledger.count_long_uncertain(session, now),
                poisoned=queries.count_poisoned(session),
                refused=ledger.count_waiting(session),
                held=len(bounce_surge.held_addresses(session, now)),
            )
    except DatabaseUnreachable:
        return _Found(reasons=("the database does not answer",))


def _disk(app: App) -> str | None:
    """Whether want of room keeps mails back; where that is, is for the log alone."""
    try:
        see_room([app.journals, *([app.db.file.parent] if app.db.file else [])])
    except DiskFull:
        return "it is nearly full; nothing is sent until there is room"
    return None


def _told(day: Coverage) -> dict[str, object]:
    return {"day": day.day.isoformat(), "state": day.state.value, "items": day.items}


def _stopped(lane: RelayBackoff) -> dict[str, object]:
    return {"why": lane.why, "failures": lane.failures, "tried_again": lane.until.isoformat(timespec="seconds")}


def _age(instant: datetime | None, now: datetime) -> float | None:
    return None if instant is None else round((now - instant).total_seconds(), 1)
