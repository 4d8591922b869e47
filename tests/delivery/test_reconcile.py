"""Test lost replies that are found in the log of a real Postfix.

Absent mails are sent again.
"""

import gzip
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from digestd.cli import app
from digestd.delivery.reconcile import PATIENCE, ReconcileReport, RelayLog, reconcile, resend_uncertain
from digestd.domain.delivery import State
from digestd.errors import BadSetting
from digestd.jobs.worker import settle_uncertain
from digestd.security.addresses import make_envelope_from
from digestd.security.keys import Keys, RetiredSecret
from digestd.store.ledger import queries, settlement
from digestd.store.ledger.claim_queue import ClaimOwner, claim
from digestd.store.ledger.commit_point import CommitRequest, commit_sends
from digestd.store.ledger.settlement import GRACE
from tests.inbound.conftest import SentInstall
from tests.support import sample_data
from tests.support.install import Install, install
from tests.support.postfix import Postfix, postfix

BOUNCE = "bounce@example.org"
READERS = 6
MINUTE = timedelta(minutes=1)
GAPS = 0.2
"""Share of the lines that a syslog drops."""
BOXES = [f"reader{number}@example.net" for number in range(READERS)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder outside pytest's own, which other users cannot read."""
    with tempfile.TemporaryDirectory(prefix="postfix") as made:
        yield Path(made)


def planned(folder: Path, url: str, now: datetime, relay: str) -> Install:
    made = install(folder, url, now, relay)
    made.papers(sample_data.papers(30))
    made.people([{"email": address} for address in BOXES])
    assert made.plan().planned == READERS
    return made


def die_before_the_dot_leaves(made: Install, relay: str) -> int:
    """Let a worker pass the commit point and die; return the delivery."""
    keys = made.app.keys
    with made.db.write() as session:
        claimer = ClaimOwner("dead", lambda key, n: make_envelope_from(keys, key, n, BOUNCE))
        (found,) = claim(session, claimer, 1, made.clock.now).claims
    with made.db.write() as session:
        commit_sends(session, [CommitRequest(found.key, found.attempt, "dead", bytes(32), relay)], made.clock.now)
    with made.db.write() as session:
        assert settlement.recover(session, "dead", made.clock.now).uncertain == 1
    return found.key


def relay_log(folder: Path, relay: str) -> RelayLog:
    return RelayLog(folder / "mail.log", frozenset({relay}))


async def test_reconcile_settles_accepted_and_unsent_mails(
    folder: Path, tmp_path: Path, sqlite_url: str, now: datetime
) -> None:
    with postfix(folder, BOXES) as running:
        relay = f"127.0.0.1:{running.port}"
        made = planned(tmp_path / "install", sqlite_url, now, running.url)
        log = relay_log(folder, relay)
        await made.deliver(limit=2)
        made.clock.go(MINUTE)
        await made.deliver(limit=1)
        SentInstall(made).lose_the_answer(3)
        lost = die_before_the_dot_leaves(made, relay)
        assert reconcile(made.db, log, made.app.keys, made.clock.now) == ReconcileReport(accepted=1, open=1)
        made.clock.go(MINUTE)
        await made.deliver()
        assert reconcile(made.db, log, made.app.keys, made.clock.now) == ReconcileReport(open=1)
        made.clock.go(GRACE)
        assert reconcile(made.db, log, made.app.keys, made.clock.now) == ReconcileReport(not_sent=1)
        assert reconcile(made.db, log, made.app.keys, made.clock.now) == ReconcileReport()
        assert (await made.deliver()).accepted == 1
        wait_for(running, READERS)
    assert [len(running.mails(address)) for address in BOXES] == [1] * READERS
    assert made.states == {State.ACCEPTED: READERS}
    assert made.broken == {}
    with made.db.read() as session:
        assert [one.evidence for one in queries.attempts(session, 3)] == ["relay_log"]
        assert [one.outcome for one in queries.attempts(session, lost)] == ["not_sent", "accepted"]


async def test_reconcile_needs_a_log_of_that_time(folder: Path, tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    """The log was rotated away or begins later: it has no known mail from before."""
    made = planned(tmp_path / "install", sqlite_url, now, f"maildir:{tmp_path / 'outbox'}")
    die_before_the_dot_leaves(made, "relay")
    made.clock.go(2 * GRACE)
    await made.deliver()
    keys = made.app.keys
    later = [line(keys, key) for key in range(2, READERS + 1)]
    (folder / "mail.log").write_text("".join(later))
    assert reconcile(made.db, relay_log(folder, "relay"), made.app.keys, made.clock.now) == ReconcileReport(open=1)


@pytest.mark.parametrize(
    ("relays", "later", "settled"),
    [
        (frozenset({"relay"}), GRACE, ReconcileReport(not_sent=1)),
        (frozenset({"relay"}), GRACE - MINUTE, ReconcileReport(open=1)),
        (frozenset({"another"}), GRACE, ReconcileReport(open=1)),
    ],
    ids=["all is known", "the transaction may still run", "it went to another relay"],
)
async def test_reconcile_needs_the_complete_log_for_absence(
    folder: Path, tmp_path: Path, sqlite_url: str, now: datetime, relays: frozenset[str], later: timedelta,
    settled: ReconcileReport,
) -> None:  # fmt: skip
    made, _ = await between_two(folder, tmp_path, sqlite_url, now)
    made.clock.go(later - MINUTE)
    assert reconcile(made.db, RelayLog(folder / "mail.log", relays), made.app.keys, made.clock.now) == settled
    assert made.unsafe == {}


async def test_gappy_log_proves_no_absence(folder: Path, tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    """A syslog that drops lines under load: before, the absence of arrived mails was taken as proof."""
    made = install(tmp_path / "install", sqlite_url, now, f"maildir:{tmp_path / 'outbox'}")
    made.papers(sample_data.papers(30))
    made.people(sample_data.people(120))
    made.plan()
    await made.deliver()
    with made.db.write() as session:
        session.connection().exec_driver_sql("UPDATE delivery SET relay = 'relay', final_dot_us = final_dot_us + id")
    for delivery in range(2, 119, 3):
        SentInstall(made).lose_the_answer(delivery)
    made.clock.go(2 * GRACE)
    whole = [part for delivery in range(1, 121) for part in lines(made, delivery).splitlines(keepends=True)]
    rng = Random(7)
    (folder / "mail.log").write_text("".join(part for part in whole if rng.random() > GAPS))
    report = reconcile(made.db, relay_log(folder, "relay"), made.app.keys, made.clock.now)
    assert (report.not_sent, report.accepted + report.open) == (0, 39)
    assert report.accepted >= 39 * (1 - GAPS) - 1, "either of two lines is proof"
    (folder / "mail.log").write_text("".join(whole))
    assert reconcile(made.db, relay_log(folder, "relay"), made.app.keys, made.clock.now) == ReconcileReport(
        accepted=report.open
    )


async def test_reconcile_matches_mails_of_a_retired_key_and_mailbox(
    folder: Path, tmp_path: Path, sqlite_url: str, now: datetime
) -> None:
    made, keys = await between_two(folder, tmp_path, sqlite_url, now)
    file = folder / "mail.log"
    file.write_text(file.read_text().replace("from=<bounce+", "from=<returns+") + line(keys, 2))
    log, secret = relay_log(folder, "relay"), b"the next secret, of 32 bytes or so"
    made.clock.go(GRACE)
    assert reconcile(made.db, log, Keys(secret), made.clock.now) == ReconcileReport(open=1)
    rotated = Keys(secret, (RetiredSecret(keys.secret, now),))
    assert reconcile(made.db, log, rotated, made.clock.now) == ReconcileReport(accepted=1)


async def test_reconcile_reads_rotated_logs_and_ignores_forgeries(
    folder: Path, tmp_path: Path, sqlite_url: str, now: datetime
) -> None:
    made, _ = await between_two(folder, tmp_path, sqlite_url, now)
    made.clock.go(GRACE)
    file = folder / "mail.log"
    whole = file.read_text().splitlines(keepends=True)[:2], file.read_text().splitlines(keepends=True)[2:]
    forged = [line(Keys(b"another secret of 32 bytes or so!"), key) for key in (1, 9)]
    file.write_text("".join([*forged, "\n", "x" * 200_000, "\n"]))
    assert reconcile(made.db, relay_log(folder, "relay"), made.app.keys, made.clock.now) == ReconcileReport(open=1)
    with gzip.open(folder / "mail.log.2.gz", "wt") as old:
        old.writelines(whole[0])
    (folder / "mail.log.1").write_text("".join(whole[1]))
    assert reconcile(made.db, relay_log(folder, "relay"), made.app.keys, made.clock.now) == ReconcileReport(not_sent=1)


async def test_reconcile_reports_an_unreadable_log(
    folder: Path, tmp_path: Path, sqlite_url: str, now: datetime
) -> None:
    made = planned(tmp_path / "install", sqlite_url, now, "")
    die_before_the_dot_leaves(made, "relay")
    with pytest.raises(BadSetting, match=r"DIGESTD_RELAY_LOG: cannot read .*no such file"):
        reconcile(made.db, relay_log(folder, "relay"), made.app.keys, made.clock.now)
    settings = made.app.settings.model_copy(update={"relay_log": str(folder / "none"), "on_uncertain": "resend"})
    made.clock.go(PATIENCE)
    settle_uncertain(replace(made.app, settings=settings), made.clock.now)
    assert made.states == {State.READY: READERS}


async def test_resend_policy_reuses_the_message_id(tmp_path: Path, database_url: str, now: datetime) -> None:
    made = planned(tmp_path / "install", database_url, now, f"maildir:{tmp_path / 'outbox'}")
    fates = made.states_by_message_id
    await made.deliver()
    SentInstall(made).lose_the_answer(1)
    made.clock.go(PATIENCE - MINUTE)
    assert resend_uncertain(made.db, made.clock.now) == 0
    made.clock.go(MINUTE)
    assert resend_uncertain(made.db, made.clock.now) == 1
    assert (await made.deliver()).accepted == 1
    assert made.states_by_message_id.keys() == fates.keys()
    assert made.broken == {}


async def between_two(folder: Path, tmp_path: Path, url: str, now: datetime) -> tuple[Install, Keys]:
    """Return a mail that was never sent, and a log.

    The log has one mail before and one after it.
    """
    made = planned(tmp_path / "install", url, now, f"maildir:{tmp_path / 'outbox'}")
    await made.deliver(limit=1)
    made.clock.go(MINUTE)
    assert die_before_the_dot_leaves(made, "relay") == 2
    made.clock.go(MINUTE)
    await made.deliver(limit=1)
    with made.db.write() as session:
        session.connection().exec_driver_sql("UPDATE delivery SET relay = 'relay'")
    (folder / "mail.log").write_text(lines(made, 1) + "noise\n" + lines(made, 3))
    return made, made.app.keys


def lines(made: Install, delivery: int) -> str:
    """Return the log lines of Postfix for a mail of the ledger that it queued."""
    with made.db.read() as session:
        entry = queries.entry(session, delivery)
    assert entry is not None
    named = f"Nov 24 07:00:01 mx postfix/cleanup[9]: 4FZq1h2Xyz: message-id={entry.message_id}\n"
    return named + line(made.app.keys, delivery)


def line(keys: Keys, delivery: int) -> str:
    """Return the log line of Postfix for a mail that it queued."""
    path = make_envelope_from(keys, delivery, 1, BOUNCE)
    return f"Nov 24 07:00:01 mx postfix/qmgr[8]: 4FZq1h2Xyz: from=<{path}>, size=48211, nrcpt=1 (queue active)\n"


def wait_for(running: Postfix, count: int) -> None:
    for _ in range(1_200):
        if sum(len(running.mails(address)) for address in BOXES) >= count:
            return
        time.sleep(0.1)
    raise AssertionError(running.log)


def test_unreadable_log_is_reported_at_start(on_file: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "mail.log"
    for name, value in on_file.environment(DIGESTD_RELAY_LOG=str(log)).items():
        monkeypatch.setenv(name, value)
    refused = CliRunner().invoke(app, ["config", "check"])
    assert isinstance(refused.exception, BadSetting)
    assert f"DIGESTD_RELAY_LOG: cannot read {log}" in str(refused.exception)
    log.write_text("Nov 24 07:00:01 mx postfix/qmgr[7]: started\n")
    assert CliRunner().invoke(app, ["config", "check"]).exit_code == 0
