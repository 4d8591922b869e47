"""A killed worker leaves nothing half-read.

One other worker repeats the sync once the claim expires.
"""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from digestd.store.libraries import LEASE
from digestd.subscribers.libraries import sync_due
from tests.libraries.conftest import LAKES, PONDS, RIVERS, SyncSetup, lakes
from tests.papers.http_server import in_turn, says, slowly
from tests.support.install import install

ROOT = Path(__file__).parents[2]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Use SQLite only. A killed process leaves a claim, which is the same in every engine."""
    return sqlite_url


async def test_sync_of_a_killed_worker_is_repeated_once(setup: SyncSetup, tmp_path: Path, database_url: str) -> None:
    lakes(setup)
    await setup.link()
    await setup.sync()
    for n in range(150):
        setup.zotero.put(f"ITEM{n:04}", DOI=f"10.5555/{n}")
    setup.advance(hours=25)
    (tmp_path / "secret.key").write_bytes(setup.by.keys.secret)
    made = install(tmp_path, database_url, setup.now)
    here = made.environment(DIGESTD_ZOTERO_URL=setup.zotero.base, PYTHONPATH=str(ROOT))
    page = setup.site.paths["/users/12/items/top"]
    setup.site.paths["/users/12/items/top"] = in_turn(page, slowly(60, says(b"[]")))
    sent_before = len(setup.site.requests)
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "digestd", "worker"),
        env={**os.environ, **here},
        cwd=tmp_path,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(60):
        while len(setup.site.requests) < sent_before + 2:
            await asyncio.sleep(0.05)
    worker.kill()
    await worker.wait()
    setup.site.paths["/users/12/items/top"] = page
    assert setup.likes == {LAKES, PONDS}
    assert await setup.sync() == 0, "its claim stands yet"
    setup.advance(seconds=(LEASE + timedelta(minutes=1)).total_seconds())
    setup.zotero.put("RIVERS00", DOI="10.5555/rivers")
    assert sorted(await asyncio.gather(sync_due(setup.by), sync_due(setup.by))) == [0, 1]
    assert setup.likes == {LAKES, PONDS, RIVERS, *(f"doi:10.5555/{n}" for n in range(150))}
