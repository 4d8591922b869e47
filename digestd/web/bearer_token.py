"""Read API tokens from requests: `Authorization: Bearer digestd_NUMBER_SECRET`."""

import re

from sqlmodel import Session
from starlette.requests import Request

from digestd.store import api_tokens
from digestd.store.api_tokens import ApiToken

_HEADER = re.compile(r"(?i:bearer) +digestd_([1-9][0-9]{0,8})_([A-Za-z0-9_-]{43})", re.ASCII)


def bearer_token(session: Session, request: Request) -> ApiToken | None:
    """Return the API token of a request, or None if there is no valid one."""
    match = _HEADER.fullmatch(request.headers.get("authorization", ""))
    return api_tokens.authenticate(session, int(match[1]), match[2]) if match else None
