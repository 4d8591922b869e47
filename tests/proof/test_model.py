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
from tests.proof.fault_injection import many
from tests.proof.ledger_model import COPIES, UNSENT, Hand, Life
from tests.proof.snapshots import Renew, renewal
from tests.store.rows import Ledger

STEPS = 50
SHARES = 4
LIVES = 63
"""Per share; a long run has twenty times as many."""
DAY = timedelta(days=1)
WAITS = [timedelta(minutes=minutes) for minutes in (1, 1, 1, 6, 6, 21, 35, 50, 1_200)]
AWAY = [*[Status.PAUSED] * 4, *[Status.UNSUBSCRIBED] * 4, Status.ERASED]
"""Statuses for an active subscriber; inactive ones return."""
ANSWERS = [250, 250, 250, 451, 550]
CHANCE = st.integers(0, 2**32 - 1).map(Random)
"""Draw within a step evenly; Hypothesis alone prefers values for which little happens."""


class LivesOfAnInstall(RuleBasedStateMachine):
    """Random histories of three subscribers, two workers and one relay."""

    db: Database
    renew: Renew
    lived: Counter[str]
    """Number of examples, and of examples in which a mail was in each state."""

    @initialize(chance=CHANCE)
    def begin(self, chance: Random) -> None:
        self.renew()
        self.visited: set[str] = set()
        self.life = Life(Ledger(self.db, NOW))
        self.life.people = self.life.ledger.subscribers(3)
        self._plan(chance)

    @precondition(lambda self: not (self.waiting or self.life.hands))
    @rule(chance=CHANCE)
    def next_day(self, chance: Random) -> None:
        self.life.wait(DAY)
        self._plan(chance)

    @rule(chance=CHANCE)
    def time_goes_on(self, chance: Random) -> None:
        self.life.wait(chance.choice(WAITS))
        if chance.random() < 0.5:
            self.life.overdue()
            self.life.expire()

    @precondition(lambda self: self.waiting or self.life.hands)
    @rule(chance=CHANCE)
    def work(self, chance: Random) -> None:
        if self.waiting:
            self.life.claim(chance.randint(1, 2), chance.randint(1, 3))
        for _ in range(chance.randint(0, 4)):
            if self.life.hands:
                self._move(chance.choice(self.life.hands), chance)

    @precondition(lambda self: self.life.hands)
    @rule(chance=CHANCE)
    def die(self, chance: Random) -> None:
        self.life.die(chance.randint(1, 2))

    @precondition(lambda self: self.open_ends)
    @rule(chance=CHANCE)
    def settle(self, chance: Random) -> None:
        self.life.settle(chance.choice(self.open_ends), give_up=chance.random() < 0.2)

    @rule(chance=CHANCE)
    def change(self, chance: Random) -> None:
        """Change the status of a subscriber, preferably of one about to be mailed."""
        readers = [self.life.rows[hand.claim.key].who for hand in self.life.hands if hand.gated is None]
        if chance.random() < 0.4:
            self.life.change(chance.choice(readers or self.life.people), chance.choice(AWAY))

    @invariant()
    def the_ledger_agrees(self) -> None:
        assert self.life.states() == {key: row.state for key, row in self.life.rows.items()}
        for key, row in self.life.rows.items():
            assert self.life.copies[key] in COPIES.get(row.state, {0}), row
            self.visited.add(str(row.state))

    def teardown(self) -> None:
        if not hasattr(self, "life"):
            return
        broken = {name: rows for name, rows in self.life.ledger.broken().items() if name.startswith("I")}
        assert broken == {}
        for who in self.life.people:
            if self.life.person(who).status is not Status.ERASED:
                held = [row.papers for row in self.life.rows.values() if row.who == who and row.state not in UNSENT]
                assert self.life.ledger.seen(who) == sorted(frozenset().union(*held))
        self.lived.update(["lives", *self.visited])

    @property
    def waiting(self) -> bool:
        return any(row.state is State.READY for row in self.life.rows.values())

    @property
    def open_ends(self) -> list[int]:
        return [key for key, row in self.life.rows.items() if row.state in {State.UNCERTAIN, State.POISONED}]

    def _plan(self, chance: Random) -> None:
        for who in self.life.people:
            self.life.plan(who, frozenset(chance.sample(range(1, 200), chance.randint(0, 4))))

    def _move(self, hand: Hand, chance: Random) -> None:
        """Perform the next step of a claimed mail."""
        if chance.random() < 0.1:
            self.life.lose(hand)
        elif hand.gated is None:
            (self.life.fail if chance.random() < 0.1 else self.life.gate)(hand)
        elif hand.answer is None:
            self.life.leave(hand, chance.choice(ANSWERS))
        else:
            self.life.hear(hand)


@pytest.mark.parametrize("share", [0, *(pytest.param(share, marks=pytest.mark.long) for share in range(1, SHARES))])
def test_ledger_agrees_with_model(ledger: Ledger, share: int, memory: Path) -> None:
    found = Counter[str]()
    put_back = renewal(ledger.db, memory)

    @seed(share)
    class Lives(LivesOfAnInstall):
        db = ledger.db
        renew = staticmethod(put_back)
        lived = found

    lives = many(LIVES)
    as_said = settings(
        max_examples=lives,
        stateful_step_count=STEPS,
        database=None,
        phases=[Phase.generate],  # shrinking fifty steps takes longer than reading them
        suppress_health_check=list(HealthCheck),  # examples are slow
    )
    run_state_machine_as_test(Lives, settings=as_said, _min_steps=STEPS)
    print(f"steps {found['lives'] * STEPS}, {dict(found)}")
    assert found["lives"] >= lives
    assert found.keys() >= {"accepted", "skipped", "expired", "uncertain", "rejected"}
