"""What a digest holds, where it is known beforehand what each paper is worth to the reader."""

from datetime import timedelta

import pytest

from digestd.digests.planner import PlanReport
from digestd.domain.digest import Section, Why
from tests.digests.shelf import ALL, DAY, HALF, NONE, digests, paper, planned, reader, shelf
from tests.support import sample_data
from tests.support.install import Install

AUTHOR = "Quillane Ostrovenko"


async def test_a_day_that_meets_no_interest_is_empty_and_makes_no_mail(bare: Install) -> None:
    bare.papers(shelf("other", 20, NONE))
    bare.people([reader()])
    assert bare.plan() == PlanReport(due=1, empty=1)
    assert [(selected_cells.state, selected_cells.picks) for selected_cells in digests(bare)] == [("empty", ())]
    assert (await bare.deliver()).accepted == 0
    assert not [file for file in (bare.folder / "outbox").rglob("*") if file.is_file()]
    assert bare.broken == {}


def test_a_followed_author_is_always_in_and_first(bare: Install) -> None:
    bare.papers([*shelf("strong", 20, signals={"upvotes": 90}), paper("dull", NONE, authors=["A. Bee", AUTHOR])])
    bare.people([reader(authors=[AUTHOR], size=3)])
    assert planned(bare)[0] == "dull"
    [digest] = digests(bare)
    assert (digest.picks[0].reason.why, digest.picks[0].reason.value) == (Why.AUTHOR, AUTHOR)
    assert len(digest.picks) == 3


def test_a_followed_author_comes_once_only(bare: Install) -> None:
    bare.papers([paper("dull", NONE, authors=[AUTHOR])])
    bare.people([reader(authors=[AUTHOR])])
    assert planned(bare) == ("dull",)
    bare.clock.go(DAY)
    assert planned(bare) == ()


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
def test_what_is_muted_never_comes_however_well_it_fits(bare: Install, unwanted: dict[str, object]) -> None:
    bad = paper("bad", authors=["Otho Crumb", AUTHOR], categories=["inv.dull"], signals={"upvotes": 500})
    bare.papers([{**bad, "abstract": f"{bad['abstract']} On brackish yodelling."}, *shelf("good", 3)])
    bare.people([reader(authors=[AUTHOR], **unwanted)])
    assert set(planned(bare)) == {"good00", "good01", "good02"}
    bare.clock.go(DAY)
    assert planned(bare) == ()


@pytest.mark.parametrize("size", [1, 4, 20])
def test_a_digest_holds_no_more_than_the_reader_wants(bare: Install, size: int) -> None:
    bare.papers(shelf("strong", 30))
    bare.people([reader(size=size)])
    assert len(set(planned(bare))) == size


def test_good_papers_that_had_no_room_come_the_next_day_and_weak_ones_do_not(bare: Install) -> None:
    bare.papers([*shelf("strong", 5), *shelf("weak", 4, HALF)])
    bare.people([reader(size=3)])
    first = planned(bare)
    assert len(first) == 3
    assert {name[:-2] for name in first} == {"strong"}
    bare.clock.go(DAY)
    left = {f"strong{n:02}" for n in range(5)} - set(first)
    assert set(planned(bare)) == left
    bare.clock.go(DAY)
    assert planned(bare) == ()


def test_a_paper_that_had_no_room_is_forgotten_after_seven_days(bare: Install) -> None:
    bare.papers(shelf("strong", 12))
    bare.people([reader(size=1)])
    came: list[str] = []
    for _ in range(10):
        came += planned(bare)
        bare.clock.go(DAY)
    assert len(came) == len(set(came)) == 7


def test_beside_strong_papers_weak_ones_come_to_a_reader_whose_bar_is_low(bare: Install) -> None:
    bare.papers([*shelf("strong", 2), *shelf("weak", 2, HALF), *shelf("other", 30, NONE)])
    bars = {"low": 4, "normal": 2, "high": 2}
    bare.people(reader(email=f"{bar}@example.net", bar=bar) for bar in bars)
    bare.plan()
    assert {bar: len(digests(bare, f"{bar}@example.net")[0].names) for bar in bars} == bars


def test_on_a_thin_day_there_are_fewer_picks_rather_than_worse_ones(bare: Install) -> None:
    bare.papers([*shelf("weak", 1, HALF), *shelf("other", 30, NONE)])
    bare.people([reader()])
    assert planned(bare) == ("weak00",)


