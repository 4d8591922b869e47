"""Test that a click takes nothing away from a digest: what was asked for still comes, whatever else was asked for."""

from collections import Counter
from collections.abc import Iterator

import pytest

from digestd.digests.explanation import find_paper, preview
from digestd.domain.digest import Pick, Section
from digestd.domain.interest import Verdict
from digestd.papers.paper_import import import_papers
from digestd.store import feedback, papers
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import DAY, HALF, NONE, TOPIC, named, paper, planned, reader, shelf, subscriber
from tests.support.install import Install
from tests.support.sample_data import lines

TIDE, MOON = {"categories": ["inv.tide"]}, {"categories": ["inv.moon"], "authors": ["Ada Lake"], "venue": "Lakes"}
SEEDS = {"tide": "in a ticked category", "strong": "about the topic", "odd": "about something else"}


@pytest.fixture
def stage(bare: Install) -> Install:
    """Return an install on a day of 60 papers, most of them in one category, with archived ones to click on."""
    seeds = [paper("tide", NONE, **TIDE), paper("strong"), paper("odd", NONE)]
    import_papers(bare.db, lines(iter(seeds)), bare.clock.now, True)
    bare.papers([*shelf("inside", 30, NONE, **TIDE), *shelf("moon", 6, NONE, **MOON), *shelf("exact", 4)])
    bare.papers([*shelf("half", 4, HALF), *shelf("other", 10, NONE, signals={"upvotes": 7}), *shelf("new", 6, NONE)])
    return bare


WISHES: dict[str, dict[str, object]] = {
    "one broad category": {"categories": ["inv.tide"], "size": 20},
    "two categories": {"categories": ["inv.tide", "inv.moon"], "size": 12},
    "category and topic": {"categories": ["inv.tide"], "topics": [TOPIC], "size": 20},
    "category and topic, high": {"categories": ["inv.tide"], "topics": [TOPIC], "size": 20, "min_score": "high"},
    "category and likes": {"categories": ["inv.tide"], "likes": ["shelf:strong"], "dislikes": ["shelf:odd"]},
    "size 1": {"categories": ["inv.moon"], "size": 1},
    "size 50": {"categories": ["inv.tide", "inv.moon"], "topics": [TOPIC], "size": 50},
    "weekly": {"categories": ["inv.tide"], "cadence": "weekly", "weekday": "tue"},
    "author and venue": {"authors": ["Ada Lake"], "venues": ["Lakes"], "categories": ["inv.tide"]},
    "only categories": {"categories": ["inv.tide"], "only_categories": True, "mute": {"authors": ["Ada Lake"]}},
    "phrase": {"phrases": [TOPIC.split()[0]], "categories": ["inv.moon"]},
    "topics": {"topics": [TOPIC, "inside"], "size": 5},
    "nothing": {"size": 20},
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("verdict", [Verdict.MORE, Verdict.SAVED, Verdict.LESS])
@pytest.mark.parametrize("wishes", WISHES.values(), ids=WISHES)
def test_click_takes_nothing_away(stage: Install, wishes: dict[str, object], verdict: Verdict, seed: str) -> None:
    stage.people([{"email": "reader@example.net", **wishes}])
    before = picks(stage)
    click(stage, seed, verdict)
    after = picks(stage)
    assert len(after) >= len(before) > 0
    assert matching(after) >= matching(before) or "likes" in wishes  # a like of something else blurs those
    if wishes.get("size") != 1:
        assert set(groups(stage, after)) >= {*groups(stage, before)} & {"inside", "moon", "exact"} - unasked(wishes)


def test_like_leaves_every_topic_a_place(stage: Install) -> None:
    cold = {"sea": "brackish yodelling", "sky": "feathered barometers"}
    stage.papers({**paper(name, NONE), "title": f"On {words}", "abstract": f"{words}."} for name, words in cold.items())
    stage.papers(shelf("more", 20))
    stage.people([reader(topics=[TOPIC, *cold.values()], size=5)])
    for seed in SEEDS:
        click(stage, seed, Verdict.MORE)
    assert {*cold} < set(planned(stage))


def test_reader_without_interests_keeps_what_is_trending(stage: Install) -> None:
    stage.people([{"email": "reader@example.net", "size": 50}])
    click(stage, "strong", Verdict.MORE)
    found = picks(stage)
    assert len(found) == 50
    liked = [pick for pick in found if pick.section is not Section.TRENDING]
    assert {"exact", "half"} <= set(groups(stage, liked))
    assert found[: len(liked)] == tuple(liked)
    assert len(liked) < 50


def test_named_like_brings_what_is_like_it_alone(stage: Install) -> None:
    stage.people([{"email": "reader@example.net", "likes": ["shelf:strong"], "size": 50}])
    found = picks(stage)
    assert Section.TRENDING not in {pick.section for pick in found}
    assert len(found) < 50


def click(install: Install, seed: str, verdict: Verdict) -> None:
    """Give a verdict on an archived paper."""
    key = find_paper(install.db, named(seed)).key
    with install.db.write() as session:
        feedback.add(session, subscriber(install), key, verdict, install.clock.now)


def picks(install: Install) -> tuple[Pick, ...]:
    return preview(install.db, subscriber(install), install.clock.now + DAY / 24).picks


def matching(found: tuple[Pick, ...]) -> int:
    return sum(pick.section is Section.FOR_YOU and pick.probability is not None for pick in found)


def groups(install: Install, found: Iterator[Pick] | tuple[Pick, ...] | list[Pick]) -> Counter[str]:
    """Count the papers of each shelf."""
    with install.db.read() as session:
        known = papers.by_keys(session, {pick.paper for pick in found})
    return Counter(known[pick.paper].id.removeprefix("shelf:").rstrip("0123456789") for pick in found)


def unasked(wishes: dict[str, object]) -> set[str]:
    """Return the shelves that a subscriber did not ask for."""
    asked = {"inside": "inv.tide", "moon": "inv.moon", "exact": TOPIC}
    named_by = str([wishes.get(name) for name in ("categories", "topics")])
    return {name for name, value in asked.items() if value not in named_by}
