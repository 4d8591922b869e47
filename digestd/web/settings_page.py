"""Render the settings page of one subscriber."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends
from starlette.responses import Response

from digestd.domain.lookup import REGISTRY_LABELS
from digestd.domain.schedule import next_digest
from digestd.domain.subscriber import SIZE_MAX, Subscriber
from digestd.domain.topic_hint import TopicHint
from digestd.store import chat_targets, groups, subscribers
from digestd.subscribers.preferences import open_preferences
from digestd.subscribers.profile_summary import NewestPapers, summarise_profile
from digestd.web.dependencies import Db, IsLookedUp, Now, SigningKeys, SitePages, made, part
from digestd.web.form_fields import choices
from digestd.web.pages import joined, masked
from digestd.web.preferences_form import PreferencesForm

MALFORMED = 422
_Newest = Annotated[NewestPapers, Depends(part(lambda _app: NewestPapers()))]


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """The settings page behind a link.

    Every method but `here` raises what `open_preferences` does.
    """

    token: str
    db: Db
    keys: SigningKeys
    pages: SitePages
    now: Now
    newest: _Newest
    is_looked_up: IsLookedUp

    @property
    def here(self) -> str:
        """Return the path of the page."""
        return f"{self.pages.site.root}p/{self.token}"

    def subscriber(self) -> Subscriber:
        """Return the subscriber of the link."""
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
            room = chat_targets.of(session, known.key)
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
