"""Unsubscribe by a page with a button, or with one click in a mail reader (RFC 8058).

Any POST to a valid link unsubscribes, whatever its body, so that no unusual client fails. A body with
`List-Unsubscribe=One-Click` is answered in plain text, all others with a page. Paths below it reduce the digest or
resubscribe. A link whose key was revoked, or retired more than 30 days ago, only unsubscribes and shows nothing, as the
key may be stolen.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

from digestd.domain.mail_budget import Pool
from digestd.domain.subscriber import Cause, ConsentAction, Status, Subscriber
from digestd.errors import NotFound
from digestd.security.tokens import OutdatedToken, Purpose, read_token
from digestd.store import subscribers
from digestd.subscribers import status_changes
from digestd.subscribers.status_changes import NoConsent, pause, return_or_ask, unsubscribe
from digestd.web.dependencies import LinkedPage, NetworkKey, Notices, made
from digestd.web.pages import SHOW, masked

_GETS = frozenset({Status.ACTIVE, Status.PAUSED})
_NOTHING = {"address": "", "gets": False}
router = APIRouter()


async def _is_one_click(request: Request) -> bool:
    body = await request.body()
    return b"List-Unsubscribe" in body and b"One-Click" in body


@dataclass(frozen=True, slots=True)
class UnsubscribeLink(LinkedPage):
    """The pages behind an unsubscribe link, which never expires."""

    def subscriber(self, *, accept_outdated: bool = False) -> Subscriber:
        """Return the subscriber of the link.

        Args:
            accept_outdated: Also accept links whose key was revoked or is past its grace period.

        Raises:
            BadToken: The token is invalid.
            NotFound: The subscriber does not exist.
        """
        key = read_token(self.keys, Purpose.UNSUBSCRIBE, self.token, self.now, accept_outdated=accept_outdated).number
        with self.db.read() as session:
            subscriber = subscribers.by_key(session, key)
        if subscriber is None:
            raise NotFound("no such subscriber")
        return subscriber

    def is_outdated(self) -> bool:
        """Return True for a link whose key is revoked or past its grace period; it can only unsubscribe."""
        try:
            read_token(self.keys, Purpose.UNSUBSCRIBE, self.token, self.now, accept_outdated=False)
        except OutdatedToken:
            return True
        return False

    def page(self, name: str, subscriber: Subscriber, **values: object) -> Response:
        """Return a page in the language of the subscriber."""
        here = f"{self.pages.site.root}u/{self.token}"
        return self.pages.page(name, 200, subscriber.language, here=here, **values)

    def reduction_page(self, what: str, done: bool) -> Response:
        """Return the page that confirms a reduction, or says that nothing changed."""
        subscriber = self.subscriber()
        return self.page("reduced", subscriber, what=what if done else "nothing", size=subscriber.preferences.size)


Link = Annotated[UnsubscribeLink, made(UnsubscribeLink)]


@router.api_route("/u/{token}", methods=SHOW)
def show(link: Link) -> Response:
    subscriber = link.subscriber(accept_outdated=True)
    shown = {"address": masked(subscriber.address), "gets": subscriber.status in _GETS}
    return link.page("unsubscribe", subscriber, **(_NOTHING if link.is_outdated() else shown))


@router.post("/u/{token}")
def act(link: Link, network: NetworkKey, one_click: Annotated[bool, Depends(_is_one_click)]) -> Response:
    subscriber = link.subscriber(accept_outdated=True)
    cause = Cause.ONE_CLICK if one_click else Cause.WEB
    unsubscribe(link.db, subscriber.key, ConsentAction(cause, network), link.now)
    if one_click:
        return PlainTextResponse("unsubscribed\n")
    returns = subscriber.status in _GETS and not link.is_outdated()
    wording = link.pages.consent_lines("resubscribe", subscriber.language) if returns else []
    return link.page("unsubscribed", subscriber, wording=wording)


@router.post("/u/{token}/back")
def back(link: Link, notices: Notices, network: NetworkKey) -> Response:
    subscriber = link.subscriber()
    how = ConsentAction(Cause.TAKEN_BACK, network, link.pages.consent_text("resubscribe", subscriber.language))
    done = return_or_ask(link.db, notices, subscriber.key, how, link.now, Pool.STRANGER)
    return link.page("resubscribed", subscriber, done=done)


@router.post("/u/{token}/weekly")
def weekly(link: Link) -> Response:
    return link.reduction_page("weekly", status_changes.weekly(link.db, link.subscriber().key, link.now))


@router.post("/u/{token}/fewer")
def fewer(link: Link) -> Response:
    return link.reduction_page("fewer", status_changes.fewer(link.db, link.subscriber().key, link.now))


@router.post("/u/{token}/pause")
def pause_subscription(link: Link, network: NetworkKey) -> Response:
    try:
        until = link.now + status_changes.BREAK
        pause(link.db, link.subscriber().key, ConsentAction(Cause.WEB, network), link.now, until)
    except NoConsent:
        return link.reduction_page("pause", done=False)
    return link.reduction_page("pause", done=True)
