"""Show and save the settings of a subscriber, by the link in their mails, and preview their next digest.

GET shows, POST acts and shows the page again. There is no password and no cookie. Consent and data have a module of
their own: account. A preview is ranked with what the form says, before it is saved.

A subscriber shares with a group, or leaves it; joining is the operator's. A member sees the group's interests, and of
the other members nothing.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from threading import Lock
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from digestd.domain.interest import Interest, Kind, Stance, TopicHint, values
from digestd.domain.reference import REGISTRY_LABELS
from digestd.domain.schedule import next_digest
from digestd.domain.subscriber import SIZE_MAX, Subscriber
from digestd.errors import BadRecord, Damaged, NotFound
from digestd.store import groups, integrations, subscribers
from digestd.subscribers import group_edits
from digestd.subscribers.admin_edits import edit
from digestd.subscribers.profile_summary import NewestPapers, mute_interest, remove_interest, summarise_profile
from digestd.subscribers.settings_link import open_preferences
from digestd.subscribers.subscriber_record import TOPIC_MAX, SubscriberRecord
from digestd.web.dependencies import IsLookedUp, LinkedPage, Network, made, part
from digestd.web.forms import PreferencesForm, SentPreferences, choices
from digestd.web.home import Place, PreviewPlace, PreviewResult, fragment
from digestd.web.pages import SHOW, joined, masked
from digestd.web.preview_day import TodaysPapers

MALFORMED = 422
BODY_MAX = 64 * 1024
"""Larger than for other forms, because lists of authors and topics are long."""
PATHS = "/p/.*"
_DIGITS_MAX = 15
TOPICS_MAX, KEPT_MAX = 50, 1_000
"""Topics of a subscriber, and subscribers, whose hints are kept."""
router = APIRouter()
_Newest = Annotated[NewestPapers, Depends(part(lambda _app: NewestPapers()))]


class KeptHints:
    """Hints about topics, kept for the day on which a page computed them, so that the next page need not.

    They are kept by subscriber, so that answer times do not show what others typed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._day = date.min
        self._kept: OrderedDict[int, Mapping[str, TopicHint]] = OrderedDict()

    def keep(self, subscriber: int, hints: Iterable[TopicHint], today: date) -> None:
        with self._lock:
            if self._day != today:
                self._day = today
                self._kept.clear()
            earlier = self._kept.pop(subscriber, {})
            newest = [*({**earlier, **{hint.topic: hint for hint in hints}}).items()][-TOPICS_MAX:]
            self._kept[subscriber] = dict(newest)
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)

    def of(self, known: Subscriber, today: date) -> list[TopicHint]:
        """Return what is known today about the topics of a subscriber, in their order."""
        with self._lock:
            found = self._kept.get(known.key, {}) if self._day == today else {}
        return [found[topic] for topic in values(known.interests, Kind.TOPIC) if topic in found]


_Hints = Annotated[KeptHints, Depends(part(lambda _app: KeptHints()))]


