"""After a failure nothing is lost and the subscriber is informed.

The provider is not flooded.
"""

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

from digestd.domain.library import LibraryLink, LibraryProvider, LibraryState
from digestd.jobs.worker import sync_libraries
from digestd.store import core
from digestd.store import libraries as kept
from digestd.subscribers.libraries import BACKOFF, BUSY_DELAY
from tests.libraries.conftest import LAKES, PONDS, RIVERS, SyncSetup, lakes
from tests.libraries.library_servers import KEY
from tests.papers.http_server import Answerer, says
from tests.support.install import install


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Use SQLite only: requests do not depend on the engine."""
    return sqlite_url


async def test_sync_stops_on_a_refused_key(setup: SyncSetup) -> None:
    lakes(setup)
    await setup.link()
    await setup.sync()
    setup.zotero.key = "another"
    await setup.sync(hours=25)
    (library,) = setup.libraries
    assert library.state is LibraryState.REFUSED
    assert "refuses the key (403)" in library.why
    assert KEY not in library.why
    assert await setup.sync(days=30) == 0
    assert setup.likes == {LAKES, PONDS}
    setup.zotero.key = "NewKey1"
    setup.zotero.delete("PONDS000")
    await setup.link(key="NewKey1")
    await setup.sync()
    assert setup.libraries[0].state is LibraryState.LINKED
    assert setup.likes == {LAKES}, "linked anew, it is read whole, and what is not there counts no more"


async def test_sync_stops_on_a_deleted_library(setup: SyncSetup) -> None:
    await setup.link("groups/34")
    setup.zotero.first = [says(b"", 404)]
    await setup.sync()
    assert setup.libraries[0].state is LibraryState.GONE
    assert await setup.sync(days=2) == 0


async def test_sync_obeys_retry_after(setup: SyncSetup) -> None:
    lakes(setup)
    await setup.link()
    setup.zotero.first = [says(b"", 429, Retry_After=900)]
    await setup.sync()
    (library,) = setup.libraries
    assert (library.state, library.failures) == (LibraryState.LINKED, 0)
    assert library.next <= setup.now + BUSY_DELAY
    sent_before = len(setup.site.requests)
    await setup.sync(seconds=BUSY_DELAY.total_seconds())
    assert len(setup.site.requests) == sent_before, "it is not asked before it said"
    await setup.sync(minutes=11)
    assert setup.likes == {LAKES, PONDS}
    setup.zotero.said = {"Backoff": 600}
    await setup.sync(hours=25)
    sent_before = len(setup.site.requests)
    setup.zotero.put("RIVERS00", DOI="10.5555/rivers")
    with setup.by.db.write() as session:
        kept.due_now(session, library.key, setup.now)
    await setup.sync()
    assert len(setup.site.requests) == sent_before, "Backoff counts with a good answer too"


@pytest.mark.parametrize(
    "answer",
    [
        says(b"<html>"),
        says(b"[1, 2", Content_Type="application/json"),
        says(b"", 302, Location="http://10.0.0.1/"),
    ],
)
async def test_sync_retries_after_an_error(setup: SyncSetup, answer: Answerer) -> None:
    lakes(setup)
    await setup.link()
    await setup.sync()
    setup.zotero.put("RIVERS00", DOI="10.5555/rivers")
    setup.zotero.first = [answer] * 3
    await setup.sync(hours=25)
    (library,) = setup.libraries
    assert (library.state, library.failures) == (LibraryState.LINKED, 1)
    assert library.why
    assert "\n" not in library.why
    assert setup.likes == {LAKES, PONDS}
    setup.zotero.first = []
    assert await setup.sync(seconds=BACKOFF.delay(1).total_seconds() + 60) == 1
    assert setup.likes == {LAKES, PONDS, RIVERS}
    assert setup.libraries[0].failures == 0


async def test_sync_continues_after_an_unexpected_error(tmp_path: Path, now: datetime, database_url: str) -> None:
    """Check that an error with one library does not stop the others until a restart."""
    made, stop = install(tmp_path, database_url, now), asyncio.Event()
    tries: list[int] = []

    async def sync(_: object) -> int:
        tries.append(len(tries))
        if len(tries) == 1:
            raise ValueError("what nobody foresaw")
        stop.set()
        return 0

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("digestd.subscribers.libraries.sync_due", sync)
        patched.setattr("digestd.jobs.worker.LOOKUP_SECONDS", 0.0)
        async with asyncio.timeout(30):
            await sync_libraries(made.app, stop)
    made.db.close()
    assert tries == [0, 1]


async def test_claim_passes_over_an_unreadable_library(setup: SyncSetup) -> None:
    """One row must not keep the libraries behind it waiting."""
    await setup.link()
    with setup.by.db.write() as session:
        damaged = LibraryLink(setup.ada, LibraryProvider.ZOTERO, "damaged", None, may_write=False)
        kept.link(session, damaged, setup.now)
        table = core.library
        session.connection().execute(
            table.update().where(table.c.place == "damaged").values(next_us=0, linked_us=9 * 10**18)
        )
    with setup.by.db.write() as session:
        claimed = kept.claim(session, setup.now)
    assert claimed is not None
    assert claimed.place != "damaged"
