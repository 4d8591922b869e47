"""Subscribers leave, pause or return while mails pass the commit point.

Invariants I08, I09 and I10 are the oracle: no commit after the event that ended consent.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random

from digestd.domain.delivery import Claim
from digestd.domain.subscriber import Cause, Status
from digestd.store import subscribers
from digestd.store.ledger.claim_queue import ClaimResult
from digestd.store.ledger.commit_point import CommitDecision
from tests.proof.fault_injection import scaled
from tests.store.rows import Ledger

PEOPLE = 150
ROUNDS = 3
WAYS = ([Status.UNSUBSCRIBED], [Status.PAUSED], [Status.PAUSED, Status.ACTIVE])


def test_commit_point_never_passes_after_consent_ends(ledger: Ledger) -> None:
    passed = turned_away = 0
    for seed in range(scaled(ROUNDS)):
        answers = _race(ledger, ledger.add_ready(PEOPLE, first=seed * PEOPLE), seed)
        assert set(answers) <= {CommitDecision.OK, CommitDecision.GONE}
        passed += answers.count(CommitDecision.OK)
        turned_away += answers.count(CommitDecision.GONE)
    print(f"attempts {passed + turned_away}, passed {passed}, turned away {turned_away}, after consent had ended 0")
    assert ledger.violations() == {}
    assert passed + turned_away == PEOPLE * scaled(ROUNDS)
    assert min(passed, turned_away) > 0


def _race(ledger: Ledger, who: Sequence[int], seed: int) -> list[CommitDecision]:
    claimed, begin, answers = ledger.claim(limit=PEOPLE), threading.Barrier(2), list[CommitDecision]()
    order = Random(seed).sample(list(who), len(who))
    with ThreadPoolExecutor(2) as both:
        leaving = both.submit(_leave, ledger, order, begin, seed)
        mailing = both.submit(_mail, ledger, claimed.claims, begin, answers)
    assert (leaving.result(), mailing.result()) == (None, None), "neither was broken off"
    return answers


def _leave(ledger: Ledger, who: Sequence[int], begin: threading.Barrier, seed: int) -> None:
    rng = Random(seed)
    begin.wait(60)
    for subscriber in who:
        with ledger.db.write() as session:
            for status in rng.choice(WAYS):
                subscribers.change_status(session, subscriber, status, Cause.ONE_CLICK, ledger.now)


def _mail(ledger: Ledger, claims: Sequence[Claim], begin: threading.Barrier, answers: list[CommitDecision]) -> None:
    rng = Random(len(claims))
    begin.wait(60)
    while claims:
        size = rng.randint(1, 3)
        answers += ledger.commit(ClaimResult(tuple(claims[:size]), 0, 0))
        claims = claims[size:]
