"""Take feedback on one paper of a digest: more, less, save.

GET shows a button, POST acts.

/f/{token}          all three buttons
/f/{token}/more     one of them; POST with `undo` takes the feedback back

Mails get forwarded with their links. So the link changes nothing but the feedback on its paper, and its pages link to
no other page of the subscriber. Muting changes interests and needs the link to the settings.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from digestd.app import App
from digestd.domain.feedback import Verdict
from digestd.errors import NotFound
from digestd.mail.paper_view import HEADING, PaperView
from digestd.security.links import Purpose, read_token
from digestd.subscribers.pick_feedback import PickFeedback, add_feedback, load_pick, withdraw_feedback
from digestd.web.limiter import Window
from digestd.web.pages import SHOW, Pages

PER_PICK = 50
SPAN = timedelta(minutes=10)
VERDICTS = {"more": Verdict.MORE, "less": Verdict.LESS, "save": Verdict.SAVED}
_PAGE = "/f/{token}"


@dataclass(frozen=True, slots=True)
class FeedbackLinks:
    """The pages behind feedback links.

    A pick is named by its delivery and its place in it, from 1.
    """

    app: App
    pages: Pages
    often: Window

    def at(self, signed: str) -> tuple[int, int]:
        """Return delivery and place of the pick of a link. Raises BadToken."""
        found = read_token(self.app.keys, Purpose.FEEDBACK, signed, self.app.clock())
        return found.number, found.version

    def found(self, at: tuple[int, int]) -> PickFeedback:
        """Return the pick with its current feedback."""
        with self.app.db.read() as session:
            return load_pick(session, *at)

    def said(self, at: tuple[int, int], action: str, undo: str) -> PickFeedback:
        """Store or withdraw feedback and return the pick."""
        return (withdraw_feedback if undo else add_feedback)(self.app.db, at, VERDICTS[action], self.app.clock())

    def shown(self, signed: str, action: str, pick: PickFeedback) -> Response:
        """Return the page of one action."""
        return self.pages.page(
            "feedback",
            language=pick.subscriber.language,
            action=action,
            paper=PaperView.of(pick.paper).cut(HEADING),
            given={name: pick.has_verdict(verdict) for name, verdict in VERDICTS.items()},
            base=f"{self.pages.site.root}f/{signed}",
        )


def router(app: App, pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter()
    links = FeedbackLinks(app, pages, Window(PER_PICK, SPAN))

    @routes.api_route(_PAGE, methods=SHOW)
    def show_all(token: str) -> Response:
        return links.shown(token, "all", links.found(links.at(token)))

    @routes.api_route(_PAGE + "/{action}", methods=SHOW)
    def show(token: str, action: str) -> Response:
        _known(action)
        return links.shown(token, action, links.found(links.at(token)))

    @routes.post(_PAGE + "/{action}")
    def act(request: Request, token: str, action: str, undo: Annotated[str, Form()] = "") -> Response:
        _known(action)
        at = links.at(token)
        if not links.often.allows(f"{at[0]}.{at[1]}", app.clock()):
            return pages.to(request).problem("often", 429, {"Retry-After": str(int(SPAN.total_seconds()))})
        return links.shown(token, action, links.said(at, action, undo))

    return routes


def _known(action: str) -> None:
    if action not in VERDICTS:
        raise NotFound("there is no such feedback; use more, less or save")
