"""Check API tokens, scopes and rate limits.

`TokenGate` runs before all routes, so nothing answers without a valid token, not even the description. Each route
checks scopes with `needs`. A token without `read` gets the answer of
`run_without_disclosure`, the same for everybody.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, TypeVar

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from digestd.domain.mail_budget import causer_limits, token_causer
from digestd.errors import NotFound, Unavailable
from digestd.security.tokens import Scope
from digestd.store import integrations
from digestd.store.database import Database
from digestd.store.integrations import ApiToken
from digestd.subscribers.status_changes import NoConsent
from digestd.web.access import bearer_token
from digestd.web.api.problems import RETRY_SECONDS, problem
from digestd.web.dependencies import part
from digestd.web.guards import TooOften, Window, answer_in_constant_time, network_of

PER_TOKEN = 600
SEARCH = 10
"""Requests that a search counts as."""
REFUSED_PER_NETWORK = 60
SPAN = timedelta(minutes=1)
BEARER = HTTPBearer(auto_error=False, description="Made by `digestd api-token add`")
"""For the OpenAPI description only: TokenGate has already checked the token."""
_ENDED = "this token has ended or is not for here: one of a subscriber opens /mcp alone, and no other opens that"
Answer = TypeVar("Answer")


class TokenGate:
    """ASGI middleware that stores a valid token in `request.state.token`: the operator's, or one of a reader.

    `request.state.spend` counts a request as a search. It raises TooOften.
    """

    def __init__(self, app: ASGIApp, db: Database, clock: Callable[[], datetime], *, is_reader: bool = False) -> None:
        self._inner = app
        self._db = db
        self._clock = clock
        self._is_reader = is_reader
        self._tokens = Window(PER_TOKEN, SPAN)
        self._strangers = Window(REFUSED_PER_NETWORK, SPAN)

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Pass a request on if its token is valid, else answer with an error."""
        if connection["type"] != "http":
            await self._inner(connection, receive, send)
            return
        request = Request(connection)
        try:
            request.state.token = await run_in_threadpool(self._admit, request)
            request.state.spend = partial(self._spend, request.state.token, SEARCH - 1)
        except TooOften as refusal:
            answer = problem(refusal.status, str(refusal), headers=refusal.later)
        except HTTPException as refusal:
            answer = problem(refusal.status_code, str(refusal.detail), headers=refusal.headers)
        except Unavailable as error:
            answer = problem(503, str(error), headers={"Retry-After": RETRY_SECONDS})
        else:
            await self._inner(connection, receive, send)
            return
        await answer(connection, receive, send)

    def _admit(self, request: Request) -> ApiToken:
        """Return the token of a request.

        Raises:
            HTTPException: There is no valid token.
            TooOften: It is used too often, or its network sends too many invalid ones.
        """
        with self._db.read() as session:
            if not integrations.is_any_token_valid(session):
                raise HTTPException(404, "the API has no tokens yet; create one with `digestd api-token add`")
            token = bearer_token(session, request, is_reader=self._is_reader)
        if token is None:
            self._strangers.check(network_of(request), self._clock(), "too many invalid tokens")
            why = _ENDED if "authorization" in request.headers else "send a token as Authorization: Bearer …"
            raise HTTPException(401, why, {"WWW-Authenticate": "Bearer"})
        self._spend(token, 1)
        return token

    def _spend(self, token: ApiToken, price: int) -> None:
        if not self._tokens.allows(str(token.key), self._clock(), price):
            raise TooOften(self._tokens.later, "this token sends too many requests; try again in a minute")


class SignupLimit:
    """Limit the sign-ups of a token, whether or not they cause a mail.

    The mail budget counts only mails. Without this limit, the last mail of a budget would reveal whether an address
    is known. So the limit for posts equals that for mails.
    """

    def __init__(self) -> None:
        [limit] = causer_limits(token_causer(0))
        self._posts = Window(limit.most, limit.span)

    def check(self, token: ApiToken, now: datetime) -> None:
        self._posts.check(str(token.key), now, "this token has signed up too many people")


SignupCount = Annotated[SignupLimit, Depends(part(lambda _app: SignupLimit()))]


def needs(*scopes: Scope) -> Callable[[Request], ApiToken]:
    """Return a dependency that requires one of these scopes and provides the token."""

    def check(request: Request) -> ApiToken:
        token: ApiToken = request.state.token
        if token.scopes.isdisjoint(scopes):
            wanted = " or ".join(f"`{scope}`" for scope in scopes)
            raise HTTPException(403, f"this token lacks the scope {wanted}")
        return token

    return check


async def run_without_disclosure(token: ApiToken, act: Callable[[], Answer], status: int = 202) -> Answer | Response:
    """Run `act` and return its answer; an empty one for a token without `read`.

    Such a token must not learn whether a subscriber exists or what state they are in: not from the answer, an error
    or the duration. So check the request itself before calling this.
    """
    if Scope.READ in token.scopes:
        return await run_in_threadpool(act)

    def silently() -> None:
        with suppress(NotFound, NoConsent):
            act()

    await answer_in_constant_time(silently)
    return Response(status_code=status)
