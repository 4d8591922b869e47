"""Test that readers get the papers nearest to their topics when few match, said honestly, and never below a floor."""

import re
from datetime import timedelta
from email import message_from_bytes, policy

import pytest

from digestd.delivery.composer import Composer
from digestd.digests.anonymous_preview import preview_anonymous
from digestd.digests.explanation import explain, preview
from digestd.digests.forecast import forecast
from digestd.digests.planner import PlanReport
from digestd.digests.planning_day import RankingOptions, read_planning_day
from digestd.domain.digest import Occasion, ReasonKind, Section
from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import Cadence, MinScore, Preferences
from digestd.ranking.calibration import MIN_SCORES, NEAR_SCORES
from digestd.store.ledger import queries
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import (
    DAY,
    HALF,
    NONE,
    TOPIC,
    digests,
    mail,
    named,
    paper,
    planned,
    reader,
    shelf,
    subscriber,
    welcome,
)
from tests.support.install import Install

NEAR_HEADING = "NEAR YOUR TOPICS"
CLAIMED = re.compile("nothing|none|quiet|squarely|broader", re.IGNORECASE)
"""Words of claims about papers that are not in the digest."""
CLAIMS = {ReasonKind.TITLE, ReasonKind.TOPIC}


@pytest.fixture
def bed(bare: Install, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return an install whose reader had a first digest, and whose limits lie between exact, near and other papers."""
    bare.people([reader()])
    welcome(bare)
    bare.papers([paper("exact"), paper("near", HALF), *shelf("other", 8, NONE)])
    exact, near, other = (chance(bare, name) for name in ("exact", "near", "other00"))
    assert exact > near > other
    monkeypatch.setitem(MIN_SCORES, MinScore.NORMAL, (exact + near) / 2)
    monkeypatch.setitem(NEAR_SCORES, MinScore.NORMAL, (near + other) / 2)
    return bare


def chance(install: Install, name: str) -> float:
    return explain(install.db, subscriber(install), named(name), install.clock.now).probability or 0.0


def verdict(install: Install, name: str) -> str:
    return explain(install.db, subscriber(install), named(name), install.clock.now).verdict


def written(install: Install) -> tuple[str, str, str]:
    """Return subject, text and HTML of the newest digest."""
    message = message_from_bytes(mail(install, digests(install)[-1].key), policy=policy.default)
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    return str(message["Subject"]), " ".join(text.get_content().split()), " ".join(html.get_content().split())


def test_near_paper_follows_the_match(bed: Install) -> None:
    assert planned(bed) == ("exact", "near")
    exact, near = digests(bed)[-1].picks
    assert (exact.section, near.section) == (Section.FOR_YOU, Section.NEAR)
    assert exact.reason.kind is ReasonKind.TITLE
    assert near.reason.kind not in CLAIMS
    assert near.reason.value == TOPIC
    subject, text, html = written(bed)
    assert subject.lower().startswith(TOPIC[:20])
    _, heading, nearest = text.partition(NEAR_HEADING)
    assert heading
    assert "Matches your topic" not in nearest
    assert "Near your topics</h2>" in html
    assert "Change your topics" in html


def test_chat_room_tells_near_papers_apart(bed: Install) -> None:
    planned(bed)
    with bed.db.read() as session:
        claim = queries.as_claim(session, digests(bed)[-1].key)
    assert claim is not None
    shown = Composer(bed.db, bed.app.sender, bed.app.templates).compose_for_room(claim).message.decode()
    lines = [line for line in shown.splitlines()[0].split("\0") if line]
    heading = lines.index("Near your interests")
    assert any(TOPIC in line for line in lines[1:heading])
    assert not any(line.startswith("Matches") for line in lines[heading:])
    assert lines[heading + 1].endswith(" near")


def test_near_papers_alone_say_so(bed: Install) -> None:
    planned(bed)
    bed.clock.go(DAY)
    bed.papers(shelf("close", 5, HALF))
    assert len(planned(bed)) == 3
    assert {pick.section for pick in digests(bed)[-1].picks} == {Section.NEAR}
    subject, text, _ = written(bed)
    assert subject.startswith("Nearest: ")
    assert "3 papers, chosen from 5 new ones." in text
    assert "We’re less sure that these fit." in text
    assert not CLAIMED.search(text)


def test_near_papers_come_only_beside_few_matches(bed: Install) -> None:
    bed.papers(shelf("more", 2))
    assert set(planned(bed)) == {"exact", "more00", "more01"}
    bed.people([reader(size=1)])
    bed.clock.go(DAY)
    bed.papers([paper("again"), *shelf("close", 5, HALF)])
    assert planned(bed) == ("again",)


@pytest.mark.parametrize(("share", "found"), [(0.5, ("exact", "near")), (2.0, ("exact",))])
def test_near_papers_never_come_below_the_floor(
    bed: Install, monkeypatch: pytest.MonkeyPatch, share: float, found: tuple[str, ...]
) -> None:
    near = chance(bed, "near")
    monkeypatch.setitem(MIN_SCORES, MinScore.HIGH, MIN_SCORES[MinScore.NORMAL])
    monkeypatch.setitem(NEAR_SCORES, MinScore.HIGH, near * share)
    bed.people([reader(min_score="high")])
    assert planned(bed) == found


def test_floors_are_below_the_minimum_and_rise_with_it() -> None:
    minimum, floor = ([scores[each] for each in MinScore] for scores in (MIN_SCORES, NEAR_SCORES))
    assert minimum == sorted(minimum)
    assert floor == sorted(floor)


def test_first_digest_comes_with_the_nearest_paper(bare: Install) -> None:
    bare.people([reader()])
    assert bare.plan() == PlanReport(due=1, empty=1), "there is no new paper at all"
    bare.clock.go(DAY)
    bare.papers(shelf("other", 8, NONE))
    assert bare.plan() == PlanReport(due=1, planned=1)
    digest = digests(bare)[-1]
    [nearest] = digest.picks
    assert (nearest.section, nearest.reason.kind) == (Section.NEAR, ReasonKind.NEAREST)
    _, text, html = written(bare)
    assert f"Perhaps about your topic “{TOPIC}”" in text
    assert not CLAIMED.search(text)
    assert "/p/" in html.partition("Near your topics</h2>")[2].partition("</p>")[0]
    bare.clock.go(DAY)
    bare.papers(shelf("another", 8, NONE))
    assert bare.plan() == PlanReport(due=1, empty=1), "later digests keep the floor"


def test_digest_claims_nothing_about_other_papers(bed: Install) -> None:
    bed.people([reader(topics=[TOPIC, "Byzantine pottery", "candle wicks"], size=10)])
    assert planned(bed)
    subject, text, _ = written(bed)
    assert not CLAIMED.search(f"{subject} {text}")


def test_first_digest_of_an_author_follower_says_what_trends(bare: Install) -> None:
    bare.people([{"email": "reader@example.net", "authors": ["Quillane Ostrovenko"]}])
    bare.papers(shelf("other", 8, NONE, signals={"upvotes": 5}))
    assert len(planned(bare)) == 1
    assert [pick.section for pick in digests(bare)[-1].picks] == [Section.TRENDING]


@pytest.mark.parametrize(("cadence", "found"), [("daily", ("new",)), ("weekly", ("new", "old"))])
def test_first_digest_looks_back_one_period(bare: Install, cadence: str, found: tuple[str, ...]) -> None:
    bare.papers([paper("old")])
    bare.clock.go(timedelta(days=5))
    bare.papers([paper("new")])
    day = read_planning_day(bare.db, bare.clock.now, RankingOptions(bare.app.encoder))
    with bare.db.read() as session:
        shown = preview_anonymous(session, day, [Interest(Kind.TOPIC, TOPIC)], Preferences(cadence=Cadence(cadence)))
    assert sorted(one.id.removeprefix("shelf:") for one, _ in shown.papers) == sorted(found)
    bare.people([reader(cadence=cadence, weekday="sun")])
    assert forecast(bare.db, subscriber(bare), bare.clock.now).considered == len(found)
    assert sorted(planned(bare)) == sorted(found)


def test_explain_tells_near_from_far(bed: Install) -> None:
    needed = f"{MIN_SCORES[MinScore.NORMAL]:.2f}"[1:]
    near, far = (f"{chance(bed, name):.2f}"[1:] for name in ("near", "other00"))
    assert verdict(bed, "near") == f"picked as near, ranked 2nd: chance {near}, needed {needed}"
    floor = f"{NEAR_SCORES[MinScore.NORMAL]:.2f}"[1:]
    assert verdict(bed, "other00") == f"far: chance {far}, below the near floor of {floor}"
    bed.papers(shelf("more", 2))
    near = f"{chance(bed, 'near'):.2f}"[1:]
    assert verdict(bed, "near") == f"near: chance {near}, needed {needed}"
    explained = explain(bed.db, subscriber(bed), named("near"), bed.clock.now)
    assert explained.reason.kind not in CLAIMS


def test_preview_of_near_papers_says_the_same(bed: Install) -> None:
    shown = preview(bed.db, subscriber(bed), bed.clock.now)
    assert Occasion.FIRST not in shown.facts.occasions
    planned(bed)
    assert shown.picks == digests(bed)[-1].picks


def test_hostile_topic_changes_no_other_digest(bed: Install) -> None:
    alone = preview(bed.db, subscriber(bed), bed.clock.now).picks
    topics = ["x‮" * 100, f"{TOPIC} " * 8, "%(topic)s {{ 7*7 }} \\", "的" * 200]
    bed.people([{"email": "a-hostile@example.net", "topics": topics, "min_score": "low", "size": 50}])
    bed.plan()
    assert digests(bed)[-1].picks == alone
    assert digests(bed, "a-hostile@example.net")[-1].state == "ready"
    assert bed.unsafe == {}


def test_category_alone_brings_its_papers_as_matches(bare: Install) -> None:
    bare.papers([*shelf("inside", 4, NONE, categories=["inv.tide"]), *shelf("outside", 4, NONE)])
    bare.people([{"email": "reader@example.net", "categories": ["inv.tide"]}])
    assert set(planned(bare)) == {f"inside{n:02}" for n in range(4)}
    assert {pick.section for pick in digests(bare)[-1].picks} == {Section.FOR_YOU}


def test_category_fills_what_is_left_of_a_digest(bed: Install) -> None:
    bed.people([reader(categories=["inv.tide"], size=8)])
    bed.papers(shelf("inside", 30, NONE, categories=["inv.tide"], signals={"upvotes": 90}))
    names = planned(bed)
    assert (len(names), names[0]) == (8, "exact")
    fill = [pick for pick in digests(bed)[-1].picks if pick.reason.kind is ReasonKind.CATEGORY]
    assert len(fill) >= 6
    assert tuple(fill) == digests(bed)[-1].picks[-len(fill) :]
    assert {(pick.section, pick.reason.value, pick.probability) for pick in fill} == {
        (Section.FOR_YOU, "inv.tide", None)
    }
    assert "NEW IN inv.tide" in written(bed)[1]
