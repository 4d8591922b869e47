"""What a reader says of a paper from the mail: more, less, save, mute. The link shows a button, the button acts.

/f/{token}/{n}          all that can be said of the n-th paper of a digest
/f/{token}/{n}/more     one of it: GET shows, POST says it, or takes it back where `undo` is sent
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel
from starlette.responses import Response

from digestd.app import App
from digestd.domain.feedback import Verdict
from digestd.domain.interest import Interest, Kind, Wish
from digestd.errors import BadRecord, NotFound
from digestd.links import Purpose, read, token
from digestd.render import Entry
from digestd.render.shown import Fit, fitted
from digestd.subscribe.picked import VALUE_MAX, Picked, mute, picked, say, unmute, unsay
from digestd.web.limiter import Window
from digestd.web.pages import SHOW, Pages

PER_DIGEST = 200
SPAN = timedelta(minutes=10)
VERDICTS = {"more": Verdict.MORE, "less": Verdict.LESS, "save": Verdict.SAVED}
_PAGE = "/f/{token}/{n:int}"
_FIT = Fit(title=300, abstract=0, authors=4)


class Sent(BaseModel):
    """What a button sends: `undo` to take it back, `what` to mute as `kind:value`, or `words` typed by the reader."""

    undo: str = ""
    what: str = ""
    words: str = ""

    @property
    def muting(self) -> Interest:
        """What is meant. Raises BadRecord where that is nothing."""
        kind, _, value = self.what.partition(":")
        if kind == "words":
            kind, value = Kind.PHRASE, self.words
        value = " ".join(value.split())
        if kind not in _MUTED or not value or len(value) > VALUE_MAX:
            raise BadRecord("what", "name something that stands in this paper")
        return Interest(Kind(kind), value, Wish.MUTED)


_MUTED = frozenset({Kind.TOPIC, Kind.PHRASE, Kind.AUTHOR, Kind.CATEGORY})


@dataclass(frozen=True, slots=True)
class Desk:
    """Where what is said arrives: `at` is the delivery and the place of the pick, from 1."""

    app: App
    pages: Pages
    digests: Window

    def at(self, signed: str, n: int) -> tuple[int, int]:
        """The pick that a link names. Raises BadToken."""
        return read(self.app.keys, Purpose.FEEDBACK, signed)[0], n

    def found(self, at: tuple[int, int]) -> Picked:
        """The pick as it stands."""
        with self.app.db.read() as session:
            return picked(session, *at)

    def said(self, at: tuple[int, int], action: str, sent: Sent) -> Picked:
        """The pick after what was sent is done. Raises BadRecord for words that say nothing of it."""
        db, now = self.app.db, self.app.clock()
        if action in VERDICTS:
            return (unsay if sent.undo else say)(db, at, VERDICTS[action], now)
        return (unmute if sent.undo else mute)(db, at, sent.muting, now)

    def shown(self, at: tuple[int, int], action: str, pick: Picked, typed: Sent | None = None) -> Response:
        """The page for one action; with what was `typed` where that cannot be done."""
        keys, root = self.app.keys, self.pages.site.root
        return self.pages.page(
            "mute" if action == "mute" else "feedback",
            422 if typed else 200,
            language=pick.subscriber.language,
            action=action,
            paper=fitted(Entry.of(pick.paper), _FIT),
            said={name: pick.says(verdict) for name, verdict in VERDICTS.items()},
            pick=pick,
            typed=typed,
            base=f"{root}f/{token(keys, Purpose.FEEDBACK, at[0])}/{at[1]}",
            shelf=f"{root}s/{token(keys, Purpose.SAVED, pick.subscriber.key, pick.edition)}",
            digest=f"{root}d/{token(keys, Purpose.VIEW, at[0])}",
        )


def router(app: App, pages: Pages) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()
    desk = Desk(app, pages, Window(PER_DIGEST, SPAN))

    @routes.api_route(_PAGE, methods=SHOW)
    def show_all(token: str, n: int) -> Response:
        at = desk.at(token, n)
        return desk.shown(at, "all", desk.found(at))

    @routes.api_route(_PAGE + "/{action}", methods=SHOW)
    def show(token: str, n: int, action: str) -> Response:
        _known(action)
        at = desk.at(token, n)
        return desk.shown(at, action, desk.found(at))

    @routes.post(_PAGE + "/{action}")
    def act(request: Request, token: str, n: int, action: str, sent: Annotated[Sent, Form()]) -> Response:
        _known(action)
        at = desk.at(token, n)
        if not desk.digests.allows(str(at[0]), app.clock()):
            return pages.to(request).problem("often", 429, {"Retry-After": str(int(SPAN.total_seconds()))})
        try:
            return desk.shown(at, action, desk.said(at, action, sent))
        except BadRecord:
            return desk.shown(at, action, desk.found(at), sent)

    return routes


def _known(action: str) -> None:
    if action != "mute" and action not in VERDICTS:
        raise NotFound("nothing of that name can be said of a paper")
