"""Test restoring a backup after mails were sent.

It is noticed, and nothing is sent twice.
"""

import shutil
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from digestd.delivery import journals
from digestd.delivery.reconcile import RelayLog, reconcile
from digestd.delivery.recovery import RestoreGuard, RestoreReport, recover
from digestd.domain.delivery import State
from digestd.errors import BadSetting, NotResumed
from digestd.security.addresses import make_envelope_from
from digestd.store import core
from digestd.store.ledger.settlement import uncertain_deliveries
from tests.delivery.conftest import READERS
from tests.proof.snapshots import snapshot_database, snapshot_installation
from tests.support import sample_data
from tests.support.command_process import Command
from tests.support.install import Install, install, reopen
from tests.support.postgres import create
from tests.support.relay import Fault, ReceivedMail, Relay

DAY = timedelta(days=1)
PutBack = Callable[[], None]


@pytest.fixture
def backup(waiting: Install, tmp_path: Path) -> PutBack:
    """Return a function that restores the database of the start of the test.

    Planned, nothing sent.
    """
    (tmp_path / "backup").mkdir()
    return snapshot_database(waiting.db, tmp_path / "backup")


def taken_on(made: Install, machine: str = "") -> RestoreReport:
    """Resume as `digestd restore --resume` does."""
    recover(made.db, made.app.owners, made.app.journals, made.clock.now)
    report = guard(made, machine).resume(made.clock.now, made.app.planner)
    made.plan()
    return report


def guard(made: Install, machine: str) -> RestoreGuard:
    """Return the guard on a machine."""
    return replace(made.app.restore_guard, machine=machine)


async def test_restored_database_sends_nothing_until_resumed(waiting: Install, backup: PutBack) -> None:
    async with Relay().serving() as relay:
        there = waiting.to(relay.url)
        await there.deliver()
        backup()
        for _ in range(2):
            with pytest.raises(NotResumed, match="digestd restore --resume"):
                await there.deliver()
        assert there.states == {State.READY: READERS}
        assert taken_on(there) == RestoreReport(accepted=READERS)
        assert (await there.deliver()).accepted == 0
        assert there.sound(relay.copies)
        there.next_day()
        there.plan()
        assert (await there.deliver()).accepted == READERS
        assert there.sound(relay.copies)


async def test_resume_sends_what_was_not_sent(waiting: Install, backup: PutBack) -> None:
    async with Relay({"RCPT": Fault("550 5.7.1 not to him", times=1)}).serving() as relay:
        there = waiting.to(relay.url, connections=1)
        assert (await there.deliver(limit=4)).accepted == 3
        backup()
        assert taken_on(there) == RestoreReport(accepted=3)
        assert (await there.deliver()).accepted == READERS - 3
        assert sum(relay.copies.values()) == READERS
        assert there.sound(relay.copies)


async def test_resume_after_an_unplanned_backup_repeats_no_mail(waiting: Install, tmp_path: Path) -> None:
    async with Relay().serving() as relay:
        there = waiting.to(relay.url)
        await there.deliver()
        (tmp_path / "later").mkdir()
        put_back = snapshot_database(there.db, tmp_path / "later")
        there.next_day()
        there.plan()
        assert (await there.deliver(limit=5)).accepted == 5
        put_back()
        there.papers(sample_data.papers(60, seed=2, first=1_000))
        assert taken_on(there) == RestoreReport(accepted=5)
        assert (await there.deliver()).accepted == READERS - 5
        assert sum(relay.copies.values()) == 2 * READERS
        assert there.sound(relay.copies)


async def test_resume_keeps_unanswered_mails_uncertain(waiting: Install, backup: PutBack, tmp_path: Path) -> None:
    async with Relay({"dot": Fault("close", stored=True, times=1)}).serving() as relay:
        there = waiting.to(relay.url, connections=1)
        assert (await there.deliver(limit=1)).uncertain == 1
        backup()
        assert taken_on(there) == RestoreReport(uncertain=1)
        await there.deliver()
        assert there.states == {State.ACCEPTED: READERS - 1, State.UNCERTAIN: 1, State.EMPTY: 1}
        assert there.sound(relay.copies)
    with there.db.read() as session:
        (end,) = uncertain_deliveries(session, 2)
    path = make_envelope_from(there.app.keys, end.delivery, end.attempt, "bounce@example.org")
    log = tmp_path / "mail.log"
    log.write_text(f"Nov 24 07:00:01 mx postfix/qmgr[7]: 4FZq1h2Xyz: from=<{path}>, size=9, nrcpt=1 (queue active)\n")
    assert reconcile(there.db, RelayLog(log, frozenset()), there.app.keys, there.clock.now).accepted == 1


async def test_resume_reserves_delivery_numbers(waiting: Install, backup: PutBack) -> None:
    async with Relay().serving() as relay:
        there = waiting.to(relay.url)
        await there.deliver()
        there.next_day()
        there.plan()
        await there.deliver()
        lost = highest(there)
        backup()
        taken_on(there)
        there.people(sample_data.people(1, first=100))
        there.next_day(2)
        there.plan()
        await there.deliver()
        assert highest(there) > lost + READERS
        assert there.broken == {}


