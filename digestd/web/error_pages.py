"""Turn exceptions into pages that say what to do, without internal details."""

from functools import partial
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digestd.errors import BadRecord, NotFound, Unavailable
from digestd.security.links import BadToken, OutdatedToken
from digestd.subscribers.pick_feedback import LinkGone
from digestd.subscribers.preferences import PreferencesLinkExpired
from digestd.web.api import PATH as API
from digestd.web.api import problems
from digestd.web.limiter import TooOften
from digestd.web.pages import Pages
from digestd.web.preferences import invalid_link

RETRY_SECONDS = "30"
_BY_STATUS = {401: "unknown", 404: "unknown", 405: "method"}


def handlers(pages: Pages) -> dict[int | type[Exception], Any]:
    """Return the exception handlers for FastAPI."""

    def unknown(request: Request, _problem: BadToken | NotFound) -> Response:
        return pages.to(request).problem("unknown", 404)

    def gone(request: Request, _problem: LinkGone) -> Response:
        return pages.to(request).page("digest_removed", 410)

    def busy(request: Request, _problem: Unavailable) -> Response:
        return pages.to(request).problem("busy", 503, {"Retry-After": RETRY_SECONDS})

    def often(request: Request, problem: TooOften) -> Response:
        return pages.to(request).problem(problem.words, problem.status, problem.later)

    def malformed(request: Request, _problem: RequestValidationError | BadRecord) -> Response:
        return pages.to(request).problem("malformed", 422)

    def refused(request: Request, problem: HTTPException) -> Response:
        if request.url.path.startswith(f"{API}/"):  # what no route of the API takes, such as a path with a line break
            return problems.problem(problem.status_code, str(problem.detail), headers=problem.headers)
        words = _BY_STATUS.get(problem.status_code, "malformed")
        return pages.to(request).problem(words, problem.status_code, problem.headers)

    return {
        BadToken: unknown,
        OutdatedToken: partial(invalid_link, pages),
        PreferencesLinkExpired: partial(invalid_link, pages),
        BadRecord: malformed,
        NotFound: unknown,
        LinkGone: gone,
        Unavailable: busy,
        TooOften: often,
        RequestValidationError: malformed,
        HTTPException: refused,
    }