def test_with_nothing_but_a_trace_of_relevance_there_is_one_pick(bare: Install) -> None:
    bare.papers([*shelf("trace", 8, HALF), *shelf("other", 4, NONE)])
    bare.people([reader(bar="high")])
    names = planned(bare)
    assert len(names) == 1
    assert names[0].startswith("trace")


def test_a_reader_without_interests_gets_what_is_talked_about(bare: Install) -> None:
    bare.papers([*shelf("quiet", 20, NONE, signals={"upvotes": 1}), paper("loud", NONE, signals={"upvotes": 200})])
    bare.people([{"email": "reader@example.net", "size": 5}])
    assert planned(bare)[0] == "loud"
    [digest] = digests(bare)
    assert {pick.section for pick in digest.picks} == {Section.TRENDING}


def test_a_paper_the_reader_named_as_liked_is_not_mailed_but_its_like_is(bare: Install) -> None:
    bare.papers([paper("mine"), paper("alike"), *shelf("other", 20, NONE)])
    bare.people([{"email": "reader@example.net", "likes": ["shelf:mine"]}])
    names = planned(bare)
    assert "mine" not in names
    assert names[0] == "alike"
    for _ in range(2):
        bare.clock.go(DAY)
        assert "mine" not in planned(bare)


def test_after_three_days_away_one_digest_holds_papers_of_each_day(bare: Install) -> None:
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


def test_a_paper_whose_import_ran_on_a_clock_ahead_of_ours_is_planned_once(bare: Install) -> None:
    bare.people([reader()])
    bare.clock.go(timedelta(minutes=20))
    bare.papers(shelf("ahead", 2))
    bare.clock.go(-timedelta(minutes=20))
    assert set(planned(bare)) == {"ahead00", "ahead01"}
    bare.clock.go(DAY)
    assert planned(bare) == ()


def test_a_paper_committed_late_is_not_missed_by_the_next_digest(bare: Install) -> None:
    bare.people([reader()])
    bare.papers(shelf("early", 1))
    planned(bare)
    bare.clock.go(-timedelta(minutes=2))  # its time was read before the planner's, it commits after
    bare.papers(shelf("late", 1, HALF))
    bare.clock.go(DAY + timedelta(minutes=2))
    assert planned(bare) == ("late00",)


def test_a_replacement_of_a_mailed_paper_does_not_come_again(bare: Install) -> None:
    bare.papers(shelf("strong", 2))
    bare.people([reader()])
    planned(bare)
    bare.clock.go(DAY)
    bare.papers([paper("strong00", ALL, title="A new title of glimmering vostok tidepool lanterns")])
    assert planned(bare) == ()


@pytest.mark.parametrize("mailed_under", ["younger", "older"])
def test_a_merged_paper_that_was_mailed_under_either_name_does_not_come_again(bare: Install, mailed_under: str) -> None:
    twin = {**paper("twin"), "id": "other:twin", "doi": "10.5555/invented.1"}
    bare.people([reader(size=1)])
    if mailed_under == "older":
        bare.papers([paper("one")])
        assert planned(bare) == ("one",)
        bare.papers([twin])
    else:  # the older row is not to the reader's taste until it is merged with the younger, which was mailed
        bare.papers([paper("one", NONE)])
        bare.papers([twin])
        assert planned(bare) == ("doi:10.5555/invented.1",)
    bare.clock.go(DAY)
    bare.papers([{**paper("one"), "doi": "10.5555/invented.1"}, paper("new")])
    assert planned(bare) == ("new",)
    bare.clock.go(DAY)
    assert planned(bare) == ()
    assert bare.unsafe == {}


def test_eight_days_bring_nobody_a_paper_twice(bare: Install) -> None:
    bare.people([reader(size=4), *sample_data.people(3, size=3, hour=7)])
    addresses = ["reader@example.net", *(f"reader{n}@example.net" for n in range(3))]
    for day in range(8):
        bare.papers(
            [*shelf(f"day{day:02}-", 3, HALF if day % 2 else ALL), *sample_data.papers(12, seed=day, first=day * 50)]
        )
        bare.plan()
        bare.clock.go(DAY)
    for address in addresses:
        had = [name for selected_cells in digests(bare, address) for name in selected_cells.names]
        assert len(had) == len(set(had))
        assert len({selected_cells.period for selected_cells in digests(bare, address)}) == 8
    assert bare.unsafe == {}
