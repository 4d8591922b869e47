"""Consent and data of a subscriber, below their settings: what acts at once, and what needs a link sent by mail.

POST /p/{token}/pause, …/resume       pause and resume
POST /p/{token}/leave, …/back         unsubscribe and resubscribe
GET  /p/{token}/data.json             all data stored about the subscriber
POST /p/{token}/move                  mails a link to both addresses
GET  /move/{token}                    POST changes the address;  /stop cancels that
GET  /p/{token}/erase                 POST mails a link
GET  /erase/{token}                   POST erases the subscriber's data
POST /p/{token}/renew                 mails a link
GET  /renew/{token}                   POST makes all earlier links void
"""

from dataclasses import replace
from datetime import date
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from digestd.domain.mail_budget import Pool
from digestd.domain.subscriber import Cause, ConsentAction, Subscriber
from digestd.errors import BadInput, BadRecord
from digestd.security.tokens import Purpose
from digestd.subscribers import reduced_frequency
from digestd.subscribers.address_change import (
    SameAddress,
    cancel_address_change,
    confirm_address_change,
    open_link,
    request_address_change,
)
from digestd.subscribers.confirmed_actions import (
    RequestOutcome,
    erase_as_requested,
    open_request,
    renew_as_requested,
    request_erasure,
    request_renewal,
)
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.personal_data import collect_data, to_json
from digestd.subscribers.signup import LinkExpired
from digestd.subscribers.status_changes import NoConsent, pause, pause_end, resume, unsubscribe
from digestd.web.dependencies import Db, NetworkKey, Notices, Now, SigningKeys, SitePages, VisitorPages
from digestd.web.guards import answer_in_constant_time
from digestd.web.pages import SHOW, masked
from digestd.web.preferences import Settings, SettingsPage

_AS_FILE = {"Content-Disposition": 'attachment; filename="digestd.json"'}
router = APIRouter()


@router.post("/p/{token}/pause")
def pause_subscription(
    settings: Settings, db: Db, network: NetworkKey, now: Now, until: Annotated[str, Form()] = ""
) -> Response:
    known = settings.subscriber()
    try:
        end = pause_end(known, date.fromisoformat(until)) if until else None
        pause(db, known.key, ConsentAction(Cause.WEB, network), now, end)
    except NoConsent:
        return settings.shown()
    except (ValueError, BadInput):
        return settings.corrected(["until"])
    return settings.shown("paused")


@router.post("/p/{token}/resume")
def resume_subscription(settings: Settings, db: Db, network: NetworkKey, now: Now) -> Response:
    try:
        resume(db, settings.subscriber().key, ConsentAction(Cause.WEB, network), now)
    except NoConsent:
        return settings.shown()
    return settings.shown("resumed")


@router.post("/p/{token}/leave")
def leave(settings: Settings, db: Db, network: NetworkKey, now: Now) -> Response:
    unsubscribe(db, settings.subscriber().key, ConsentAction(Cause.WEB, network), now)
    return settings.shown("left")


@router.post("/p/{token}/back")
def back(settings: Settings, db: Db, notices: Notices, network: NetworkKey, pages: SitePages, now: Now) -> Response:
    known = settings.subscriber()
    how = ConsentAction(Cause.TAKEN_BACK, network, pages.consent_text("resubscribe", known.language))
    if reduced_frequency.return_or_ask(db, notices, known.key, how, now, Pool.OWNER):
        return settings.shown("returned")
    return pages.page("confirmation_sent", language=known.language)


@router.api_route("/p/{token}/data.json", methods=SHOW)
def export_data(settings: Settings, db: Db, now: Now) -> Response:
    known = settings.subscriber()
    with db.read() as session:
        kept = collect_data(session, known, now)
    return Response(to_json(kept), media_type="application/json", headers=_AS_FILE)


@router.post("/p/{token}/move")
async def move(
    settings: Settings, notices: Notices, network: NetworkKey, email: Annotated[str, Form()] = ""
) -> Response:
    # must not reveal whether the new address is subscribed
    return await answer_in_constant_time(partial(_request_move, settings, notices, network, email))


