"""Test that `explain` agrees with planning and its parts sum to the score."""

import pytest

from digestd.digests.explanation import Explanation, explain
from digestd.domain.digest import ReasonKind
from digestd.domain.paper import PaperId
from digestd.errors import NotFound
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import (
    DAY,
    HALF,
    NONE,
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


def explanation_of(install: Install, name: str) -> Explanation:
    return explain(install.db, subscriber(install), named(name), install.clock.now)


def test_explain_parts_sum_to_the_score(bare: Install) -> None:
    bare.papers(
        [
            *shelf("strong", 4, authors=[AUTHOR], signals={"upvotes": 30}),
            *shelf("weak", 4, HALF, categories=["inv.tide"]),
            *shelf("other", 6, NONE, signals={"upvotes": 3}),
        ]
    )
    likes = ["shelf:strong01", "shelf:other02"]
    wants = {"authors": [AUTHOR], "categories": ["inv.tide"], "phrases": ["vostok"], "likes": likes}
    bare.people([reader(**wants, dislikes=["shelf:other03"])])
    for name in [f"{kind}{n:02}" for kind, count in (("strong", 4), ("weak", 4), ("other", 6)) for n in range(count)]:
        explanation = explanation_of(bare, name)
        assert sum(part.contribution for part in explanation.parts) == pytest.approx(explanation.score, abs=1e-4)
        for part in explanation.parts:
            assert part.contribution == pytest.approx(part.weight * part.z, abs=1e-5)
    assert len({part.signal for part in explanation_of(bare, "strong00").parts if part.contribution}) >= 4


def test_explain_agrees_with_planning(bare: Install) -> None:
    bare.papers([*shelf("strong", 6), *shelf("weak", 3, HALF), *shelf("other", 3, NONE)])
    bare.people([reader(size=5)])
    names = [f"{kind}{n:02}" for kind, count in (("strong", 6), ("weak", 3), ("other", 3)) for n in range(count)]
    accounts = {name: explanation_of(bare, name) for name in names}
    assert {explanation.candidates for explanation in accounts.values()} == {12}
    ranked = sorted(names, key=lambda name: accounts[name].rank or 0)
    assert [accounts[name].score for name in ranked] == sorted((a.score for a in accounts.values()), reverse=True)
    picked = {name for name, explanation in accounts.items() if explanation.verdict.startswith("picked, ranked ")}
    assert picked == set(planned(bare))
    [digest] = digests(bare)
    for name, pick in zip(digest.names, digest.picks, strict=True):
        assert pick.score == round(accounts[name].score, 3)
        assert pick.reason == accounts[name].reason
        assert (pick.rank, pick.probability) == (accounts[name].rank, accounts[name].probability)


def test_explain_says_why_a_paper_is_not_picked(bare: Install) -> None:
    bare.papers([*shelf("seen", 1), *shelf("cut", 2, NONE)])
    bare.people([reader(size=1)])
    assert planned(bare) == ("seen00",)
    bare.clock.go(DAY)
    muted = paper("muted")
    bare.papers([*shelf("strong", 2), paper("mine"), {**muted, "title": f"{muted['title']} brackish yodelling"}])
    bare.papers(shelf("other", 3, NONE))
    bare.people([reader(size=1, mute={"phrases": ["brackish yodelling"]}, likes=["shelf:mine"])])
    verdicts = {
        name: explanation_of(bare, name) for name in ("seen00", "cut00", "muted", "mine", "strong00", "strong01")
    }
    assert {name: explanation.verdict for name, explanation in verdicts.items() if name[:6] != "strong"} == {
        "seen00": "was in the digest of 2026-11-24",
        "cut00": "not in the digest of 2026-11-24 (1 paper, ready 2026-11-24 07:00Z); computed again now: "
        "far: chance .00, below the near floor of .10",
        "muted": "muted: phrase brackish yodelling",
        "mine": "is one of the subscriber's own papers",
    }
    assert sorted(verdicts[name].verdict for name in ("strong00", "strong01")) == [
        "cut by size: ranked 2nd of 2 that match, the digest holds 1",
        "picked, ranked 1st",
    ]
    assert [verdicts[name].rank for name in ("seen00", "muted", "mine")] == [None] * 3


def test_explain_after_the_digest_says_what_it_chose_from(bare: Install) -> None:
    bare.papers([*shelf("strong", 4), *shelf("other", 3, NONE)])
    bare.people([reader(size=2)])
    before = {name: explanation_of(bare, name) for name in ("strong00", "strong01", "strong02", "strong03", "other00")}
    picked = planned(bare)
    [period] = {found.period for found in before.values()}
    said = f"not in the digest of {period} (2 papers, ready 2026-11-24 07:00Z); computed again now: "
    for name, was in before.items():
        found = explain(bare.db, subscriber(bare), named(name), bare.clock.now, period=period)
        assert found.verdict == (was.verdict if name in picked else said + was.verdict)
        assert (round(found.score, 3), found.rank, found.candidates) == (round(was.score, 3), was.rank, was.candidates)
    assert explanation_of(bare, "other00").verdict == said + before["other00"].verdict
    competing = next(name for name in before if name.startswith("strong") and name not in picked)
    assert explanation_of(bare, competing).verdict.startswith("for the next digest: ")
    with pytest.raises(NotFound, match=f"no digest of 2026-11-20; the nearest: {period}"):
        explain(bare.db, subscriber(bare), named("other00"), bare.clock.now, period="2026-11-20")
    bare.clock.go(DAY)
    bare.papers([paper("late")])
    with pytest.raises(NotFound, match=f"late was no candidate for the digest of {period}: first seen 2026-11-25"):
        explain(bare.db, subscriber(bare), named("late"), bare.clock.now, period=period)


def test_explain_reports_a_paper_outside_the_window(bare: Install) -> None:
    bare.papers(shelf("old", 1))
    bare.clock.go(4 * DAY)
    bare.papers(shelf("new", 1))
    bare.people([reader()])
    assert explanation_of(bare, "old00").verdict == "is older than a digest looks back: first seen 2026-11-24"
    assert explanation_of(bare, "new00").verdict == "picked, ranked 1st"


def test_explain_reason_names_the_matched_interest(bare: Install) -> None:
    bare.papers([paper("strong"), paper("dull", NONE, authors=["Quillane Ostrovenko"]), *sample_data.papers(10)])
    bare.people([reader(authors=[AUTHOR])])
    assert explanation_of(bare, "strong").reason.value == TOPIC
    assert explanation_of(bare, "strong").reason.words[0].casefold() == TOPIC
    assert explanation_of(bare, "dull").reason.kind is ReasonKind.AUTHOR


def test_explain_rejects_an_unknown_paper(bare: Install) -> None:
    bare.people([reader()])
    with pytest.raises(NotFound, match="there is no paper"):
        explanation_of(bare, "unheard-of")
    with pytest.raises(NotFound, match="older than seven days or archived"):
        explain(bare.db, subscriber(bare), PaperId("invented:900000"), bare.clock.now)
