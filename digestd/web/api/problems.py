"""Format errors by RFC 9457 (`application/problem+json`), with errors by field."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digestd.errors import BadInput, BadRecord, NotFound, Unavailable, plain_message
from digestd.subscribers.status_changes import NoConsent
from digestd.web.guards import TooOften
from digestd.web.middleware import Handlers, unless_done

KIND = "application/problem+json"
DETAILS = {
    "large": "the body is larger than 16 kB; send less",
    "slow": "the body did not arrive in time; send it again",
    "broken": "an internal error occurred and was logged; the request was not carried out",
}
"""Texts of errors that apply to all routes, by the name of the corresponding page."""
RETRY_SECONDS = "30"


class FieldProblem(BaseModel):
    """An error in one field, and how to correct it."""

    field: str
    message: str


class Problem(BaseModel):
    """An error (RFC 9457). `errors` lists errors by field."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[FieldProblem] = []


def _problem_response(description: str) -> dict[str, Any]:
    return {"description": description, "model": Problem, "content": {KIND: {}}}


RESPONSES: dict[int | str, dict[str, Any]] = {
    401: _problem_response("The token is missing or invalid"),
    403: _problem_response("The token lacks the required scope"),
    404: _problem_response("Not found. Never returned for subscribers to a token without `read`"),
    408: _problem_response("The body did not arrive in time"),
    409: _problem_response("The person has unsubscribed or objected. Never returned to a token without `read`"),
    413: _problem_response("The body is too large"),
    422: _problem_response("The request is invalid"),
    429: _problem_response("Too many requests"),
    500: _problem_response("Internal error"),
    503: _problem_response("Temporarily unavailable"),
}


def with_problem_types(description: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI description with the media type of errors. FastAPI lists them as plain JSON."""
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
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or [])
    return Response(json.dumps(problem.model_dump()), status, media_type=KIND, headers=headers)


def handlers() -> Handlers:
    """Return the exception handlers for FastAPI."""

    def malformed(_request: Request, error: RequestValidationError) -> Response:
        errors = [FieldProblem(field=_field(one["loc"]), message=_message(one)) for one in error.errors()[:20]]
        return problem(422, "some fields are invalid", errors)

    def bad_field(_request: Request, error: BadRecord) -> Response:
        return problem(422, "a field is invalid", [FieldProblem(field=error.field, message=error.message)])

    def raised(status: int, headers: Mapping[str, str] | None = None) -> Any:
        return lambda _request, error: problem(status, str(error), headers=headers)

    def refused(_request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), headers=error.headers)

    known: Handlers = {
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
    return unless_done(lambda _scope: Response(status_code=202), known)


def _message(error: Mapping[str, Any]) -> str:
    found = error.get("ctx", {}).get("error")
    return found.message if isinstance(found, BadRecord) else plain_message(str(error["msg"]))


def _field(place: tuple[int | str, ...]) -> str:
    """Return the path of a field: `topics.0` for `("body", "topics", 0)`."""
    return ".".join(str(part) for part in place[1:]) or str(place[0])
