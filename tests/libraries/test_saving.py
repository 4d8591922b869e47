"""Saved papers are added to a library once, never over what is there, and whoever cannot write is told."""

import json
from typing import Any

import pytest

from digestd.domain.digest import Occasion
from digestd.domain.interest import Verdict
from digestd.domain.library import Library, LibraryState, Saving, SavingProblem
from digestd.domain.paper import PaperId
from digestd.errors import BadRecord
from digestd.papers.paper_import import import_papers
from digestd.sources.imports.zotero import WRITTEN_MAX
from digestd.store import feedback, papers
from digestd.store import libraries as kept
from digestd.subscribers import libraries as library_sync
from digestd.subscribers.libraries import BACKOFF, BUSY_DELAY, SYNC_INTERVAL, NoSuchCollection, stop_saving
from tests.libraries.conftest import SyncSetup
from tests.libraries.library_servers import KEY
from tests.papers.http_server import Answerer, says

ICE: dict[str, Any] = {
    "id": "arxiv:2611.00007",
    "doi": "10.5555/ice",
    "title": "Ice on $\\alpha$ ponds",
    "abstract": "It melts <b>slowly</b>.",
    "authors": ["Ada van der Berg", "Plato"],
    "categories": ["cs.LG", "physics.ao-ph"],
    "published": "2026-11-20",
}


@pytest.fixture
def setup(setup: SyncSetup) -> SyncSetup:
    setup.zotero.may_write = True
    return setup


def bring(setup: SyncSetup, *records: dict[str, Any]) -> None:
    assert not import_papers(setup.by.db, [json.dumps(record).encode() for record in records], setup.now).refused


def save(setup: SyncSetup, *names: str) -> None:
    """Save papers that are brought along as needed."""
    with setup.by.db.write() as session:
        for name in names:
            paper = papers.find(session, PaperId(name))
            assert paper is not None
            feedback.add(session, setup.ada, paper.key, Verdict.SAVED, setup.now)


def unsave(setup: SyncSetup, name: str) -> None:
    with setup.by.db.write() as session:
        paper = papers.find(session, PaperId(name))
        assert paper is not None
        feedback.undo(session, setup.ada, paper.key, setup.now)


def told(setup: SyncSetup) -> set[int]:
    with setup.by.db.write() as session:
        news = kept.take_news_of_saving(session, [setup.ada])
    return {subscriber for subscriber, said in news.items() if Occasion.NOT_SAVED in said}


def many(setup: SyncSetup, count: int) -> list[str]:
    """Bring papers along, and return their names."""
    records = [{"id": f"doi:10.5555/p{n}", "title": f"Paper {n}", "abstract": "Many."} for n in range(count)]
    bring(setup, *records)
    return [str(record["id"]) for record in records]


async def link(setup: SyncSetup, collection: str = "", written: str = "") -> Library:
    await library_sync.link_zotero(setup.by, setup.ada, KEY, written, collection)
    await setup.sync()
    return setup.libraries[-1]


def saving(setup: SyncSetup) -> Saving:
    (library,) = setup.libraries
    assert library.saving is not None
    return library.saving


def titles(setup: SyncSetup) -> list[str]:
    return [item["title"] for item in setup.zotero.added]


async def test_saved_paper_is_added_once_with_public_facts(setup: SyncSetup) -> None:
    bring(setup, ICE, ICE | {"id": "doi:10.5555/before", "doi": "10.5555/before", "title": "Saved before"})
    save(setup, "doi:10.5555/before")
    setup.zotero.collections = {"ABCD2345": "To read", "WXYZ2345": "Old"}
    await link(setup, "to READ")
    save(setup, ICE["id"])
    assert await setup.sync() == 1
    (item,) = setup.zotero.added
    del item["key"]
    assert item == {
        "itemType": "preprint",
        "title": "Ice on α ponds",
        "abstractNote": "It melts slowly.",
        "creators": [
            {"creatorType": "author", "lastName": "van der Berg", "firstName": "Ada"},
            {"creatorType": "author", "name": "Plato"},
        ],
        "date": "2026-11-20",
        "url": "https://arxiv.org/abs/2611.00007",
        "repository": "arXiv",
        "archiveID": "arXiv:2611.00007",
        "DOI": "10.5555/ice",
        "tags": [{"tag": tag, "type": 1} for tag in ("digestd", "cs.LG", "physics.ao-ph")],
        "collections": ["ABCD2345"],
        "version": 0,
    }
    save(setup, ICE["id"])
    await setup.sync(hours=25)
    await setup.sync(hours=25)
    assert len(setup.zotero.added) == 1


async def test_paper_that_is_there_is_not_touched(setup: SyncSetup) -> None:
    setup.zotero.put("MINE2345", title="My own words", DOI="10.5555/ice", tags=[{"tag": "mine"}])
    before = setup.zotero.items["MINE2345"]
    bring(setup, ICE)
    await link(setup)
    save(setup, ICE["id"])
    await setup.sync()
    assert setup.zotero.added == []
    assert setup.zotero.items["MINE2345"] == before
    assert saving(setup).problem is None


