"""Test what the shared interests of a group do to digests."""

import pytest

from digestd.cli.digest import find_preview
from digestd.digests.anonymous_preview import preview_changed
from digestd.digests.explanation import explain, preview
from digestd.digests.planning_day import RankingOptions, read_planning_day
from digestd.digests.shard import compiled_by
from digestd.domain.digest import ReasonKind
from digestd.domain.interest import Interest, Kind, Stance, Verdict
from digestd.ranking.dense import NoEncoder
from digestd.store import groups
from digestd.store.interests import for_ranking
from digestd.store.ranking import profiles, text_models
from digestd.subscribers import group_edits
from digestd.subscribers.admin_edits import edit
from digestd.subscribers.feedback import add_feedback
from digestd.subscribers.lookup import find
from digestd.subscribers.subscriber_record import parse
from tests.digests.topic_papers import DAY, NONE, TOPIC, named, shelf, welcome
from tests.support.install import Install

ADA, BOB, CYD, DOT, LIST = (f"{name}@example.net" for name in ("ada", "bob", "cyd", "dot", "lab"))
LIKED = (Kind.TOPIC, Stance.LIKED)
LAB = "Tidepool lab"


@pytest.fixture
def lab(bare: Install) -> Install:
    """Return an install with papers on TOPIC, subscribers of another one, and a group that follows TOPIC."""
    bare.people([{"email": address, "topics": ["unheard whistling dunes"]} for address in (ADA, BOB, CYD, DOT, LIST)])
    welcome(bare)
    bare.papers([*shelf("strong", 4), *shelf("other", 4, NONE)])
    group_edits.add(bare.db, LAB, {LIKED: [TOPIC]}, bare.clock.now)
    return bare


def join(lab: Install, *addresses: str, is_list: bool = False) -> None:
    for address in addresses:
        assert group_edits.join(lab.db, lab.app.keys, LAB, address, lab.clock.now, is_list=is_list)


def key_of(lab: Install, address: str) -> int:
    with lab.db.read() as session:
        return find(session, lab.app.keys, address).key


def outdated(lab: Install) -> list[int]:
    """Return the subscribers whose profiles are to be compiled again."""
    with lab.db.read() as session:
        used = text_models.in_use(session)
        assert used is not None
        return list(profiles.missing_profiles(session, compiled_by(used.version, NoEncoder()), 0, 100))


def share(lab: Install, *addresses: str) -> None:
    for address in addresses:
        with lab.db.write() as session:
            group = group_edits.find_group(session, LAB).key
            key = find(session, lab.app.keys, address).key
            assert groups.share(session, group, key, lab.clock.now, shares=True)


def reasons(lab: Install, address: str) -> list[tuple[ReasonKind, str, str]]:
    """Return the reasons of the digest that a subscriber would get now: kind, value and first word."""
    picks = preview(lab.db, key_of(lab, address), lab.clock.now, RankingOptions()).picks
    return [(pick.reason.kind, pick.reason.value, "".join(pick.reason.words[:1])) for pick in picks]


def test_members_get_what_their_group_follows(lab: Install) -> None:
    assert reasons(lab, ADA) == []
    lab.plan()  # stores the profiles
    join(lab, ADA)
    found = reasons(lab, ADA)
    assert found == [(ReasonKind.GROUP, LAB, TOPIC)] * len(found)
    assert len(found) == 4
    assert reasons(lab, BOB) == []
    day = read_planning_day(lab.db, lab.clock.now, RankingOptions(lab.app.encoder))
    with lab.db.read() as session:
        ada = find(session, lab.app.keys, ADA)
        shown = preview_changed(session, day, ada.key, ada.interests, ada.preferences)
    assert [(why.kind, why.value, "".join(why.words[:1])) for _, why in shown.papers] == found, "on her settings page"
    composer, claim = find_preview(lab.app, ADA, None)
    text = " ".join(composer.render(claim).text.split())
    assert f"Your group “{LAB}” follows “{TOPIC[:30]}" in text
    public = claim._replace(picks=tuple(pick._replace(reason=pick.reason.shareable) for pick in claim.picks))
    assert LAB not in composer.render_page(public)


