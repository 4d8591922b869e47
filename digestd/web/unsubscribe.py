"""Unsubscribe by a page with a button, or with one click (RFC 8058).

The click is in a mail reader.

Any POST to a valid link unsubscribes, whatever its body, so that no unusual client fails. A body with
`List-Unsubscribe=One-Click` is answered in plain text, all others with a page. Paths below it reduce the digest or
resubscribe. A link signed with a retired key only unsubscribes and shows nothing, because the key may be stolen.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

from digestd.app import App
from digestd.domain.mail_budget import Pool
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.errors import NotFound
from digestd.security.links import OutdatedToken, Purpose, read_token
from digestd.store import subscribers
from digestd.subscribers import reduced_frequency
from digestd.subscribers.status_changes import NoConsent, pause, unsubscribe
from digestd.web.consent_audit import consent_act, consent_text
from digestd.web.pages import SHOW, Pages

_HIDDEN = "•••"
_GETS = frozenset({Status.ACTIVE, Status.PAUSED})
_NOTHING = {"address": "", "gets": False}


async def _is_one_click(request: Request) -> bool:
    body = await request.body()
    return b"List-Unsubscribe" in body and b"One-Click" in body


@dataclass(frozen=True, slots=True)
class _UnsubscribeLinks:
    """The pages behind an unsubscribe link, which never expires."""

    app: App
    pages: Pages

    def subscriber_of(self, token: str, *, accept_expired: bool = False) -> Subscriber:
        """Return the subscriber of a link.

        Args:
            accept_expired: Accept links signed with a retired key, see `links.read`.

        Raises:
            BadToken: The token is invalid.
            NotFound: The subscriber does not exist.
        """
        key = read_token(
            self.app.keys, Purpose.UNSUBSCRIBE, token, self.app.clock(), accept_expired=accept_expired
        ).number
        with self.app.db.read() as session:
            subscriber = subscribers.by_key(session, key)
        if subscriber is None:
            raise NotFound("no such subscriber")
        return subscriber

    def is_outdated(self, token: str) -> bool:
        """Return True for a link signed with a retired key, which can only unsubscribe."""
        try:
            read_token(self.app.keys, Purpose.UNSUBSCRIBE, token, self.app.clock(), accept_expired=False)
        except OutdatedToken:
            return True
        return False

    def page(self, name: str, subscriber: Subscriber, token: str, **values: object) -> Response:
        """Return a page in the language of the subscriber."""
        here = f"{self.pages.site.root}u/{token}"
        return self.pages.page(name, 200, subscriber.language, here=here, **values)

    def reduction_page(self, token: str, what: str, done: bool) -> Response:
        """Return the page that confirms a reduction, or says that nothing changed."""
        subscriber = self.subscriber_of(token)
        return self.page(
            "reduced", subscriber, token, what=what if done else "nothing", size=subscriber.preferences.size
        )


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes, links = APIRouter(), _UnsubscribeLinks(app, pages)

    @routes.api_route("/u/{token}", methods=SHOW)
    def show(token: str) -> Response:
        subscriber = links.subscriber_of(token, accept_expired=True)
        shown = {"address": masked(subscriber.address), "gets": subscriber.status in _GETS}
        return links.page("unsubscribe", subscriber, token, **(_NOTHING if links.is_outdated(token) else shown))

    @routes.post("/u/{token}")
    def act(request: Request, token: str, one_click: Annotated[bool, Depends(_is_one_click)]) -> Response:
        subscriber = links.subscriber_of(token, accept_expired=True)
        cause = Cause.ONE_CLICK if one_click else Cause.WEB
        unsubscribe(app.db, subscriber.key, consent_act(app, request, cause), app.clock())
        if one_click:
            return PlainTextResponse("unsubscribed\n")
        returns = subscriber.status in _GETS and not links.is_outdated(token)
        wording = consent_text(pages, "resubscribe", subscriber.language).split("\n") if returns else []
        return links.page("unsubscribed", subscriber, token, wording=wording)

    @routes.post("/u/{token}/back")
    def back(request: Request, token: str) -> Response:
        subscriber = links.subscriber_of(token)
        how = consent_act(app, request, Cause.TAKEN_BACK, consent_text(pages, "resubscribe", subscriber.language))
        done = reduced_frequency.return_or_ask(app.db, app.notices, subscriber.key, how, app.clock(), Pool.STRANGER)
        return links.page("resubscribed", subscriber, token, done=done)

    _add_reduction_routes(app, links, routes)
    return routes


def _add_reduction_routes(app: App, links: _UnsubscribeLinks, routes: APIRouter) -> None:
    @routes.post("/u/{token}/weekly")
    def weekly(token: str) -> Response:
        return links.reduction_page(
            token, "weekly", reduced_frequency.weekly(app.db, links.subscriber_of(token).key, app.clock())
        )

    @routes.post("/u/{token}/fewer")
    def fewer(token: str) -> Response:
        reduced = reduced_frequency.fewer(app.db, links.subscriber_of(token).key, app.clock())
        return links.reduction_page(token, "fewer", reduced)

    @routes.post("/u/{token}/pause")
    def pause_subscription(request: Request, token: str) -> Response:
        now = app.clock()
        try:
            until = now + reduced_frequency.BREAK
            pause(app.db, links.subscriber_of(token).key, consent_act(app, request, Cause.WEB), now, until)
        except NoConsent:
            return links.reduction_page(token, "pause", done=False)
        return links.reduction_page(token, "pause", done=True)


def masked(address: str | None) -> str:
    """Return an address with most of its local part hidden: `a•••@example.org`."""
    local, _, domain = (address or "").rpartition("@")
    return f"{local[:1]}{_HIDDEN}@{domain}" if address else ""
