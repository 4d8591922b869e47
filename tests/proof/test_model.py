"""Random histories: after each step the ledger agrees with its model."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from digestd.domain.delivery import State
from digestd.domain.subscriber import Status
from digestd.store.database import Database
from tests.conftest import NOW
from tests.proof.fault_injection import scaled
from tests.proof.ledger_model import ALLOWED_COPIES, UNSENT_STATES, LedgerModel, MailInFlight
from tests.proof.snapshots import snapshot_database
from tests.store.rows import Ledger

STEPS = 50
SHARES = 4
HISTORIES = 24
"""Per share; a long run has twenty times as many."""
DAY = timedelta(days=1)
WAITS = [timedelta(minutes=minutes) for minutes in (1, 1, 1, 6, 6, 21, 35, 50, 1_200)]
INACTIVE = [*[Status.PAUSED] * 4, *[Status.UNSUBSCRIBED] * 4, Status.ERASED]
"""Statuses for an active subscriber; inactive ones return."""
ANSWERS = [250, 250, 250, 451, 550]


class History:
    """A random history of three subscribers, two workers and one relay; equal for equal seeds."""

    def __init__(self, db: Database, rng: Random) -> None:
        self.rng = rng
        self.steps: list[str] = []
        self.visited: set[str] = set()
        self.model = LedgerModel(Ledger(db, NOW))
        self.model.keys = self.model.ledger.add_subscribers(3)
        self._plan()

    def step(self) -> None:
        """Do one of the steps that are possible now, and compare the ledger with its model."""
        chosen = self.rng.choice(list(self._possible()))
        self.steps.append(chosen.__name__)
        chosen()
        self._compare_states()

    def end(self) -> None:
        """Check the ledger's invariants and the papers that each subscriber has seen."""
        broken = {name: rows for name, rows in self.model.ledger.violations().items() if name.startswith("I")}
        assert broken == {}
        for who in self.model.keys:
            if self.model.subscriber(who).status is not Status.ERASED:
                held = [
                    row.papers for row in self.model.rows.values() if row.who == who and row.state not in UNSENT_STATES
                ]
                assert self.model.ledger.seen_papers(who) == sorted(frozenset().union(*held))

    def _possible(self) -> Iterator[Callable[[], None]]:
        yield self._advance_clock
        yield self._change_status
        if self.waiting or self.model.in_flight:
            yield self._claim_and_send
        else:
            yield self._next_day
        if self.model.in_flight:
            yield self._recover_worker
        if self.unsettled:
            yield self._settle

    def _next_day(self) -> None:
        self.model.advance(DAY)
        self._plan()

    def _advance_clock(self) -> None:
        self.model.advance(self.rng.choice(WAITS))
        if self.rng.random() < 0.5:
            self.model.recover_overdue()
            self.model.expire()

    def _claim_and_send(self) -> None:
        if self.waiting:
            self.model.claim(self.rng.randint(1, 2), self.rng.randint(1, 3))
        for _ in range(self.rng.randint(0, 4)):
            if self.model.in_flight:
                self._continue_mail(self.rng.choice(self.model.in_flight))

    def _recover_worker(self) -> None:
        self.model.recover(self.rng.randint(1, 2))

    def _settle(self) -> None:
        self.model.settle(self.rng.choice(self.unsettled), give_up=self.rng.random() < 0.2)

    def _change_status(self) -> None:
        """Change the status of a subscriber, preferably of one about to be mailed."""
        readers = [self.model.rows[mail.claim.key].who for mail in self.model.in_flight if mail.committed_at is None]
        if self.rng.random() < 0.4:
            self.model.change_status(self.rng.choice(readers or self.model.keys), self.rng.choice(INACTIVE))

    def _compare_states(self) -> None:
        assert self.model.states() == {key: row.state for key, row in self.model.rows.items()}
        for key, row in self.model.rows.items():
            assert self.model.copies[key] in ALLOWED_COPIES.get(row.state, {0}), row
            self.visited.add(str(row.state))

    @property
    def waiting(self) -> bool:
        return any(row.state is State.READY for row in self.model.rows.values())

    @property
    def unsettled(self) -> list[int]:
        return [key for key, row in self.model.rows.items() if row.state in {State.UNCERTAIN, State.POISONED}]

    def _plan(self) -> None:
        for who in self.model.keys:
            self.model.plan(who, frozenset(self.rng.sample(range(1, 200), self.rng.randint(0, 4))))

    def _continue_mail(self, mail: MailInFlight) -> None:
        """Perform the next step of a claimed mail."""
        if self.rng.random() < 0.1:
            self.model.give_up(mail)
        elif mail.committed_at is None:
            (self.model.fail_composing if self.rng.random() < 0.1 else self.model.commit)(mail)
        elif mail.answer is None:
            self.model.send_final_dot(mail, self.rng.choice(ANSWERS))
        else:
            self.model.record_answer(mail)


@pytest.mark.parametrize("share", [0, *(pytest.param(share, marks=pytest.mark.long) for share in range(1, SHARES))])
def test_ledger_agrees_with_model(ledger: Ledger, share: int, memory: Path) -> None:
    restore = snapshot_database(ledger.db, memory)
    visits = Counter[str]()
    for number in range(scaled(HISTORIES if ledger.db.file else HISTORIES // 3)):
        restore()
        history = History(ledger.db, Random(f"{share}.{number}"))
        try:
            for _ in range(STEPS):
                history.step()
            history.end()
        except Exception as error:
            error.add_note(f"history {share}.{number}: {', '.join(history.steps)}")
            raise
        visits.update(["histories", *history.visited])
    print(dict(visits))
    assert visits.keys() >= {"accepted", "skipped", "expired", "uncertain", "rejected", "abandoned"}
