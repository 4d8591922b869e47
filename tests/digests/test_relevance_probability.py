"""Test the calibration of probabilities by the install's own feedback."""

from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy import update

from digestd.digests.relevance_probability import MIN_SUBSCRIBERS, MIN_VERDICTS, calibration_at, fit_from_digests
from digestd.domain.digest import Pick, Reason, ReasonKind, Section
from digestd.domain.interest import Verdict
from digestd.ranking.calibration import LocalCalibration
from digestd.store import core, feedback
from digestd.store.ledger.sent_digests import SentDigest
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import DAY, digests, planned, reader, shelf, subscriber
from tests.support.install import Install


def shown(subscriber: int, now: datetime, verdicts: Sequence[Verdict | None], prior: float = 0.2) -> SentDigest:
    """Return a digest whose picks all have the same probability."""
    picks = tuple(
        Pick(n, n, 1.0, Section.FOR_YOU, Reason(ReasonKind.NEW), n, prior, prior) for n in range(len(verdicts))
    )
    return SentDigest(1, subscriber, now, picks, tuple(range(len(verdicts))), tuple(verdicts), (now,) * len(verdicts))


def test_fit_ignores_digests_without_verdicts(now: datetime) -> None:
    assert fit_from_digests([shown(n, now, [None] * 10) for n in range(50)]) == LocalCalibration()


def test_fit_takes_silence_as_no_objection(now: datetime) -> None:
    quiet, pleased, torn = (
        fit_from_digests([shown(n, now, [*said, *[None] * 8]) for n in range(40)]).probability(-1.386)
        for said in ([Verdict.MORE, *[Verdict.LESS] * 4], [Verdict.MORE], [Verdict.MORE, Verdict.LESS])
    )
    assert quiet == pytest.approx(0.2, abs=0.01), "as often as it was said"
    assert 0.2 < torn < pleased < 0.6


def test_fit_limits_the_weight_of_one_subscriber(now: datetime) -> None:
    loud = [shown(1, now, [Verdict.LESS] * 10) for _ in range(100)]
    others = [shown(n, now, [Verdict.MORE] * 10) for n in range(2, 32)]
    assert fit_from_digests([*loud, *others]).probability(-1.386) > 0.7


def test_fit_needs_ten_subscribers(now: datetime) -> None:
    few = [shown(n, now, [Verdict.LESS] * 10) for n in range(MIN_SUBSCRIBERS - 1) for _ in range(20)]
    assert fit_from_digests(few) == LocalCalibration()
    assert fit_from_digests([*few, shown(MIN_SUBSCRIBERS, now, [Verdict.LESS] * 10)]) != LocalCalibration()


def test_fit_limits_a_few_fake_accounts(now: datetime) -> None:
    honest = [shown(n, now, [Verdict.MORE, Verdict.LESS, *[None] * 8]) for n in range(20)]
    fake = [shown(n, now, [Verdict.LESS] * 10) for n in range(100, 103) for _ in range(50)]
    before, after = fit_from_digests(honest).probability(-1.386), fit_from_digests([*honest, *fake]).probability(-1.386)
    assert after > 0.8 * before


DAMAGE = {"history": "rpzzzzzzzzzzzzz", "picks": b"[" * 100_000}


@pytest.mark.parametrize("column", DAMAGE)
async def test_damaged_sent_digest_ends_no_planning(bare: Install, column: str) -> None:
    people = [f"r{n}@example.net" for n in range(MIN_SUBSCRIBERS + 1)]
    bare.papers(shelf("strong", 30))
    bare.people([reader(email=address) for address in people])
    assert bare.plan().planned == len(people)
    await bare.deliver()
    for address in people:
        [sent] = digests(bare, address)
        with bare.db.write() as session:
            for pick in sent.picks[:5]:
                feedback.add(session, subscriber(bare, address), pick.paper, Verdict.MORE, bare.clock.now)
    with bare.db.write() as session:
        session.connection().execute(
            update(core.delivery).where(core.delivery.c.id == 2).values({column: DAMAGE[column]})
        )
    bare.clock.go(DAY)
    bare.papers(shelf("next", 3))
    assert bare.plan().planned == len(people)
    with bare.db.read() as session:
        assert calibration_at(session, bare.clock.now) != LocalCalibration()


async def test_probabilities_rise_after_enough_likes(bare: Install) -> None:
    bare.papers(shelf("strong", 30))
    people = [reader(email=f"r{n}@example.net") for n in range(10)]
    bare.people([reader(), *people])
    planned(bare)
    assert (await bare.deliver()).accepted == 11
    for n in range(10):
        address = f"r{n}@example.net"
        [selected_cells] = digests(bare, address)
        with bare.db.write() as session:
            for pick in selected_cells.picks[: 5 if n else 4]:
                feedback.add(session, subscriber(bare, address), pick.paper, Verdict.MORE, bare.clock.now)
        with bare.db.read() as session:
            assert calibration_at(session, bare.clock.now) == LocalCalibration()
    bare.clock.go(DAY)
    bare.papers(shelf("next", 3))
    bare.plan()
    with bare.db.read() as session:
        assert feedback.count(session) == 49 < MIN_VERDICTS
        assert calibration_at(session, bare.clock.now) == LocalCalibration()
    with bare.db.write() as session:
        feedback.add(
            session, subscriber(bare, "r1@example.net"), selected_cells.picks[9].paper, Verdict.SAVED, bare.clock.now
        )
    bare.clock.go(DAY)
    bare.papers(shelf("third", 3))
    bare.plan()
    with bare.db.read() as session:
        own = calibration_at(session, bare.clock.now)
        assert calibration_at(session, bare.clock.now - DAY) == LocalCalibration()
    assert own.shift > 0
    [*_, newest] = digests(bare)
    assert newest.picks
    assert all((pick.probability or 0) >= (pick.prior or 1) for pick in newest.picks)  # both may be nearly 1
    assert bare.unsafe == {}
