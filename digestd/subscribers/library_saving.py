"""Add the papers that a subscriber saves to a library of theirs at Zotero, each once and never over what is there.

A library is read first, so that papers which are there are known by their identifiers. What is written then depends on
the version that was read, under keys that follow from the paper. So neither a lost answer nor a crash adds a paper
twice, and nothing is changed or deleted. Only public facts of a paper go there: no topics, reasons, notes or feedback.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from digestd.domain.library import Library, Saving, SavingProblem
from digestd.domain.paper import Paper, PaperId
from digestd.errors import SourceUnavailable
from digestd.fetching.fetch import Fetcher
from digestd.fetching.host_scheduler import RefusedError
from digestd.fetching.library_reader import add_items
from digestd.mail.paper_view import PaperView
from digestd.security.keys import Keys
from digestd.sources.imports.zotero import WRITTEN_MAX, ZoteroLibrary
from digestd.sources.json_records import JsonObject
from digestd.store import feedback, libraries, papers, references
from digestd.store.database import Database
from digestd.text.people import family_first

TAG = "digestd"
_ARXIV_DOI = "doi:10.48550/"
_CREATORS_MAX, _TAGS_MAX, _TAG_MAX, _TEXT_MAX = 300, 30, 100, 15_000
_GROUP = re.compile(
    r"(?i:\b(collaboration|committee|consortium|deepmind|foundation|group|initiative|institute|laboratory|network|project|"
    r"society|team|university)\b)|\b(AI|Labs?|Research|Inc|Ltd|GmbH)\b"
)
"""Authors who are no persons."""
_KEY_LETTERS = "23456789ABCDEFGHIJKLMNPQRSTUVWXYZ"
_TOO_LARGE, _BAD = 413, 400
_DONE = frozenset({200, 412})
"""Added, or its key is taken: it was added before, and may be in the trash."""
_NO_RIGHT = frozenset({401, 403})
_NO_PLACE = frozenset({404, 409})


@dataclass(frozen=True, slots=True)
class SavedPaper:
    """A paper to add. `number`: the event by which it was saved; `is_there`: it is in the library already."""

    number: int
    title: str
    item: JsonObject
    is_there: bool


def waiting_papers(db: Database, keys: Keys, library: Library) -> list[SavedPaper]:
    """Return the saved papers that a library lacks, oldest first, at most as many as may be added at once."""
    saving = library.saving or Saving()
    with db.read() as session:
        saved = feedback.saved_after(session, library.subscriber, saving.through, WRITTEN_MAX)
        if not saved:
            return []
        entries = [one for one in libraries.entries(session, library.subscriber) if one.library == library.key]
        own = references.of(session, library.subscriber, (entry.paper for entry in entries))
        taken = {name for entry in entries for name in references.identifiers(entry.paper, own.get(entry.paper))}
        taken |= {PaperId(entry.name) for entry in entries}
        waiting = []
        for number, paper in saved:
            names, key = [paper.id, *papers.names(session, paper.key)], item_key(keys, library, paper.id)
            item = {**item_of(paper, names), "key": key, "version": 0, "collections": [saving.collection]}
            if not saving.collection:
                del item["collections"]
            is_there = not taken.isdisjoint([*names, PaperId(key)])
            waiting.append(SavedPaper(number, PaperView.of(paper).short_title, item, is_there))
            taken.update(names)
    return waiting


async def add_papers(fetcher: Fetcher, base: str, library: Library, waiting: Sequence[SavedPaper]) -> Saving:
    """Add waiting papers to a library that was just read, and return how saving stands.

    Raises HostUnavailableError, or SourceFailed, also if the library has changed meanwhile: read it again later.
    """
    saving = library.saving or Saving()
    new = [paper for paper in waiting if not paper.is_there]
    place = ZoteroLibrary(base, library.place, library.version)
    try:
        statuses = await _statuses(fetcher, place, new)
    except RefusedError as error:
        if error.status not in {*_NO_RIGHT, _TOO_LARGE}:
            raise
        return _with_problem(saving, SavingProblem.FULL if error.status == _TOO_LARGE else SavingProblem.KEY)
    tried = {paper.number: status for paper, status in zip(new, statuses, strict=False)}
    return _advanced(saving, [(one, 200 if one.is_there else tried.get(one.number)) for one in waiting])


async def _statuses(fetcher: Fetcher, place: ZoteroLibrary, new: Sequence[SavedPaper]) -> list[int]:
    """Add papers and return the status of each. If all are refused, add the first alone: another one may be why."""
    try:
        return await add_items(fetcher, place, [paper.item for paper in new]) if new else []
    except RefusedError as error:
        if error.status not in {_BAD, _TOO_LARGE}:
            raise
        if len(new) > 1:
            return await _statuses(fetcher, place, new[:1])
        if error.status == _BAD:
            return [_BAD]
        raise


def _advanced(saving: Saving, results: Sequence[tuple[SavedPaper, int | None]]) -> Saving:
    """Return how saving stands after these results, None for a paper that was not tried.

    Of a refused paper its reader must have been told. Raises SourceUnavailable for one that may be added later.
    """
    is_news = saving.problem is SavingProblem.PAPER and not saving.is_told
    done = saving if is_news else _with_problem(saving, None)
    for paper, status in results:
        if status is None:
            return done
        if status in {_BAD, _TOO_LARGE}:
            done = _with_problem(done, SavingProblem.PAPER, paper.title)
        elif status in _NO_RIGHT:
            return _with_problem(done, SavingProblem.KEY)
        elif status in _NO_PLACE and saving.collection:
            return _with_problem(done, SavingProblem.COLLECTION)
        elif status not in _DONE:
            raise SourceUnavailable(f"the library answers {status} to a paper")
        done = done.model_copy(update={"through": paper.number})
    return done


def _with_problem(saving: Saving, problem: SavingProblem | None, paper: str = "") -> Saving:
    is_told = saving.is_told and problem is not None and (problem, paper) == (saving.problem, saving.paper)
    return saving.model_copy(update={"problem": problem, "paper": paper, "is_told": is_told})


def item_key(keys: Keys, library: Library, paper: PaperId) -> str:
    """Return the key that a paper gets there: 8 of Zotero's letters, always the same."""
    mac = keys.original.mac("zotero", f"{library.subscriber}:{library.place}:{paper}".encode())
    return "".join(_KEY_LETTERS[byte % len(_KEY_LETTERS)] for byte in mac[:8])


