"""Mute a topic, words, an author or a category of a paper in a digest.

/p/{token}/mute/{period}/{n}    choices for the n-th paper: GET shows, POST mutes or unmutes

Muting changes interests, so it needs the link to the settings.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import BaseModel
from starlette.responses import Response

from digestd.app import App
from digestd.domain.interest import Interest, Kind, Stance
from digestd.errors import BadRecord, NotFound
from digestd.mail.paper_view import HEADING, PaperView
from digestd.store.ledger import queries
from digestd.subscribers.pick_feedback import VALUE_MAX, PickFeedback, load_pick, mute, unmute
from digestd.web.pages import SHOW, Pages
from digestd.web.settings_page import SettingsPage

_PAGE = "/p/{token}/mute/{period}/{n:int}"
_MUTED = frozenset({Kind.TOPIC, Kind.PHRASE, Kind.AUTHOR, Kind.CATEGORY})


class MuteForm(BaseModel):
    """Fields of the form.

    `what` to mute as `kind:value`, typed `words`, and `undo` to unmute.
    """

    undo: str = ""
    what: str = ""
    words: str = ""

    @property
    def interest(self) -> Interest:
        """Return the interest to mute. Raises BadRecord if there is none."""
        kind, _, value = self.what.partition(":")
        if kind == "words":
            kind, value = Kind.PHRASE, self.words
        value = " ".join(value.split())
        if kind not in _MUTED or not value or len(value) > VALUE_MAX:
            raise BadRecord("what", "choose something from this paper")
        return Interest(Kind(kind), value, Stance.MUTED)


@dataclass(frozen=True, slots=True)
class _MutePages:
    app: App
    pages: Pages
    settings_page: SettingsPage

    def at(self, token: str, period: str, n: int) -> tuple[int, int]:
        """Return the delivery and place of a pick.

        Raises:
            BadToken: The token is invalid.
            PreferencesLinkExpired: The link is too old or was replaced.
            NotFound: The subscriber had no such digest, or was erased.
        """
        known = self.settings_page.subscriber_of(token)
        with self.app.db.read() as session:
            delivery = queries.digest_of(session, known.key, period)
        if delivery is None:
            raise NotFound("there was no such digest")
        return delivery, n

    def found(self, at: tuple[int, int]) -> PickFeedback:
        """Return the pick with what is muted now."""
        with self.app.db.read() as session:
            return load_pick(session, *at)

    def shown(self, token: str, period: str, n: int, pick: PickFeedback, typed: MuteForm | None = None) -> Response:
        """Return the page. `typed`: the form, if it could not be accepted."""
        here = self.settings_page.here(token)
        return self.pages.page(
            "mute",
            422 if typed else 200,
            language=pick.subscriber.language,
            paper=PaperView.of(pick.paper).cut(HEADING),
            pick=pick,
            typed=typed,
            base=f"{here}/mute/{period}/{n}",
            settings=here,
        )


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes, mute_pages = APIRouter(), _MutePages(app, pages, SettingsPage(app, pages))

    @routes.api_route(_PAGE, methods=SHOW)
    def show(token: str, period: str, n: int) -> Response:
        return mute_pages.shown(token, period, n, mute_pages.found(mute_pages.at(token, period, n)))

    @routes.post(_PAGE)
    def act(token: str, period: str, n: int, sent: Annotated[MuteForm, Form()]) -> Response:
        at = mute_pages.at(token, period, n)
        try:
            pick = (unmute if sent.undo else mute)(app.db, at, sent.interest, app.clock())
        except BadRecord:
            return mute_pages.shown(token, period, n, mute_pages.found(at), sent)
        return mute_pages.shown(token, period, n, pick)

    return routes
