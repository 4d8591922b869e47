"""The papers of a reader: search what they were sent and saved, tag saved papers, and write notes on them.

Tags and notes are private. They are shown behind the link to the settings, in the reader's own files and export, to the
operator, and to API tokens with the scope `read`; never at the secret address of the saved papers, in its feeds and
files, or to a group. Nothing ranks by them. They go when the paper is removed.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from unicodedata import normalize

from sqlmodel import Session

from digestd.domain.interest import Verdict
from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Subscriber
from digestd.errors import BadInput, BadRecord, NotFound
from digestd.mail.outlets import ListedPaper, PaperList
from digestd.mail.templates import Templates
from digestd.store import feedback, papers
from digestd.store.database import Database
from digestd.store.feedback import ReaderPaper
from digestd.subscribers.feedback import find_paper
from digestd.text.sanitise import clean

if TYPE_CHECKING:
    from digestd.ranking.dense import Encoder

TAGS_MAX, TAG_MAX, NOTE_MAX = 10, 40, 2_000
"""Tags of a paper, and characters of a tag and of a note."""


def read_tags(typed: Iterable[str]) -> tuple[str, ...]:
    """Return tags on one line each, without a leading #, each once whatever its case. Raises BadRecord."""
    tags = {tag_key(tag): tag for one in typed if (tag := clean(one).lstrip("#").strip())}
    if len(tags) > TAGS_MAX:
        raise BadRecord("tags", f"at most {TAGS_MAX} tags per paper; leave some out")
    if any(len(tag) > TAG_MAX or "," in tag for tag in tags.values()):
        raise BadRecord("tags", f"a tag has at most {TAG_MAX} characters and no comma; shorten it")
    return tuple(tags.values())


def tag_key(tag: str) -> str:
    """Return what tags are compared by: case and width do not matter, accents and voiced kana do."""
    return normalize("NFKC", tag).casefold()


def read_note(typed: str) -> str:
    """Return a note by lines, each cleaned. Raises BadRecord."""
    if len(typed.replace("\r\n", "\n")) > NOTE_MAX:
        raise BadRecord("note", f"a note has at most {NOTE_MAX:,} characters; shorten it")
    return "\n".join(map(clean, typed.splitlines())).strip()


def find_papers(
    session: Session, open_encoder: "Callable[[], Encoder]", subscriber: int, query: str = "", tag: str = ""
) -> list[ReaderPaper]:
    """Return the saved papers of a reader, or those with a tag, newest first.

    With a query: what fits it best, the best first, of all they were sent and saved, or of those with the tag.
    """
    is_search = bool(query.strip())
    saved = feedback.saved_papers(session, subscriber, feedback.OWN_MAX if is_search else feedback.SAVED_MAX)
    wanted = [one for one in saved if tag_key(tag) in map(tag_key, one.tags)] if tag else saved
    if not is_search:
        return wanted
    from digestd.papers.search import search_papers  # noqa: PLC0415  # few processes search

    known = {one.paper.key: one for one in wanted}
    among: Collection[int] = known if tag else feedback.papers_of_reader(session, subscriber) | known.keys()
    found = search_papers(session, open_encoder(), query, among, {key: one.notes for key, one in known.items()})
    others = papers.by_keys(session, [key for key in found if key not in known])
    known |= {key: ReaderPaper(paper) for key, paper in others.items()}
    return [known[key] for key in found if key in known]


def saved_paper(session: Session, subscriber: int, paper: PaperId) -> ReaderPaper:
    """Return a saved paper. Raises NotFound."""
    _, keys = find_paper(session, paper)
    for saved in feedback.saved_papers(session, subscriber, among=keys):
        return saved
    raise NotFound(f"{paper} is not saved; save it first")


def own_list(
    found: Iterable[ReaderPaper], templates: Templates, owner: Subscriber, title: str, now: datetime
) -> PaperList:
    """Return papers for a file of their reader, with tags and notes."""
    items = tuple(
        replace(ListedPaper.of(one.paper, one.saved or now, templates, owner.language), tags=one.tags, note=one.note)
        for one in found
    )
    return PaperList(f"own {owner.key}", title, "", "", owner.language, now, items)


def save(db: Database, subscriber: int, paper: PaperId, now: datetime) -> None:
    """Save a paper, unless it is saved. Raises NotFound for an unknown paper."""
    with db.write() as session:
        save_in_session(session, subscriber, paper, now)


def save_in_session(session: Session, subscriber: int, paper: PaperId, now: datetime) -> None:
    found, keys = find_paper(session, paper)
    if Verdict.SAVED not in feedback.active_verdicts(session, subscriber, keys):
        feedback.add(session, subscriber, found.key, Verdict.SAVED, now)


def remove(db: Database, subscriber: int, paper: PaperId, now: datetime, *, keep_notes: bool = False) -> None:
    """Remove a saved paper, with its tags and note.

    Raises:
        NotFound: The paper is unknown.
        BadInput: It has tags or a note, and `keep_notes` is set.
    """
    with db.write() as session:
        _, keys = find_paper(session, paper)
        if keep_notes and any(one.notes.strip() for one in feedback.saved_papers(session, subscriber, among=keys)):
            raise BadInput("the reader has tags or notes on this paper; they can remove it themselves, on their page")
        if Verdict.SAVED in feedback.active_verdicts(session, subscriber, keys):
            feedback.withdraw(session, subscriber, keys, Verdict.SAVED, now)


def annotate(
    db: Database, subscriber: int, paper: PaperId, tags: Iterable[str] | None, note: str | None
) -> ReaderPaper:
    """Replace tags and note of a saved paper, or keep those that are None. Raises BadRecord, NotFound."""
    with db.write() as session:
        return annotate_in_session(session, subscriber, paper, tags, note)


def annotate_in_session(
    session: Session, subscriber: int, paper: PaperId, tags: Iterable[str] | None, note: str | None
) -> ReaderPaper:
    before = saved_paper(session, subscriber, paper)
    _, keys = find_paper(session, paper)
    after = replace(
        before,
        tags=before.tags if tags is None else read_tags(tags),
        note=before.note if note is None else read_note(note),
    )
    feedback.annotate(session, subscriber, keys, after.tags, after.note)
    return after