async def test_restore_guard_waits_on_another_machine(on_file: Install) -> None:
    async with Relay().serving() as relay:
        there = on_file.to(relay.url)
        await there.deliver(limit=2)
        now = there.clock.now
        own = journals.read_identity(there.app.journals)
        assert own is not None
        journals.write_identity(there.app.journals, replace(own, machine="here"))
        guard(there, "here").check(now)
        guard(there, "").check(now)
        with pytest.raises(NotResumed, match="another machine"):
            guard(there, "there").check(now)
        assert taken_on(there, "there") == RestoreReport()
        guard(there, "there").check(now)
        with pytest.raises(NotResumed, match="another machine"):
            guard(there, "here").check(now)
        assert there.states == {State.ACCEPTED: 2, State.READY: READERS - 2, State.EMPTY: 1}


async def test_sent_journal_ignores_a_truncated_record(on_file: Install) -> None:
    async with Relay().serving() as relay:
        there = on_file.to(relay.url)
        await there.deliver(limit=2)
        (file,) = there.app.journals.glob("*.sent")
        with file.open("ab") as opened:
            opened.write(b"G\0\0")
        await there.deliver()
        assert file.stat().st_size % 68 == 0
        sent, _ = journals.read_sent(there.app.journals, there.clock.now - DAY)
        assert Counter(mail.outcome for mail in sent.values()) == {journals.SentOutcome.ACCEPTED: READERS}
        there.clock.go(journals.SENT_RETENTION + DAY)
        there.papers(sample_data.papers(60, seed=2, first=1_000))
        there.plan()
        await there.deliver()
        assert not file.exists()


async def test_sent_journal_keeps_order_when_the_clock_goes_back(on_file: Install, tmp_path: Path) -> None:
    async with Relay().serving() as relay:
        there = on_file.to(relay.url)
        await there.deliver(limit=1)
        there.clock.go(90 * DAY)
        there.papers(sample_data.papers(60, seed=3, first=2_000))
        there.plan()
        assert (await there.deliver()).accepted == READERS
        there.clock.go(-89 * DAY)
        there.people(sample_data.people(3, first=100))
        (tmp_path / "later").mkdir()
        put_back = snapshot_database(there.db, tmp_path / "later")
        there.papers(sample_data.papers(60, seed=2, first=1_000))
        assert there.plan().planned == 3
        assert (await there.deliver()).accepted == 3
        put_back()
        there.papers(sample_data.papers(60, seed=2, first=1_000))
        with pytest.raises(NotResumed):
            await there.deliver()
        assert taken_on(there) == RestoreReport(accepted=3)
        assert (await there.deliver()).accepted == 0
        assert there.sound(relay.copies)


@pytest.mark.parametrize("name", ["journal.json", "2026-11-30.sent", ""], ids=["identity", "departures", "all of it"])
async def test_sent_journal_reports_an_unreadable_folder(on_file: Install, name: str) -> None:
    folder = on_file.app.journals
    if name:
        (folder / name).mkdir(parents=True)
    else:
        folder.write_text("no folder")
    with pytest.raises(BadSetting, match=r"DIGESTD_JOURNAL_DIR: .*check (its name|the disk and the folder)"):
        await on_file.deliver()


async def test_backup_made_while_mails_left_is_resumed(on_file: Install, tmp_path: Path) -> None:
    """Its recovery ends attempts unsent that were sent; before, resuming crashed on their return paths."""
    copy = tmp_path / "copy.db"
    async with BackupRelay(file=on_file.db.file, copy=copy, at=3).serving() as relay:
        there = on_file.to(relay.url, connections=2)
        assert (await there.deliver()).accepted == READERS
        put_back(there, copy)
        assert there.states != {State.ACCEPTED: READERS}
        assert there.broken == {}
        assert there.app.restore_guard.find_unknown(there.clock.now)["J1"]
        taken_on(there)
        await there.deliver()
        assert set(relay.copies.values()) == {1}
        assert there.sound(relay.copies)
        assert there.states == {State.ACCEPTED: READERS, State.EMPTY: 1}


async def test_lost_sent_journal_stops_sending(on_file: Install, tmp_path: Path) -> None:
    """A restored database without its journal cannot tell what was sent since."""
    (tmp_path / "backup").mkdir()
    async with Relay().serving() as relay:
        there = on_file.to(relay.url)
        assert (await there.deliver(limit=2)).accepted == 2
        restore = snapshot_database(there.db, tmp_path / "backup")
        assert (await there.deliver(limit=3)).accepted == 3
        restore()
        shutil.rmtree(there.app.journals)
        with pytest.raises(NotResumed, match="has no sent journal"):
            await there.deliver()
        with pytest.raises(NotResumed, match="--lost-journal"):
            taken_on(there)
        assert guard(there, "").resume(there.clock.now, there.app.planner, lost_journal=True) == RestoreReport(
            held=READERS - 2
        )
        await there.deliver()
        there.next_day()
        there.plan()
        assert (await there.deliver()).accepted == READERS
        assert max(relay.copies.values()) == 1
        assert there.unsafe == {}


