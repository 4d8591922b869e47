"""A model of the ledger without SQL, to be compared with the real one.

The model predicts the state of each delivery. The relay is honest and counts its copies; workers die at any moment,
and their unfinished mails may still proceed afterwards.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy import select

from digestd.domain.delivery import Actor, Claim, Evidence, Outcome, Settlement, State
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.store import core, erasure, ledger, subscribers
from digestd.store.ledger import recovery
from digestd.store.ledger.commit_point import CommitDecision
from digestd.store.ledger.results import AttemptResult
from digestd.store.ledger.settlement import SettlementProof
from tests.store.rows import Ledger

UNSENT = frozenset({State.REJECTED, State.SKIPPED, State.EXPIRED, State.ABANDONED})
COPIES = {State.ACCEPTED: {1}, State.UNCERTAIN: {0, 1}, State.DOT: {0, 1}, State.ABANDONED: {0, 1}}
LEASE, LEASE_LEFT, GRACE = timedelta(minutes=45), timedelta(minutes=11), timedelta(minutes=20)
GREYLISTED = timedelta(minutes=5)
ANSWERS = {
    250: (State.ACCEPTED, Outcome.ACCEPTED),
    451: (State.READY, Outcome.TEMP),
    550: (State.REJECTED, Outcome.PERM),
}


@dataclass
class Row:
    """The expected content of one delivery."""

    who: int
    version: int
    papers: frozenset[int]
    expires: datetime
    state: State
    rests_until: datetime
    attempts: int = 0
    failures: int = 0
    owner: str | None = None
    dot: datetime | None = None
    lease: datetime | None = None


@dataclass
class Hand:
    """A claimed mail in a worker; `answer` is the relay's reply."""

    claim: Claim
    owner: str
    gated: datetime | None = None
    answer: int | None = None