def _request_move(settings: SettingsPage, notices: NoticeContext, network: bytes, email: str) -> Response:
    """Request an address change and return the settings page."""
    try:
        request_address_change(settings.db, notices, settings.subscriber().key, email, settings.now, network)
    except (BadRecord, SameAddress):
        return settings.corrected(["email"])
    except LinkExpired:  # unsubscribed while the page was open
        return settings.shown()
    return settings.shown("moving")


@router.api_route("/move/{token}", methods=SHOW)
def show_move(token: str, db: Db, keys: SigningKeys, pages: SitePages, visitor: VisitorPages, now: Now) -> Response:
    try:
        side = open_link(db, keys, token, now)
    except LinkExpired:
        return visitor.page("change_address_closed", 410)
    language = side.subscriber.language
    return pages.page(
        "change_address",
        language=language,
        here=f"{pages.site.root}move/{token}",
        old=masked(side.subscriber.address),
        new=masked(side.change.address),
        wording=pages.consent_lines("change_address", language),
    )


@router.post("/move/{token}")
def confirm_move(
    token: str, db: Db, keys: SigningKeys, network: NetworkKey, pages: SitePages, visitor: VisitorPages, now: Now
) -> Response:
    try:
        language = open_link(db, keys, token, now).subscriber.language
        how = ConsentAction(Cause.MOVED, network, pages.consent_text("change_address", language))
        side, moved = confirm_address_change(db, keys, token, how, now)
    except LinkExpired:
        return visitor.page("change_address_closed", 410)
    return pages.page("address_changed", language=language, moved=moved, new=masked(side.change.address))


@router.post("/move/{token}/stop")
def cancel_move(token: str, db: Db, keys: SigningKeys, pages: SitePages, visitor: VisitorPages, now: Now) -> Response:
    try:
        language = open_link(db, keys, token, now).subscriber.language
        cancel_address_change(db, keys, token, now)
    except LinkExpired:
        return visitor.page("change_address_closed", 410)
    return pages.page("change_address_cancelled", language=language)


@router.api_route("/p/{token}/erase", methods=SHOW)
def show_erase(settings: Settings) -> Response:
    known = settings.subscriber()
    return settings.pages.page("erase", language=known.language, here=settings.here, address=masked(known.address))


@router.post("/p/{token}/erase")
def ask_erasure(settings: Settings, db: Db, notices: Notices, now: Now) -> Response:
    known = settings.subscriber()
    return _request_page(settings, known, request_erasure(db, notices, known.key, now))


@router.post("/p/{token}/renew")
def ask_renewal(settings: Settings, db: Db, notices: Notices, now: Now) -> Response:
    known = settings.subscriber()
    return _request_page(settings, known, request_renewal(db, notices, known.key, now))


def _request_page(settings: SettingsPage, known: Subscriber, outcome: RequestOutcome) -> Response:
    return settings.pages.page(
        "request_sent",
        409 if outcome is RequestOutcome.UNREACHABLE else 200,
        known.language,
        asked=outcome,
        address=masked(known.address),
        here=settings.here,
    )


@router.api_route("/erase/{token}", methods=SHOW)
def show_erasure(token: str, db: Db, keys: SigningKeys, pages: SitePages, now: Now) -> Response:
    known = open_request(db, keys, Purpose.ERASE, token, now)
    here = f"{pages.site.root}erase/{token}"
    return pages.page("erase_confirm", language=known.language, here=here, address=masked(known.address))


@router.post("/erase/{token}")
def erase(token: str, db: Db, keys: SigningKeys, pages: SitePages, now: Now) -> Response:
    known = erase_as_requested(db, keys, token, now)
    return pages.page("erased", language=known.language)


@router.api_route("/renew/{token}", methods=SHOW)
def show_renewal(token: str, db: Db, keys: SigningKeys, pages: SitePages, now: Now) -> Response:
    known = open_request(db, keys, Purpose.RENEW, token, now)
    return pages.page("renew_confirm", language=known.language, here=f"{pages.site.root}renew/{token}")


@router.post("/renew/{token}")
def renew(settings: Settings, shelf: Annotated[str, Form()] = "") -> Response:
    fresh = renew_as_requested(settings.db, settings.keys, settings.token, settings.now, shelf=bool(shelf))
    return replace(settings, token=fresh).shown("renewed")
