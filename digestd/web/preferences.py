"""Show and save the settings of a subscriber, by the link in their mails.

GET shows, POST acts and shows the page again. There is no password and no cookie. Consent and data have a module of
their own: account.

A subscriber shares with a group, or leaves it; joining is the operator's. A member sees the group's interests, and of
the other members nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from digestd.domain.interest import Interest, Kind, Stance, TopicHint, values
from digestd.domain.reference import REGISTRY_LABELS
from digestd.domain.schedule import next_digest
from digestd.domain.subscriber import SIZE_MAX, Subscriber
from digestd.errors import BadRecord, NotFound
from digestd.store import groups, integrations, subscribers
from digestd.subscribers import group_edits
from digestd.subscribers.admin_edits import edit
from digestd.subscribers.profile_summary import NewestPapers, mute_interest, remove_interest, summarise_profile
from digestd.subscribers.settings_link import open_preferences
from digestd.subscribers.subscriber_record import TOPIC_MAX
from digestd.web.dependencies import IsLookedUp, LinkedPage, Network, made, part
from digestd.web.forms import PreferencesForm, SentPreferences, choices
from digestd.web.pages import SHOW, joined, masked
from digestd.web.preview_day import TodaysPapers

MALFORMED = 422
BODY_MAX = 64 * 1024
"""Larger than for other forms, because lists of authors and topics are long."""
PATHS = "/p/*"
_DIGITS_MAX = 15
router = APIRouter()
_Newest = Annotated[NewestPapers, Depends(part(lambda _app: NewestPapers()))]


@dataclass(frozen=True, slots=True)
class SettingsPage(LinkedPage):
    """The settings page behind a link. Every method but `here` raises what `open_preferences` does."""

    newest: _Newest
    is_looked_up: IsLookedUp

    @property
    def here(self) -> str:
        return f"{self.pages.site.root}p/{self.token}"

    def subscriber(self) -> Subscriber:
        return open_preferences(self.db, self.keys, self.token, self.now)

    def shown(self, done: str = "", hints: Sequence[TopicHint] = ()) -> Response:
        """Return the page with the stored settings; the damaged ones are marked and have their defaults.

        Args:
            done: name of the message to show.
            hints: hints about the topics.
        """
        known = self.subscriber()
        problems = {one.field for one in known.damage}
        return self._page(known, done=done, form=PreferencesForm.of(known), problems=problems, hints=hints)

    def corrected(self, problems: Collection[str], form: PreferencesForm | None = None) -> Response:
        """Return the page with the problems to correct, and the form as entered."""
        known = self.subscriber()
        page = self._page(known, done="", form=form or PreferencesForm.of(known), problems=problems)
        page.status_code = MALFORMED
        return page

    def _page(
        self,
        known: Subscriber,
        done: str,
        form: PreferencesForm,
        problems: Collection[str],
        hints: Sequence[TopicHint] = (),
    ) -> Response:
        zone, now = ZoneInfo(known.timing.timezone), self.now
        with self.db.read() as session:
            due = next_digest(known, subscribers.next_due(session, known.key), now)
            profile = summarise_profile(session, known, self.newest)
            memberships = groups.of_subscriber(session, known.key)
            room = integrations.chat_target(session, known.key)
        return self.pages.page(
            "preferences",
            200,
            known.language,
            here=self.here,
            subscriber=known,
            address=masked(known.address),
            form=form.visible,
            problems=frozenset(problems),
            done=done,
            hints=hints,
            profile=profile,
            memberships=memberships,
            room=room.label if room else "",
            is_looked_up=self.is_looked_up,
            registries={
                scheme: joined(labels, self.pages.known_language(known.language))
                for scheme, labels in REGISTRY_LABELS.items()
            },
            next_digest=due,
            is_due=due is not None and due <= now,
            tomorrow=now.astimezone(zone).date() + timedelta(days=1),
            until=known.paused_until and known.paused_until.astimezone(zone).date(),
            wording=self.pages.consent_lines("resubscribe", known.language),
            **choices(self.pages, known.language, range(1, SIZE_MAX + 1)),
        )


Settings = Annotated[SettingsPage, made(SettingsPage)]


@router.api_route("/p/{token}", methods=SHOW)
def show(settings: Settings) -> Response:
    return settings.shown()


@router.post("/p/{token}")
async def save(
    form: SentPreferences,
    settings: Settings,
    network: Network,
    preview_day: TodaysPapers,
) -> Response:
    topics = await run_in_threadpool(_saved, settings, form)
    if isinstance(topics, Response):
        return topics
    hints = await preview_day.hints_if_idle(network, topics, settings.now)
    notable = [hint for hint in hints if hint.is_notable]
    return await run_in_threadpool(settings.shown, "saved", notable)


@router.post("/p/{token}/mute")
def mute(
    kind: Annotated[str, Form()], value: Annotated[str, Form(max_length=TOPIC_MAX)], settings: Settings
) -> Response:
    mute_interest(settings.db, settings.subscriber().key, _interest(kind, value), settings.now)
    return settings.shown("muted")


@router.post("/p/{token}/drop")
def remove(
    kind: Annotated[str, Form()], value: Annotated[str, Form(max_length=TOPIC_MAX)], settings: Settings
) -> Response:
    remove_interest(settings.db, settings.subscriber().key, _interest(kind, value), settings.now)
    return settings.shown("dropped")


@router.post("/p/{token}/groups/share")
def share_with_group(
    settings: Settings,
    group: Annotated[str, Form()] = "",
    shares: Annotated[str, Form()] = "",
) -> Response:
    subscriber = settings.subscriber().key
    group_edits.share(settings.db, subscriber, _number(group), settings.now, shares=bool(shares))
    return settings.shown("shared" if shares else "unshared")


@router.post("/p/{token}/groups/leave")
def leave_group(settings: Settings, group: Annotated[str, Form()] = "") -> Response:
    group_edits.leave_own(settings.db, settings.subscriber().key, _number(group))
    return settings.shown("left_group")


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


def _number(text: str) -> int:
    """Return the number of a group.

    Raises:
        BadRecord: the form names none.
        NotFound: no group can have this number.
    """
    if not text:
        raise BadRecord("group", "name one of your groups")
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise NotFound("there is no such group")
    return int(text)
