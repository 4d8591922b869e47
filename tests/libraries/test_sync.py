"""A Zotero library is read completely once, then only its changes.

Entries are likes while they exist.
"""

import asyncio
import json
from datetime import UTC, datetime

from digestd.domain.interest import Stance
from digestd.domain.library import EntryStatus, Library
from digestd.domain.subscriber import Cause
from digestd.papers.paper_import import import_papers
from digestd.store import libraries as kept
from digestd.store import papers, references
from digestd.store.libraries import LEASE
from digestd.subscribers.libraries import LibrarySync, linked_libraries, sync, sync_due
from digestd.subscribers.status_changes import unsubscribe
from tests.libraries.conftest import LAKES, PONDS, RIVERS, SyncSetup, lakes
from tests.papers.http_server import says, slowly


def counts(setup: SyncSetup) -> dict[EntryStatus, int]:
    with setup.by.db.read() as session:
        (only,) = linked_libraries(session, setup.ada)
    return {how: count for how, count in only.counts.items() if count}


async def test_sync_likes_all_entries_then_new_ones(setup: SyncSetup) -> None:
    lakes(setup)
    await setup.link()
    assert await setup.sync() == 1
    assert setup.likes == {LAKES, PONDS}
    (library,) = setup.libraries
    assert (library.place, library.version, library.synced is not None) == ("users/12", setup.zotero.version, True)
    with setup.by.db.read() as session:
        assert papers.count(session) == 0, "a library makes no public paper"
        own = references.of(session, setup.ada)
    assert {name: one.words.title for name, one in own.items()} == {LAKES: "Lakes freeze", PONDS: "Ponds"}
    assert setup.zotero.requests[1].endswith("sort=dateAdded&direction=desc")
    assert await setup.sync(hours=1) == 0, "it is not due before its time"
    setup.zotero.put("RIVERS00", title="Rivers", DOI="10.5555/rivers")
    assert await setup.sync(hours=24) == 1
    assert setup.likes == {LAKES, PONDS, RIVERS}
    changed, deleted = setup.zotero.requests
    assert f"since={library.version}&includeTrashed=1" in changed
    assert deleted == f"/users/12/deleted?since={library.version}"


async def test_sync_reads_nothing_when_unchanged(setup: SyncSetup) -> None:
    lakes(setup)
    await setup.link()
    await setup.sync()
    wants = setup.subscriber
    sent_before = len(setup.site.requests)
    await setup.sync(hours=25)
    (last,) = setup.site.requests[sent_before:]
    assert last.headers["if-modified-since-version"] == str(setup.zotero.version)
    assert setup.subscriber == wants
    (library,) = setup.libraries
    assert library.synced is not None
    assert library.synced > library.linked


async def test_sync_drops_trashed_and_deleted_entries(setup: SyncSetup) -> None:
    lakes(setup)
    await setup.link()
    await setup.sync()
    setup.zotero.trash("LAKES000")
    setup.zotero.delete("PONDS000")
    await setup.sync(hours=25)
    assert setup.likes == set()
    setup.zotero.put("LAKES000", title="Lakes freeze", archiveID="arXiv:2611.00001")
    await setup.sync(hours=25)
    assert setup.likes == {LAKES}, "it was put back"


async def test_sync_respects_the_subscribers_own_feedback(setup: SyncSetup) -> None:
    lakes(setup)
    setup.want(PONDS, stance=Stance.MUTED)
    await setup.link()
    await setup.sync()
    assert setup.likes == {LAKES}
    assert counts(setup) == {EntryStatus.LIKED: 1, EntryStatus.OWN: 1}
    setup.want()
    setup.zotero.put("LAKES000", title="Lakes freeze, revised", archiveID="arXiv:2611.00001")
    setup.zotero.put("LAKES001", title="Lakes once more", archiveID="arXiv:2611.00001")
    setup.zotero.put("RIVERS00", title="Rivers", DOI="10.5555/rivers")
    await setup.sync(hours=25)
    assert setup.likes == {RIVERS}
    assert counts(setup) == {EntryStatus.DROPPED: 3, EntryStatus.LIKED: 1}
    setup.want(RIVERS, LAKES)
    setup.zotero.delete("LAKES000")
    setup.zotero.delete("LAKES001")
    await setup.sync(hours=25)
    assert setup.likes == {RIVERS, LAKES}, "she named it herself meanwhile"


