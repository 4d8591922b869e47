"""Take feedback on one paper of a digest: more, less, save, mute. GET shows a button, POST acts.

    /f/{token}          more, less and save
    /f/{token}/more     one of them; POST with `undo` takes the feedback back
    /p/{token}/mute/{period}/{n}    mute a topic, words, an author or a category of the n-th paper of a digest

Mails get forwarded with their links. So a feedback link changes nothing but the feedback on its paper, and its pages
link to no other page of the subscriber. Muting changes interests, so it needs the link to the settings.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from pydantic import BaseModel
from starlette.responses import Response

from digestd.domain.interest import Interest, Kind, Stance, Verdict
from digestd.errors import BadRecord, NotFound
from digestd.mail.paper_view import HEADING, PaperView
from digestd.security.tokens import Purpose, read_token
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.subscribers.pick_feedback import (
    VALUE_MAX,
    PickFeedback,
    add_feedback,
    load_pick,
    mute,
    unmute,
    withdraw_feedback,
)
from digestd.web.dependencies import LinkedPage, made, part
from digestd.web.guards import Window
from digestd.web.pages import SHOW
from digestd.web.preferences import Settings

PER_PICK = 50
SPAN = timedelta(minutes=10)
VERDICTS = {"more": Verdict.MORE, "less": Verdict.LESS, "save": Verdict.SAVED}
_MUTABLE = frozenset(Kind) - {Kind.PAPER}
_MUTE_PAGE = "/p/{token}/mute/{period}/{n:int}"
router = APIRouter()
_Often = Annotated[Window, Depends(part(lambda _app: Window(PER_PICK, SPAN)))]


@dataclass(frozen=True, slots=True)
class FeedbackLink(LinkedPage):
    """The pages behind a feedback link. A pick is named by its delivery and its place in it, from 1."""

    def at(self) -> tuple[int, int]:
        """Return delivery and place of the pick of the link. Raises BadToken."""
        found = read_token(self.keys, Purpose.FEEDBACK, self.token, self.now)
        return found.number, found.version

    def shown(self, action: str, pick: PickFeedback | None = None) -> Response:
        """Return the page of one action. `pick`: with its current feedback, read by default."""
        if pick is None:
            pick = _load(self.db, self.at())
        return self.pages.page(
            "feedback",
            language=pick.subscriber.language,
            action=action,
            paper=_view(pick),
            given={name: pick.has_verdict(verdict) for name, verdict in VERDICTS.items()},
            base=f"{self.pages.site.root}f/{self.token}",
        )


Link = Annotated[FeedbackLink, made(FeedbackLink)]


@router.api_route("/f/{token}", methods=SHOW)
def show_all(link: Link) -> Response:
    return link.shown("all")


@router.api_route("/f/{token}/{action}", methods=SHOW)
def show(link: Link, action: str) -> Response:
    _check_known(action)
    return link.shown(action)


@router.post("/f/{token}/{action}")
def act(link: Link, action: str, often: _Often, undo: Annotated[str, Form()] = "") -> Response:
    _check_known(action)
    at = link.at()
    often.check(f"{at[0]}.{at[1]}", link.now)
    return link.shown(action, (withdraw_feedback if undo else add_feedback)(link.db, at, VERDICTS[action], link.now))


class MuteForm(BaseModel):
    """Fields of the form. `what` to mute as `kind:value`, typed `words`, and `undo` to unmute."""

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
        if kind not in _MUTABLE or not value or len(value) > VALUE_MAX:
            raise BadRecord("what", "choose something from this paper")
        return Interest(Kind(kind), value, Stance.MUTED)


@dataclass(frozen=True, slots=True)
class MutePage:
    """The page to mute something of the n-th paper of a digest."""

    settings: Settings
    period: str
    n: int

    def at(self) -> tuple[int, int]:
        """Return the delivery and place of the pick.

        Raises:
            BadToken: The token is invalid.
            PreferencesLinkExpired: The link is too old or was replaced.
            NotFound: The subscriber had no such digest, or was erased.
        """
        known = self.settings.subscriber()
        with self.settings.db.read() as session:
            delivery = queries.digest_of(session, known.key, self.period)
        if delivery is None:
            raise NotFound("there was no such digest")
        return delivery, self.n

    def shown(self, pick: PickFeedback, typed: MuteForm | None = None) -> Response:
        """Return the page. `typed`: the form, if it could not be accepted."""
        here = self.settings.here
        return self.settings.pages.page(
            "mute",
            422 if typed else 200,
            language=pick.subscriber.language,
            paper=_view(pick),
            pick=pick,
            typed=typed,
            base=f"{here}/mute/{self.period}/{self.n}",
            settings=here,
        )


Mute = Annotated[MutePage, made(MutePage)]


@router.api_route(_MUTE_PAGE, methods=SHOW)
def show_mute(page: Mute) -> Response:
    return page.shown(_load(page.settings.db, page.at()))


@router.post(_MUTE_PAGE)
def act_on_mute(page: Mute, sent: Annotated[MuteForm, Form()]) -> Response:
    at, db = page.at(), page.settings.db
    try:
        pick = (unmute if sent.undo else mute)(db, at, sent.interest, page.settings.now)
    except BadRecord:
        return page.shown(_load(db, at), sent)
    return page.shown(pick)


def _load(db: Database, at: tuple[int, int]) -> PickFeedback:
    with db.read() as session:
        return load_pick(session, *at)


def _view(pick: PickFeedback) -> PaperView:
    return PaperView.of(pick.paper).cut(HEADING)


def _check_known(action: str) -> None:
    if action not in VERDICTS:
        raise NotFound("there is no such feedback; use more, less or save")
