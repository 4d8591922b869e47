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
from digestd.store import core, ledger, personal_data, subscribers
from digestd.store.ledger import settlement
from digestd.store.ledger.claim_queue import ClaimResult
from digestd.store.ledger.commit_point import CommitDecision
from digestd.store.ledger.results import AttemptResult
from digestd.store.ledger.settlement import SettlementProof, settle
from tests.store.rows import Ledger

UNSENT_STATES = frozenset({State.REJECTED, State.SKIPPED, State.EXPIRED, State.ABANDONED})
ALLOWED_COPIES = {State.ACCEPTED: {1}, State.UNCERTAIN: {0, 1}, State.FINAL_DOT: {0, 1}, State.ABANDONED: {0, 1}}
LEASE, MINIMUM_LEASE, GRACE = timedelta(minutes=45), timedelta(minutes=11), timedelta(minutes=20)
DEFERRAL = timedelta(minutes=5)
ANSWERS = {
    250: (State.ACCEPTED, Outcome.ACCEPTED),
    451: (State.READY, Outcome.TEMP),
    550: (State.REJECTED, Outcome.PERM),
}


@dataclass
class ExpectedDelivery:
    """The expected content of one delivery."""

    who: int
    version: int
    papers: frozenset[int]
    expires: datetime
    state: State
    not_before: datetime
    attempts: int = 0
    failures: int = 0
    owner: str | None = None
    dot: datetime | None = None
    lease: datetime | None = None


@dataclass
class MailInFlight:
    """A claimed mail in a worker; `answer` is the relay's reply."""

    claim: Claim
    owner: str
    committed_at: datetime | None = None
    answer: int | None = None


