"""Whose likes count for other subscribers."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestd.domain.interest import Verdict
from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Cause
from digestd.store import feedback, papers
from digestd.store.feedback import ESTABLISHED_AFTER, likes_of_community
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


def counted(made: Install, at: datetime | None = None) -> set[tuple[str, str]]:
    """Return who likes which paper, as it counts for others."""
    with made.db.read() as session:
        found = likes_of_community(session, at or made.clock.now)
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


def test_papers_that_subscribers_brought_along_do_not_count(made: Install) -> None:
    assert (BEA, TWO) not in counted(made)


def test_likes_of_a_new_account_wait(made: Install) -> None:
    say(made, ADA, ONE, Verdict.MORE)
    assert counted(made) == {(ADA, ONE)}
    with made.db.read() as session:
        assert not len(likes_of_community(session, made.clock.now - timedelta(hours=1)).people)


def test_paused_subscriber_does_not_count(made: Install) -> None:
    say(made, ADA, ONE, Verdict.MORE)
    with made.db.read() as session:
        key = find(session, made.app.keys, ADA).key
    pause(made.db, key, Cause.CLI, made.clock.now)
    assert counted(made) == set()


def test_erasure_ends_the_influence_at_once(made: Install) -> None:
    say(made, ADA, ONE, Verdict.MORE)
    erase(made.db, made.app.keys, ADA, made.clock.now)
    with made.db.read() as session:
        assert not len(likes_of_community(session, made.clock.now).people)


def test_like_of_a_merged_paper_counts_for_the_one_it_became(made: Install) -> None:
    say(made, ADA, ONE, Verdict.MORE)
    with made.db.write() as session:
        known = papers.aliases(session, [ONE, TWO])
        merges.merge(session, known[TWO], known[ONE], ("operator", "the same"), made.clock.now)
    assert counted(made) == {(ADA, TWO)}


def test_likes_given_later_do_not_count_for_an_earlier_time(made: Install) -> None:
    made.clock.go(timedelta(days=1))
    say(made, ADA, ONE, Verdict.MORE)
    assert counted(made, made.clock.now - timedelta(hours=1)) == set()


def test_newest_likes_of_a_subscriber_count(made: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "LIKES_MAX", 1)
    for name in (ONE, TWO):
        say(made, ADA, name, Verdict.MORE)
    say(made, BEA, ONE, Verdict.MORE)
    assert counted(made) == {(ADA, TWO), (BEA, ONE)}
