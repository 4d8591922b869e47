"""Show and save the settings of a subscriber, by the link in their mails.

GET shows, POST acts and shows the page again. There is no password and no cookie. Consent and data have modules of
their own: account.
"""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from digestd.domain.interest import Interest, Kind, Stance, values
from digestd.errors import BadRecord
from digestd.subscribers.admin_edits import edit
from digestd.subscribers.profile_summary import mute_interest, remove_interest
from digestd.web.dependencies import Db, Network, Now
from digestd.web.pages import SHOW
from digestd.web.preferences_form import PreferencesForm, SentPreferences
from digestd.web.preview_day import TodaysPapers
from digestd.web.settings_page import Settings, SettingsPage

BODY_MAX = 64 * 1024
"""Larger than for other forms, because lists of authors and topics are long."""
PATHS = "/p/*"
router = APIRouter()


@router.api_route("/p/{token}", methods=SHOW)
def show(settings: Settings) -> Response:
    return settings.shown()


@router.post("/p/{token}")
async def save(
    form: SentPreferences,
    settings: Settings,
    network: Network,
    now: Now,
    preview_day: TodaysPapers,
) -> Response:
    topics = await run_in_threadpool(_saved, settings, form)
    if isinstance(topics, Response):
        return topics
    hints = await preview_day.hints_if_idle(network, topics, now)
    notable = [hint for hint in hints if hint.is_notable]
    return await run_in_threadpool(settings.shown, "saved", notable)


@router.post("/p/{token}/mute")
def mute(
    kind: Annotated[str, Form()], value: Annotated[str, Form(max_length=300)], settings: Settings, db: Db, now: Now
) -> Response:
    mute_interest(db, settings.subscriber().key, _interest(kind, value), now)
    return settings.shown("muted")


@router.post("/p/{token}/drop")
def remove(
    kind: Annotated[str, Form()], value: Annotated[str, Form(max_length=400)], settings: Settings, db: Db, now: Now
) -> Response:
    remove_interest(db, settings.subscriber().key, _interest(kind, value), now)
    return settings.shown("dropped")


def _saved(settings: SettingsPage, form: PreferencesForm) -> list[str] | Response:
    """Save a form and return its topics, new ones first; the page again if the form has errors."""
    known, form = settings.subscriber(), form.with_chosen_topic
    checked = form.read(known)
    if checked.record is None:
        return settings.corrected(checked.errors, form)
    edit(settings.db, settings.keys, checked.record, settings.now)
    before = set(values(known.interests, Kind.TOPIC))
    return sorted(values(checked.record.as_new.interests, Kind.TOPIC), key=before.__contains__)


def _interest(kind: str, value: str) -> Interest:
    """Return the interest to change. Raises BadRecord for an unknown kind."""
    if kind not in set(Kind) or not value.strip():
        raise BadRecord("kind", "there is no such kind of interest; use the buttons of the page")
    return Interest(Kind(kind), value, Stance.MUTED)
