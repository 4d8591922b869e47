"""Render the settings page of one subscriber."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from starlette.responses import Response

from digestd.app import App
from digestd.domain.lookup import REGISTRY_LABELS
from digestd.domain.schedule import next_digest
from digestd.domain.subscriber import SIZE_MAX, Subscriber
from digestd.domain.topic_hint import TopicHint
from digestd.store import chat_targets, groups, subscribers
from digestd.subscribers.preferences import open_preferences
from digestd.subscribers.profile_summary import NewestPapers, summarise_profile
from digestd.web.consent_audit import consent_text
from digestd.web.form_fields import choices
from digestd.web.pages import Pages, joined
from digestd.web.preferences_form import PreferencesForm
from digestd.web.unsubscribe import masked

MALFORMED = 422


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """The settings page behind a link.

    Every method with a token raises what `open_preferences` does.
    """

    app: App
    pages: Pages
    newest: NewestPapers = field(default_factory=NewestPapers)

    def subscriber_of(self, token: str) -> Subscriber:
        """Return the subscriber of a link."""
        return open_preferences(self.app.db, self.app.keys, token, self.app.clock())

    def here(self, token: str) -> str:
        """Return the path of the page."""
        return f"{self.pages.site.root}p/{token}"

    def shown(self, token: str, done: str = "", hints: Sequence[TopicHint] = ()) -> Response:
        """Return the page with the stored settings; the damaged ones are marked and have their defaults.

        Args:
            done: name of the message to show.
            hints: hints about the topics.
        """
        known = self.subscriber_of(token)
        problems = {one.field for one in known.damage}
        return self._page(token, known, done=done, form=PreferencesForm.of(known), problems=problems, hints=hints)

    def corrected(self, token: str, problems: Collection[str], form: PreferencesForm | None = None) -> Response:
        """Return the page with the problems to correct, and the form as entered."""
        known = self.subscriber_of(token)
        page = self._page(token, known, done="", form=form or PreferencesForm.of(known), problems=problems)
        page.status_code = MALFORMED
        return page

    def _page(
        self,
        token: str,
        known: Subscriber,
        done: str,
        form: PreferencesForm,
        problems: Collection[str],
        hints: Sequence[TopicHint] = (),
    ) -> Response:
        zone, now = ZoneInfo(known.timing.timezone), self.app.clock()
        with self.app.db.read() as session:
            due = next_digest(known, subscribers.next_due(session, known.key), now)
            profile = summarise_profile(session, known, self.newest)
            memberships = groups.of_subscriber(session, known.key)
            room = chat_targets.of(session, known.key)
        return self.pages.page(
            "preferences",
            200,
            known.language,
            here=self.here(token),
            subscriber=known,
            address=masked(known.address),
            form=form.visible,
            problems=frozenset(problems),
            done=done,
            hints=hints,
            profile=profile,
            memberships=memberships,
            room=room.label if room else "",
            is_looked_up=self.app.registry_reader is not None,
            registries={
                scheme: joined(labels, self.pages.known_language(known.language))
                for scheme, labels in REGISTRY_LABELS.items()
            },
            next_digest=due,
            is_due=due is not None and due <= now,
            tomorrow=now.astimezone(zone).date() + timedelta(days=1),
            until=known.paused_until and known.paused_until.astimezone(zone).date(),
            wording=consent_text(self.pages, "resubscribe", known.language).split("\n"),
            **choices(self.pages, known.language, range(1, SIZE_MAX + 1)),
        )
