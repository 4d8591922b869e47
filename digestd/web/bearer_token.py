"""Read API tokens from requests: `Authorization: Bearer digestd_NUMBER_SECRET`."""

import re

from sqlmodel import Session
from starlette.requests import Request

from digestd.store import api_tokens
from digestd.store.api_tokens import ApiToken

_HEADER = re.compile(r"(?i:bearer) +(digestd_.+)", re.ASCII)
_TOKEN = re.compile(r"digestd_([1-9][0-9]{0,8})_([A-Za-z0-9_-]{43})", re.ASCII)


def bearer_token(session: Session, request: Request) -> ApiToken | None:
    """Return the API token of a request, or None if there is no valid one."""
    return token_of(session, read_bearer(request.headers.get("authorization", "")) or "")


def read_bearer(header: str) -> str | None:
    """Return the token in an Authorization header, valid or not; None if there is none."""
    match = _HEADER.fullmatch(header)
    return match[1] if match else None


def token_of(session: Session, word: str) -> ApiToken | None:
    """Return the API token that was issued as this word, or None."""
    match = _TOKEN.fullmatch(word)
    return api_tokens.authenticate(session, int(match[1]), match[2]) if match else None
