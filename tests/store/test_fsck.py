"""fsck: accepts a valid ledger and finds a violation of each invariant."""

from datetime import timedelta
from importlib import import_module

import pytest

from digestd.domain.delivery import Outcome, State
from digestd.domain.subscriber import Status
from digestd.store.fsck import INVARIANTS
from digestd.store.ledger.claim_queue import ClaimResult
from digestd.store.ledger.results import AttemptResult
from digestd.store.ledger.settlement import recover
from tests.store.rows import Ledger

TABLES = (
    "subscriber",
    "consent_event",
    "suppression",
    "due_audit",
    "delivery",
    "earlier_attempt",
    "seen_papers",
    "interest",
)

INITIAL = import_module("digestd.store.migrations.versions.0001_initial")
# Delivery n belongs to subscriber n.
ACCEPTED, READY, LEASED, DOT, UNCERTAIN, EMPTY, SKIPPED, REJECTED = range(1, 9)


@pytest.fixture
def valid_ledger(ledger: Ledger) -> Ledger:
    """Return a valid ledger with deliveries in most states."""
    who = ledger.add_subscribers(8)
    ledger.plan_digests([n for n in who if n != EMPTY])
    ledger.plan_digests([EMPTY], picks=())
    ledger.sql("UPDATE delivery SET id = id + 100")
    ledger.sql("UPDATE delivery SET id = subscriber_id")
    ledger.change_status(SKIPPED, Status.UNSUBSCRIBED)
    ledger.sql(f"UPDATE delivery SET not_before_us = not_before_us + 1000000 WHERE id = {READY}")
    claims = {c.key: c for c in ledger.claim("w1").claims}
    ledger.commit(ClaimResult(tuple(claims[n] for n in (ACCEPTED, DOT, UNCERTAIN)), 0, 0), "w1")
    ledger.record(
        AttemptResult(ACCEPTED, 1, "w1", State.ACCEPTED, Outcome.ACCEPTED, 250, "ok"),
        AttemptResult(UNCERTAIN, 1, "w1", State.UNCERTAIN, Outcome.UNCERTAIN, reason="no answer"),
        AttemptResult(REJECTED, 1, "w1", State.REJECTED, Outcome.PERM, 550, "no", reason="rcpt: 550"),
    )
    return ledger


@pytest.fixture
def unconstrained_ledger(valid_ledger: Ledger) -> Ledger:
    """Return the same rows in tables without constraints, indexes and triggers."""
    valid_ledger.sql("DROP VIEW attempt")
    for table in TABLES:
        cascade = "" if valid_ledger.db.is_sqlite else " CASCADE"
        valid_ledger.sql(f"CREATE TABLE unconstrained AS SELECT * FROM {table}")
        if valid_ledger.db.is_sqlite:
            with valid_ledger.db.engine.connect() as connection:
                connection.exec_driver_sql("ROLLBACK")
                connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
                connection.exec_driver_sql(f"DROP TABLE {table}")
        else:
            valid_ledger.sql(f"DROP TABLE {table}{cascade}")
        valid_ledger.sql(f"ALTER TABLE unconstrained RENAME TO {table}")
    valid_ledger.sql(INITIAL.ATTEMPT)
    assert valid_ledger.violations() == {}
    return valid_ledger


def test_fsck_has_every_invariant() -> None:
    assert sorted(INVARIANTS) == ["D1", *(f"I{n:02}" for n in range(1, 22)), "J1", "J2", "L1", "L2", "L3"]


def test_fsck_accepts_a_new_database(ledger: Ledger) -> None:
    assert ledger.violations() == {}


def test_fsck_accepts_a_valid_ledger(valid_ledger: Ledger) -> None:
    assert valid_ledger.states == [
        "accepted",
        "ready",
        "leased",
        "final_dot",
        "uncertain",
        "empty",
        "skipped",
        "rejected",
    ]
    assert valid_ledger.violations() == {}
    with valid_ledger.db.write() as session:
        recover(session, "w1", valid_ledger.now)
    assert valid_ledger.violations() == {}


