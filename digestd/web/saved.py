"""Show the saved papers of a subscriber at a secret address: as a page, as files and as feeds.

/s/{token}                       the list
/s/{token}/saved.bib, .ris, .md  for reference managers and notes
/s/{token}/saved.atom, .json     what was saved, for feed readers
/s/{token}/digests.atom, .json   the papers of their digests
/p/{token}/saved                 the list by the link to the settings;  POST removes a paper

Feed readers know the secret address and may pass it on, so it is only to read and leads to no other page of the
subscriber.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from digestd.domain.interest import Verdict
from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Status, Subscriber
from digestd.errors import NotFound
from digestd.mail.outlets import FEEDS, FILES, ListedPaper, PaperList, by_ending
from digestd.mail.paper_view import HEADING, PaperView
from digestd.security.tokens import Purpose, make_token, read_token
from digestd.store import feedback, papers, subscribers
from digestd.web.dependencies import LinkedPage, Links, made
from digestd.web.pages import SHOW, as_feed, as_file
from digestd.web.preferences import Settings

SHOWN_MAX = 100
"""Maximum number of papers on the page. Files contain all."""
router = APIRouter()


@dataclass(frozen=True, slots=True)
class SavedPapers(LinkedPage):
    """The list, files and feeds behind a secret address."""

    urls: Links

    def owner(self, session: Session) -> Subscriber:
        """Return the owner of an address.

        Raises:
            BadToken: The token is invalid.
            NotFound: The address was renewed.
        """
        key, edition, _ = read_token(self.keys, Purpose.SAVED, self.token, self.now)
        known = subscribers.by_key(session, key)
        if known is None or known.status is Status.ERASED or edition != feedback.saved_link_version(session, key):
            raise NotFound("this address was renewed")
        return known

    def page(self) -> Response:
        with self.db.read() as session:
            owner = self.owner(session)
        return self._page(owner, self.token)

    def page_of(self, owner: Subscriber, settings: str) -> Response:
        """Return the list for its owner, with buttons.

        `settings`: path of the settings page.
        """
        with self.db.read() as session:
            edition = feedback.saved_link_version(session, owner.key)
        return self._page(owner, make_token(self.keys, Purpose.SAVED, owner.key, self.now, edition), settings)

    def _page(self, owner: Subscriber, signed: str, settings: str = "") -> Response:
        with self.db.read() as session:
            found = feedback.saved_papers(session, owner.key)
        return self.pages.page(
            "saved",
            language=owner.language,
            count=len(found),
            papers=[PaperView.of(paper).cut(HEADING) for paper, _ in found[:SHOWN_MAX]],
            base=f"{self.pages.site.root}s/{signed}",
            files=FILES,
            feeds=FEEDS,
            settings=settings,
        )

    def listed(self, name: str, limit: int) -> PaperList:
        """Return the saved papers, at most `limit` of them, or the papers of the newest digests.

        `name`: `saved` or `digests`, and an ending.
        """
        kind = name.partition(".")[0]
        with self.db.read() as session:
            owner = self.owner(session)
            posted = tuple(self._saved(session, owner, limit) if kind == "saved" else self._picked(session, owner))
            since = subscribers.created(session, owner.key)
        base = self.urls.saved(self.token)
        return PaperList(
            name=f"{self.urls.home}{self.keys.original.mac('feed', f'{kind}:{owner.key}'.encode()).hex()}",
            title=self.pages.site.list_name,
            home=base,
            url=f"{base}/{name}",
            language=owner.language,
            since=since,
            items=posted,
        )

    def _saved(self, session: Session, owner: Subscriber, limit: int) -> list[ListedPaper]:
        return [
            ListedPaper.of(paper, at, self.pages.templates, owner.language)
            for paper, at in feedback.saved_papers(session, owner.key, limit)
        ]

    def _picked(self, session: Session, owner: Subscriber) -> list[ListedPaper]:
        return [
            ListedPaper.of(paper, at, self.pages.templates, owner.language, pick.reason)
            for paper, pick, at in feedback.recent_picks(session, owner.key)
        ]


Saved = Annotated[SavedPapers, made(SavedPapers)]


@router.api_route("/s/{token}", methods=SHOW)
def show(saved_papers: Saved) -> Response:
    return saved_papers.page()


@router.api_route("/s/{token}/{name}", methods=SHOW)
def fetch(request: Request, name: str, saved_papers: Saved) -> Response:
    kind, _, ending = name.partition(".")
    outlet = by_ending(ending)
    if outlet is None or kind not in (("saved", "digests") if outlet.is_feed else ("saved",)):
        raise NotFound("no such file")
    if outlet.is_feed:
        return as_feed(request, outlet, saved_papers.listed(name, SHOWN_MAX))
    return as_file(outlet, saved_papers.listed(name, feedback.SAVED_MAX), name)


@router.api_route("/p/{token}/saved", methods=SHOW)
def show_own(settings: Settings, saved_papers: Saved) -> Response:
    return saved_papers.page_of(settings.subscriber(), settings.here)


@router.post("/p/{token}/saved/remove")
def remove(settings: Settings, saved_papers: Saved, paper: Annotated[str, Form()] = "") -> Response:
    owner = settings.subscriber()
    with settings.db.write() as session:
        if found := papers.find(session, PaperId(paper[:400])):
            rows = {found.key, *papers.former_keys(session, [found.key]).get(found.key, ())}
            feedback.withdraw(session, owner.key, rows, Verdict.SAVED, settings.now)
    return saved_papers.page_of(owner, settings.here)
