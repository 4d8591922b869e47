"""Random histories: after each step the ledger agrees with its model."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from digestd.domain.delivery import State
from digestd.domain.subscriber import Status
from digestd.store.database import Database
from tests.conftest import NOW
from tests.proof.fault_injection import scaled
from tests.proof.ledger_model import ALLOWED_COPIES, UNSENT_STATES, LedgerModel, MailInFlight
from tests.proof.snapshots import Restore, snapshot_database
from tests.store.rows import Ledger

STEPS = 50
SHARES = 4
EXAMPLES = 24
"""Per share; a long run has twenty times as many."""
DAY = timedelta(days=1)
WAITS = [timedelta(minutes=minutes) for minutes in (1, 1, 1, 6, 6, 21, 35, 50, 1_200)]
INACTIVE = [*[Status.PAUSED] * 4, *[Status.UNSUBSCRIBED] * 4, Status.ERASED]
"""Statuses for an active subscriber; inactive ones return."""
ANSWERS = [250, 250, 250, 451, 550]
RNG = st.integers(0, 2**32 - 1).map(Random)
"""Draw within a step evenly; Hypothesis alone prefers values for which little happens."""


class LedgerStateMachine(RuleBasedStateMachine):
    """Random histories of three subscribers, two workers and one relay."""

    db: Database
    restore: Restore
    visits: Counter[str]
    """Number of examples, and of examples in which a mail was in each state."""

    @initialize(rng=RNG)
    def start(self, rng: Random) -> None:
        self.restore()
        self.visited: set[str] = set()
        self.model = LedgerModel(Ledger(self.db, NOW))
        self.model.keys = self.model.ledger.add_subscribers(3)
        self._plan(rng)

    @precondition(lambda self: not (self.waiting or self.model.in_flight))
    @rule(rng=RNG)
    def next_day(self, rng: Random) -> None:
        self.model.advance(DAY)
        self._plan(rng)

    @rule(rng=RNG)
    def advance_clock(self, rng: Random) -> None:
        self.model.advance(rng.choice(WAITS))
        if rng.random() < 0.5:
            self.model.recover_overdue()
            self.model.expire()

    @precondition(lambda self: self.waiting or self.model.in_flight)
    @rule(rng=RNG)
    def claim_and_send(self, rng: Random) -> None:
        if self.waiting:
            self.model.claim(rng.randint(1, 2), rng.randint(1, 3))
        for _ in range(rng.randint(0, 4)):
            if self.model.in_flight:
                self._continue_mail(rng.choice(self.model.in_flight), rng)

    @precondition(lambda self: self.model.in_flight)
    @rule(rng=RNG)
    def recover_worker(self, rng: Random) -> None:
        self.model.recover(rng.randint(1, 2))

    @precondition(lambda self: self.unsettled)
    @rule(rng=RNG)
    def settle(self, rng: Random) -> None:
        self.model.settle(rng.choice(self.unsettled), give_up=rng.random() < 0.2)

    @rule(rng=RNG)
    def change_status(self, rng: Random) -> None:
        """Change the status of a subscriber, preferably of one about to be mailed."""
        readers = [self.model.rows[mail.claim.key].who for mail in self.model.in_flight if mail.committed_at is None]
        if rng.random() < 0.4:
            self.model.change_status(rng.choice(readers or self.model.keys), rng.choice(INACTIVE))

    @invariant()
    def ledger_agrees(self) -> None:
        assert self.model.states() == {key: row.state for key, row in self.model.rows.items()}
        for key, row in self.model.rows.items():
            assert self.model.copies[key] in ALLOWED_COPIES.get(row.state, {0}), row
            self.visited.add(str(row.state))

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        broken = {name: rows for name, rows in self.model.ledger.violations().items() if name.startswith("I")}
        assert broken == {}
        for who in self.model.keys:
            if self.model.subscriber(who).status is not Status.ERASED:
                held = [
                    row.papers for row in self.model.rows.values() if row.who == who and row.state not in UNSENT_STATES
                ]
                assert self.model.ledger.seen_papers(who) == sorted(frozenset().union(*held))
        self.visits.update(["examples", *self.visited])

    @property
    def waiting(self) -> bool:
        return any(row.state is State.READY for row in self.model.rows.values())

    @property
    def unsettled(self) -> list[int]:
        return [key for key, row in self.model.rows.items() if row.state in {State.UNCERTAIN, State.POISONED}]

    def _plan(self, rng: Random) -> None:
        for who in self.model.keys:
            self.model.plan(who, frozenset(rng.sample(range(1, 200), rng.randint(0, 4))))

    def _continue_mail(self, mail: MailInFlight, rng: Random) -> None:
        """Perform the next step of a claimed mail."""
        if rng.random() < 0.1:
            self.model.give_up(mail)
        elif mail.committed_at is None:
            (self.model.fail_composing if rng.random() < 0.1 else self.model.commit)(mail)
        elif mail.answer is None:
            self.model.send_final_dot(mail, rng.choice(ANSWERS))
        else:
            self.model.record_answer(mail)


@pytest.mark.parametrize("share", [0, *(pytest.param(share, marks=pytest.mark.long) for share in range(1, SHARES))])
def test_ledger_agrees_with_model(ledger: Ledger, share: int, memory: Path) -> None:
    visits_found = Counter[str]()
    restore_database = snapshot_database(ledger.db, memory)

    @seed(share)
    class Machine(LedgerStateMachine):
        db = ledger.db
        restore = staticmethod(restore_database)
        visits = visits_found

    examples = scaled(EXAMPLES if ledger.db.file else EXAMPLES // 3)
    options = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        database=None,
        phases=[Phase.generate],  # shrinking fifty steps takes longer than reading them
        suppress_health_check=list(HealthCheck),  # examples are slow
    )
    run_state_machine_as_test(Machine, settings=options, _min_steps=STEPS)
    print(f"steps {visits_found['examples'] * STEPS}, {dict(visits_found)}")
    assert visits_found["examples"] >= examples
    assert visits_found.keys() >= {"accepted", "skipped", "expired", "uncertain", "rejected"}
