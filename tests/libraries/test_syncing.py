"""A library at Zotero is read whole once, then only what has changed; its entries are likes as long as they stand."""

import asyncio
import json
from datetime import UTC, datetime

from digestd.domain.interest import Wish
from digestd.domain.library import Counts, Library
from digestd.domain.subscriber import Cause
from digestd.papers.paper_import import import_papers
from digestd.store import libraries as kept
from digestd.store import papers, references
from digestd.store.libraries import LEASE
from digestd.subscribers.leaving import unsubscribe
from digestd.subscribers.libraries import linked
from digestd.subscribers.library_sync import Libraries, sync, sync_due
from tests.libraries.conftest import LAKES, PONDS, RIVERS, Desk, lakes
from tests.papers.site import says, slowly


def counts(desk: Desk) -> dict[Counts, int]:
    with desk.by.db.read() as session:
        (only,) = linked(session, desk.ada)
    return {how: count for how, count in only.counts.items() if count}


async def test_all_of_it_is_liked_at_first_and_what_is_new_later(desk: Desk) -> None:
    lakes(desk)
    await desk.link()
    assert await desk.sync() == 1
    assert desk.likes == {LAKES, PONDS}
    (library,) = desk.libraries
    assert (library.place, library.version, library.synced is not None) == ("users/12", desk.zotero.version, True)
    with desk.by.db.read() as session:
        assert papers.count(session) == 0, "a library makes no public paper"
        own = references.of(session, desk.ada)
    assert {name: one.words.title for name, one in own.items()} == {LAKES: "Lakes freeze", PONDS: "Ponds"}
    assert desk.zotero.asked[1].endswith("sort=dateAdded&direction=desc")
    assert await desk.sync(hours=1) == 0, "it is not due before its time"
    desk.zotero.put("RIVERS00", title="Rivers", DOI="10.5555/rivers")
    assert await desk.sync(hours=24) == 1
    assert desk.likes == {LAKES, PONDS, RIVERS}
    changed, deleted = desk.zotero.asked
    assert f"since={library.version}&includeTrashed=1" in changed
    assert deleted == f"/users/12/deleted?since={library.version}"


async def test_nothing_is_read_where_nothing_has_changed(desk: Desk) -> None:
    lakes(desk)
    await desk.link()
    await desk.sync()
    wants = desk.subscriber
    asked = len(desk.site.asked)
    await desk.sync(hours=25)
    (last,) = desk.site.asked[asked:]
    assert last.headers["if-modified-since-version"] == str(desk.zotero.version)
    assert desk.subscriber == wants
    (library,) = desk.libraries
    assert library.synced is not None
    assert library.synced > library.linked


async def test_what_is_trashed_or_deleted_there_counts_no_more(desk: Desk) -> None:
    lakes(desk)
    await desk.link()
    await desk.sync()
    desk.zotero.trash("LAKES000")
    desk.zotero.delete("PONDS000")
    await desk.sync(hours=25)
    assert desk.likes == set()
    desk.zotero.put("LAKES000", title="Lakes freeze", archiveID="arXiv:2611.00001")
    await desk.sync(hours=25)
    assert desk.likes == {LAKES}, "it was put back"


async def test_what_its_reader_took_away_does_not_come_back_and_their_own_word_stays(desk: Desk) -> None:
    lakes(desk)
    desk.want(PONDS, wish=Wish.MUTED)
    await desk.link()
    await desk.sync()
    assert desk.likes == {LAKES}
    assert counts(desk) == {Counts.LIKED: 1, Counts.OWN: 1}
    desk.want()
    desk.zotero.put("LAKES000", title="Lakes freeze, revised", archiveID="arXiv:2611.00001")
    desk.zotero.put("LAKES001", title="Lakes once more", archiveID="arXiv:2611.00001")
    desk.zotero.put("RIVERS00", title="Rivers", DOI="10.5555/rivers")
    await desk.sync(hours=25)
    assert desk.likes == {RIVERS}
    assert counts(desk) == {Counts.DROPPED: 3, Counts.LIKED: 1}
    desk.want(RIVERS, LAKES)
    desk.zotero.delete("LAKES000")
    desk.zotero.delete("LAKES001")
    await desk.sync(hours=25)
    assert desk.likes == {RIVERS, LAKES}, "she named it herself meanwhile"


