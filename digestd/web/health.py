"""Is the process alive, and can it serve?

Ready means that the database answers with the schema of this version and that the scheduler of
this process, if it has one, ticks. The age of the last ingest is told but decides nothing: a
silent source is no reason to take the pages away.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from digestd.app import App
from digestd.errors import DatabaseUnreachable
from digestd.store.migrate import is_current
from digestd.web.figures import last_ingest
from digestd.web.pages import SHOW

STILL = timedelta(minutes=10)
"""A scheduler that has not ticked for so long has stopped."""


def router(app: App, last_tick: Callable[[], datetime | None] | None) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    @routes.api_route("/healthz", methods=SHOW)
    async def healthz() -> Response:
        return PlainTextResponse("ok")

    @routes.api_route("/readyz", methods=SHOW)
    def readyz() -> Response:
        now = app.clock()
        ticked = last_tick() if last_tick else None
        ingested, reasons = _database(app)
        if last_tick and (ticked is None or now - ticked > STILL):
            reasons.append("the scheduler does not tick")
        told = {
            "ready": not reasons,
            "reasons": reasons,
            "last_ingest_seconds": _age(ingested, now),
            "last_tick_seconds": _age(ticked, now),
        }
        return JSONResponse(told, 503 if reasons else 200)

    return routes


def _database(app: App) -> tuple[datetime | None, list[str]]:
    """The last ingest, and what is wrong with the database; never its URL."""
    try:
        if not is_current(app.db):
            return None, ["the database has another schema than this version needs; run `digestd init`"]
        with app.db.read() as session:
            return last_ingest(session), []
    except DatabaseUnreachable:
        return None, ["the database does not answer"]


def _age(instant: datetime | None, now: datetime) -> float | None:
    return None if instant is None else round((now - instant).total_seconds(), 1)