def item_of(paper: Paper, names: Sequence[PaperId]) -> dict[str, object]:
    """Return a paper as a Zotero item: a preprint, or an article if it has a DOI and is not on arXiv.

    Args:
        names: all its identifiers, its own first.
    """
    view = PaperView.of(paper)
    arxiv, doi = _value(names, "arxiv:"), _value([name for name in names if not name.startswith(_ARXIV_DOI)], "doi:")
    facts = {"DOI": doi, "url": view.page, "abstractNote": view.abstract[:_TEXT_MAX]}
    if doi and not arxiv:
        facts |= {"itemType": "journalArticle", "publicationTitle": paper.facts.venue}
    else:
        archive = {"repository": "arXiv", "archiveID": f"arXiv:{arxiv}"} if arxiv else {}
        facts |= {"itemType": "preprint", **archive}
    return {
        **{name: value for name, value in facts.items() if value},
        "title": view.title,
        "date": f"{view.dated:%Y-%m-%d}",
        "creators": list(_creators(view.authors[:_CREATORS_MAX])),
        "tags": [{"tag": tag[:_TAG_MAX], "type": 1} for tag in (TAG, *view.codes[:_TAGS_MAX])],
    }


def _value(names: Sequence[PaperId], scheme: str) -> str:
    return next((name.removeprefix(scheme) for name in names if name.startswith(scheme)), "")


def _creators(names: Sequence[str]) -> Iterator[dict[str, str]]:
    for name in names:
        family, _, given = ("", "", name) if _GROUP.search(name) else family_first(name).rpartition(", ")
        one = {"lastName": family, "firstName": given} if family else {"name": given}
        yield {"creatorType": "author", **one}
