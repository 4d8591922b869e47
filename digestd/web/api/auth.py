"""Who may use the API, and how often."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from digestd.app import App
from digestd.domain.api import Scope
from digestd.store import api_tokens
from digestd.store.api_tokens import ApiToken
from digestd.web.limiter import Window, network_of

PER_TOKEN = 600
REFUSED_PER_NETWORK = 60
SPAN = timedelta(minutes=1)
_FORM = re.compile(r"digestd_([1-9][0-9]{0,8})_([A-Za-z0-9_-]{43})", re.ASCII)
_BEARER = HTTPBearer(auto_error=False, description="Made by `digestd api-token add`")
Given = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


class Gate:
    """Lets genuine tokens in. What it answers to others says nothing of subscribers."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._tokens = Window(PER_TOKEN, SPAN)
        self._strangers = Window(REFUSED_PER_NETWORK, SPAN)

    def needs(self, scope: Scope) -> Callable[..., ApiToken]:
        """A dependency that asks for a token with this scope."""

        def check(request: Request, given: Given) -> ApiToken:
            token = self._token(request, given)
            if not self._tokens.allows(str(token.key), self._app.clock()):
                raise HTTPException(429, "this token asks too often", {"Retry-After": str(int(SPAN.total_seconds()))})
            if scope not in token.scopes:
                raise HTTPException(403, f"this token may not {scope}")
            return token

        return check

    def _token(self, request: Request, given: HTTPAuthorizationCredentials | None) -> ApiToken:
        match = _FORM.fullmatch(given.credentials) if given else None
        with self._app.db.read() as session:
            if not api_tokens.any_stands(session):
                raise HTTPException(404, "there is no API here; `digestd api-token add` opens it")
            token = api_tokens.genuine(session, int(match[1]), match[2]) if match else None
        if token is not None:
            return token
        if not self._strangers.allows(network_of(request), self._app.clock()):
            raise HTTPException(429, "too many tries", {"Retry-After": str(int(SPAN.total_seconds()))})
        raise HTTPException(401, "send a token as Authorization: Bearer …", {"WWW-Authenticate": "Bearer"})