async def test_relay_log_shows_a_state_folder_that_was_put_back(on_file: Install, tmp_path: Path) -> None:
    """Database and journal agree; only the relay remembers."""
    (tmp_path / "backup").mkdir()
    log = tmp_path / "mail.log"
    log.touch()
    async with Relay().serving() as relay:
        there = on_file.to(relay.url, relay_log=str(log))
        assert (await there.deliver(limit=2)).accepted == 2
        restore = snapshot_installation(there, tmp_path / "backup")
        assert (await there.deliver(limit=3)).accepted == 3
        log.write_text("".join(map(logged, relay.taken)))
        restore()
        assert len(there.app.restore_guard.find_unknown(there.clock.now)["J2"]) == 3
        with pytest.raises(NotResumed, match="the relay's log names 3 mails"):
            await there.deliver()
        assert taken_on(there) == RestoreReport(accepted=3)
        assert (await there.deliver()).accepted == READERS - 5
        assert there.app.restore_guard.find_unknown(there.clock.now) == {"J1": [], "J2": []}
        assert set(relay.copies.values()) == {1}
        assert there.sound(relay.copies)


async def test_relay_log_stops_the_original_of_a_copy(on_file: Install, tmp_path: Path) -> None:
    """Whoever goes on after the copy was resumed finds mails of the copy in the relay's log, under other numbers."""
    log = tmp_path / "mail.log"
    log.touch()
    (tmp_path / "backup").mkdir()
    async with Relay().serving() as relay:
        original = on_file.to(relay.url, relay_log=str(log))
        await original.deliver(limit=2)
        restore = snapshot_installation(original, tmp_path / "backup")
        taken_on(original)
        original.next_day()
        original.plan()
        await original.deliver(limit=READERS)
        log.write_text("".join(map(logged, relay.taken)))
        restore()
        with pytest.raises(NotResumed, match="the relay's log names"):
            await original.deliver()


def test_database_from_a_dump_is_noticed_without_a_journal(
    postgres_url: str, request: pytest.FixtureRequest, tmp_path: Path, now: datetime
) -> None:
    """A worker on a new machine has no journal; the database itself shows that it is a copy."""
    made = install(tmp_path / "old", postgres_url, now)
    made.app.restore_guard.check(now)
    made.db.close()
    admin, name = request.getfixturevalue("_postgres_admin"), "copied_digestd"
    create(admin, name, postgres_url.rpartition("/")[2])
    shutil.copytree(tmp_path / "old", tmp_path / "new", ignore=shutil.ignore_patterns("receipts"))
    there = reopen(tmp_path / "new", admin.replace("/postgres", f"/{name}"), now)
    with pytest.raises(NotResumed, match="restored from a dump"):
        there.app.restore_guard.check(now)
    there.app.restore_guard.resume(now, there.app.planner, lost_journal=True)
    there.app.restore_guard.check(now)
    there.db.close()


def test_restore_command_resumes(waiting: Install, backup: PutBack) -> None:
    with Relay().in_thread() as relay:
        there = waiting.to(relay.url)
        environment = there.environment()

        def digestd(*words: str) -> tuple[int, str]:
            ended = Command(words, environment, there.folder).run()
            return ended.code, ended.output

        assert digestd("deliver")[0] == 0
        backup()
        for command in ("deliver", "worker", "up", "run"):
            code, said = digestd(command)
            assert (code, "the database is older than the mails" in said) == (1, True), said
        code, said = digestd("restore", "--resume", "--json")
        assert code == 0, said
        assert digestd("deliver")[0] == 0
        assert set(relay.copies.values()) == {1}
        assert there.sound(relay.copies)


@dataclass
class BackupRelay(Relay):
    """A relay that copies an SQLite database when it takes its nth mail, while other mails are under way."""

    file: Path | None = None
    copy: Path | None = None
    at: int = 0

    def keep(self, mail: ReceivedMail) -> None:
        super().keep(mail)
        if len(self.taken) == self.at:
            with closing(sqlite3.connect(str(self.file))) as source, closing(sqlite3.connect(str(self.copy))) as target:
                source.backup(target)


def put_back(made: Install, copy: Path) -> None:
    """Put a copy of the SQLite file in place."""
    made.db.close()
    file = Path(str(made.db.file))
    for stale in file.parent.glob(f"{file.name}-*"):
        stale.unlink()
    shutil.copy(copy, file)


def logged(mail: ReceivedMail) -> str:
    """Return the lines that Postfix logs about a mail that it queued."""
    queue_id = f"{zlib.crc32(mail.message_id.encode()):010X}"
    when = "Nov 24 07:00:01 mx"
    return (
        f"{when} postfix/cleanup[9]: {queue_id}: message-id={mail.message_id}\n"
        f"{when} postfix/qmgr[8]: {queue_id}: from=<{mail.sender}>, size=9, nrcpt=1 (queue active)\n"
    )


def highest(made: Install) -> int:
    """Return the highest delivery number."""
    with made.db.read() as session:
        return int(session.connection().execute(select(func.max(core.delivery.c.id))).scalar_one())
