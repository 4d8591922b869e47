"""Test that a group discloses no more of its members than each of them agreed to."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestd.cli.digest import find_preview
from digestd.delivery.composer import Composer
from digestd.domain.delivery import Claim
from digestd.domain.group import count_colleagues
from digestd.domain.interest import Verdict
from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Cause
from digestd.store import groups
from digestd.subscribers import group_edits
from digestd.subscribers.feedback import add_feedback, undo_feedback
from digestd.subscribers.lookup import find
from digestd.subscribers.personal_data import erase
from digestd.subscribers.status_changes import pause
from tests.digests.topic_papers import TOPIC, archive, shelf
from tests.support.install import Install, install

LAB = "Tidepool lab"
READER, *OTHERS = (f"{name}@example.net" for name in ("reader", "ada", "bob", "cyd", "dot", "eva", "fay", "gus"))
OUTSIDER, LIST = "outsider@example.net", "lab@example.net"
PAPER = PaperId("shelf:strong00")
DAY = timedelta(days=1)
SAID = "At least 3 colleagues liked or saved this"


@pytest.fixture
def lab(tmp_path: Path, sqlite_url: str, now: datetime) -> Iterator[Install]:
    """Return an install with a group of eight who share nothing, its list address, and an outsider."""
    made = install(tmp_path, sqlite_url, now)
    archive(made)
    made.papers(shelf("strong", 2))
    people = [READER, *OTHERS, OUTSIDER, LIST]
    made.people([{"email": who, "name": f"Name of {who[:3]}", "topics": [TOPIC]} for who in people])
    group_edits.add(made.db, LAB, {}, now)
    for who in (READER, *OTHERS):
        group_edits.join(made.db, made.app.keys, LAB, who, now)
    group_edits.join(made.db, made.app.keys, LAB, LIST, now, is_list=True)
    yield made
    made.db.close()


def share(lab: Install, *people: str, shares: bool = True, name: str = LAB) -> None:
    for who in people:
        with lab.db.write() as session:
            group = group_edits.find_group(session, name).key
            key = find(session, lab.app.keys, who).key
            assert groups.share(session, group, key, lab.clock.now, shares=shares)


def save(lab: Install, *people: str, verdict: Verdict = Verdict.SAVED) -> None:
    """Give a verdict the day before, since it counts from the next day on."""
    for who in people:
        add_feedback(lab.db, lab.app.keys, who, PAPER, verdict, lab.clock.now - DAY)


def text_of(composer: Composer, claim: Claim) -> str:
    return " ".join(composer.render(claim).text.split())


def told(lab: Install, who: str = READER) -> str:
    """Return what the digest that somebody would get now says of colleagues."""
    composer, claim = find_preview(lab.app, who, None)
    text, said = text_of(composer, claim), "liked or saved this"
    assert said not in composer.render_page(claim)
    assert (said in text) == (said in composer.render(claim).html)
    assert not any(other in text for other in OTHERS if other != who)
    return text.partition(" · ")[2].partition(said)[0] + said if said in text else ""


@pytest.mark.parametrize(
    ("liked", "others", "said"),
    [
        (2, 9, 0),
        (3, 5, 0),  # the others could be guessed
        (3, 6, 3),
        (6, 6, 3),  # all of them did, which is not told
        (9, 40, 3),
        (250, 499, 3),
    ],
)
def test_count_never_tells_what_one_member_did(liked: int, others: int, said: int) -> None:
    assert count_colleagues(liked, others) == said


def test_nothing_is_shared_before_members_agree(lab: Install) -> None:
    save(lab, *OTHERS)
    assert told(lab) == ""
    share(lab, *OTHERS[:1])
    assert told(lab) == ""
    share(lab, *OTHERS[1:3])
    assert told(lab) == SAID
    share(lab, *OTHERS[:2], shares=False)
    assert told(lab) == ""


def test_former_agreement_to_be_named_names_nobody(lab: Install) -> None:
    """Show that a name which a member let an earlier version show is shown no more."""
    share(lab, *OTHERS[:4])
    save(lab, *OTHERS[:4])
    with lab.db.write() as session:
        session.connection().exec_driver_sql("UPDATE group_member SET is_named = shared_us IS NOT NULL")
    assert told(lab) == SAID
    composer, claim = find_preview(lab.app, READER, None)
    assert f"Name of {OTHERS[0][:3]}" not in text_of(composer, claim)


def test_own_save_outsiders_and_list_do_not_count(lab: Install) -> None:
    share(lab, READER, *OTHERS[:2])
    composer, claim = find_preview(lab.app, READER, None)
    save(lab, READER, *OTHERS[:2], OUTSIDER, LIST)
    composer.prepare([claim])
    assert "saved this" not in text_of(composer, claim)
    assert told(lab, OTHERS[2]) == SAID
    save(lab, OTHERS[2])
    share(lab, OTHERS[2])
    composer.prepare([claim])
    assert SAID in text_of(composer, claim)


def test_outsiders_and_list_are_told_nothing(lab: Install) -> None:
    share(lab, *OTHERS)
    save(lab, *OTHERS)
    assert told(lab)
    assert told(lab, OUTSIDER) == told(lab, LIST) == ""


@pytest.mark.parametrize("how", ["leave", "erase", "pause", "dislike", "remove"])
def test_who_goes_is_not_counted(lab: Install, how: str) -> None:
    share(lab, *OTHERS[:3])
    save(lab, *OTHERS[:3])
    assert told(lab) != ""
    who, now = OTHERS[0], lab.clock.now
    if how == "leave":
        group_edits.leave(lab.db, lab.app.keys, LAB, who)
    elif how == "erase":
        erase(lab.db, lab.app.keys, who, now)
    elif how == "pause":
        with lab.db.read() as session:
            key = find(session, lab.app.keys, who).key
        pause(lab.db, key, Cause.CLI, now)
    elif how == "dislike":
        save(lab, who, verdict=Verdict.LESS)
    else:
        with lab.db.write() as session:
            groups.remove(session, group_edits.find_group(session, LAB).key)
    assert told(lab) == ""


@pytest.mark.parametrize(("members", "accomplices"), [(2, 0), (4, 3), (6, 2), (7, 1), (7, 2), (8, 3)])
def test_digests_of_a_day_never_tell_what_one_member_did(lab: Install, members: int, accomplices: int) -> None:
    """A reader and accomplices watch a colleague save a paper and undo it, in groups below and above the least size."""
    for who in (READER, *OTHERS)[members:]:
        group_edits.leave(lab.db, lab.app.keys, LAB, who)
    victim, *others = OTHERS[: members - 1]
    share(lab, victim, *others)
    save(lab, *others[:accomplices])
    before = told(lab)
    add_feedback(lab.db, lab.app.keys, victim, PAPER, Verdict.SAVED, lab.clock.now)
    lab.clock.go(timedelta(hours=12))
    assert told(lab) == before
    lab.clock.go(timedelta(hours=12))
    after = told(lab)
    assert after == before or (members >= 7 and accomplices == 2)  # then one of at least four others did it
    undo_feedback(lab.db, lab.app.keys, victim, PAPER, lab.clock.now)
    assert told(lab) == after


def test_agreement_covers_its_own_group_only(lab: Install) -> None:
    for name, people in (("Ice lab", [READER, *OTHERS[:3]]), ("Rain lab", OTHERS)):
        group_edits.add(lab.db, name, {}, lab.clock.now)
        for who in people:
            group_edits.join(lab.db, lab.app.keys, name, who, lab.clock.now)
    save(lab, *OTHERS)
    share(lab, *OTHERS, name="Rain lab")  # the reader is not in it
    assert told(lab) == ""
    share(lab, *OTHERS[:2], name="Ice lab")
    share(lab, *OTHERS[:2])
    assert told(lab) == ""
    share(lab, OTHERS[2], name="Ice lab")
    assert told(lab) == SAID


def test_agreement_covers_later_digests_only(lab: Install) -> None:
    save(lab, *OTHERS[:3])
    composer, claim = find_preview(lab.app, READER, None)
    lab.clock.go(timedelta(hours=1))
    share(lab, *OTHERS[:3])
    composer.prepare([claim])
    assert "saved this" not in text_of(composer, claim)


def test_list_address_shares_nothing(lab: Install) -> None:
    with lab.db.write() as session:
        group = group_edits.find_group(session, LAB).key
        key = find(session, lab.app.keys, LIST).key
        assert not groups.share(session, group, key, lab.clock.now, shares=True)
