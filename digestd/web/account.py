"""Consent and data of a subscriber, below their settings: what acts at once, and what needs a link sent by mail.

POST /p/{token}/pause, …/resume       pause and resume
POST /p/{token}/leave, …/back         unsubscribe and resubscribe
GET  /p/{token}/data.json             all data stored about the subscriber, without names and addresses
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
from digestd.store import libraries
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
from digestd.subscribers.personal_data import collect_data, to_json, without_identity
from digestd.subscribers.signup import LinkExpired
from digestd.subscribers.status_changes import NoConsent, pause, pause_end, resume, return_or_ask, unsubscribe
from digestd.web.dependencies import Linked, NetworkKey, Notices, VisitorPages
from digestd.web.guards import answer_in_constant_time
from digestd.web.pages import SHOW, masked
from digestd.web.preferences import Settings, SettingsPage

_AS_FILE = {"Content-Disposition": 'attachment; filename="digestd.json"'}
router = APIRouter()


@router.post("/p/{token}/pause")
def pause_subscription(settings: Settings, network: NetworkKey, until: Annotated[str, Form()] = "") -> Response:
    known = settings.subscriber()
    try:
        end = pause_end(known, date.fromisoformat(until)) if until else None
        pause(settings.db, known.key, ConsentAction(Cause.WEB, network), settings.now, end)
    except NoConsent:
        return settings.shown()
    except (ValueError, BadInput):
        return settings.corrected(["until"])
    return settings.shown("paused")


@router.post("/p/{token}/resume")
def resume_subscription(settings: Settings, network: NetworkKey) -> Response:
    try:
        resume(settings.db, settings.subscriber().key, ConsentAction(Cause.WEB, network), settings.now)
    except NoConsent:
        return settings.shown()
    return settings.shown("resumed")


@router.post("/p/{token}/leave")
def leave(settings: Settings, network: NetworkKey) -> Response:
    unsubscribe(settings.db, settings.subscriber().key, ConsentAction(Cause.WEB, network), settings.now)
    return settings.shown("left")


@router.post("/p/{token}/back")
def back(settings: Settings, notices: Notices, network: NetworkKey) -> Response:
    known = settings.subscriber()
    how = ConsentAction(Cause.TAKEN_BACK, network, settings.pages.consent_text("resubscribe", known.language))
    if return_or_ask(settings.db, notices, known.key, how, settings.now, Pool.OWNER):
        return settings.shown("returned")
    return settings.pages.page("confirmation_sent", language=known.language)


@router.api_route("/p/{token}/data.json", methods=SHOW)
def export_data(settings: Settings) -> Response:
    known = settings.subscriber()
    with settings.db.read() as session:
        kept = collect_data(session, known, settings.now)
    return Response(to_json(without_identity(kept)), media_type="application/json", headers=_AS_FILE)


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
def show_move(link: Linked, visitor: VisitorPages) -> Response:
    try:
        side = open_link(link.db, link.keys, link.token, link.now)
    except LinkExpired:
        return visitor.page("change_address_closed", 410)
    language = side.subscriber.language
    return link.pages.page(
        "change_address",
        language=language,
        here=f"{link.pages.site.root}move/{link.token}",
        old=masked(side.subscriber.address),
        new=masked(side.change.address),
        at_new=side.at_new,
        wording=link.pages.consent_lines("change_address", language),
    )


@router.post("/move/{token}")
def confirm_move(link: Linked, network: NetworkKey, visitor: VisitorPages) -> Response:
    try:
        language = open_link(link.db, link.keys, link.token, link.now).subscriber.language
        how = ConsentAction(Cause.MOVED, network, link.pages.consent_text("change_address", language))
        side, moved = confirm_address_change(link.db, link.keys, link.token, how, link.now)
    except LinkExpired:
        return visitor.page("change_address_closed", 410)
    new = masked(side.change.address)
    return link.pages.page("address_changed", language=language, moved=moved, new=new, at_new=side.at_new)


@router.post("/move/{token}/stop")
def cancel_move(link: Linked, visitor: VisitorPages) -> Response:
    try:
        language = open_link(link.db, link.keys, link.token, link.now).subscriber.language
        cancel_address_change(link.db, link.keys, link.token, link.now)
    except LinkExpired:
        return visitor.page("change_address_closed", 410)
    return link.pages.page("change_address_cancelled", language=language)


@router.api_route("/p/{token}/erase", methods=SHOW)
def show_erase(settings: Settings) -> Response:
    known = settings.subscriber()
    return settings.pages.page("erase", language=known.language, here=settings.here, address=masked(known.address))


@router.post("/p/{token}/erase")
def ask_erasure(settings: Settings, notices: Notices) -> Response:
    known = settings.subscriber()
    return _request_page(settings, known, request_erasure(settings.db, notices, known.key, settings.now))


@router.post("/p/{token}/renew")
def ask_renewal(settings: Settings, notices: Notices) -> Response:
    known = settings.subscriber()
    return _request_page(settings, known, request_renewal(settings.db, notices, known.key, settings.now))


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
def show_erasure(link: Linked) -> Response:
    known = open_request(link.db, link.keys, Purpose.ERASE, link.token, link.now)
    here = f"{link.pages.site.root}erase/{link.token}"
    return link.pages.page("erase_confirm", language=known.language, here=here, address=masked(known.address))


@router.post("/erase/{token}")
def erase(link: Linked) -> Response:
    known = erase_as_requested(link.db, link.keys, link.token, link.now)
    return link.pages.page("erased", language=known.language)


@router.api_route("/renew/{token}", methods=SHOW)
def show_renewal(link: Linked) -> Response:
    known = open_request(link.db, link.keys, Purpose.RENEW, link.token, link.now)
    with link.db.read() as session:
        saves = any(library.saving for library in libraries.of(session, known.key))
    here = f"{link.pages.site.root}renew/{link.token}"
    return link.pages.page("renew_confirm", language=known.language, here=here, saves=saves)


@router.post("/renew/{token}")
def renew(settings: Settings, shelf: Annotated[str, Form()] = "") -> Response:
    fresh = renew_as_requested(settings.db, settings.keys, settings.token, settings.now, shelf=bool(shelf))
    return replace(settings, token=fresh).shown("renewed")
