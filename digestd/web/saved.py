"""Show the saved papers of a subscriber: at a secret address to share, and behind the link to their settings.

/s/{token}                       the list
/s/{token}/saved.bib, .ris, .md  for reference managers and notes
/s/{token}/saved.atom, .json     what was saved, for feed readers
/s/{token}/digests.atom, .json   the papers of their digests
/p/{token}/saved                 the list with tags and notes, and a search of all that they were sent and saved
/p/{token}/saved.{ending}        the same papers as a file
/p/{token}/saved/{act}           POST adds, removes or notes a paper

Feed readers know the secret address and may pass it on, so it is only to read, has no tags and notes, and leads to no
other page of the subscriber.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel
from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from digestd.domain.digest import Reason
from digestd.domain.paper import Paper, PaperId
from digestd.domain.subscriber import Status, Subscriber
from digestd.errors import BadRecord, NotFound
from digestd.mail.outlets import FEEDS, FILES, ListedPaper, PaperList, by_ending
from digestd.mail.paper_view import HEADING, PaperView
from digestd.security.tokens import Purpose, make_token, read_token
from digestd.store import feedback, subscribers
from digestd.store.database import Database
from digestd.subscribers import saved_papers as library
from digestd.web.dependencies import LinkedPage, Links, OpenEncoder, made
from digestd.web.pages import SHOW, as_feed, as_file
from digestd.web.preferences import MALFORMED, Settings

SHOWN_MAX = 100
"""Maximum number of papers on the page. Files contain all."""
TAGS_SHOWN = 40
QUERY_MAX = 200
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
            found = feedback.saved_papers(session, owner.key)
        return self.pages.page(
            "saved",
            language=owner.language,
            count=len(found),
            papers=[PaperView.of(one.paper).cut(HEADING) for one in found[:SHOWN_MAX]],
            base=f"{self.pages.site.root}s/{self.token}",
            listed_max=feedback.SAVED_MAX if len(found) >= feedback.SAVED_MAX else 0,
            files=FILES,
            feeds=FEEDS,
        )

    def listed(self, name: str, limit: int) -> PaperList:
        """Return the saved papers, at most `limit` of them, or the papers of the newest digests.

        `name`: `saved` or `digests`, and an ending.
        """
        kind = name.partition(".")[0]
        found: list[tuple[Paper, datetime, Reason | None]]
        with self.db.read() as session:
            owner = self.owner(session)
            if kind == "saved":
                saved = feedback.saved_papers(session, owner.key, limit)
                found = [(one.paper, one.saved or self.now, None) for one in saved]
            else:
                found = [(paper, at, pick.reason) for paper, pick, at in feedback.recent_picks(session, owner.key)]
            since = subscribers.created(session, owner.key)
        base = self.urls.saved(self.token)
        return PaperList(
            name=f"{self.urls.home}{self.keys.original.mac('feed', f'{kind}:{owner.key}'.encode()).hex()}",
            title=self.pages.site.list_name,
            home=base,
            url=f"{base}/{name}",
            language=owner.language,
            since=since,
            items=tuple(
                ListedPaper.of(paper, at, self.pages.templates, owner.language, why) for paper, at, why in found
            ),
        )


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


class SentPaper(BaseModel):
    """The fields of a form about a paper: its id, tags and note, and what the page showed."""

    paper: str = ""
    tags: str = ""
    note: str = ""
    q: str = ""
    tag: str = ""

    @property
    def name(self) -> PaperId:
        return PaperId(self.paper[:400].replace("\0", ""))


@dataclass(frozen=True, slots=True)
class OwnPapers:
    """The list for its owner, with tags and notes, searched by words and a tag."""

    settings: Settings
    open_encoder: OpenEncoder

    async def run(self, query: str, work: Callable[[], Response]) -> Response:
        """Run `work`, which may search. Raises PreviewRefused if all places are taken."""
        return await self.settings.preview_day.search(self.settings.network, query, work)

    def page(self, query: str = "", tag: str = "", typed: SentPaper | None = None, problem: str = "") -> Response:
        """Return the list. Raises BadToken, PreferencesLinkExpired, NotFound.

        Args:
            typed: a form that could not be accepted. Its paper comes first, or only the form if it is not saved.
            problem: the field that is wrong.
        """
        settings, owner = self.settings, self.settings.subscriber()
        query, tag = query[:QUERY_MAX], tag[: library.TAG_MAX]
        with settings.db.read() as session:
            edition = feedback.saved_link_version(session, owner.key)
            found = library.find_papers(session, self.open_encoder, owner.key, query, tag)
            saved = feedback.saved_papers(session, owner.key) if query or tag else found
            first = None
            with suppress(NotFound):
                first = library.saved_paper(session, owner.key, typed.name) if typed else None
        shown = found if first is None else [first, *(one for one in found if one.paper.key != first.paper.key)]
        token = make_token(settings.keys, Purpose.SAVED, owner.key, settings.now, edition)
        return settings.pages.page(
            "library",
            MALFORMED if typed else 200,
            language=owner.language,
            count=len(found),
            papers=[(PaperView.of(one.paper).cut(HEADING), one) for one in shown[:SHOWN_MAX]],
            tags=Counter(name for one in saved for name in one.tags).most_common(TAGS_SHOWN),
            any_saved=bool(saved),
            query=query,
            tag=tag,
            wanted=_wanted(query, tag),
            typed=typed,
            problem=problem if first else "",
            listed_max=feedback.SAVED_MAX if len(saved) >= feedback.SAVED_MAX and not query else 0,
            limits=(library.TAG_MAX, library.TAGS_MAX, library.NOTE_MAX),
            base=f"{settings.pages.site.root}s/{token}",
            files=FILES,
            feeds=FEEDS,
            settings=settings.here,
        )

    def listed(self, query: str, tag: str) -> PaperList:
        """Return the same papers for a file of their owner, with tags and notes."""
        settings, owner = self.settings, self.settings.subscriber()
        with settings.db.read() as session:
            found = library.find_papers(session, self.open_encoder, owner.key, query[:QUERY_MAX], tag)
        pages = settings.pages
        return library.own_list(found, pages.templates, owner, pages.site.list_name, settings.now)

    def act(self, sent: SentPaper, work: Callable[[Database, int], object]) -> Response:
        """Do something with a paper for its reader, and show the papers as before, or what could not be accepted."""
        settings, owner = self.settings, self.settings.subscriber()
        try:
            work(settings.db, owner.key)
        except BadRecord as error:
            return self.page("", sent.tag, sent, error.field)
        except NotFound:
            if sent.tags or sent.note:
                return self.page("", sent.tag, sent)
        shown = _wanted(sent.q, sent.tag)
        return RedirectResponse(f"{settings.here}/saved{shown}", 303) if shown else self.page()


Own = Annotated[OwnPapers, made(OwnPapers)]


@router.api_route("/p/{token}/saved", methods=SHOW)
async def show_own(own: Own, q: str = "", tag: str = "") -> Response:
    return await own.run(q, lambda: own.page(q, tag))


@router.api_route("/p/{token}/saved.{ending}", methods=SHOW)
async def fetch_own(own: Own, ending: str, q: str = "", tag: str = "") -> Response:
    outlet = by_ending(ending)
    if outlet is None or outlet.is_feed:
        raise NotFound("no such file")
    return await own.run(q, lambda: as_file(outlet, own.listed(q, tag), f"saved.{ending}"))


@router.post("/p/{token}/saved/add")
def add(own: Own, sent: Annotated[SentPaper, Form()]) -> Response:
    return own.act(sent, lambda db, key: library.save(db, key, sent.name, own.settings.now))


@router.post("/p/{token}/saved/remove")
def remove(own: Own, sent: Annotated[SentPaper, Form()]) -> Response:
    return own.act(sent, lambda db, key: library.remove(db, key, sent.name, own.settings.now))


@router.post("/p/{token}/saved/note")
def note(own: Own, sent: Annotated[SentPaper, Form()]) -> Response:
    return own.act(sent, lambda db, key: library.annotate(db, key, sent.name, sent.tags.split(","), sent.note))


def _wanted(query: str, tag: str) -> str:
    """Return the query of the address of a search."""
    return f"?{urlencode({'q': query[:QUERY_MAX], 'tag': tag[: library.TAG_MAX]})}" if query or tag else ""
