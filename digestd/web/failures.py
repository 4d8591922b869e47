"""What went wrong, as a page: the reader learns what to do, never how it came about."""

from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digestd.errors import NotFound, Unavailable
from digestd.links import BadToken
from digestd.web.pages import Pages

RETRY_SECONDS = "30"
_BY_STATUS = {404: "unknown", 405: "method"}


def handlers(pages: Pages) -> dict[int | type[Exception], Any]:
    """By kind of exception, as FastAPI takes them."""

    def unknown(_request: Request, _problem: BadToken | NotFound) -> Response:
        return pages.problem("unknown", 404)

    def busy(_request: Request, _problem: Unavailable) -> Response:
        return pages.problem("busy", 503, {"Retry-After": RETRY_SECONDS})

    def malformed(_request: Request, _problem: RequestValidationError) -> Response:
        return pages.problem("malformed", 422)

    def refused(_request: Request, problem: HTTPException) -> Response:
        return pages.problem(_BY_STATUS.get(problem.status_code, "malformed"), problem.status_code, problem.headers)

    return {
        BadToken: unknown,
        NotFound: unknown,
        Unavailable: busy,
        RequestValidationError: malformed,
        HTTPException: refused,
    }