@dataclass
class LedgerModel:
    """An installation with its model and its relay."""

    ledger: Ledger
    keys: list[int] = field(default_factory=list)
    rows: dict[int, ExpectedDelivery] = field(default_factory=dict)
    in_flight: list[MailInFlight] = field(default_factory=list)
    copies: Counter[int] = field(default_factory=Counter)
    workers: dict[int, str] = field(default_factory=dict)
    names: Iterator[int] = field(default_factory=count)

    @property
    def now(self) -> datetime:
        """Return the current time."""
        return self.ledger.now

    def advance(self, step: timedelta) -> None:
        """Advance the clock."""
        self.ledger = replace(self.ledger, now=self.now + step)

    def subscriber(self, who: int) -> Subscriber:
        """Return a subscriber from the database."""
        with self.ledger.db.read() as session:
            found = subscribers.by_key(session, who)
        assert found is not None
        return found

    def plan(self, who: int, papers: frozenset[int]) -> None:
        """Plan today's digest of unseen papers, unless it is planned already."""
        subscriber, key = self.subscriber(who), self.now.date().isoformat()
        if subscriber.status is not Status.ACTIVE or self._planned(who, key):
            return
        fresh = papers - self._seen(who)
        digest = self.ledger.digest(who, sorted(fresh), key)._replace(consent_version=subscriber.version)
        with self.ledger.db.write() as session:
            ledger.plan_digests(session, [digest], self.now)
        initial = State.READY if fresh else State.EMPTY
        self.rows[self._planned(who, key)] = ExpectedDelivery(
            who, subscriber.version, fresh, digest.slot.expires, initial, self.now
        )

    def claim(self, worker: int, limit: int) -> None:
        """Claim the deliveries that have waited longest."""
        owner = self.workers.setdefault(worker, f"w{next(self.names)}")
        waiting = sorted(
            (row.not_before, key)
            for key, row in self.rows.items()
            if row.state is State.READY and row.not_before <= self.now
        )
        mine = {key for _, key in waiting[:limit]}
        leased = {key for key in mine if self.now < self.rows[key].expires and self._has_consent(key)}
        claimed = self.ledger.claim(owner, limit)
        assert {claim.key for claim in claimed.claims} == leased
        for key in mine - leased:
            self._finish(key, State.SKIPPED if self.now < self.rows[key].expires else State.EXPIRED)
        for claim in claimed.claims:
            row = self.rows[claim.key]
            row.state, row.attempts, row.owner, row.lease = State.LEASED, row.attempts + 1, owner, self.now + LEASE
            self.in_flight.append(MailInFlight(claim, owner))

    def commit(self, mail: MailInFlight) -> None:
        """Pass the commit point with a worker that is alive or presumed dead."""
        key, expected = mail.claim.key, self._expected_decision(mail)
        assert self.ledger.commit(ClaimResult((mail.claim,), 0, 0), mail.owner) == [expected]
        if expected is CommitDecision.OK:
            mail.committed_at = self.rows[key].dot = self.now
            self.rows[key].state = State.FINAL_DOT
            return
        self.in_flight.remove(mail)
        if expected is not CommitDecision.FENCED:
            self._finish(key, State.SKIPPED if expected is CommitDecision.GONE else State.EXPIRED)
        elif self._is_owner(mail):  # the lease ends too soon: the worker releases it
            self._record(mail, State.READY, Outcome.NOT_SENT)

    def send_final_dot(self, mail: MailInFlight, answer: int) -> None:
        """Send the final dot. After the grace period the relay has closed the connection."""
        assert mail.committed_at is not None
        if self.now - mail.committed_at < GRACE:
            mail.answer = answer
            self.copies[mail.claim.key] += answer == 250

    def record_answer(self, mail: MailInFlight) -> None:
        """Record the relay's answer, also by a worker that is presumed dead."""
        assert mail.answer is not None
        self.in_flight.remove(mail)
        self._record(mail, *ANSWERS[mail.answer], code=mail.answer)

    def give_up(self, mail: MailInFlight) -> None:
        """Give up a mail: before the commit point it is unsent, after it uncertain."""
        self.in_flight.remove(mail)
        ends = (State.READY, Outcome.NOT_SENT) if mail.committed_at is None else (State.UNCERTAIN, Outcome.UNCERTAIN)
        self._record(mail, *ends)

    def fail_composing(self, mail: MailInFlight) -> None:
        """Fail to compose a mail; the third failure poisons the delivery."""
        self.in_flight.remove(mail)
        last = self.rows[mail.claim.key].failures == 2
        self._record(mail, State.POISONED if last else State.READY, Outcome.NOT_SENT, failed=True)

    def recover(self, worker: int) -> None:
        """Recover a dead worker's deliveries; its mails may still proceed."""
        owner = self.workers.pop(worker, "")
        with self.ledger.db.write() as session:
            settlement.recover(session, owner, self.now)
        self._recover_all(key for key, row in self.rows.items() if row.owner == owner)

    def recover_overdue(self) -> None:
        """Recover deliveries whose lease has ended."""
        with self.ledger.db.write() as session:
            settlement.recover_overdue(session, self.now)
        self._recover_all(key for key, row in self.rows.items() if row.lease is not None and row.lease < self.now)

    def expire(self) -> None:
        """Close deliveries that are too late."""
        with self.ledger.db.write() as session:
            ledger.expire(session, 100, self.now)
        for key, row in self.rows.items():
            if row.state in {State.READY, State.POISONED} and row.expires <= self.now:
                self._finish(key, State.EXPIRED)

    def settle(self, key: int, give_up: bool) -> None:
        """Settle a delivery as the operator: with the truth, or abandon it."""
        row, arrived = self.rows[key], self.copies[key] > 0
        how = Settlement.ABANDONED if give_up else Settlement.ACCEPTED if arrived else Settlement.NOT_SENT
        may = row.state is State.POISONED or (
            row.state is State.UNCERTAIN
            and (how is not Settlement.NOT_SENT or (row.dot is not None and self.now - row.dot >= GRACE))
        )
        with self.ledger.db.write() as session:
            done = settle(session, key, how, SettlementProof(Evidence.OPERATOR, Actor.OPERATOR, "looked"), self.now)
        assert done is may
        if done and how is Settlement.NOT_SENT:
            row.state, row.not_before, row.failures = State.READY, self.now, 0
        elif done:
            self._finish(key, State.ABANDONED if give_up else State.ACCEPTED)

    def change_status(self, who: int, away: Status) -> None:
        """Deactivate an active subscriber, or reactivate one who is not erased."""
        current = self.subscriber(who).status
        with self.ledger.db.write() as session:
            if current is Status.ACTIVE and away is Status.ERASED:
                personal_data.erase(session, who, self.now)
            elif current is not Status.ERASED:
                to = away if current is Status.ACTIVE else Status.ACTIVE
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

    def _seen(self, who: int) -> frozenset[int]:
        held = [row.papers for row in self.rows.values() if row.who == who and row.state not in UNSENT_STATES]
        return frozenset().union(*held)

    def _has_consent(self, key: int) -> bool:
        row = self.rows[key]
        subscriber = self.subscriber(row.who)
        return subscriber.status is Status.ACTIVE and subscriber.version == row.version

    def _is_owner(self, mail: MailInFlight) -> bool:
        row = self.rows[mail.claim.key]
        return (row.attempts, row.owner) == (mail.claim.attempt, mail.owner)

    def _expected_decision(self, mail: MailInFlight) -> CommitDecision:
        row = self.rows[mail.claim.key]
        if not self._is_owner(mail) or row.state is not State.LEASED or row.lease is None:
            return CommitDecision.FENCED
        if row.expires <= self.now:
            return CommitDecision.EXPIRED
        if not self._has_consent(mail.claim.key):
            return CommitDecision.GONE
        return CommitDecision.FENCED if row.lease - self.now < MINIMUM_LEASE else CommitDecision.OK

    def _record(
        self, mail: MailInFlight, state: State, outcome: Outcome, code: int | None = None, failed: bool = False
    ) -> None:
        key, row = mail.claim.key, self.rows[mail.claim.key]
        rest = DEFERRAL if state is State.READY else timedelta(0)
        why = None if state in {State.READY, State.ACCEPTED} else "refused"
        result = AttemptResult(
            key, mail.claim.attempt, mail.owner, state, outcome, code, "5.7.1 policy", "4XyZ", why, rest, failed
        )
        late = (
            row.state is State.UNCERTAIN
            and row.attempts == mail.claim.attempt
            and outcome in {Outcome.ACCEPTED, Outcome.TEMP}
        )
        counts = self._is_owner(mail) or late
        assert self.ledger.record(result) == counts
        if counts:
            row.failures += failed
            row.not_before = self.now + rest
            self._finish(key, state)

    def _recover_all(self, keys: Iterator[int]) -> None:
        for key in list(keys):
            left = self.rows[key].state is State.FINAL_DOT
            self._finish(key, State.UNCERTAIN if left else State.READY)

    def _finish(self, key: int, state: State) -> None:
        row = self.rows[key]
        row.state, row.owner, row.lease = state, None, None
