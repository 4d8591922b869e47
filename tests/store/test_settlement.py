"""Settlement of uncertain deliveries: once, by evidence, after the grace period."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from digestd.delivery.bounces import judge_refusals
from digestd.domain.bounce import BounceKind
from digestd.domain.delivery import Actor, Evidence, Outcome, Settlement, State, SuppressionReason
from digestd.domain.subscriber import Status
from digestd.store import bounces, core, suppressions
from digestd.store.ledger.results import AttemptResult
from digestd.store.ledger.settlement import GRACE, SettlementProof, settle
from digestd.store.subscribers import address_key_of, by_key
from tests.store.rows import Ledger

PROOF = SettlementProof(Evidence.OPERATOR, Actor.OPERATOR, "the relay's log has it")


def uncertain(ledger: Ledger) -> None:
    """Create one delivery whose answer was lost."""
    ledger.add_ready(1)
    claimed = ledger.claim()
    ledger.commit(claimed)
    ledger.record(AttemptResult(1, 1, "w1", State.UNCERTAIN, Outcome.UNCERTAIN, reason="no answer to the dot"))


def settled(ledger: Ledger, how: Settlement, later: timedelta = GRACE) -> bool:
    with ledger.db.write() as session:
        return settle(session, 1, how, PROOF, ledger.now + later)


@pytest.mark.parametrize(
    ("how", "state", "outcome"),
    [
        (Settlement.ACCEPTED, "accepted", ("accepted", "operator")),
        (Settlement.NOT_SENT, "ready", ("not_sent", "operator")),
        (Settlement.ABANDONED, "abandoned", ("uncertain", None)),
    ],
)
def test_settle_accepts_one_settlement(
    ledger: Ledger, how: Settlement, state: str, outcome: tuple[str, str | None]
) -> None:
    uncertain(ledger)
    assert settled(ledger, how)
    assert ledger.states == [state]
    assert ledger.outcomes == [(1, *outcome)]
    assert not settled(ledger, Settlement.ACCEPTED)
    assert ledger.states == [state]
    assert ledger.violations() == {}


def test_settle_as_not_sent_allows_the_next_attempt(ledger: Ledger) -> None:
    uncertain(ledger)
    assert settled(ledger, Settlement.NOT_SENT)
    (claim,) = ledger.claim(later=GRACE).claims
    assert claim.attempt == 2


def test_settle_as_not_sent_waits_for_the_grace_period(ledger: Ledger) -> None:
    uncertain(ledger)
    assert not settled(ledger, Settlement.NOT_SENT, GRACE - timedelta(seconds=1))
    assert settled(ledger, Settlement.ACCEPTED, timedelta(0))


def test_settle_as_abandoned_returns_papers(ledger: Ledger) -> None:
    uncertain(ledger)
    assert ledger.seen_papers(1) == [1, 2, 3]
    assert settled(ledger, Settlement.ABANDONED)
    assert ledger.seen_papers(1) == []


@pytest.mark.parametrize("how", list(Settlement))
def test_settle_refuses_a_delivery_that_is_not_uncertain(ledger: Ledger, how: Settlement) -> None:
    ledger.add_ready(1)
    assert not settled(ledger, how)


@pytest.mark.parametrize(
    ("how", "done", "state"),
    [
        (Settlement.NOT_SENT, True, "ready"),
        (Settlement.ABANDONED, True, "abandoned"),
        (Settlement.ACCEPTED, False, "poisoned"),
    ],
)
def test_settle_resumes_or_abandons_a_poisoned_delivery(
    ledger: Ledger, how: Settlement, done: bool, state: str
) -> None:
    ledger.add_ready(1)
    ledger.claim()
    ledger.record(AttemptResult(1, 1, "w1", State.POISONED, Outcome.NOT_SENT, reason="cannot be composed"))
    assert settled(ledger, how) is done
    assert ledger.states == [state]
    assert ledger.violations() == {}


# Replies that count as bounces


def refused(ledger: Ledger, code: int, text: str) -> None:
    """Refuse the first of two mails for good, and judge it."""
    ledger.add_ready(2)
    ledger.commit(ledger.claim())
    accepted = AttemptResult(2, 1, "w1", State.ACCEPTED, Outcome.ACCEPTED, code=250, relay="relay")
    refusal = AttemptResult(1, 1, "w1", State.READY, Outcome.PERM, code, text, reason=f"dot: {code}", relay="relay")
    ledger.record(accepted, refusal)
    with ledger.db.write() as session:
        judge_refusals(session, [refusal], ledger.now)


@pytest.mark.parametrize(
    ("code", "text", "kind", "suppressed"),
    [
        (550, "5.1.1 <s0@example.net>: no such user", BounceKind.HARD, True),
        (550, "5.1.2 no such domain", BounceKind.HARD, True),
        (550, "No such user here", BounceKind.HARD, True),
        (552, "5.2.2 mailbox full", BounceKind.SOFT, False),
        (550, "5.7.1 relaying denied", BounceKind.POLICY, False),
        (554, "Message rejected as spam", BounceKind.POLICY, False),
    ],
)
def test_permanent_smtp_refusal_is_a_bounce(
    ledger: Ledger, code: int, text: str, kind: BounceKind, suppressed: bool
) -> None:
    refused(ledger, code, text)
    with ledger.db.read() as session:
        (bounce,) = bounces.of_delivery(session, 1)
        reason = suppressions.reason_for(session, address_key_of(session, 1))
        known = by_key(session, 1)
    assert (bounce.kind, bounce.via, bounce.attempt) == (kind, "reply", 1)
    assert reason == (SuppressionReason.HARD_BOUNCE if suppressed else None)
    assert known is not None
    assert known.status is (Status.SUPPRESSED if suppressed else Status.ACTIVE)
    assert ledger.violations() == {}


def test_temporary_smtp_refusal_is_no_bounce(ledger: Ledger) -> None:
    ledger.add_ready(1)
    ledger.claim()
    ledger.record(AttemptResult(1, 1, "w1", State.READY, Outcome.TEMP, code=450, text="4.2.2 mailbox full"))
    with ledger.db.read() as session:
        assert session.connection().execute(select(core.bounce)).all() == []