async def test_like_taken_away_stays_away_under_another_name(desk: Desk) -> None:
    lakes(desk)
    await desk.link()
    await desk.sync()
    desk.want(LAKES)
    paper = {"id": "2611.00055", "doi": "10.5555/ponds", "title": "Ponds"}
    import_papers(desk.by.db, [json.dumps(paper).encode()], desk.now)
    desk.zotero.put("PONDS000", title="Ponds, revised", DOI="10.5555/ponds")
    await desk.sync(hours=25)
    assert desk.likes == {LAKES}


async def test_many_pages_are_read_and_one_that_shifts_meanwhile_is_begun_anew(desk: Desk) -> None:
    for n in range(250):
        desk.zotero.put(f"ITEM{n:04}", DOI=f"10.5555/{n}")
    desk.zotero.on_page = ["MEANWHLE"]
    await desk.link()
    await desk.sync()
    assert len(desk.likes) == 251
    starts = [path.partition("start=")[2].partition("&")[0] for path in desk.zotero.asked[1:]]
    assert starts == ["0", "100", "0", "100", "200"]


async def test_a_library_that_was_restored_to_an_earlier_state_is_read_anew(desk: Desk) -> None:
    lakes(desk)
    await desk.link()
    await desk.sync()
    desk.zotero.items.pop("PONDS000")
    desk.zotero.version = 3
    await desk.sync(hours=25)
    assert desk.likes == {LAKES}
    assert desk.libraries[0].version == 3


async def test_where_there_is_no_room_for_all_the_newest_count(desk: Desk) -> None:
    desk.want(*(f"doi:10.5555/own{n}" for n in range(998)))
    for n in range(4):
        desk.zotero.put(f"ITEM{n:04}", DOI=f"10.5555/{n}", dateAdded=f"2026-11-0{n + 1}T08:00:00Z")
    await desk.link()
    await desk.sync()
    assert {"doi:10.5555/3", "doi:10.5555/2"} == {like for like in desk.likes if "own" not in like}
    assert counts(desk) == {Counts.LIKED: 2, Counts.BEYOND: 2}
    since = {like.value: like.since for like in desk.subscriber.interests}
    assert since["doi:10.5555/3"] == datetime(2026, 11, 4, tzinfo=UTC), "a like is as old as its entry"
    desk.zotero.put("NEWEST00", DOI="10.5555/newest", dateAdded="2126-11-09T08:00:00Z")
    await desk.sync(hours=25)
    since = {like.value: like.since for like in desk.subscriber.interests}
    assert since["doi:10.5555/newest"] <= desk.now, "nothing was put there tomorrow"  # type: ignore[operator]  # it is known
    assert {"doi:10.5555/3", "doi:10.5555/newest"} == {like for like in desk.likes if "own" not in like}


async def test_two_readers_do_not_read_the_same_and_a_dead_ones_claim_runs_out(desk: Desk) -> None:
    lakes(desk)
    await desk.link()
    assert sorted(await asyncio.gather(sync_due(desk.by), sync_due(desk.by))) == [0, 1]
    assert desk.likes == {LAKES, PONDS}
    desk.zotero.put("RIVERS00", DOI="10.5555/rivers")
    desk.go(hours=25)
    desk.zotero.first = [slowly(30, says(b"[]"))]
    reading = asyncio.create_task(sync_due(desk.by))
    while len(desk.site.asked) < 3:
        await asyncio.sleep(0.02)
    reading.cancel()
    assert await desk.sync() == 0, "its claim stands yet"
    assert await desk.sync(seconds=LEASE.total_seconds()) == 1
    assert desk.likes == {LAKES, PONDS, RIVERS}


async def test_what_was_read_of_a_library_that_was_unlinked_meanwhile_counts_for_nothing(desk: Desk) -> None:
    lakes(desk)
    await desk.link()
    claimed = _claimed(desk.by)
    with desk.by.db.write() as session:
        kept.unlink(session, claimed.key)
    await sync(desk.by, claimed)
    assert desk.likes == set()
    assert desk.libraries == []


async def test_nobodys_library_is_read_who_has_left(desk: Desk) -> None:
    await desk.link()
    unsubscribe(desk.by.db, desk.ada, Cause.WEB, desk.now)
    assert await desk.sync() == 0


def _claimed(by: Libraries) -> Library:
    with by.db.write() as session:
        found = kept.claim(session, by.clock())
    assert found is not None
    return found
