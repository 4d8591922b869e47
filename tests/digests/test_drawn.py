"""One paper of a digest is drawn at random from below the best, and said to be."""

from datetime import timedelta

from digestd.digests.explanation import explain, preview
from digestd.digests.past_digest import explain_past_pick
from digestd.digests.selection_options import sampling_seed
from digestd.domain.digest import Section
from tests.digests.shelf import DAY, HALF, TOPIC, digests, mail, named, paper, planned, reader, shelf, subscriber
from tests.support.install import Install

BELOW = 30


def a_full_day(bare: Install) -> None:
    bare.papers([*shelf("strong", 25), *shelf("weak", BELOW, HALF)])


def test_the_last_of_a_full_digest_is_drawn_with_a_known_probability(bare: Install) -> None:
    a_full_day(bare)
    bare.people([reader()])
    planned(bare)
    [digest] = digests(bare)
    *chosen, drawn = digest.picks
    assert len(digest.picks) == 10
    assert {pick.section for pick in chosen} == {Section.FOR_YOU}
    assert {pick.propensity for pick in chosen} == {None}
    assert drawn.section is Section.DRAWN
    assert drawn.propensity is not None
    assert 1 / 81 <= drawn.propensity <= 1 / 5
    assert drawn.rank is not None
    assert 20 <= drawn.rank <= 55
    assert [pick.rank for pick in chosen if pick.rank is None or pick.rank > 25] == []


def test_what_is_drawn_is_the_same_in_preview_plan_and_explanation(bare: Install) -> None:
    a_full_day(bare)
    bare.people([reader()])
    seen = preview(bare.db, subscriber(bare), bare.clock.now).picks
    names = planned(bare)
    [digest] = digests(bare)
    assert seen == digest.picks
    past = explain_past_pick(bare.db, subscriber(bare), named(names[-1]), digest.period)
    assert past.verdict == f"drawn at random for this digest, probability 1 in {round(1 / (seen[-1].propensity or 1))}"
    assert (past.score, past.rank, past.probability) == (seen[-1].score, seen[-1].rank, seen[-1].chance)
    assert b"DRAWN AT RANDOM" in mail(bare, digest.key)


def test_days_and_readers_draw_apart_and_fairly() -> None:
    drawn = [sampling_seed(who, f"2026-11-{day:02}") for who in range(40) for day in range(1, 26)]
    assert len(set(drawn)) == 1_000
    assert 0 <= min(drawn) < 0.01 < 0.99 < max(drawn) < 1
    assert abs(sum(drawn) / 1_000 - 0.5) < 0.03


def test_nobody_gets_one_who_declines_or_asked_for_nothing_or_for_little(bare: Install) -> None:
    a_full_day(bare)
    few: dict[str, dict[str, object]] = {"declines": {"explore": False}, "small": {"size": 4}, "plain": {"topics": []}}
    bare.people(reader(email=f"{name}@example.net", **wish) for name, wish in few.items())
    bare.plan()
    for name in few:
        assert {
            pick.propensity for selected_cells in digests(bare, f"{name}@example.net") for pick in selected_cells.picks
        } == {None}


def test_an_install_can_do_without(bare: Install) -> None:
    a_full_day(bare)
    bare.people([reader()])
    seen = preview(bare.db, subscriber(bare), bare.clock.now, explore=False).picks
    assert {pick.propensity for pick in seen} == {None}
    assert len(seen) == 10


def test_what_is_drawn_was_never_had_and_never_muted(bare: Install) -> None:
    bad = [paper(f"bad{n:02}", HALF, authors=["Otho Crumb"]) for n in range(20)]
    bare.people([reader(mute={"authors": ["Otho Crumb"]})])
    had: list[str] = []
    for day in range(4):
        bare.papers([*shelf(f"day{day}-", 25), *shelf(f"low{day}-", 20, HALF), *bad])
        had += planned(bare)
        bare.clock.go(DAY)
    assert sum(pick.propensity is not None for selected_cells in digests(bare) for pick in selected_cells.picks) == 4
    assert len(had) == len(set(had)) == 40
    assert not [name for name in had if name.startswith("bad")]


def test_each_interest_has_a_place_beside_a_hot_one(bare: Install) -> None:
    cold = {"sea": "brackish yodelling", "sky": "feathered barometers"}
    bare.papers(shelf("strong", 30))
    bare.papers({**paper(name, 0), "title": f"On {words}", "abstract": f"{words}."} for name, words in cold.items())
    bare.people([reader(topics=[TOPIC, *cold.values()], size=6, explore=False)])
    names = planned(bare)
    assert {*cold} < set(names)
    assert len(names) == 6


def test_explain_tells_what_was_left_out_for_variety(bare: Install) -> None:
    twins = [{**paper(f"twin{n}"), "title": f"The tidepool lantern, part {n}"} for n in range(6)]
    for twin in twins:
        twin["abstract"] = f"{TOPIC}. " * 3
    bare.papers([*twins, *shelf("strong", 10)])
    bare.people([reader(size=8)])
    verdicts = [explain(bare.db, subscriber(bare), named(f"twin{n}"), bare.clock.now).verdict for n in range(6)]
    assert sum(verdict.startswith("picked, ranked ") for verdict in verdicts) <= 3
    left = [verdict for verdict in verdicts if not verdict.startswith("picked")]
    assert all(verdict.startswith(("left out as too like «The tidepool lantern", "cut by size: ")) for verdict in left)
    assert any(verdict.startswith("left out as too like") for verdict in left)


def test_the_best_of_a_week_wins_though_it_came_first(bare: Install) -> None:
    bare.people([reader(cadence="weekly", weekday="tue", size=3, bar="low", explore=False)])
    bare.papers(shelf("before", 1))
    planned(bare)
    for day in range(7):
        bare.clock.go(timedelta(minutes=1) if day == 0 else DAY)
        best = [paper("best", signals={"upvotes": 40})] if day == 0 else []
        bare.papers([*best, *shelf(f"weak{day}-", 5, 3, signals={"upvotes": 4})])
        assert bare.plan().due == 0
    bare.clock.go(DAY + timedelta(minutes=59))  # the planner is an hour late, as when the clocks go back
    names = planned(bare)
    assert names[0] == "best"
    assert len(names) == 3
    assert digests(bare)[-1].period == "2026-W49"
