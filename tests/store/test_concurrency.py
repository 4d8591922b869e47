"""Concurrency of the ledger: claims, recovery, planning and results."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from digestd.domain.delivery import Outcome, State
from digestd.store import core
from digestd.store import ledger as store
from digestd.store.database import open_database
from digestd.store.ledger import settlement
from digestd.store.ledger.commit_point import CommitDecision
from digestd.store.ledger.results import AttemptResult
from tests.store.rows import Ledger
from tests.support.command_process import CONTEXT


def _claim_all(url: str, now: datetime, owner: str) -> list[int]:
    ledger = Ledger(open_database(url), now)
    mine: list[int] = []
    while not (claimed := ledger.claim(owner, 7)).nothing:
        mine += [claim.key for claim in claimed.claims]
    return mine


def test_claim_by_four_processes_never_overlaps(ledger: Ledger, database_url: str) -> None:
    ledger.add_ready(400)
    with CONTEXT.Pool(4) as pool:
        shares = pool.starmap(_claim_all, [(database_url, ledger.now, f"w{n}") for n in range(4)])
    claimed = [key for share in shares for key in share]
    assert (len(claimed), len(set(claimed))) == (400, 400)
    assert ledger.violations() == {}


def test_recover_in_parallel_handles_each_delivery_once(ledger: Ledger) -> None:
    ledger.add_ready(60)
    ledger.commit(ledger.claim("dead", 30), "dead")
    ledger.claim("dead", 30)

    def recover(_: int) -> tuple[int, int]:
        with ledger.db.write() as session:
            found = settlement.recover(session, "dead", ledger.now)
        return found.ready, found.uncertain

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(recover, range(8)))
    assert (sum(ready for ready, _ in found), sum(uncertain for _, uncertain in found)) == (30, 30)
    assert ledger.violations() == {}


def test_rejection_during_planning_keeps_history_correct(ledger: Ledger) -> None:
    [who] = ledger.add_ready(1)
    [claim] = ledger.claim().claims
    refused = AttemptResult(claim.key, claim.attempt, "w1", State.REJECTED, Outcome.PERM, 550, "5.1.1", reason="rcpt")
    other = threading.Thread(target=ledger.record, args=[refused])
    with ledger.db.write() as session:
        store.plan_digests(session, [ledger.digest(who, (7, 8), "2026-11-25")], ledger.now)
        other.start()
        other.join(0.3)
    other.join(120)
    assert ledger.seen_papers(who) == [7, 8]
    assert ledger.violations() == {}


def test_commit_point_planning_and_results_do_not_deadlock(ledger: Ledger) -> None:
    """Plan, commit and reject for the same subscribers in conflicting orders.

    The keys of the deliveries run against those of their subscribers, so that locks are taken in different orders.
    """
    who = ledger.add_subscribers(40)
    for subscriber in reversed(who):
        ledger.plan_digests([subscriber])

    def mail(number: int) -> int:
        claimed = ledger.claim(f"w{number}", limit=20)
        refused = [
            AttemptResult(c.key, c.attempt, f"w{number}", State.REJECTED, Outcome.PERM, 554, "5.6.0", reason="dot: 554")
            for c in claimed.claims
        ]
        gated = ledger.commit(claimed, f"w{number}")
        assert ledger.record(*refused) == len(refused)
        return sum(decision is CommitDecision.OK for decision in gated)

    def replan(day: int) -> int:
        new = [ledger.digest(subscriber, (100 + day,), f"2026-12-{day:02}") for subscriber in who]
        with ledger.db.write() as session:
            _lock(session, who)
            store.plan_digests(session, new, ledger.now)
        return 0

    with ThreadPoolExecutor(4) as pool:
        under_way = [pool.submit(work, number) for number in range(1, 16) for work in (mail, replan)]
        assert sum(done.result() for done in under_way) > 40
    assert ledger.violations() == {}


def _lock(session: Session, who: Sequence[int]) -> None:
    """Lock the subscribers as planning does first."""
    column = core.subscriber.c.id
    session.connection().execute(select(column).where(column.in_(who)).order_by(column).with_for_update()).all()
