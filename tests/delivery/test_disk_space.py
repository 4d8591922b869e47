"""Test a nearly full disk: nothing is claimed or sent until there is space."""

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
    """Mount a file system of 72 MiB in memory."""
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


async def test_full_disk_claims_nothing(small_disk: Path, tmp_path: Path, sqlite_url: str, now: datetime) -> None:
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


async def test_disk_filling_up_stops_the_run_first(
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
        accepted = made.states[State.ACCEPTED]
        assert accepted in {6, 12}, "what had been claimed has gone out"
        assert made.states == {State.ACCEPTED: accepted, State.READY: 24 - accepted}
        (small_disk / "filler").unlink()
        assert (await there.deliver()).accepted == 24 - accepted
        assert made.sound(relay.copies)


def test_disk_space_of_a_missing_folder_uses_its_parent(small_disk: Path) -> None:
    check_disk_space([small_disk / "a" / "b"])
    (small_disk / "filler").write_bytes(bytes(10 * 2**20))
    with pytest.raises(DiskFull):
        check_disk_space([small_disk / "a" / "b"])