def _copy(table: str, where: str, change: str) -> tuple[str, ...]:
    return (
        f"CREATE TABLE extra AS SELECT * FROM {table} WHERE {where}",
        f"UPDATE extra SET {change}",
        f"INSERT INTO {table} SELECT * FROM extra",
        "DROP TABLE extra",
    )


def _earlier(delivery: int, outcome: str | None, n: int = 1) -> str:
    ended = "NULL" if outcome is None else f"'{outcome}'"
    return (
        "INSERT INTO earlier_attempt (delivery_id, n, owner, outcome, opened_us, closed_us) "
        f"VALUES ({delivery}, {n}, 'w1', {ended}, 1, 1)"
    )


VIOLATIONS: list[tuple[str, tuple[str, ...]]] = [
    ("I01", _copy("delivery", f"id = {EMPTY}", "id = 99")),
    ("I02", (f"UPDATE delivery SET outcome = 'not_sent' WHERE id = {ACCEPTED}",)),
    ("I02", (f"UPDATE delivery SET outcome = 'accepted' WHERE id = {REJECTED}",)),
    ("I02", (_earlier(ACCEPTED, "accepted"),)),
    ("I03", (_earlier(ACCEPTED, "accepted"),)),
    ("I03", (_earlier(UNCERTAIN, "uncertain"),)),
    ("I04", (f"UPDATE delivery SET outcome = 'not_sent' WHERE id = {UNCERTAIN}",)),
    ("I04", (f"UPDATE delivery SET outcome = 'uncertain' WHERE id = {REJECTED}",)),
    ("I05", (f"UPDATE delivery SET outcome = 'temp' WHERE id = {LEASED}",)),
    ("I05", (f"UPDATE delivery SET outcome = NULL WHERE id = {REJECTED}",)),
    ("I05", (f"UPDATE delivery SET opened_us = NULL WHERE id = {LEASED}",)),
    ("I05", (_earlier(LEASED, None),)),
    ("I06", (f"UPDATE delivery SET final_dot_us = NULL WHERE id = {DOT}",)),
    ("I06", (f"UPDATE delivery SET final_dot_us = 1 WHERE id = {LEASED}",)),
    ("I07", (f"UPDATE delivery SET attempts = 2 WHERE id = {ACCEPTED}",)),
    ("I07", (f"UPDATE delivery SET attempts = 1 WHERE id = {READY}",)),
    ("I07", (_earlier(LEASED, "temp"),)),
    ("I07", (f"UPDATE delivery SET attempts = 2 WHERE id = {LEASED}", _earlier(LEASED, "temp", n=3))),
    ("I08", (f"UPDATE consent_event SET status = 'pending' WHERE subscriber_id = {ACCEPTED}",)),
    ("I08", (f"DELETE FROM consent_event WHERE subscriber_id = {UNCERTAIN}",)),
    ("I09", (f"UPDATE delivery SET checked_version = 2 WHERE id = {ACCEPTED}",)),
    ("I09", (f"UPDATE delivery SET checked_version = NULL WHERE id = {DOT}",)),
    (
        "I10",
        (
            *_copy("consent_event", f"subscriber_id = {ACCEPTED}", "version = 2, status = 'unsubscribed'"),
            f"UPDATE delivery SET final_dot_us = final_dot_us + 1 WHERE id = {ACCEPTED}",
        ),
    ),
    ("I11", (f"UPDATE subscriber SET status = 'paused' WHERE id = {READY}",)),
    ("I11", (f"UPDATE subscriber SET version = 2 WHERE id = {READY}",)),
    ("I12", (f"INSERT INTO suppression SELECT address_key, 'complaint', 1 FROM subscriber WHERE id = {READY}",)),
    ("I13", (f"UPDATE delivery SET state = 'skipped' WHERE id = {REJECTED}",)),
    ("I14", (f"UPDATE delivery SET state = 'ready' WHERE id = {REJECTED}",)),
    ("I14", (f"DELETE FROM seen_papers WHERE subscriber_id = {ACCEPTED}",)),
    ("I14", _copy("delivery", f"id = {ACCEPTED}", "id = 99, key = '2026-11-23'")),
    ("I15", (f"UPDATE delivery SET state = 'empty' WHERE id = {READY}",)),
    ("I15", (f"UPDATE delivery SET state = 'ready' WHERE id = {EMPTY}",)),
    ("I16", (f"UPDATE delivery SET history = '' WHERE id = {READY}",)),
    ("I16", (f"UPDATE delivery SET state = 'poisoned' WHERE id = {READY}",)),
    ("I17", (f"UPDATE delivery SET history = history || 'dw0000000000001' WHERE id = {READY}",)),
    ("I17", (f"UPDATE delivery SET history = 'lw0000000000001' WHERE id = {READY}",)),
    ("I17", (f"UPDATE delivery SET history = history || 'zw0000000000001' WHERE id = {READY}",)),
    ("I17", (f"UPDATE delivery SET history = history || 'lw' WHERE id = {READY}",)),
    ("I18", (f"UPDATE delivery SET history = history || 'rw0000000000001' WHERE id = {ACCEPTED}",)),
    ("I18", (f"UPDATE delivery SET history = history || 'aw0000000000001' WHERE id = {SKIPPED}",)),
    ("I19", (f"UPDATE subscriber SET status = 'erased' WHERE id = {READY}",)),
    ("I19", (f"UPDATE subscriber SET status = 'erased', address = NULL, name = 'Ada' WHERE id = {EMPTY}",)),
    ("I20", (f"DELETE FROM delivery WHERE id = {READY}",)),
    ("I20", (f"UPDATE delivery SET key = '2026-11-23' WHERE id = {READY}",)),
    ("I20", (f"UPDATE delivery SET audit_id = NULL WHERE id = {EMPTY}",)),
    ("I21", (f"UPDATE subscriber SET timezone = 'Mars/Phobos' WHERE id = {READY}",)),
]