@dataclass
class Life:
    """An installation with its model and its relay."""

    ledger: Ledger
    people: list[int] = field(default_factory=list)
    rows: dict[int, Row] = field(default_factory=dict)
    hands: list[Hand] = field(default_factory=list)
    copies: Counter[int] = field(default_factory=Counter)
    workers: dict[int, str] = field(default_factory=dict)
    names: Iterator[int] = field(default_factory=count)

    @property
    def now(self) -> datetime:
        """Return the current time."""
        return self.ledger.now

    def wait(self, for_: timedelta) -> None:
        """Advance the clock."""
        self.ledger = replace(self.ledger, now=self.now + for_)

    def person(self, who: int) -> Subscriber:
        """Return a subscriber from the database."""
        with self.ledger.db.read() as session:
            found = subscribers.by_key(session, who)
        assert found is not None
        return found

    def plan(self, who: int, papers: frozenset[int]) -> None:
        """Plan today's digest of unseen papers, unless it is planned already."""
        person, key = self.person(who), self.now.date().isoformat()
        if person.status is not Status.ACTIVE or self._planned(who, key):
            return
        fresh = papers - self._had(who)
        digest = self.ledger.digest(who, sorted(fresh), key)._replace(consent_version=person.version)
        with self.ledger.db.write() as session:
            ledger.plan_digests(session, [digest], "templates", self.now)
        born = State.READY if fresh else State.EMPTY
        self.rows[self._planned(who, key)] = Row(who, person.version, fresh, digest.slot.expires, born, self.now)

    def claim(self, worker: int, limit: int) -> None:
        """Claim the deliveries that have waited longest."""
        owner = self.workers.setdefault(worker, f"w{next(self.names)}")
        waiting = sorted(
            (row.rests_until, key)
            for key, row in self.rows.items()
            if row.state is State.READY and row.rests_until <= self.now
        )
        mine = {key for _, key in waiting[:limit]}
        leased = {key for key in mine if self.now < self.rows[key].expires and self._consents(key)}
        claimed = self.ledger.claim(owner, limit)
        assert {claim.key for claim in claimed.claims} == leased
        for key in mine - leased:
            self._end(key, State.SKIPPED if self.now < self.rows[key].expires else State.EXPIRED)
        for claim in claimed.claims:
            row = self.rows[claim.key]
            row.state, row.attempts, row.owner, row.lease = State.LEASED, row.attempts + 1, owner, self.now + LEASE
            self.hands.append(Hand(claim, owner))

    def gate(self, hand: Hand) -> None:
        """Pass the commit point with a worker that is alive or presumed dead."""
        key, expected = hand.claim.key, self._expected(hand)
        assert self.ledger.gate(ledger.Claimed((hand.claim,), 0, 0), hand.owner) == [expected]
        if expected is CommitDecision.OK:
            hand.gated = self.rows[key].dot = self.now
            self.rows[key].state = State.DOT
            return
        self.hands.remove(hand)
        if expected is not CommitDecision.FENCED:
            self._end(key, State.SKIPPED if expected is CommitDecision.GONE else State.EXPIRED)
        elif self._holds(hand):  # the lease ends too soon: the worker releases it
            self._record(hand, State.READY, Outcome.NOT_SENT)

    def leave(self, hand: Hand, answer: int) -> None:
        """Send the final dot. After the grace period the relay has closed the connection."""
        assert hand.gated is not None
        if self.now - hand.gated < GRACE:
            hand.answer = answer
            self.copies[hand.claim.key] += answer == 250

    def hear(self, hand: Hand) -> None:
        """Record the relay's answer, also by a worker that is presumed dead."""
        assert hand.answer is not None
        self.hands.remove(hand)
        self._record(hand, *ANSWERS[hand.answer], code=hand.answer)

    def lose(self, hand: Hand) -> None:
        """Give up a mail: before the commit point it is unsent, after it uncertain."""
        self.hands.remove(hand)
        ends = (State.READY, Outcome.NOT_SENT) if hand.gated is None else (State.UNCERTAIN, Outcome.UNCERTAIN)
        self._record(hand, *ends)

    def fail(self, hand: Hand) -> None:
        """Fail to compose a mail; the third failure poisons the delivery."""
        self.hands.remove(hand)
        last = self.rows[hand.claim.key].failures == 2
        self._record(hand, State.POISONED if last else State.READY, Outcome.NOT_SENT, failed=True)

    def die(self, worker: int) -> None:
        """Recover a dead worker's deliveries; its mails may still proceed."""
        owner = self.workers.pop(worker, "")
        with self.ledger.db.write() as session:
            recovery.recover(session, owner, self.now)
        self._take_over(key for key, row in self.rows.items() if row.owner == owner)

    def overdue(self) -> None:
        """Recover deliveries whose lease has ended."""
        with self.ledger.db.write() as session:
            recovery.recover_overdue(session, self.now)
        self._take_over(key for key, row in self.rows.items() if row.lease is not None and row.lease < self.now)

    def expire(self) -> None:
        """Close deliveries that are too late."""
        with self.ledger.db.write() as session:
            ledger.expire(session, 100, self.now)
        for key, row in self.rows.items():
            if row.state in {State.READY, State.POISONED} and row.expires <= self.now:
                self._end(key, State.EXPIRED)

    def settle(self, key: int, give_up: bool) -> None:
        """Settle a delivery as the operator: with the truth, or abandon it."""
        row, arrived = self.rows[key], self.copies[key] > 0
        how = Settlement.ABANDONED if give_up else Settlement.ACCEPTED if arrived else Settlement.NOT_SENT
        may = row.state is State.POISONED or (
            row.state is State.UNCERTAIN
            and (how is not Settlement.NOT_SENT or (row.dot is not None and self.now - row.dot >= GRACE))
        )
        with self.ledger.db.write() as session:
            done = ledger.settle(
                session, key, how, SettlementProof(Evidence.OPERATOR, Actor.OPERATOR, "looked"), self.now
            )
        assert done is may
        if done and how is Settlement.NOT_SENT:
            row.state, row.rests_until, row.failures = State.READY, self.now, 0
        elif done:
            self._end(key, State.ABANDONED if give_up else State.ACCEPTED)

    def change(self, who: int, away: Status) -> None:
        """Deactivate an active subscriber, or reactivate one who is not erased."""
        stands = self.person(who).status
        with self.ledger.db.write() as session:
            if stands is Status.ACTIVE and away is Status.ERASED:
                erasure.erase(session, who, self.now)
            elif stands is not Status.ERASED:
                to = away if stands is Status.ACTIVE else Status.ACTIVE
                subscribers.change_status(session, who, to, Cause.WEB, self.now)

    def states(self) -> dict[int, State]:
        """Return the state of each delivery in the ledger."""
        columns = core.delivery.c
        with self.ledger.db.read() as session:
            rows = session.connection().execute(select(columns.id, columns.state))
            return {key: State(state) for key, state in rows}

    def _planned(self, who: int, day: str) -> int:
        columns = core.delivery.c
        with self.ledger.db.read() as session:
            query = select(columns.id).where(columns.subscriber_id == who, columns.key == day)
            return session.connection().execute(query).scalar() or 0

    def _had(self, who: int) -> frozenset[int]:
        held = [row.papers for row in self.rows.values() if row.who == who and row.state not in UNSENT]
        return frozenset().union(*held)

    def _consents(self, key: int) -> bool:
        row = self.rows[key]
        person = self.person(row.who)
        return person.status is Status.ACTIVE and person.version == row.version

    def _holds(self, hand: Hand) -> bool:
        row = self.rows[hand.claim.key]
        return (row.attempts, row.owner) == (hand.claim.attempt, hand.owner)

    def _expected(self, hand: Hand) -> CommitDecision:
        row = self.rows[hand.claim.key]
        if not self._holds(hand) or row.state is not State.LEASED or row.lease is None:
            return CommitDecision.FENCED
        if row.expires <= self.now:
            return CommitDecision.EXPIRED
        if not self._consents(hand.claim.key):
            return CommitDecision.GONE
        return CommitDecision.FENCED if row.lease - self.now < LEASE_LEFT else CommitDecision.OK

    def _record(
        self, hand: Hand, state: State, outcome: Outcome, code: int | None = None, failed: bool = False
    ) -> None:
        key, row = hand.claim.key, self.rows[hand.claim.key]
        rest = GREYLISTED if state is State.READY else timedelta(0)
        why = None if state in {State.READY, State.ACCEPTED} else "said so"
        result = AttemptResult(
            key, hand.claim.attempt, hand.owner, state, outcome, code, "5.7.1 policy", "4XyZ", why, rest, failed
        )
        late = (
            row.state is State.UNCERTAIN
            and row.attempts == hand.claim.attempt
            and outcome in {Outcome.ACCEPTED, Outcome.TEMP}
        )
        counts = self._holds(hand) or late
        assert self.ledger.record(result) == counts
        if counts:
            row.failures += failed
            row.rests_until = self.now + rest
            self._end(key, state)

    def _take_over(self, keys: Iterator[int]) -> None:
        for key in list(keys):
            left = self.rows[key].state is State.DOT
            self._end(key, State.UNCERTAIN if left else State.READY)

    def _end(self, key: int, state: State) -> None:
        row = self.rows[key]
        row.state, row.owner, row.lease = state, None, None
