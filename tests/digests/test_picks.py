"""Test the picks of digests whose relevance is known in advance."""

from datetime import timedelta

import pytest

from digestd.digests.explanation import explain
from digestd.digests.planner import PlanReport
from digestd.domain.digest import ReasonKind, Section
from digestd.domain.subscriber import MinScore
from digestd.papers.paper_import import import_papers
from digestd.ranking.calibration import MIN_SCORES
from digestd.store import papers
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import (
    ALL,
    DAY,
    HALF,
    NONE,
    PART,
    TOPIC,
    digests,
    named,
    paper,
    planned,
    reader,
    shelf,
    subscriber,
)
from tests.support import sample_data
from tests.support.install import Install

AUTHOR = "Quillane Ostrovenko"


def chance(install: Install, name: str) -> float:
    return explain(install.db, subscriber(install), named(name), install.clock.now).probability or 0.0


async def test_plan_without_near_papers_sends_no_mail(bare: Install) -> None:
    bare.people([reader()])
    bare.papers([paper("first", NONE)])
    bare.plan()
    assert (await bare.deliver()).accepted == 1
    bare.clock.go(DAY)
    bare.papers(shelf("other", 20, NONE))
    assert bare.plan() == PlanReport(due=1, empty=1)
    assert [digest.state for digest in digests(bare)] == ["accepted", "empty"]
    assert (await bare.deliver()).accepted == 0
    assert len([file for file in (bare.folder / "outbox").rglob("*") if file.is_file()]) == 1
    assert bare.broken == {}


def test_followed_author_comes_first(bare: Install) -> None:
    bare.papers([*shelf("strong", 20, signals={"upvotes": 90}), paper("dull", NONE, authors=["A. Bee", AUTHOR])])
    bare.people([reader(authors=[AUTHOR], size=3)])
    assert planned(bare)[0] == "dull"
    [digest] = digests(bare)
    assert (digest.picks[0].reason.kind, digest.picks[0].reason.value) == (ReasonKind.AUTHOR, AUTHOR)
    assert len(digest.picks) == 3


@pytest.mark.parametrize(
    "unwanted",
    [
        {"mute": {"phrases": ["brackish yodelling"]}},
        {"mute": {"topics": ["brackish yodelling"]}},
        {"mute": {"authors": ["Otho Crumb"]}},
        {"mute": {"categories": ["inv.dull"]}},
        {"dislikes": ["shelf:bad"]},
    ],
)
def test_muted_papers_are_never_picked(bare: Install, unwanted: dict[str, object]) -> None:
    bad = paper("bad", authors=["Otho Crumb", AUTHOR], categories=["inv.dull"], signals={"upvotes": 500})
    bare.papers([{**bad, "abstract": f"{bad['abstract']} On brackish yodelling."}, *shelf("good", 3)])
    bare.people([reader(authors=[AUTHOR], **unwanted)])
    assert set(planned(bare)) == {"good00", "good01", "good02"}
    bare.clock.go(DAY)
    assert planned(bare) == ()


@pytest.mark.parametrize("size", [1, 20])
def test_digest_is_limited_to_its_size(bare: Install, size: int) -> None:
    bare.papers(shelf("strong", 30))
    bare.people([reader(size=size)])
    assert len(set(planned(bare))) == size


def test_good_papers_carry_over_to_the_next_day(bare: Install) -> None:
    bare.papers([*shelf("strong", 5), *shelf("weak", 4, PART)])
    bare.people([reader(size=3, min_score="low")])
    first = planned(bare)
    assert len(first) == 3
    assert {name[:-2] for name in first} == {"strong"}
    bare.clock.go(DAY)
    left = {f"strong{n:02}" for n in range(5)} - set(first)
    assert set(planned(bare)) == left
    bare.clock.go(DAY)
    assert planned(bare) == ()


def test_carry_over_ends_after_seven_days(bare: Install) -> None:
    bare.papers(shelf("strong", 12))
    bare.people([reader(size=1)])
    came: list[str] = []
    for _ in range(10):
        came += planned(bare)
        bare.clock.go(DAY)
    assert len(came) == len(set(came)) == 7


