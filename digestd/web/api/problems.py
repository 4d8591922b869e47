"""What went wrong, as RFC 9457 says it: `application/problem+json`, with the fields to correct by name."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digestd.errors import BadInput, BadRecord, NotFound, Unavailable, plain
from digestd.subscribe import NoConsent
from digestd.web.limiter import TooOften

KIND = "application/problem+json"
DETAILS = {
    "large": "the body is larger than the 16 kB a request may bring",
    "slow": "the body did not arrive in time",
    "broken": "the fault is ours and has been noted; nothing of the request was kept",
}
"""What the guards of all requests refuse, by the name of the page that others are shown."""
RETRY_SECONDS = "30"


class FieldProblem(BaseModel):
    """A field, and what to do about it."""

    field: str
    message: str


class Problem(BaseModel):
    """A problem (RFC 9457); `errors` names the fields where it is about some."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[FieldProblem] = []


def _problem_response(description: str) -> dict[str, Any]:
    return {"description": description, "model": Problem, "content": {KIND: {}}}


RESPONSES: dict[int | str, dict[str, Any]] = {
    401: _problem_response("No token, or none that stands"),
    403: _problem_response("The token lacks the scope"),
    404: _problem_response("There is no such thing; never said of a subscriber to a token without `read`"),
    408: _problem_response("The body did not arrive in time"),
    409: _problem_response("A person's own wish stands against it; never said to a token without `read`"),
    413: _problem_response("The body is too large"),
    422: _problem_response("Something of what was sent is wrong"),
    429: _problem_response("Too many requests"),
    500: _problem_response("The fault is ours"),
    503: _problem_response("Not now"),
}


def with_problem_types(description: dict[str, Any]) -> dict[str, Any]:
    """A description whose problems have the type they come with: FastAPI takes every answer for plain JSON."""
    for path in description["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                content = answer.get("content", {})
                if KIND in content and "application/json" in content:
                    content[KIND] = content.pop("application/json")
    return description


def problem(
    status: int,
    detail: str = "",
    errors: list[FieldProblem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One problem as an answer."""
    said = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or [])
    return Response(json.dumps(said.model_dump()), status, media_type=KIND, headers=headers)


def handlers() -> dict[int | type[Exception], Any]:
    """By kind of exception, as FastAPI takes them."""

    def malformed(_request: Request, error: RequestValidationError) -> Response:
        errors = [FieldProblem(field=_field(one["loc"]), message=plain(str(one["msg"]))) for one in error.errors()[:20]]
        return problem(422, "some fields cannot be read", errors)

    def bad_field(_request: Request, error: BadRecord) -> Response:
        return problem(422, "a field is wrong", [FieldProblem(field=error.field, message=error.message)])

    def raised(status: int, headers: Mapping[str, str] | None = None) -> Any:
        return lambda _request, error: problem(status, str(error), headers=headers)

    def refused(_request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), headers=error.headers)

    return {
        RequestValidationError: malformed,
        BadRecord: bad_field,
        BadInput: raised(422),
        NoConsent: raised(409),
        NotFound: raised(404),
        TooOften: lambda _request, error: problem(429, str(error), headers=error.later),
        Unavailable: raised(503, {"Retry-After": RETRY_SECONDS}),
        HTTPException: refused,
        Exception: lambda _request, _error: problem(500, DETAILS["broken"]),
    }


def _field(place: tuple[int | str, ...]) -> str:
    """`topics.0` of `("body", "topics", 0)`."""
    return ".".join(str(part) for part in place[1:]) or str(place[0])
