"""The API under /api/v1, for those who embed digestd: JSON in and out, described at /api/v1/openapi.json.

    auth          who may: a token in `Authorization: Bearer …`, made by `digestd api-token add`
    problems      what went wrong, as RFC 9457 says it
    shapes        what is sent and answered
    subscribers   subscribers and their interests
    signups       sign-ups, for forms on websites
    papers        papers
    mails         digests, and deliveries of every kind

Without a valid token there is no API, nor its description. Only the scope `read` shows anything about subscribers;
every other scope gets the same empty answer whoever it concerns. Lists come newest or oldest first, in pages: `next`
is the `cursor` of the page that follows, null on the last.
"""

from fastapi import Depends, FastAPI

from digestd import __version__
from digestd.app import App
from digestd.web.api import mails, papers, problems, signups, subscribers
from digestd.web.api.auth import BEARER, SignupLimit, TokenGate

PATH = "/api/v1"


def build_api(app: App) -> FastAPI:
    """The API as an application of its own, to be mounted at PATH."""
    api = FastAPI(
        title="digestd",
        version=__version__,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=problems.handlers(),
        responses=problems.RESPONSES,
        servers=[{"url": f"{app.settings.public_url.rstrip('/')}{PATH}"}],
        root_path_in_servers=False,
        dependencies=[Depends(BEARER)],
    )
    signup_limit = SignupLimit(app)
    api.include_router(subscribers.router(app, signup_limit))
    api.include_router(signups.router(app, signup_limit))
    api.include_router(papers.router(app))
    api.include_router(mails.router(app))
    api.add_middleware(TokenGate, app=app)
    described = api.openapi
    api.openapi = lambda: problems.with_problem_types(described())  # type: ignore[method-assign]  # FastAPI's way to change it
    return api
