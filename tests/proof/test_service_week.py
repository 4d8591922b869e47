"""A week of the real service under libfaketime: one digest a day for each.

The week contains the end of summer time, a clock set back by an hour, and one that jumps a day ahead.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from itertools import cycle
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from digestd.domain.delivery import State
from digestd.store.due import due
from tests.support import sample_data
from tests.support.install import Install, install
from tests.support.postgres import free_port
from tests.support.tiers import sized

BEGIN = datetime(2026, 10, 22, 0, 5, tzinfo=UTC)
DAYS = sized(7, 40)
STEP = timedelta(hours=1)
JUMPS = {60: -timedelta(hours=1), 100: timedelta(hours=25)}
"""Jumps of the clock by the number of the step."""
PENDING = frozenset({State.READY, State.LEASED, State.FINAL_DOT})
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe")
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
_SERVE = """\
from digestd.jobs import scheduler, worker
scheduler.PLAN_SECONDS, scheduler.CLOCK_SECONDS, worker.TICK_SECONDS = 0.2, 0.2, 0.2
from digestd.cli import main
main()
"""
"""The real service, with intervals that suit the steps of the test's clock."""


@dataclass
class Clock:
    """The file that tells libfaketime the offset to the machine's clock."""

    file: Path
    now: datetime

    def set(self, now: datetime) -> None:
        """Set the clock to `now`."""
        self.now = now
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{now.timestamp() - time.clock_gettime(time.CLOCK_REALTIME):+.3f}\n")
        fresh.rename(self.file)


def test_service_sends_one_digest_a_day_at_the_chosen_hour(sqlite_url: str, tmp_path: Path) -> None:
    if LIBRARY is None:
        pytest.skip("libfaketime is not installed here (Debian: faketime)")
    made = install(tmp_path / "run", sqlite_url, BEGIN)
    readers = _readers()
    made.people(readers)
    clock = Clock(tmp_path / "time", BEGIN)
    clock.set(BEGIN)
    seen: list[datetime] = []
    with serving(made, clock):
        while clock.now < BEGIN + timedelta(days=DAYS):
            if (clock.now - BEGIN) % timedelta(days=1) < STEP:
                made.clock.now = clock.now
                made.papers(sample_data.papers(60, seed=len(seen), first=1_000 * len(seen)))
            settle(made, clock)
            seen.append(clock.now)
            clock.set(clock.now + JUMPS.get(len(seen), STEP))
    assert made.unsafe == {}
    _assert_one_digest_a_day(made, readers, seen)


def _readers() -> list[dict[str, object]]:
    """Return a subscriber in each zone, with various hours."""
    people = zip(sample_data.people(len(ZONES)), ZONES, cycle((7, 2, 12, 22)), strict=False)
    return [{**person, "timezone": zone, "hour": hour} for person, zone, hour in people]


def settle(made: Install, clock: Clock) -> None:
    """Wait until the service has done what is due."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        with made.db.read() as session:
            waiting = due(session, 0, 1, clock.now)
        if not waiting and not made.states.keys() & PENDING:
            return
        time.sleep(0.02)
    raise AssertionError(f"at {clock.now} still {made.states}; {(made.folder / 'output').read_text()[-2000:]}")


def _assert_one_digest_a_day(made: Install, readers: list[dict[str, object]], seen: list[datetime]) -> None:
    """Compare ledger and mails with the instants that the clock showed."""
    mails = [message_from_bytes(path.read_bytes()) for path in (made.folder / "outbox" / "new").iterdir()]
    found: dict[str, list[datetime]] = {}
    for mail in mails:
        found.setdefault(str(mail["To"]).rpartition("<")[2].rstrip(">"), []).append(parsedate_to_datetime(mail["Date"]))
    assert len({mail["Message-ID"] for mail in mails}) == len(mails)
    empty = made.states.get(State.EMPTY, 0)
    wanted = 0
    for reader in readers:
        zone, hour = ZoneInfo(str(reader["timezone"])), int(str(reader["hour"]))
        shown = [now.astimezone(zone) for now in seen]
        due_dates = {now.date() for now in shown if now.hour >= hour}
        got = sorted(at.astimezone(zone) for at in found.get(str(reader["email"]), []))
        wanted += len(due_dates)
        assert len({at.date() for at in got}) == len(got), f"two on one date: {reader} {got}"
        assert {at.date() for at in got} <= due_dates, reader
        assert all(at.hour >= hour for at in got), reader
    print(f"attempts {wanted}, acknowledged {made.states}, ok {len(mails)}, empty {empty}")
    assert len(mails) + empty == wanted


@contextmanager
def serving(made: Install, clock: Clock) -> Iterator[None]:
    """Run `digestd up` under libfaketime."""
    environment = {
        **os.environ,
        **made.environment(DIGESTD_WEB_PORT=str(free_port())),
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(clock.file),
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # which would let every wait by the monotonic clock spin
        "FAKETIME_NO_CACHE": "1",
        "TZ": "UTC",
    }
    del environment["DIGESTD_NOW"]
    output = (made.folder / "output").open("wb")
    service = subprocess.Popen([sys.executable, "-c", _SERVE, "up"], env=environment, stdout=output, stderr=output)
    try:
        yield
    finally:
        service.terminate()
        assert service.wait(120) == 0, (made.folder / "output").read_text()
