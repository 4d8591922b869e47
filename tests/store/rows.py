"""Ledger rows for tests: subscribers with consent, digests with picks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text

from digestd.domain.digest import DigestSlot, Period, Pick, Reason, ReasonKind, Section
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.store import core, ledger, subscribers
from digestd.store.database import Database
from digestd.store.fsck import fsck
from digestd.store.ledger.claim_queue import ClaimOwner, ClaimResult, claim
from digestd.store.ledger.commit_point import CommitDecision, CommitRequest, commit_sends
from digestd.store.ledger.create import NewDigest
from digestd.store.ledger.results import AttemptResult, record_results
from digestd.store.ledger.seen_papers import of as seen_of

KEYS = Keys(b"a secret for the ledger, 32 bytes!")
SHA = b"\1" * 32


@dataclass(frozen=True)
class Ledger:
    """A database at a fixed time, with short methods for the steps of a delivery."""

    db: Database
    now: datetime

    def add_subscribers(self, count: int, status: Status = Status.ACTIVE, first: int = 0) -> list[int]:
        """Insert subscribers, numbered from `first` on, and return their keys."""
        addresses = [f"s{number}@example.net" for number in range(first, first + count)]
        new = {address_key(KEYS, address): Subscriber(0, address, status, 1) for address in addresses}
        with self.db.write() as session:
            return list(subscribers.insert_many(session, new, Cause.IMPORT, self.now).values())

    def plan_digests(self, who: Sequence[int], picks: Sequence[int] = (1, 2, 3), key: str = "2026-11-24") -> None:
        """Plan a ready digest for each subscriber; an empty one without picks."""
        new = [self.digest(subscriber, picks, key) for subscriber in who]
        with self.db.write() as session:
            ledger.plan_digests(session, new, self.now)

    def digest(self, subscriber: int, papers: Sequence[int], key: str) -> NewDigest:
        """Return a digest to be planned."""
        return NewDigest(
            subscriber=subscriber,
            consent_version=1,
            slot=DigestSlot(
                period=Period(key, self.now.date(), self.now),
                covers_from=key,
                expires=self.now + timedelta(hours=18),
                next_due=self.now + timedelta(days=1),
                local_date=self.now.date().isoformat(),
                day_ends=self.now + timedelta(days=1),
            ),
            picks=tuple(Pick(paper, paper, 1.5, Section.FOR_YOU, Reason(ReasonKind.NEW)) for paper in papers),
            considered=9,
            message_id=f"<digest.{key}.{subscriber}@example.org>",
        )

    def add_ready(self, count: int, first: int = 0) -> list[int]:
        """Insert subscribers with a ready digest each, and return their keys."""
        who = self.add_subscribers(count, first=first)
        self.plan_digests(who)
        return who

    def claim(self, owner: str = "w1", limit: int = 100, later: timedelta = timedelta(0)) -> ClaimResult:
        """Claim deliveries as worker `owner`."""
        with self.db.write() as session:
            return claim(session, ClaimOwner(owner, lambda key, n: f"b+{key}.{n}@example.org"), limit, self.now + later)

    def commit(self, claimed: ClaimResult, owner: str = "w1", later: timedelta = timedelta(0)) -> list[CommitDecision]:
        """Pass the commit point with all claims, and return the decisions."""
        requests = [CommitRequest(c.key, c.attempt, owner, SHA) for c in claimed.claims]
        with self.db.write() as session:
            return commit_sends(session, requests, self.now + later)

    def record(self, *results: AttemptResult, later: timedelta = timedelta(0)) -> int:
        """Record results, and return how many were accepted."""
        with self.db.write() as session:
            return record_results(session, results, self.now + later)

    def change_status(self, subscriber: int, status: Status, cause: Cause = Cause.WEB) -> None:
        """Change a subscriber's status."""
        with self.db.write() as session:
            subscribers.change_status(session, subscriber, status, cause, self.now)

    def seen_papers(self, subscriber: int) -> list[int]:
        """Return the papers that a subscriber has had."""
        with self.db.read() as session:
            papers = seen_of(session, [subscriber]).get(subscriber)
        return [] if papers is None else papers.tolist()

    @property
    def states(self) -> list[str]:
        """Return the state of each delivery, ordered by key."""
        with self.db.read() as session:
            query = select(core.delivery.c.state).order_by(core.delivery.c.id)
            return list(session.connection().execute(query).scalars())

    @property
    def outcomes(self) -> list[tuple[int, str | None, str | None]]:
        """Return (attempt, outcome, evidence) of each attempt, ordered by delivery."""
        table = core.attempt.c
        with self.db.read() as session:
            query = select(table.n, table.outcome, table.evidence).order_by(table.delivery_id, table.n)
            return [(n, outcome, evidence) for n, outcome, evidence in session.connection().execute(query)]

    def violations(self, later: timedelta = timedelta(0)) -> dict[str, list[dict[str, object]]]:
        """Return the violated invariants with the offending rows."""
        return {name: rows for name, rows in fsck(self.db, self.now + later).items() if rows}

    def sql(self, statement: str, **values: object) -> None:
        """Execute one SQL statement."""
        with self.db.write() as session:
            session.connection().execute(text(statement), values)
