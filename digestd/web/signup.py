"""Sign up: the public forms that make digestd send a mail, and the page behind the link to confirm (double opt-in).

    GET  /subscribe          POST signs up; the worker sends the confirmation
    GET  /resend             address form;  POST sends the confirmation again
    GET  /settings           address form;  POST mails a new link to the settings
    GET  /confirm/{token}    POST confirms;  /decline deletes the address of people who did not sign up

The answer to a form is the same for every address. A form that may come from a program or another site (see
`guards`) is not acted on: it is shown again with one more button. Limits on mails are in domain/mail_budget. The limits
here apply to each network separately, and count posts instead of mails, because a count of mails would reveal whether
an address is known.

The confirmation page shows the requested interests, because somebody else may have entered them. The mail does not,
because otherwise strangers could send their own text to others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from digestd.domain.interest import Kind, values
from digestd.domain.mail_budget import PER_NETWORK as MAILS_PER_NETWORK
from digestd.domain.schedule import first_due
from digestd.domain.subscriber import Cause, ConsentAction, Status, Subscriber
from digestd.security.tokens import Purpose, read_token
from digestd.store import subscribers
from digestd.subscribers.settings_link import request_link
from digestd.subscribers.signup import (
    LinkExpired,
    confirm,
    decline,
    preview_request,
    request_signup,
    resend_confirmation,
)
from digestd.web.dependencies import (
    Db,
    IsLookedUp,
    Linked,
    LinkedPage,
    Network,
    NetworkKey,
    Notices,
    Now,
    PublicUrl,
    SigningKeys,
    SitePages,
    VisitorPages,
    made,
    part,
)
from digestd.web.forms import SentSignUp, SignUpForm
from digestd.web.guards import Window, answer_in_constant_time, is_foreign, is_timely, refreshed_timestamp
from digestd.web.home import Home
from digestd.web.pages import SHOW

POSTS_PER_NETWORK, POSTS_SPAN = 60, timedelta(minutes=10)
"""Forms with any content, even empty ones: limits what reading them costs."""
ACCEPTED_PER_NETWORK = MAILS_PER_NETWORK[0].most
"""Accepted forms per hour, each of which may cause a mail. The daily limit equals that of mails, too."""
_ASKED = frozenset({Status.PENDING, Status.UNSUBSCRIBED, Status.SUPPRESSED})
router = APIRouter()
_Posts = Annotated[Window, Depends(part(lambda _app: Window(POSTS_PER_NETWORK, POSTS_SPAN)))]
_Accepted = Annotated[
    tuple[Window, ...], Depends(part(lambda _app: tuple(Window(limit.most, limit.span) for limit in MAILS_PER_NETWORK)))
]


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """A form that was sent.

    Attributes:
        name: Path of the form.
        form: Fields as the browser sent them.
        refused: Returns the page that shows the errors, or None without errors.
        act: Does what the form asks for.
        answer: Name of the page that every sender gets.
        wording: Text beside the button, kept as proof of consent.
    """

    name: str
    form: SignUpForm
    refused: Callable[[], Response | None]
    act: Callable[[datetime, ConsentAction], None]
    answer: str
    wording: str = ""


@dataclass(frozen=True, slots=True)
class EmailForms:
    """What the forms share that make digestd send a mail."""

    request: Request
    keys: SigningKeys
    public_url: PublicUrl
    pages: VisitorPages
    network: Network
    network_key: NetworkKey
    now: Now
    posts: _Posts
    accepted: _Accepted

    async def take(self, sent: SubmittedForm) -> Response:
        """Act on a form, or show its errors or ask for one more click.

        Raises:
            TooOften: The network sent too many forms.
        """
        if page := await run_in_threadpool(self._reject, sent):
            return page
        return await answer_in_constant_time(partial(self._act, sent))

    async def take_address(
        self, name: str, form: SignUpForm, answer: str, act: Callable[[datetime, ConsentAction], None]
    ) -> Response:
        """Take a form with only an address field: see SubmittedForm."""

        def refused() -> Response | None:
            return self.address_form(name, form) if "email" in form.read().errors else None

        return await self.take(SubmittedForm(name, form, refused, act, answer))

    def address_form(self, name: str, refused: SignUpForm | None = None) -> Response:
        """Return the page with only an address field. `refused`: the form, if it could not be accepted."""
        form, status = (refused, 422) if refused else (SignUpForm(), 200)
        fresh = refreshed_timestamp(self.keys, self.network_key, form["stamp"], self.now)
        is_refused = refused is not None
        shown: dict[str, Any] = {"email": form.visible["email"], "is_refused": is_refused, "stamp": fresh}
        return self.pages.page(name, status, **shown)

    def _reject(self, sent: SubmittedForm) -> Response | None:
        """Return the page for a form that is not accepted. Count an accepted form and return None."""
        self.posts.check(self.network, self.now)
        if page := sent.refused():
            return page
        if is_foreign(self.request, self.public_url) or not is_timely(
            self.keys, self.network_key, sent.form["stamp"], self.now
        ):
            return self._resubmit_page(sent)
        for window in self.accepted:
            window.check(self.network, self.now)
        return None

    def _resubmit_page(self, sent: SubmittedForm) -> Response:
        """Return the page with a second button. A script on another site cannot press it."""
        fresh = refreshed_timestamp(self.keys, self.network_key, sent.form["stamp"], self.now)
        carried = sent.form.visible | {"stamp": fresh}
        wording = self.pages.consent_lines("subscribe")
        return self.pages.page("resubmit", 422, form=sent.name, sent=carried, wording=wording)

    def _act(self, sent: SubmittedForm) -> Response:
        if not sent.form["subject"]:
            sent.act(self.now, ConsentAction(Cause.WEB, self.network_key, sent.wording))
        return self.pages.page(sent.answer)


Forms = Annotated[EmailForms, made(EmailForms)]


@router.api_route("/subscribe", methods=SHOW)
async def subscribe_link(pages: SitePages) -> Response:
    return RedirectResponse(pages.site.root, 303)


@router.post("/subscribe")
async def subscribe(form: SentSignUp, forms: Forms, home: Home, db: Db, notices: Notices) -> Response:
    checked = form.read(forms.pages.language)

    def refused() -> Response | None:
        return home.show(form, checked.errors) if checked.record is None else None

    def act(now: datetime, by: ConsentAction) -> None:
        if checked.record is not None:
            request_signup(db, notices, checked.record, now, by)

    wording = forms.pages.consent_text("subscribe")
    return await forms.take(SubmittedForm("subscribe", form, refused, act, "confirmation_sent", wording))


@router.api_route("/resend", methods=SHOW)
def show_resend(forms: Forms) -> Response:
    return forms.address_form("resend")


@router.post("/resend")
async def resend(form: SentSignUp, forms: Forms, db: Db, notices: Notices) -> Response:
    act = partial(resend_confirmation, db, notices, form["email"])
    return await forms.take_address("resend", form, "confirmation_sent", act)


@router.api_route("/settings", methods=SHOW)
def show_settings_link(forms: Forms) -> Response:
    return forms.address_form("settings")


@router.post("/settings")
async def settings_link(form: SentSignUp, forms: Forms, db: Db, notices: Notices) -> Response:
    act = partial(request_link, db, notices, form["email"])
    return await forms.take_address("settings", form, "settings_link_sent", act)


@router.api_route("/confirm/{token}", methods=SHOW)
def show_confirmation(link: Linked, pages: VisitorPages, is_looked_up: IsLookedUp) -> Response:
    wanted = _requested(link)
    language = wanted.language if wanted else pages.language
    return pages.page(
        "confirm",
        language=language,
        wording=pages.consent_lines("confirm", language),
        wanted=wanted,
        interests={kind.value: values(wanted.interests, kind) for kind in Kind} if wanted else {},
        is_looked_up=is_looked_up,
    )


@router.post("/confirm/{token}")
def confirm_subscription(link: Linked, network: NetworkKey, visitor_pages: VisitorPages) -> Response:
    try:
        how = ConsentAction(Cause.CONFIRM, network, link.pages.consent_text("confirm", _language(link)))
        subscriber = confirm(link.db, link.keys, link.token, link.now, how)
    except LinkExpired:
        return visitor_pages.page("confirmation_expired", 410)
    due = first_due(subscriber.timing, link.now, subscriber.last_date)
    first = None if due <= link.now else due.astimezone(ZoneInfo(subscriber.timing.timezone))
    return link.pages.page("confirmed", language=subscriber.language, first=first)


@router.api_route("/confirm/{token}/decline", methods=SHOW)
def show_decline(link: Linked, pages: VisitorPages) -> Response:
    here = f"{pages.site.root}confirm/{link.token}/decline"
    return pages.page("decline", language=_language(link), here=here)


@router.post("/confirm/{token}/decline")
def decline_subscription(link: Linked, pages: VisitorPages) -> Response:
    language = _language(link)
    return pages.page("declined", language=language, erased=decline(link.db, link.keys, link.token, link.now))


def _language(link: LinkedPage) -> str:
    """Return the language of the subscriber of a confirmation token; empty if there is none. Raises BadToken."""
    key, _, _ = read_token(link.keys, Purpose.CONFIRM, link.token, link.now)
    with link.db.read() as session:
        known = subscribers.by_key(session, key)
    return known.language if known else ""


def _requested(link: LinkedPage) -> Subscriber | None:
    """Return the subscriber with the requested changes; None if the request is no longer open.

    An old link must not reveal the current interests of its subscriber.

    Raises:
        BadToken: The token is invalid.
    """
    key, n, _ = read_token(link.keys, Purpose.CONFIRM, link.token, link.now)
    with link.db.read() as session:
        known = subscribers.by_key(session, key)
        return preview_request(session, known, n, link.now) if known and known.status in _ASKED else None
