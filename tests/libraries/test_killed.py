"""A worker killed while it reads a library: nothing half-read counts, and one other reads it once its claim is over."""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from digestd.store.libraries import LEASE
from digestd.subscribers.library_sync import sync_due
from tests.libraries.conftest import LAKES, PONDS, RIVERS, Desk, lakes
from tests.papers.site import in_turn, says, slowly
from tests.support.install import install

ROOT = Path(__file__).parents[2]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: what a killed process leaves behind is a claim, which is the same everywhere."""
    return sqlite_url


async def test_what_a_killed_worker_was_reading_is_read_by_one_other(
    desk: Desk, tmp_path: Path, database_url: str
) -> None:
    lakes(desk)
    await desk.link()
    await desk.sync()
    for n in range(150):
        desk.zotero.put(f"ITEM{n:04}", DOI=f"10.5555/{n}")
    desk.go(hours=25)
    (tmp_path / "secret.key").write_bytes(desk.by.keys.secret)
    made = install(tmp_path, database_url, desk.now)
    here = made.environment(DIGESTD_ZOTERO_URL=desk.zotero.base, PYTHONPATH=str(ROOT))
    page = desk.site.paths["/users/12/items/top"]
    desk.site.paths["/users/12/items/top"] = in_turn(page, slowly(60, says(b"[]")))
    asked = len(desk.site.asked)
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "digestd", "worker"),
        env={**os.environ, **here},
        cwd=tmp_path,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(60):
        while len(desk.site.asked) < asked + 2:
            await asyncio.sleep(0.05)
    worker.kill()
    await worker.wait()
    desk.site.paths["/users/12/items/top"] = page
    assert desk.likes == {LAKES, PONDS}
    assert await desk.sync() == 0, "its claim stands yet"
    desk.go(seconds=(LEASE + timedelta(minutes=1)).total_seconds())
    desk.zotero.put("RIVERS00", DOI="10.5555/rivers")
    assert sorted(await asyncio.gather(sync_due(desk.by), sync_due(desk.by))) == [0, 1]
    assert desk.likes == {LAKES, PONDS, RIVERS, *(f"doi:10.5555/{n}" for n in range(150))}