@dataclass(frozen=True, slots=True)
class SettingsPage(LinkedPage):
    """The settings page behind a link. Every method but `here` raises what `open_preferences` does."""

    newest: _Newest
    hints: _Hints
    network: Network
    preview_day: TodaysPapers
    is_looked_up: IsLookedUp

    @property
    def here(self) -> str:
        return f"{self.pages.site.root}p/{self.token}"

    def subscriber(self) -> Subscriber:
        return open_preferences(self.db, self.keys, self.token, self.now)

    def shown(self, done: str = "", refused: Sequence[TopicHint] = ()) -> Response:
        """Return the page with the stored settings; the damaged ones are marked and have their defaults.

        Args:
            done: name of the message to show.
            refused: what has just been muted because it was refused among the topics.
        """
        known = self.subscriber()
        problems = {one.field for one in known.damage}
        return self._page(known, PreferencesForm.of(known), problems, done, refused=refused)

    def corrected(self, problems: Collection[str], form: PreferencesForm | None = None) -> Response:
        """Return the page with the problems to correct, and the form as entered."""
        known = self.subscriber()
        page = self._page(known, form or PreferencesForm.of(known), problems)
        page.status_code = MALFORMED
        return page

    def previewed(self, form: PreferencesForm, seen: PreviewResult | None) -> Response:
        """Return the page with the form as entered, and its preview."""
        return self._page(self.subscriber(), form, seen=seen)

    def preview(self, changed: Subscriber, language: str) -> PreviewResult | None:
        """Return the next digest of a subscriber with changed settings; None if theirs are damaged. For `run`.

        `language`: that of the page, which is the stored one and not the one that the form chooses.
        """
        try:
            with self.db.read() as session:
                found = self.preview_day.preview_changed(session, changed, self.now)
        except Damaged:
            return None
        hints = self.preview_day.hints(values(changed.interests, Kind.TOPIC), self.now)
        self.hints.keep(changed.key, hints, self.now.date())
        return PreviewResult.of(self.pages, self.pages.known_language(language), found, hints)

    def _page(
        self,
        known: Subscriber,
        form: PreferencesForm,
        problems: Collection[str] = (),
        done: str = "",
        seen: PreviewResult | None = None,
        *,
        refused: Sequence[TopicHint] = (),
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
            seen=seen,
            hints=seen.hints if seen else [*refused, *self._hints(known)],
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

    def _hints(self, known: Subscriber) -> list[TopicHint]:
        """Return what is known about the topics; ask about those that are not, if that takes milliseconds."""
        today = self.now.date()
        kept = {hint.topic for hint in self.hints.of(known, today)}
        unknown = [topic for topic in values(known.interests, Kind.TOPIC) if topic not in kept]
        if asked := self.preview_day.quick_hints(self.network, unknown, self.now):
            self.hints.keep(known.key, asked, today)
        return self.hints.of(known, today)


Settings = Annotated[SettingsPage, made(SettingsPage)]


@router.api_route("/p/{token}", methods=SHOW)
def show(settings: Settings) -> Response:
    return settings.shown()


@router.post("/p/{token}")
async def save(form: SentPreferences, settings: Settings) -> Response:
    saved = await run_in_threadpool(_saved, settings, form)
    if isinstance(saved, Response):
        return saved
    subscriber, topics, refused = saved
    hints = await settings.preview_day.hints_if_idle(settings.network, topics, settings.now)
    settings.hints.keep(subscriber, hints, settings.now.date())
    return await run_in_threadpool(settings.shown, "saved", refused)


@router.post("/p/{token}/preview")
async def preview(form: SentPreferences, settings: Settings, place: Place) -> Response:
    place.count(form["topics"])
    known = await run_in_threadpool(settings.subscriber)
    checked = form.read(known)
    if checked.record is None:
        return await run_in_threadpool(settings.corrected, checked.errors, form)
    return await run_in_threadpool(settings.previewed, form, await _preview(settings, place, known, checked.record))


@router.post("/p/{token}/preview/picks")
async def picks(form: SentPreferences, settings: Settings, place: Place) -> Response:
    """Return the preview and the hints about topics as an HTML fragment for the script."""
    known = await run_in_threadpool(settings.subscriber)

    async def seen() -> PreviewResult | None:
        record = form.read(known).record
        return None if record is None else await _preview(settings, place, known, record)

    page = partial(settings.pages.page, "picks", language=known.language, action=f"{settings.here}#hints", is_next=True)
    return await fragment(place, form["topics"], seen, page)


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


async def _preview(
    settings: SettingsPage, place: PreviewPlace, known: Subscriber, record: SubscriberRecord
) -> PreviewResult | None:
    found = await place.day.run(place.network, partial(settings.preview, record.apply_to(known), known.language))
    return found and replace(found, hints=(*record.refused, *found.hints))


def _saved(settings: SettingsPage, form: PreferencesForm) -> tuple[int, list[str], tuple[TopicHint, ...]] | Response:
    """Save a form and return its owner, topics, new ones first, and refusals; the page again if the form has errors."""
    known, form = settings.subscriber(), form.with_chosen_topic
    checked = form.read(known)
    if checked.record is None:
        return settings.corrected(checked.errors, form)
    edit(settings.db, settings.keys, checked.record, settings.now)
    before = set(values(known.interests, Kind.TOPIC))
    return known.key, sorted(checked.record.topics, key=before.__contains__), checked.record.refused


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
