"""A disk that is nearly full: nothing is claimed, nothing is sent, and it goes on once there is room."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from digestd.delivery import claim_queue
from digestd.delivery.disk_space import DiskFull, check_disk_space
from digestd.domain.delivery import State
from tests.support import sample_data
from tests.support.install import install
from tests.support.relay import Relay


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 72 MiB in memory."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    with tempfile.TemporaryDirectory(prefix="small") as folder:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=72m", "tmpfs", folder], check=False)
        if mounted.returncode != 0:
            pytest.skip("nothing can be mounted here")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


async def test_nothing_is_taken_on_while_the_disk_is_nearly_full(
    small_disk: Path, tmp_path: Path, sqlite_url: str, now: datetime
) -> None:
    shutil.copy(sqlite_url.removeprefix("sqlite:///"), small_disk / "digestd.db")
    url = f"sqlite:///{small_disk / 'digestd.db'}"
    made = install(tmp_path / "install", url, now, f"maildir:{tmp_path / 'outbox'}")
    made.papers(sample_data.papers(30))
    made.people(sample_data.people(3))
    made.plan()
    (small_disk / "filler").write_bytes(bytes(10 * 2**20))
    with pytest.raises(DiskFull, match="free some space"):
        await made.deliver()
    assert made.states == {State.READY: 3}
    (small_disk / "filler").unlink()
    assert (await made.deliver()).accepted == 3
    assert made.broken == {}


async def test_a_disk_that_fills_amid_a_run_stops_it_before_the_database_fails(
    small_disk: Path, tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_queue, "BATCH", 6)
    shutil.copy(sqlite_url.removeprefix("sqlite:///"), small_disk / "digestd.db")
    made = install(tmp_path / "install", f"sqlite:///{small_disk / 'digestd.db'}", now)
    made.papers(sample_data.papers(30))
    made.people(sample_data.people(24))
    made.plan()
    async with Relay(delay=0.02).serving() as relay:
        there = made.to(relay.url, connections=2)
        run = asyncio.create_task(there.deliver())
        while not relay.taken:
            await asyncio.sleep(0.001)
        (small_disk / "filler").write_bytes(bytes(10 * 2**20))
        with pytest.raises(DiskFull, match="free some space"):
            await run
        assert made.states == {State.ACCEPTED: 6, State.READY: 18}, "what had been claimed has gone out"
        (small_disk / "filler").unlink()
        assert (await there.deliver()).accepted == 18
        assert made.sound(relay.copies)


def test_a_folder_that_is_not_there_yet_is_judged_by_what_is_above_it(small_disk: Path) -> None:
    check_disk_space([small_disk / "a" / "b"])
    (small_disk / "filler").write_bytes(bytes(10 * 2**20))
    with pytest.raises(DiskFull):
        check_disk_space([small_disk / "a" / "b"])