def test_papers_that_colleagues_like_reach_others(lab: Install) -> None:
    group_edits.edit(lab.db, LAB, None, {LIKED: []}, lab.clock.now)
    more = [f"more{number}@example.net" for number in range(3)]
    lab.people([{"email": address, "topics": ["unheard whistling dunes"]} for address in more])
    join(lab, ADA, BOB, CYD, DOT, *more)
    join(lab, LIST, is_list=True)
    share(lab, BOB, CYD, DOT)
    lab.plan()
    for address in (BOB, CYD, DOT):
        add_feedback(lab.db, lab.app.keys, address, named("strong00"), Verdict.SAVED, lab.clock.now)
    assert reasons(lab, ADA) == []
    lab.clock.go(DAY)  # what colleagues like counts from the next day on
    assert reasons(lab, ADA) == [(ReasonKind.GROUP_LIKES, "", "")]
    assert reasons(lab, LIST) == []
    composer, claim = find_preview(lab.app, ADA, None)
    assert "→ At least 3 colleagues liked or saved this\n" in composer.render(claim).text
    explained = explain(lab.db, key_of(lab, ADA), named("strong00"), lab.clock.now)
    assert (explained.verdict[:6], explained.reason.kind) == ("picked", ReasonKind.GROUP_LIKES)
    group_edits.leave(lab.db, lab.app.keys, LAB, BOB)
    assert reasons(lab, ADA) == []
    composer.prepare([claim])
    assert "→ Liked in your group\n" in composer.render(claim).text


def test_own_interest_counts_before_the_groups(lab: Install) -> None:
    join(lab, ADA, BOB)
    edit(lab.db, lab.app.keys, parse({"email": ADA, "topics": [TOPIC.upper()]}), lab.clock.now)
    edit(lab.db, lab.app.keys, parse({"email": BOB, "mute": {"topics": [TOPIC]}}), lab.clock.now)
    assert {kind for kind, *_ in reasons(lab, ADA)} == {ReasonKind.TITLE}
    assert reasons(lab, BOB) == []


@pytest.mark.parametrize("how", ["edit", "leave", "remove"])
def test_change_of_group_invalidates_profiles(lab: Install, how: str) -> None:
    join(lab, ADA)
    lab.plan()
    assert outdated(lab) == []
    if how == "edit":
        group_edits.edit(lab.db, LAB.lower(), None, {LIKED: []}, lab.clock.now)
    elif how == "leave":
        assert group_edits.leave(lab.db, lab.app.keys, LAB, ADA)
    else:
        with lab.db.write() as session:
            groups.remove(session, group_edits.find_group(session, LAB).key)
    key = key_of(lab, ADA)
    assert key in outdated(lab)
    with lab.db.read() as session:
        assert TOPIC not in {one.value for one in for_ranking(session, [key])[key]}


def test_list_address_follows_its_group_and_no_member(lab: Install) -> None:
    join(lab, ADA, BOB, CYD)
    join(lab, LIST, is_list=True)
    for address in (ADA, BOB, CYD):
        edit(lab.db, lab.app.keys, parse({"email": address, "topics": ["ice on lakes"]}), lab.clock.now)
    share(lab, ADA, BOB, CYD)
    with lab.db.read() as session:
        key = find(session, lab.app.keys, LIST).key
        assert {one.value for one in for_ranking(session, [key])[key]} == {"unheard whistling dunes", TOPIC}


def test_topic_of_a_group_is_not_muted_by_its_other_topic(bare: Install) -> None:
    """A group as 0.1.0 stored it."""
    topics = [Interest(Kind.TOPIC, value) for value in ("robots, but not drones", "drones")]
    bare.people([{"email": ADA}])
    with bare.db.write() as session:
        groups.add(session, LAB, topics, bare.clock.now)
    group_edits.join(bare.db, bare.app.keys, LAB, ADA, bare.clock.now)
    with bare.db.read() as session:
        [shared] = groups.interests(session, [key_of(bare, ADA)]).values()
    assert {one.interest.value for one in shared if one.interest.stance is Stance.LIKED} == {
        one.value for one in topics
    }
