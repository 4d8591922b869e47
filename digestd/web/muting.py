"""Muting what a paper of a digest has: a topic, words, an author, a category.

/p/{token}/mute/{period}/{n}    what of the n-th paper can be muted: GET shows, POST mutes, or undoes it

It changes what the subscriber gets from then on, so it takes the link to the settings.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import BaseModel
from starlette.responses import Response

from digestd.app import App
from digestd.domain.interest import Interest, Kind, Wish
from digestd.errors import BadRecord, NotFound
from digestd.render import Entry
from digestd.render.shown import Fit, fitted
from digestd.store.ledger import queries
from digestd.subscribe.picked import VALUE_MAX, Picked, mute, picked, unmute
from digestd.web.pages import SHOW, Pages
from digestd.web.settings_sheet import Sheet

_PAGE = "/p/{token}/mute/{period}/{n:int}"
_FIT = Fit(title=300, abstract=0, authors=4)
_MUTED = frozenset({Kind.TOPIC, Kind.PHRASE, Kind.AUTHOR, Kind.CATEGORY})


class Sent(BaseModel):
    """The fields of a button: `undo` to take it back, `what` to mute as `kind:value`, or `words` that were typed."""

    undo: str = ""
    what: str = ""
    words: str = ""

    @property
    def muting(self) -> Interest:
        """Return what is meant. Raises BadRecord if that is nothing."""
        kind, _, value = self.what.partition(":")
        if kind == "words":
            kind, value = Kind.PHRASE, self.words
        value = " ".join(value.split())
        if kind not in _MUTED or not value or len(value) > VALUE_MAX:
            raise BadRecord("what", "name something that stands in this paper")
        return Interest(Kind(kind), value, Wish.MUTED)


@dataclass(frozen=True, slots=True)
class _Muting:
    app: App
    pages: Pages
    sheet: Sheet

    def at(self, token: str, period: str, n: int) -> tuple[int, int]:
        """Return the delivery and place of a pick. Raises BadToken, Void, and NotFound if they had no such digest."""
        known = self.sheet.whose(token)
        with self.app.db.read() as session:
            delivery = queries.digest_of(session, known.key, period)
        if delivery is None:
            raise NotFound("there was no such digest")
        return delivery, n

    def found(self, at: tuple[int, int]) -> Picked:
        """Return the pick as it stands."""
        with self.app.db.read() as session:
            return picked(session, *at)

    def shown(self, token: str, period: str, n: int, pick: Picked, typed: Sent | None = None) -> Response:
        """Return the page; with what was `typed` if that cannot be muted."""
        here = self.sheet.here(token)
        return self.pages.page(
            "mute",
            422 if typed else 200,
            language=pick.subscriber.language,
            paper=fitted(Entry.of(pick.paper), _FIT),
            pick=pick,
            typed=typed,
            base=f"{here}/mute/{period}/{n}",
            settings=here,
        )


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes, muting = APIRouter(), _Muting(app, pages, Sheet(app, pages))

    @routes.api_route(_PAGE, methods=SHOW)
    def show(token: str, period: str, n: int) -> Response:
        return muting.shown(token, period, n, muting.found(muting.at(token, period, n)))

    @routes.post(_PAGE)
    def act(token: str, period: str, n: int, sent: Annotated[Sent, Form()]) -> Response:
        at = muting.at(token, period, n)
        try:
            pick = (unmute if sent.undo else mute)(app.db, at, sent.muting, app.clock())
        except BadRecord:
            return muting.shown(token, period, n, muting.found(at), sent)
        return muting.shown(token, period, n, pick)

    return routes
