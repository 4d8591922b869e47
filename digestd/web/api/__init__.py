"""Serve the JSON API under /api/v1, described at /api/v1/openapi.json.

    auth          tokens in `Authorization: Bearer …`, created by `digestd api-token add`
    problems      errors in the format of RFC 9457
    shapes        request and response bodies
    subscribers   subscribers and their interests
    saved         papers of subscribers, with tags and notes
    groups        groups and their members
    signups       sign-ups, for forms on websites
    papers        papers
    mails         digests, and deliveries of every kind

Nothing is served without a valid token, not even the description. Only the scope `read` reveals anything about
subscribers; other scopes get the same empty answer for everybody. Lists have pages: pass `next` as `cursor` to get
the following page; it is null on the last one.
"""

from fastapi import Depends, FastAPI

from digestd import __version__
from digestd.app import App
from digestd.tracing import NO_TELEMETRY
from digestd.web.api import groups, mails, papers, problems, saved, signups, subscribers
from digestd.web.api.auth import BEARER, TokenGate

PATH = "/api/v1"


def build_api(app: App) -> FastAPI:
    """Return the API as an application to mount at PATH."""
    api = FastAPI(
        title="digestd",
        version=__version__,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=problems.handlers(),
        telemetry=NO_TELEMETRY,
        responses=problems.RESPONSES,
        servers=[{"url": f"{app.settings.public_url.rstrip('/')}{PATH}"}],
        root_path_in_servers=False,
        dependencies=[Depends(BEARER)],
    )
    for routes in (subscribers, saved, groups, signups, papers, mails):
        api.include_router(routes.router)
    api.add_middleware(TokenGate, db=app.db, clock=app.clock)
    described = api.openapi
    api.openapi = lambda: problems.with_problem_types(described())  # type: ignore[method-assign]  # FastAPI's way to change it
    return api
