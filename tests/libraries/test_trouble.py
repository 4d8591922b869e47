"""What goes wrong with a library: its reader is told, nothing of theirs is lost, and nobody is pestered."""

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

from digestd.domain.library import Standing
from digestd.jobs.worker import sync_libraries
from digestd.store import libraries as kept
from digestd.subscribers.library_sync import BACKOFF, LEFT_ALONE
from tests.libraries.conftest import LAKES, PONDS, RIVERS, Desk, lakes
from tests.libraries.keepers import KEY
from tests.papers.site import Answerer, says
from tests.support.install import install


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: what is asked does not depend on the engine."""
    return sqlite_url


async def test_a_refused_key_stops_the_asking_and_says_so(desk: Desk) -> None:
    lakes(desk)
    await desk.link()
    await desk.sync()
    desk.zotero.key = "another"
    await desk.sync(hours=25)
    (library,) = desk.libraries
    assert library.standing is Standing.REFUSED
    assert "refuses the key (403)" in library.why
    assert KEY not in library.why
    assert await desk.sync(days=30) == 0
    assert desk.likes == {LAKES, PONDS}
    desk.zotero.key = "NewKey1"
    desk.zotero.delete("PONDS000")
    await desk.link(key="NewKey1")
    await desk.sync()
    assert desk.libraries[0].standing is Standing.LINKED
    assert desk.likes == {LAKES}, "linked anew, it is read whole, and what is not there counts no more"


async def test_a_library_that_is_gone_is_not_asked_for_again(desk: Desk) -> None:
    await desk.link("groups/34")
    desk.zotero.first = [says(b"", 404)]
    await desk.sync()
    assert desk.libraries[0].standing is Standing.GONE
    assert await desk.sync(days=2) == 0


async def test_a_keeper_that_is_busy_is_left_alone_as_long_as_it_says(desk: Desk) -> None:
    lakes(desk)
    await desk.link()
    desk.zotero.first = [says(b"", 429, Retry_After=900)]
    await desk.sync()
    (library,) = desk.libraries
    assert (library.standing, library.failures) == (Standing.LINKED, 0)
    assert library.next <= desk.now + LEFT_ALONE
    asked = len(desk.site.asked)
    await desk.sync(seconds=LEFT_ALONE.total_seconds())
    assert len(desk.site.asked) == asked, "it is not asked before it said"
    await desk.sync(minutes=11)
    assert desk.likes == {LAKES, PONDS}
    desk.zotero.said = {"Backoff": 600}
    await desk.sync(hours=25)
    asked = len(desk.site.asked)
    desk.zotero.put("RIVERS00", DOI="10.5555/rivers")
    with desk.by.db.write() as session:
        kept.due_now(session, library.key, desk.now)
    await desk.sync()
    assert len(desk.site.asked) == asked, "Backoff counts with a good answer too"


@pytest.mark.parametrize(
    "answer",
    [
        says(b"<html>"),
        says(b'{"items": 1}'),
        says(b"[1, 2", Content_Type="application/json"),
        says(b"", 500),
        says(b"", 302, Location="http://10.0.0.1/"),
        says(b"x" * 100, 400),
    ],
)
async def test_trouble_changes_nothing_and_is_tried_again_later(desk: Desk, answer: Answerer) -> None:
    lakes(desk)
    await desk.link()
    await desk.sync()
    desk.zotero.put("RIVERS00", DOI="10.5555/rivers")
    desk.zotero.first = [answer] * 3
    await desk.sync(hours=25)
    (library,) = desk.libraries
    assert (library.standing, library.failures) == (Standing.LINKED, 1)
    assert library.why
    assert "\n" not in library.why
    assert desk.likes == {LAKES, PONDS}
    desk.zotero.first = []
    assert await desk.sync(seconds=BACKOFF.delay(1).total_seconds() + 60) == 1
    assert desk.likes == {LAKES, PONDS, RIVERS}
    assert desk.libraries[0].failures == 0


async def test_reading_goes_on_after_an_unforeseen_error(tmp_path: Path, now: datetime, database_url: str) -> None:
    """One library must not end the reading of all others until the service is started again."""
    made, stop = install(tmp_path, database_url, now), asyncio.Event()
    tries: list[int] = []

    async def sync(_: object) -> int:
        tries.append(len(tries))
        if len(tries) == 1:
            raise ValueError("what nobody foresaw")
        stop.set()
        return 0

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("digestd.subscribers.library_sync.sync_due", sync)
        patched.setattr("digestd.jobs.worker.TICK_SECONDS", 0.0)
        async with asyncio.timeout(30):
            await sync_libraries(made.app, stop)
    made.db.close()
    assert tries == [0, 1]