def test_high_minimum_score_leaves_out_weak_papers(bare: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    bare.papers([*shelf("strong", 16), *shelf("weak", 2, HALF), *shelf("other", 8, NONE)])
    bars = {"low": 18, "normal": 18, "high": 16}
    bare.people([reader()])
    strong, weak = (
        [chance(bare, f"{name}{n:02}") for n in range(count)] for name, count in (("strong", 16), ("weak", 2))
    )
    assert min(strong) > max(weak) > MIN_SCORES[MinScore.HIGH]
    monkeypatch.setitem(MIN_SCORES, MinScore.HIGH, (min(strong) + max(weak)) / 2)
    bare.people(reader(email=f"{bar}@example.net", min_score=bar, size=30) for bar in bars)
    bare.plan()
    assert {bar: len(digests(bare, f"{bar}@example.net")[0].names) for bar in bars} == bars


def test_plan_prefers_fewer_picks_to_weak_ones(bare: Install) -> None:
    bare.papers([*shelf("weak", 1, HALF), *shelf("other", 30, NONE)])
    bare.people([reader()])
    assert planned(bare) == ("weak00",)


def test_plan_picks_barely_relevant_papers(bare: Install) -> None:
    import_papers(bare.db, sample_data.lines(shelf("known", 3)), bare.clock.now, True)
    bare.papers(shelf("trace", 2, PART))
    bare.people([reader(min_score="high")])
    assert set(planned(bare)) <= {"trace00", "trace01"}
    assert digests(bare)[0].picks


def test_subscriber_without_interests_gets_trending(bare: Install) -> None:
    bare.papers([*shelf("quiet", 20, NONE, signals={"upvotes": 1}), paper("loud", NONE, signals={"upvotes": 200})])
    bare.people([{"email": "reader@example.net", "size": 5}])
    assert planned(bare)[0] == "loud"
    [digest] = digests(bare)
    assert {pick.section for pick in digest.picks} == {Section.TRENDING}


@pytest.mark.parametrize("cadence", ["daily", "weekly"])
def test_trending_papers_are_ordered_by_votes(bare: Install, cadence: str) -> None:
    """Also where hardly any paper has votes, and in the order of the home page."""
    bare.people([{"email": "reader@example.net", "size": 8, "cadence": cadence, "weekday": "tue"}])
    bare.papers(shelf("silent", 150, NONE))
    voted = [148, 38, 26, 21, 16, 11, 7, 3]
    bare.papers(paper(f"by{votes}", NONE, signals={"upvotes": votes, "stars": 500 // votes}) for votes in voted[::-1])
    assert planned(bare) == tuple(f"by{votes}" for votes in voted)
    with bare.db.read() as session:
        shown = papers.trending(session, bare.clock.now - DAY, 8)
    assert [known.key for known in shown] == [pick.paper for pick in digests(bare)[0].picks]


def test_liked_paper_brings_similar_ones_not_itself(bare: Install) -> None:
    pair = [{**paper(name), "abstract": f"{TOPIC}, and how to trim them."} for name in ("mine", "alike")]
    bare.papers([*pair, *shelf("other", 20, NONE)])
    bare.people([{"email": "reader@example.net", "likes": ["shelf:mine"]}])
    names = planned(bare)
    assert "mine" not in names
    assert names[0] == "alike"
    for _ in range(2):
        bare.clock.go(DAY)
        assert "mine" not in planned(bare)


def test_catch_up_digest_has_papers_of_each_day(bare: Install) -> None:
    bare.people([reader()])
    bare.papers(shelf("before", 2))
    assert bare.plan().planned == 1
    for day in ("tue", "wed", "thu"):
        bare.clock.go(timedelta(hours=1) if day == "tue" else DAY)
        bare.papers(shelf(day, 2))
    bare.clock.go(timedelta(hours=1))  # Thursday 09:00: Wednesday's and Thursday's digest are due
    assert bare.plan() == PlanReport(due=1, planned=1)
    assert bare.plan() == PlanReport()
    _, late = digests(bare)
    assert (late.period, late.covers_from) == ("2026-11-26", "2026-11-25")
    assert {name[:-2] for name in late.names} == {"tue", "wed", "thu"}
    assert len(late.names) == 6


def test_paper_from_a_clock_ahead_is_planned_once(bare: Install) -> None:
    bare.people([reader()])
    bare.clock.go(timedelta(minutes=20))
    bare.papers(shelf("ahead", 2))
    bare.clock.go(-timedelta(minutes=20))
    assert set(planned(bare)) == {"ahead00", "ahead01"}
    bare.clock.go(DAY)
    assert planned(bare) == ()


def test_paper_committed_late_is_not_missed(bare: Install) -> None:
    bare.people([reader()])
    bare.papers(shelf("early", 1))
    planned(bare)
    bare.clock.go(-timedelta(minutes=2))  # its time was read before the planner's, it commits after
    bare.papers(shelf("late", 1, HALF))
    bare.clock.go(DAY + timedelta(minutes=2))
    assert planned(bare) == ("late00",)


def test_revision_of_a_sent_paper_is_not_repeated(bare: Install) -> None:
    bare.papers(shelf("strong", 2))
    bare.people([reader()])
    planned(bare)
    bare.clock.go(DAY)
    bare.papers([paper("strong00", ALL, title="A new title of glimmering vostok tidepool lanterns")])
    assert planned(bare) == ()
