"""A delivery in the ledger: claim, commit point, record, recover, release."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from digestd.domain.delivery import MailKind, Outcome, State, SuppressionReason
from digestd.domain.subscriber import Status
from digestd.security.addresses import address_key
from digestd.store import ledger as store
from digestd.store import personal_data, subscribers, suppressions
from digestd.store.ledger import queries
from digestd.store.ledger.claim_queue import ClaimResult
from digestd.store.ledger.commit_point import CommitDecision
from digestd.store.ledger.create import Notice
from digestd.store.ledger.results import AttemptResult
from digestd.store.ledger.settlement import Recovered, owners, recover, release
from tests.store.rows import KEYS, Ledger

LATE = timedelta(hours=19)


def accepted_results(claimed: ClaimResult, owner: str = "w1") -> list[AttemptResult]:
    """Return a 250 reply for each claim."""
    return [
        AttemptResult(c.key, c.attempt, owner, State.ACCEPTED, Outcome.ACCEPTED, 250, "2.0.0 ok", "ABC123")
        for c in claimed.claims
    ]


def results_for(
    claimed: ClaimResult, state: State, outcome: Outcome, owner: str = "w1", **more: object
) -> list[AttemptResult]:
    """Return the same result for each claim."""
    return [AttemptResult(c.key, c.attempt, owner, state, outcome, **more) for c in claimed.claims]  # type: ignore[arg-type]


def test_delivery_goes_from_ready_to_accepted(ledger: Ledger) -> None:
    ledger.add_ready(2)
    claimed = ledger.claim()
    assert ledger.states == ["leased", "leased"]
    assert ledger.commit(claimed) == [CommitDecision.OK, CommitDecision.OK]
    assert ledger.states == ["final_dot", "final_dot"]
    assert ledger.record(*accepted_results(claimed)) == 2
    assert ledger.states == ["accepted", "accepted"]
    assert ledger.outcomes == [(1, "accepted", "reply")] * 2
    assert ledger.violations() == {}


def test_claim_skips_empty_digests(ledger: Ledger) -> None:
    ledger.plan_digests(ledger.add_subscribers(1), picks=())
    assert ledger.states == ["empty"]
    assert ledger.claim().nothing
    assert ledger.violations() == {}


def test_claim_gives_each_delivery_to_one_worker(ledger: Ledger) -> None:
    ledger.add_ready(3)
    first, second = ledger.claim("w1", 2), ledger.claim("w2", 2)
    assert {c.key for c in first.claims} & {c.key for c in second.claims} == set()
    assert (len(first.claims), len(second.claims), ledger.claim("w3").nothing) == (2, 1, True)


def test_claim_passes_over_a_row_the_database_refuses(ledger: Ledger) -> None:
    ledger.add_ready(5)
    if ledger.db.is_sqlite:
        ledger.sql(
            "CREATE TRIGGER refuse BEFORE UPDATE ON delivery WHEN new.id = 2 AND new.state = 'leased' "
            "BEGIN SELECT RAISE(ABORT, 'invented'); END"
        )
    else:
        ledger.sql("ALTER TABLE delivery ADD CONSTRAINT refuse CHECK (id <> 2 OR state <> 'leased')")
    try:
        assert [one.key for one in ledger.claim().claims] == [1, 3, 4, 5]
        assert ledger.claim("w2").nothing
    finally:
        ledger.sql("DROP TRIGGER refuse" if ledger.db.is_sqlite else "ALTER TABLE delivery DROP CONSTRAINT refuse")
    assert [one.key for one in ledger.claim("w2").claims] == [2]


def test_claim_passes_over_a_batch_the_database_refuses(ledger: Ledger) -> None:
    ledger.add_ready(6)
    if ledger.db.is_sqlite:
        ledger.sql(
            "CREATE TRIGGER refuse BEFORE UPDATE ON delivery WHEN new.id < 5 AND new.state = 'leased' "
            "BEGIN SELECT RAISE(ABORT, 'invented'); END"
        )
    else:
        ledger.sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
            "IF new.id < 5 AND new.state = ''leased'' THEN RAISE EXCEPTION ''invented''; END IF; RETURN new; END'"
        )
        ledger.sql("CREATE TRIGGER refuse BEFORE UPDATE ON delivery FOR EACH ROW EXECUTE FUNCTION refuse()")
    try:
        assert [one.key for one in ledger.claim(limit=2).claims] == [5, 6]
        assert ledger.claim("w2", limit=2).nothing
    finally:
        ledger.sql("DROP TRIGGER refuse" if ledger.db.is_sqlite else "DROP FUNCTION refuse CASCADE")


@pytest.mark.parametrize("damage", ["history = 'rpzzzzzzzzzzzzz'", "picks = 5", "picks = :deep", "coverage = :deep"])
def test_claim_leases_a_digest_with_damaged_details(ledger: Ledger, damage: str) -> None:
    """What the mail says is checked when it is composed, where it ends no other."""
    ledger.add_ready(3)
    if not (ledger.db.is_sqlite or damage.startswith("history")):
        pytest.skip("PostgreSQL checks types")
    ledger.sql(f"UPDATE delivery SET {damage} WHERE id = 2", **({"deep": b"[" * 100_000} if "deep" in damage else {}))
    assert [one.key for one in ledger.claim().claims] == [1, 2, 3]


@pytest.mark.parametrize("column", ["attempts", "expires_us"])
def test_claim_skips_an_unreadable_row_only(ledger: Ledger, column: str) -> None:
    if not ledger.db.is_sqlite:
        pytest.skip("PostgreSQL checks types")
    ledger.add_ready(3)
    ledger.sql("PRAGMA ignore_check_constraints = ON")
    ledger.sql(f"UPDATE delivery SET {column} = 'much' WHERE id = 2")
    claimed = ledger.claim()
    assert ([one.key for one in claimed.claims], claimed.skipped) == ([1, 3], 1)
    assert ledger.states == ["leased", "skipped", "leased"]


def test_plan_refuses_second_digest_for_one_period(ledger: Ledger) -> None:
    who = ledger.add_ready(1)
    ledger.sql("UPDATE delivery SET message_id = '<other@example.org>'")
    with pytest.raises(IntegrityError):
        ledger.plan_digests(who, picks=(7,))


def test_claim_waits_until_a_deferred_delivery_is_due(ledger: Ledger) -> None:
    ledger.add_ready(1)
    claimed = ledger.claim()
    later = results_for(claimed, State.READY, Outcome.TEMP, code=451, text="4.2.0 later", wait=timedelta(minutes=5))
    ledger.record(*later)
    assert ledger.claim(later=timedelta(minutes=4, seconds=59)).nothing
    again = ledger.claim(later=timedelta(minutes=5))
    assert [(c.attempt, c.dated_us) for c in again.claims] == [(2, claimed.claims[0].dated_us)]
    assert ledger.violations() == {}


def test_the_next_attempt_keeps_the_earlier_one(ledger: Ledger) -> None:
    ledger.add_ready(1)
    ledger.record(*results_for(ledger.claim(), State.READY, Outcome.TEMP, code=451, text="4.2.0 later", relay="mx"))
    again = ledger.claim("w2", later=timedelta(seconds=1))
    earlier = (1, "closed", "temp", "451 4.2.0 later", "mx")
    assert _attempts(ledger) == [earlier, (2, "open", None, None, None)]
    ledger.commit(again, "w2")
    assert _attempts(ledger) == [earlier, (2, "final_dot", None, None, None)]
    ledger.record(*accepted_results(again, "w2"))
    assert _attempts(ledger) == [earlier, (2, "closed", "accepted", "250 2.0.0 ok", None)]
    assert ledger.violations() == {}


def _attempts(ledger: Ledger) -> list[tuple[object, ...]]:
    with ledger.db.read() as session:
        return [(a.n, a.phase, a.outcome, a.reply, a.relay) for a in queries.attempts(session, 1)]


def test_fenced_worker_changes_nothing(ledger: Ledger) -> None:
    ledger.add_ready(1)
    zombie = ledger.claim("w1")
    with ledger.db.write() as session:
        assert recover(session, "w1", ledger.now) == Recovered(1, 0)
    living = ledger.claim("w2")
    before = ledger.outcomes
    assert ledger.commit(zombie, "w1") == [CommitDecision.FENCED]
    assert ledger.commit(living, "w1") == [CommitDecision.FENCED]
    assert ledger.record(*accepted_results(zombie, "w1")) == 0
    assert ledger.record(*accepted_results(living, "w1")) == 0
    assert (ledger.outcomes, ledger.states) == (before, ["leased"])
    assert ledger.commit(living, "w2") == [CommitDecision.OK]
    assert ledger.record(*accepted_results(living, "w2")) == 1
    assert ledger.violations() == {}


def test_record_accepts_late_250_of_the_same_attempt(ledger: Ledger) -> None:
    ledger.add_ready(1)
    claimed = ledger.claim()
    ledger.commit(claimed)
    with ledger.db.write() as session:
        assert recover(session, "w1", ledger.now) == Recovered(0, 1)
    assert ledger.states == ["uncertain"]
    assert ledger.violations() == {}
    assert ledger.record(*accepted_results(claimed)) == 1
    assert (ledger.states, ledger.outcomes) == (["accepted"], [(1, "accepted", "late_reply")])
    assert ledger.violations() == {}


def test_record_ignores_late_250_of_another_worker_or_attempt(ledger: Ledger) -> None:
    ledger.add_ready(1)
    claimed = ledger.claim()
    ledger.commit(claimed)
    with ledger.db.write() as session:
        recover(session, "w1", ledger.now)
    [result] = accepted_results(claimed)
    other = AttemptResult(result.delivery, 2, "w1", State.ACCEPTED, Outcome.ACCEPTED, 250)
    assert ledger.record(*accepted_results(claimed, "w2"), other) == 0
    assert ledger.states == ["uncertain"]


def test_claim_skips_uncertain_deliveries(ledger: Ledger) -> None:
    ledger.add_ready(1)
    claimed = ledger.claim()
    ledger.commit(claimed)
    ledger.record(*results_for(claimed, State.UNCERTAIN, Outcome.UNCERTAIN, reason="no answer"))
    assert ledger.claim(later=timedelta(days=30)).nothing
    assert ledger.violations() == {}


def test_recover_touches_only_the_dead_worker_and_is_idempotent(ledger: Ledger) -> None:
    ledger.add_ready(4)
    dead, alive = ledger.claim("dead", 2), ledger.claim("alive", 2)
    ledger.commit(ClaimResult(dead.claims[:1], 0, 0), "dead")
    with ledger.db.read() as session:
        assert owners(session) == ["alive", "dead"]
    for expected in (Recovered(1, 1), Recovered(0, 0)):
        with ledger.db.write() as session:
            assert recover(session, "dead", ledger.now) == expected
    assert sorted(ledger.states) == ["leased", "leased", "ready", "uncertain"]
    assert ledger.commit(alive, "alive") == [CommitDecision.OK] * 2
    assert ledger.violations() == {}


def test_release_returns_unsent_deliveries(ledger: Ledger) -> None:
    ledger.add_ready(3)
    claimed = ledger.claim()
    ledger.commit(ClaimResult(claimed.claims[:1], 0, 0))
    pairs = [(c.key, c.attempt) for c in claimed.claims]
    with ledger.db.write() as session:
        assert release(session, "w2", pairs, ledger.now) == 0
        assert release(session, "w1", pairs, ledger.now) == 2
    assert sorted(ledger.states) == ["final_dot", "ready", "ready"]
    assert ledger.violations() == {}


@pytest.mark.parametrize("status", [Status.UNSUBSCRIBED, Status.PAUSED])
@pytest.mark.parametrize("claimed_before", [False, True])
def test_inactive_subscriber_is_skipped(ledger: Ledger, status: Status, claimed_before: bool) -> None:
    [who] = ledger.add_ready(1)
    claimed = ledger.claim() if claimed_before else None
    ledger.change_status(who, status)
    if claimed is None:
        assert ledger.claim().skipped == 1
    else:
        assert ledger.commit(claimed) == [CommitDecision.GONE]
    assert (ledger.states, ledger.seen_papers(who)) == (["skipped"], [])
    assert ledger.violations() == {}


def test_commit_point_refuses_an_older_consent_version(ledger: Ledger) -> None:
    [who] = ledger.add_ready(1)
    claimed = ledger.claim()
    ledger.change_status(who, Status.PAUSED)
    ledger.change_status(who, Status.ACTIVE)
    assert ledger.commit(claimed) == [CommitDecision.GONE]
    assert ledger.violations() == {}


def test_commit_point_refuses_a_suppressed_address(ledger: Ledger) -> None:
    ledger.add_ready(1)
    claimed = ledger.claim()
    with ledger.db.write() as session:
        key = address_key(KEYS, "s0@example.net")
        suppressions.suppress(session, key, SuppressionReason.COMPLAINT, ledger.now)
    assert ledger.commit(claimed) == [CommitDecision.GONE]
    assert ledger.violations() == {}


@pytest.mark.parametrize("claimed_before", [False, True])
def test_delivery_expires_when_too_late(ledger: Ledger, claimed_before: bool) -> None:
    [who] = ledger.add_ready(1)
    if claimed_before:
        assert ledger.commit(ledger.claim(), later=LATE) == [CommitDecision.EXPIRED]
    else:
        assert ledger.claim(later=LATE).expired == 1
    assert (ledger.states, ledger.seen_papers(who)) == (["expired"], [])
    assert ledger.violations() == {}


def test_commit_point_refuses_a_lease_about_to_end(ledger: Ledger) -> None:
    ledger.add_ready(1)
    claimed = ledger.claim()
    assert ledger.commit(claimed, later=timedelta(minutes=35)) == [CommitDecision.FENCED]
    assert ledger.states == ["leased"]


@pytest.mark.parametrize("gated", [False, True])
def test_rejected_digest_returns_its_papers(ledger: Ledger, gated: bool) -> None:
    [who] = ledger.add_ready(1)
    ledger.plan_digests([who], picks=(7, 8), key="2026-11-25")
    claimed = ledger.claim(limit=1)
    if gated:
        ledger.commit(claimed)
    ledger.record(*results_for(claimed, State.REJECTED, Outcome.PERM, code=550, text="5.1.1 who?", reason="rcpt: 550"))
    assert ledger.seen_papers(who) == [7, 8]
    assert ledger.violations() == {}


def test_pending_subscriber_gets_confirmation_but_no_digest(ledger: Ledger) -> None:
    [who] = ledger.add_subscribers(1, Status.PENDING)
    ledger.plan_digests([who])
    notice = Notice(who, MailKind.CONFIRM, "1", 1, ledger.now + timedelta(days=2))
    with ledger.db.write() as session:
        assert store.plan_notice(session, notice, "<c@example.org>", ledger.now)
        assert not store.plan_notice(session, notice, "<c@example.org>", ledger.now)
    claimed = ledger.claim()
    assert ([c.kind for c in claimed.claims], claimed.skipped) == ([MailKind.CONFIRM], 1)
    assert ledger.commit(claimed) == [CommitDecision.OK]
    ledger.record(*accepted_results(claimed))
    assert ledger.violations() == {}


def test_erase_keeps_ledger_invariants(ledger: Ledger) -> None:
    [who, other] = ledger.add_ready(2)
    claimed = ledger.claim()
    ledger.commit(ClaimResult(tuple(c for c in claimed.claims if c.subscriber == other), 0, 0))
    with ledger.db.write() as session:
        for subscriber in (who, other):
            suppressions.record(
                session, subscribers.address_key_of(session, subscriber), SuppressionReason.ERASED, ledger.now
            )
            personal_data.erase(session, subscriber, ledger.now)
    assert ledger.commit(ClaimResult(tuple(c for c in claimed.claims if c.subscriber == who), 0, 0)) == [
        CommitDecision.GONE
    ]
    theirs = ClaimResult(tuple(claim for claim in claimed.claims if claim.subscriber == other), 0, 0)
    assert ledger.record(*accepted_results(theirs)) == 1
    assert sorted(ledger.states) == ["accepted", "skipped"]
    assert ledger.violations() == {}