async def test_lost_answer_and_crash_add_nothing_twice(setup: SyncSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(setup, ICE)
    many(setup, 2)
    await link(setup)
    save(setup, ICE["id"])
    write = setup.site.paths["/users/12/items"]

    async def lost(request: Any, writer: Any) -> None:
        setup.site.paths["/users/12/items"] = write
        nowhere: Any = _Nowhere()
        await write(request, nowhere)
        writer.transport.abort()

    setup.site.paths["/users/12/items"] = lost
    await setup.sync()
    assert titles(setup) == ["Ice on α ponds"]
    await setup.sync(minutes=20)
    monkeypatch.setattr(library_sync, "_end", lambda *_: None)
    save(setup, "doi:10.5555/p0")
    await setup.sync(minutes=20)
    monkeypatch.undo()
    await setup.sync(minutes=20)
    await setup.sync(minutes=20)
    assert titles(setup) == ["Ice on α ponds", "Paper 0"]
    assert (setup.libraries[0].failures, saving(setup).problem) == (0, None)


class _Nowhere:
    """A connection whose answer is lost."""

    def write(self, _data: bytes) -> None:
        pass

    async def drain(self) -> None:
        pass

    def close(self) -> None:
        pass


async def test_library_that_changes_meanwhile_is_read_again(setup: SyncSetup) -> None:
    bring(setup, ICE)
    await link(setup)
    save(setup, ICE["id"])
    write = setup.site.paths["/users/12/items"]

    async def changed(request: Any, writer: Any) -> None:
        setup.zotero.put("MINE2345", title="Added by hand", archiveID="arXiv:2611.00007")
        setup.site.paths["/users/12/items"] = write
        await write(request, writer)

    setup.site.paths["/users/12/items"] = changed
    await setup.sync()
    assert await setup.sync(seconds=BACKOFF.delay(1).total_seconds() + 1) == 1
    assert setup.zotero.added == [], "somebody added it in the moment between"
    assert setup.libraries[0].failures == 0


async def test_trashed_paper_does_not_come_back(setup: SyncSetup) -> None:
    bring(setup, ICE)
    await link(setup)
    save(setup, ICE["id"])
    await setup.sync()
    (key,) = (item["key"] for item in setup.zotero.added)
    setup.zotero.trash(key)
    save(setup, ICE["id"])
    await setup.sync(minutes=6)
    await setup.sync(minutes=6)
    assert len(setup.zotero.added) == 1
    assert saving(setup).problem is None


@pytest.mark.parametrize(
    ("answer", "problem", "wait"),
    [
        (says(b"Write access denied", 403), SavingProblem.KEY, SYNC_INTERVAL),
        (says(b"Too large", 413), SavingProblem.FULL, SYNC_INTERVAL),
        (says(b"Locked", 409), None, BACKOFF.delay(1)),
        (says(b"Precondition required", 428), None, BACKOFF.delay(1)),
        (says(b"", 500), None, BACKOFF.delay(1)),
        (says(b"[" * 9_000), None, BACKOFF.delay(1)),
        (says(b'{"failed": 3}'), None, BACKOFF.delay(1)),
        (says(b'{"failed": {"0": {"code": "x"}}}'), None, BACKOFF.delay(1)),
        (says(b"x" * 9_000_000), None, BACKOFF.delay(1)),
        (says(b"", 429, Retry_After=900), None, BUSY_DELAY),
        (says(b"", 302, Location="http://127.0.0.1:9/"), None, BACKOFF.delay(1)),
    ],
)
async def test_failure_to_add_leaves_reading_and_the_rest_alone(
    setup: SyncSetup, answer: Answerer, problem: SavingProblem | None, wait: Any
) -> None:
    bring(setup, ICE)
    await link(setup)
    save(setup, ICE["id"])
    write = setup.site.paths["/users/12/items"]
    setup.site.paths["/users/12/items"] = answer
    await setup.sync()
    (library,) = setup.libraries
    assert (library.state, saving(setup).problem) == (LibraryState.LINKED, problem)
    assert bool(library.why) == (problem is None)
    assert abs((library.next - setup.now - wait).total_seconds()) < 30
    assert setup.zotero.added == []
    setup.site.paths["/users/12/items"] = write
    await setup.sync(seconds=wait.total_seconds() + 1_000)
    assert titles(setup) == ["Ice on α ponds"]
    assert saving(setup).problem is None


async def test_one_refused_paper_does_not_hold_up_others(setup: SyncSetup) -> None:
    names = many(setup, 4)
    await link(setup)
    setup.zotero.refused = {"Paper 0": 400, "Paper 2": 413}
    save(setup, *names)
    await setup.sync()
    assert titles(setup) == ["Paper 1", "Paper 3"]
    assert (saving(setup).problem, saving(setup).paper) == (SavingProblem.PAPER, "Paper 2")
    assert told(setup) == {setup.ada}
    assert told(setup) == set(), "once"
    bring(setup, ICE)
    save(setup, ICE["id"])
    await setup.sync(minutes=6)
    assert titles(setup) == ["Paper 1", "Paper 3", "Ice on α ponds"]
    assert saving(setup).problem is None


async def test_body_that_is_refused_whole_goes_paper_by_paper(setup: SyncSetup) -> None:
    names = many(setup, 3)
    await link(setup)
    save(setup, *names)
    write = setup.site.paths["/users/12/items"]

    async def picky(request: Any, writer: Any) -> None:
        is_bad = any(item["title"] == "Paper 1" for item in json.loads(request.body))
        await (says(b"Bad", 400) if is_bad else write)(request, writer)

    setup.site.paths["/users/12/items"] = picky
    for _ in range(4):
        await setup.sync(minutes=6)
    assert titles(setup) == ["Paper 0", "Paper 2"]
    assert saving(setup).paper == "Paper 1"


async def test_gone_collection_waits_for_its_reader(setup: SyncSetup) -> None:
    bring(setup, ICE)
    setup.zotero.collections = {"ABCD2345": "To read"}
    await link(setup, "zotero.org/ada/collections/ABCD2345/collection")
    setup.zotero.collections = {}
    save(setup, ICE["id"])
    await setup.sync()
    assert saving(setup).problem is SavingProblem.COLLECTION
    await link(setup)
    assert (saving(setup).problem, saving(setup).collection) == (None, "")
    assert titles(setup) == ["Ice on α ponds"]


async def test_many_papers_are_added_in_steps(setup: SyncSetup) -> None:
    await link(setup)
    save(setup, *many(setup, 40))
    await setup.sync(minutes=6)
    assert len(titles(setup)) == WRITTEN_MAX
    await setup.sync(minutes=6)
    assert len(set(titles(setup))) == 40


async def test_one_hostile_library_keeps_no_other_waiting(setup: SyncSetup) -> None:
    bring(setup, ICE)
    setup.zotero.may_write_groups = True
    await link(setup)
    await link(setup, written="groups/34")
    setup.site.paths["/users/12/items"] = says(b"", 412)
    save(setup, ICE["id"])
    assert await setup.sync() == 2
    assert titles(setup) == ["Ice on α ponds"]
    stop_saving(setup.by.db, setup.ada, setup.libraries[1].key)
    save(setup, *many(setup, 1))
    before = len(setup.site.requests)
    for _ in range(60):
        await setup.sync(minutes=5)
    assert len(setup.site.requests) - before < 40
    assert setup.libraries[0].is_saving_stuck


async def test_unsaved_paper_is_not_added_and_never_deleted(setup: SyncSetup) -> None:
    bring(setup, ICE)
    (first,) = many(setup, 1)
    await link(setup)
    save(setup, ICE["id"], first)
    unsave(setup, first)
    await setup.sync()
    unsave(setup, ICE["id"])
    await setup.sync(hours=25)
    assert titles(setup) == ["Ice on α ponds"]
    assert len(setup.zotero.items) == 1


async def test_stopped_library_is_read_and_not_written(setup: SyncSetup) -> None:
    bring(setup, ICE)
    library = await link(setup)
    stop_saving(setup.by.db, setup.ada, library.key)
    save(setup, ICE["id"])
    assert await setup.sync(hours=25) == 1
    assert setup.zotero.added == []
    assert setup.libraries[0].saving is None


async def test_linking_to_save_checks_rights_and_collection(setup: SyncSetup) -> None:
    setup.zotero.collections = {"ABCD2345": "Same", "QQQQQQQQ": "Same"}
    with pytest.raises(NoSuchCollection, match="there are: Same, Same"):
        await link(setup, "Same")
    with pytest.raises(NoSuchCollection):
        await link(setup, "ZZZZZZZZ")
    with pytest.raises(BadRecord, match="may not write"):
        await link(setup, written="groups/34")
    setup.zotero.may_write = False
    with pytest.raises(BadRecord, match="may not write"):
        await link(setup)
    assert setup.libraries == []


async def test_article_without_preprint_has_its_journal(setup: SyncSetup) -> None:
    bring(setup, {"id": "doi:10.5555/pond", "title": "Ponds", "abstract": "Wet.", "venue": "Journal of Ponds"})
    await link(setup)
    save(setup, "doi:10.5555/pond")
    await setup.sync()
    (item,) = setup.zotero.added
    assert (item["itemType"], item["publicationTitle"], item["DOI"]) == (
        "journalArticle",
        "Journal of Ponds",
        "10.5555/pond",
    )
    assert "collections" not in item
