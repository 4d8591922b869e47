"""Whose likes count for other subscribers."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from digestd.domain.interest import Verdict
from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Cause
from digestd.ranking import community
from digestd.ranking.community import ESTABLISHED_AFTER, TRUSTED_AFTER, Likes, counted_likes
from digestd.store import feedback, papers
from digestd.store.papers import merges
from digestd.subscribers.feedback import add_feedback, undo_feedback
from digestd.subscribers.lookup import find
from digestd.subscribers.personal_data import erase
from digestd.subscribers.status_changes import pause
from tests.support.install import Install, install

ADA, BEA = "ada@example.net", "bea@example.net"
ONE, TWO = PaperId("invented:one"), PaperId("invented:two")


@pytest.fixture
def made(tmp_path: Path, database_url: str, now: datetime) -> Iterator[Install]:
    """Return an install with two papers and two subscribers who are trusted."""
    built = install(tmp_path, database_url, now - ESTABLISHED_AFTER)
    built.people([{"email": ADA}, {"email": BEA, "likes": [TWO]}])
    built.papers([{"id": name, "title": f"On {name}"} for name in (ONE, TWO)])
    built.clock.go(ESTABLISHED_AFTER)
    yield built
    built.db.close()


def say(made: Install, who: str, name: PaperId, verdict: Verdict) -> None:
    add_feedback(made.db, made.app.keys, who, name, verdict, made.clock.now)


def pause_ada(made: Install) -> None:
    with made.db.read() as session:
        key = find(session, made.app.keys, ADA).key
    pause(made.db, key, Cause.CLI, made.clock.now)


def erase_ada(made: Install) -> None:
    erase(made.db, made.app.keys, ADA, made.clock.now)


def likes(session: Session, at: datetime) -> Likes:
    found = feedback.verdicts_of_community(session, at, trusted=TRUSTED_AFTER, established=ESTABLISHED_AFTER)
    return counted_likes(*found)


def counted(made: Install, at: datetime | None = None) -> set[tuple[str, str]]:
    """Return who likes which paper, as it counts for others."""
    with made.db.read() as session:
        found = likes(session, at or made.clock.now)
        who = {find(session, made.app.keys, email).key: email for email in (ADA, BEA)}
        known = papers.by_keys(session, found.papers.tolist())
        return {(who[a], known[b].id) for a, b in zip(found.people.tolist(), found.papers.tolist(), strict=True)}


def test_newest_verdict_counts_if_it_is_positive(made: Install) -> None:
    say(made, ADA, ONE, Verdict.MORE)
    say(made, ADA, TWO, Verdict.SAVED)
    say(made, BEA, ONE, Verdict.LESS)
    assert counted(made) == {(ADA, ONE), (ADA, TWO)}
    say(made, ADA, ONE, Verdict.DISMISSED)
    undo_feedback(made.db, made.app.keys, ADA, TWO, made.clock.now)
    assert counted(made) == set()


def test_likes_count_from_their_time_and_an_age_of_the_account(made: Install) -> None:
    assert (BEA, TWO) not in counted(made), "papers that subscribers brought along do not count"
    made.clock.go(timedelta(days=-30))
    say(made, ADA, ONE, Verdict.MORE)
    assert counted(made) == set(), "few like it, and the account is young"
    made.clock.go(timedelta(days=30))
    assert counted(made) == {(ADA, ONE)}
    assert counted(made, made.clock.now - timedelta(days=31)) == set()


@pytest.mark.parametrize("leave", [pause_ada, erase_ada])
def test_whoever_leaves_has_no_influence(made: Install, leave: Callable[[Install], None]) -> None:
    say(made, ADA, ONE, Verdict.MORE)
    leave(made)
    with made.db.read() as session:
        assert not len(likes(session, made.clock.now).people)


def test_like_of_a_merged_paper_counts_for_the_one_it_became(made: Install) -> None:
    say(made, ADA, ONE, Verdict.MORE)
    with made.db.write() as session:
        known = papers.aliases(session, [ONE, TWO])
        merges.merge(session, known[TWO], known[ONE], ("operator", "the same"), made.clock.now)
    assert counted(made) == {(ADA, TWO)}


def test_newest_likes_of_a_subscriber_count(made: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(community, "LIKES_MAX", 1)
    for name in (ONE, TWO):
        say(made, ADA, name, Verdict.MORE)
    say(made, BEA, ONE, Verdict.MORE)
    assert counted(made) == {(ADA, TWO), (BEA, ONE)}