def test_fsck_finds_each_violation(unconstrained_ledger: Ledger) -> None:
    for table in TABLES:
        unconstrained_ledger.sql(f"CREATE TABLE sound_{table} AS SELECT * FROM {table}")
    missed = []
    for name, statements in VIOLATIONS:
        for statement in statements:
            unconstrained_ledger.sql(statement)
        if name not in unconstrained_ledger.violations():
            missed.append((name, statements))
        for table in TABLES:
            unconstrained_ledger.sql(f"DELETE FROM {table}")
            unconstrained_ledger.sql(f"INSERT INTO {table} SELECT * FROM sound_{table}")
    assert not missed
    assert unconstrained_ledger.violations() == {}


def test_every_invariant_has_a_violation_case() -> None:
    assert sorted({name for name, _ in VIOLATIONS}) == [name for name in sorted(INVARIANTS) if name.startswith("I")]


@pytest.mark.parametrize(
    ("name", "sound", "broken"),
    [("L1", timedelta(minutes=54), timedelta(minutes=56)),
     ("L2", timedelta(hours=18, minutes=9), timedelta(hours=18, minutes=11)),
     ("L3", timedelta(hours=23, minutes=59), timedelta(hours=24, minutes=1))],
)  # fmt: skip
def test_fsck_finds_stalled_deliveries(valid_ledger: Ledger, name: str, sound: timedelta, broken: timedelta) -> None:
    assert name not in valid_ledger.violations(sound)
    assert name in valid_ledger.violations(broken)


def test_fsck_accepts_paper_numbers_above_32_bits(ledger: Ledger) -> None:
    ledger.plan_digests(ledger.add_subscribers(1), picks=(2**32 - 1, 2**31))
    assert ledger.seen_papers(1) == [2**31, 2**32 - 1]
    assert ledger.violations() == {}