async def test_removed_like_stays_removed_under_another_id(setup: SyncSetup) -> None:
    lakes(setup)
    await setup.link()
    await setup.sync()
    setup.want(LAKES)
    paper = {"id": "2611.00055", "doi": "10.5555/ponds", "title": "Ponds"}
    import_papers(setup.by.db, [json.dumps(paper).encode()], setup.now)
    setup.zotero.put("PONDS000", title="Ponds, revised", DOI="10.5555/ponds")
    await setup.sync(hours=25)
    assert setup.likes == {LAKES}


async def test_sync_restarts_when_pages_shift(setup: SyncSetup) -> None:
    for n in range(250):
        setup.zotero.put(f"ITEM{n:04}", DOI=f"10.5555/{n}")
    setup.zotero.on_page = ["MEANWHLE"]
    await setup.link()
    await setup.sync()
    assert len(setup.likes) == 251
    starts = [path.partition("start=")[2].partition("&")[0] for path in setup.zotero.requests[1:]]
    assert starts == ["0", "100", "0", "100", "200"]


async def test_sync_rereads_a_restored_library(setup: SyncSetup) -> None:
    lakes(setup)
    await setup.link()
    await setup.sync()
    setup.zotero.items.pop("PONDS000")
    setup.zotero.version = 3
    await setup.sync(hours=25)
    assert setup.likes == {LAKES}
    assert setup.libraries[0].version == 3


async def test_sync_likes_the_newest_entries_when_full(setup: SyncSetup) -> None:
    setup.want(*(f"doi:10.5555/own{n}" for n in range(998)))
    for n in range(4):
        setup.zotero.put(f"ITEM{n:04}", DOI=f"10.5555/{n}", dateAdded=f"2026-11-0{n + 1}T08:00:00Z")
    await setup.link()
    await setup.sync()
    assert {"doi:10.5555/3", "doi:10.5555/2"} == {like for like in setup.likes if "own" not in like}
    assert counts(setup) == {EntryStatus.LIKED: 2, EntryStatus.BEYOND: 2}
    since = {like.value: like.since for like in setup.subscriber.interests}
    assert since["doi:10.5555/3"] == datetime(2026, 11, 4, tzinfo=UTC), "a like is as old as its entry"
    setup.zotero.put("NEWEST00", DOI="10.5555/newest", dateAdded="2126-11-09T08:00:00Z")
    await setup.sync(hours=25)
    since = {like.value: like.since for like in setup.subscriber.interests}
    assert since["doi:10.5555/newest"] <= setup.now, "nothing was put there tomorrow"  # type: ignore[operator]  # it is known
    assert {"doi:10.5555/3", "doi:10.5555/newest"} == {like for like in setup.likes if "own" not in like}


async def test_sync_claims_exclude_others_and_expire(setup: SyncSetup) -> None:
    lakes(setup)
    await setup.link()
    assert sorted(await asyncio.gather(sync_due(setup.by), sync_due(setup.by))) == [0, 1]
    assert setup.likes == {LAKES, PONDS}
    setup.zotero.put("RIVERS00", DOI="10.5555/rivers")
    setup.advance(hours=25)
    setup.zotero.first = [slowly(30, says(b"[]"))]
    reading = asyncio.create_task(sync_due(setup.by))
    while len(setup.site.requests) < 3:
        await asyncio.sleep(0.02)
    reading.cancel()
    assert await setup.sync() == 0, "its claim stands yet"
    assert await setup.sync(seconds=LEASE.total_seconds()) == 1
    assert setup.likes == {LAKES, PONDS, RIVERS}


async def test_sync_result_is_dropped_after_unlink(setup: SyncSetup) -> None:
    lakes(setup)
    await setup.link()
    claimed = _claimed(setup.by)
    with setup.by.db.write() as session:
        kept.unlink(session, claimed.key)
    await sync(setup.by, claimed)
    assert setup.likes == set()
    assert setup.libraries == []


async def test_sync_skips_unsubscribed_subscribers(setup: SyncSetup) -> None:
    await setup.link()
    unsubscribe(setup.by.db, setup.ada, Cause.WEB, setup.now)
    assert await setup.sync() == 0


def _claimed(by: LibrarySync) -> Library:
    with by.db.write() as session:
        found = kept.claim(session, by.clock())
    assert found is not None
    return found
