"""Test which papers a digest has, and in what order."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from digestd.digests.explanation import explain
from digestd.digests.selection import sampling_seed
from digestd.domain.digest import Reason, ReasonKind, Section
from digestd.domain.subscriber import MinScore
from digestd.ranking.calibration import MIN_SCORES
from digestd.store import core
from digestd.store.ledger.packing import pack_picks
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import DAY, HALF, TOPIC, digests, mail, named, paper, planned, reader, shelf, subscriber
from tests.support.install import Install

BELOW = 30


def a_full_day(bare: Install) -> None:
    bare.papers([*shelf("strong", 25), *shelf("weak", BELOW, HALF)])


def test_full_digest_has_its_best_papers_alone(bare: Install) -> None:
    a_full_day(bare)
    bare.people([reader()])
    names = planned(bare)
    [digest] = digests(bare)
    assert len(names) == 10
    assert {name[:6] for name in names} == {"strong"}
    assert {(pick.section, pick.propensity) for pick in digest.picks} == {(Section.FOR_YOU, None)}


def test_random_pick_of_an_earlier_release_is_explained(bare: Install) -> None:
    a_full_day(bare)
    bare.people([reader(size=5)])
    names = planned(bare)
    [digest] = digests(bare)
    drawn = digest.picks[-1]._replace(
        section=Section.EXPLORATION, reason=Reason(ReasonKind.RANDOM), propensity=0.0125, rank=31
    )
    with bare.db.write() as session:
        session.connection().execute(update(core.delivery).values(picks=pack_picks([*digest.picks[:-1], drawn])))
    past = explain(bare.db, subscriber(bare), named(names[-1]), bare.clock.now, period=digest.period)
    assert past.verdict == "drawn at random for this digest, probability 1 in 80"
    assert b"PICKED AT RANDOM" in mail(bare, digest.key)


def test_sampling_seed_is_uniform_and_independent() -> None:
    drawn = [sampling_seed(who, f"2026-11-{day:02}") for who in range(40) for day in range(1, 26)]
    assert len(set(drawn)) == 1_000
    assert 0 <= min(drawn) < 0.01 < 0.99 < max(drawn) < 1
    assert abs(sum(drawn) / 1_000 - 0.5) < 0.03


def test_plan_skips_seen_and_muted_papers(bare: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MIN_SCORES, MinScore.NORMAL, 0.01)  # in this archive the topic is all but rare
    bad = [paper(f"bad{n:02}", HALF, authors=["Otho Crumb"]) for n in range(20)]
    bare.people([reader(mute={"authors": ["Otho Crumb"]})])
    had: list[str] = []
    for day in range(4):
        bare.papers([*shelf(f"day{day}-", 25), *shelf(f"low{day}-", 20, HALF), *bad])
        had += planned(bare)
        bare.clock.go(DAY)
    assert len(had) == len(set(had)) == 40
    assert not [name for name in had if name.startswith("bad")]


def test_select_gives_every_interest_a_place(bare: Install) -> None:
    cold = {"sea": "brackish yodelling", "sky": "feathered barometers"}
    bare.papers(shelf("strong", 30))
    bare.papers({**paper(name, 0), "title": f"On {words}", "abstract": f"{words}."} for name, words in cold.items())
    bare.people([reader(topics=[TOPIC, *cold.values()], size=6)])
    names = planned(bare)
    assert {*cold} < set(names)
    assert len(names) == 6


def test_explain_reports_a_paper_dropped_for_diversity(bare: Install) -> None:
    twins = [{**paper(f"twin{n}"), "title": f"The tidepool lantern, part {n}"} for n in range(6)]
    for twin in twins:
        twin["abstract"] = f"{TOPIC}. " * 3
    bare.papers([*twins, *shelf("strong", 10)])
    bare.people([reader(size=8)])
    verdicts = [explain(bare.db, subscriber(bare), named(f"twin{n}"), bare.clock.now).verdict for n in range(6)]
    assert sum(verdict.startswith("picked, ranked ") for verdict in verdicts) <= 3
    left = [verdict for verdict in verdicts if not verdict.startswith("picked")]
    assert all(
        verdict.startswith(("left out as too similar to «The tidepool lantern", "cut by size: ")) for verdict in left
    )
    assert any(verdict.startswith("left out as too similar to") for verdict in left)


def test_weekly_digest_contains_the_best_of_its_first_day(bare: Install) -> None:
    bare.people([reader(cadence="weekly", weekday="tue", size=3, min_score="low")])
    bare.papers(shelf("before", 1))
    planned(bare)
    for day in range(7):
        bare.clock.go(timedelta(minutes=1) if day == 0 else DAY)
        best = [paper("best", signals={"upvotes": 40})] if day == 0 else []
        bare.papers([*best, *shelf(f"weak{day}-", 5, HALF, signals={"upvotes": 4})])
        assert bare.plan().due == 0
    bare.clock.go(DAY + timedelta(minutes=59))  # the planner is an hour late, as when the clocks go back
    names = planned(bare)
    assert names[0] == "best"
    assert len(names) == 3
    assert digests(bare)[-1].period == "2026-W49"
