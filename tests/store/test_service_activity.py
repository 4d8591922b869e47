"""Counts for operators: what was sent, what waits, who is due."""

from datetime import timedelta

from digestd.domain.bounce import Bounce, BounceKind
from digestd.domain.delivery import Outcome, State
from digestd.domain.subscriber import Status
from digestd.store import bounces, monitoring
from digestd.store.ledger.results import AttemptResult
from tests.store.rows import Ledger

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def send(ledger: Ledger, count: int, later: timedelta = timedelta()) -> None:
    """Send up to `count` ready mails."""
    claimed = ledger.claim(limit=count, later=later)
    ledger.commit(claimed, later=later)
    ledger.record(
        *(AttemptResult(c.key, c.attempt, "w1", State.ACCEPTED, Outcome.ACCEPTED, 250) for c in claimed.claims),
        later=later,
    )


def test_sent_mails_are_counted_by_hour(ledger: Ledger) -> None:
    ledger.add_ready(5)
    send(ledger, 2)
    send(ledger, 3, later=HOUR)
    with ledger.db.read() as session:
        found = monitoring.sent_per_hour(session, ledger.now - DAY)
        assert monitoring.count_sent(session, ledger.now + HOUR / 2) == 3
        digests = monitoring.digests_due_since(session, ledger.now - DAY)
        assert monitoring.digests_due_since(session, ledger.now + DAY)[State.ACCEPTED] == 0
    assert found == {ledger.now: 2, ledger.now + HOUR: 3}
    assert digests[State.ACCEPTED] == 5


def test_bisection_finds_first_recent_delivery_across_gaps(ledger: Ledger) -> None:
    ledger.add_ready(9)
    for number in range(1, 10):
        due = int((ledger.now + number * HOUR).timestamp() * 1e6)
        ledger.sql("UPDATE delivery SET due_us = :due, expires_us = :due + 1 WHERE id = :id", due=due, id=number)
    ledger.sql("UPDATE delivery SET id = id + 1000 WHERE id > 6")  # as after old rows were removed
    with ledger.db.read() as session:
        firsts = [monitoring.first_delivery_since(session, ledger.now + hour * HOUR) for hour in (0, 3, 7, 20)]
    assert firsts == [1, 3, 7, 1010]


def test_waiting_mails_are_grouped_by_reply(ledger: Ledger) -> None:
    ledger.add_ready(4)
    claimed = ledger.claim(limit=1)
    [one] = claimed.claims
    ledger.record(AttemptResult(one.key, one.attempt, "w1", State.READY, Outcome.TEMP, 451, "greylisted", wait=HOUR))
    with ledger.db.read() as session:
        fresh, tried = monitoring.waiting(session)
    assert (fresh.mails, fresh.reply, fresh.last) == (3, "", ledger.now)
    assert (tried.mails, tried.reply, tried.first) == (1, "451 greylisted", ledger.now + HOUR)


def test_active_subscribers_change_by_day(ledger: Ledger) -> None:
    one, two, _ = ledger.add_subscribers(3)
    ledger.change_status(one, Status.UNSUBSCRIBED)
    ledger.change_status(two, Status.PAUSED)
    ledger.change_status(two, Status.ACTIVE)
    with ledger.db.read() as session:
        assert monitoring.active_changes_per_day(session, ledger.now - DAY) == {ledger.now.date(): 2}


def test_bounces_are_counted_by_day_and_kind(ledger: Ledger) -> None:
    with ledger.db.write() as session:
        for number, (kind, at) in enumerate(
            [(BounceKind.HARD, ledger.now), (BounceKind.SOFT, ledger.now), (BounceKind.HARD, ledger.now - DAY)]
        ):
            bounces.insert(session, Bounce(bytes([number] * 32), bytes(32), kind, "dsn", "5.1.1", None, None, at))
        found = monitoring.bounces_per_day(session, ledger.now - 2 * DAY)
    assert found == {
        (ledger.now - DAY).date(): {BounceKind.HARD: 1},
        ledger.now.date(): {BounceKind.HARD: 1, BounceKind.SOFT: 1},
    }


def test_due_times_count_active_subscribers(ledger: Ledger) -> None:
    who = ledger.add_subscribers(3)
    ledger.add_subscribers(1, Status.PENDING, first=10)
    for key, hours in zip(who, (-2, 5, 50), strict=True):
        due = int((ledger.now + hours * HOUR).timestamp() * 1e6)
        ledger.sql("UPDATE subscriber SET next_due_us = :due WHERE id = :id", due=due, id=key)
    with ledger.db.read() as session:
        found = monitoring.due_times(session, ledger.now, ledger.now + DAY)
    assert found == (1, 1, ledger.now - 2 * HOUR, ledger.now + 5 * HOUR)
