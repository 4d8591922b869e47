"""Feedback on papers changes the ranking at once, and can be undone."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestd.digests.explanation import preview
from digestd.digests.planning_day import RankingOptions, read_planning_day
from digestd.digests.shard import rank_shard
from digestd.domain.interest import Interest, Kind, Stance, Verdict
from digestd.domain.paper import PaperId
from digestd.errors import BadInput, NotFound
from digestd.store import core, due, feedback, papers
from digestd.store.database import Database
from digestd.store.interests import for_ranking, for_ranking_at
from digestd.subscribers.feedback import add_feedback, mute_from_paper, undo_feedback, undo_mute
from digestd.subscribers.lookup import find
from digestd.subscribers.personal_data import erase
from tests.support.install import Install, install

pytestmark = pytest.mark.slow

ADA = "ada@example.net"
DAY = timedelta(days=1)
LAKES, FROGS = "invented:lakes", "invented:frogs"


def paper(name: str, subject: str, title: str, **more: object) -> dict[str, object]:
    abstract = f"We study {subject} and how {subject} change with the seasons."
    return {"id": name, "title": title, "abstract": abstract, **more}


@pytest.fixture
def installed(tmp_path: Path, database_url: str, now: datetime) -> Install:
    """Return an installation with two old papers and two similar new ones."""
    built = install(tmp_path / "run", database_url, now - DAY * 9)
    built.people([{"email": ADA}])
    built.papers(
        [paper(LAKES, "alpine lakes", "Alpine lakes in winter"), paper(FROGS, "tree frogs", "Tree frogs sing")]
    )
    built.clock.go(DAY * 9)
    built.papers([
        paper("invented:lake2", "alpine lakes", "Ice on alpine lakes", authors=["Bea Lakeman"], categories=["geo.ice"]),
        paper("invented:frog2", "tree frogs", "Where tree frogs sleep"),
    ])  # fmt: skip
    return built


def first_pick(installed: Install) -> str:
    with installed.db.read() as session:
        subscriber = find(session, installed.app.keys, ADA)
    picks = preview(installed.db, subscriber.key, installed.clock.now).picks
    with installed.db.read() as session:
        return papers.by_keys(session, [picks[0].paper])[picks[0].paper].id


def say(installed: Install, name: str, verdict: Verdict) -> None:
    add_feedback(installed.db, installed.app.keys, ADA, PaperId(name), verdict, installed.clock.now)


def wants(db: Database, installed: Install) -> list[tuple[str, Stance]]:
    with db.read() as session:
        subscriber = find(session, installed.app.keys, ADA)
        interests = for_ranking(session, [subscriber.key]).get(subscriber.key, ())
    return [(interest.value, interest.stance) for interest in interests if interest.kind is Kind.PAPER]


@pytest.mark.parametrize(("name", "expected"), [(LAKES, "invented:lake2"), (FROGS, "invented:frog2")])
def test_more_ranks_similar_papers_first(installed: Install, name: str, expected: str) -> None:
    say(installed, name, Verdict.MORE)
    assert first_pick(installed) == expected


def test_undo_restores_the_previous_verdict(installed: Install) -> None:
    say(installed, LAKES, Verdict.SAVED)
    say(installed, LAKES, Verdict.LESS)
    assert wants(installed.db, installed) == [(LAKES, Stance.MUTED)]
    assert undo_feedback(installed.db, installed.app.keys, ADA, PaperId(LAKES), installed.clock.now) is Verdict.LESS
    assert wants(installed.db, installed) == [(LAKES, Stance.LIKED)]
    undo_feedback(installed.db, installed.app.keys, ADA, PaperId(LAKES), installed.clock.now)
    assert wants(installed.db, installed) == []


def test_history_keeps_undone_feedback(installed: Install) -> None:
    say(installed, LAKES, Verdict.MORE)
    say(installed, FROGS, Verdict.DISMISSED)
    undo_feedback(installed.db, installed.app.keys, ADA, PaperId(LAKES), installed.clock.now)
    with installed.db.read() as session:
        events = feedback.history(session, find(session, installed.app.keys, ADA).key)
    assert [(f.paper, f.verdict, f.undone is not None) for f in events] == [
        (LAKES, Verdict.MORE, True), (FROGS, Verdict.DISMISSED, False),
    ]  # fmt: skip


def test_explicit_interest_overrides_feedback(installed: Install) -> None:
    installed.people([{"email": ADA, "likes": [LAKES]}])
    say(installed, LAKES, Verdict.LESS)
    assert wants(installed.db, installed) == [(LAKES, Stance.LIKED)]


def mute(installed: Install, kind: Kind, value: str, name: str = "invented:lake2") -> None:
    what = Interest(kind, value, Stance.MUTED)
    mute_from_paper(installed.db, installed.app.keys, ADA, PaperId(name), what, installed.clock.now)


def offered(installed: Install) -> set[str]:
    """Return the papers that ranking may show now."""
    with installed.db.read() as session:
        subscriber = find(session, installed.app.keys, ADA)
        day = read_planning_day(installed.db, installed.clock.now, RankingOptions())
        allowed = rank_shard(session, day, [due.by_key(session, subscriber.key)]).allowed[0]
    return {paper.id for paper, shown in zip(day.candidates.papers, allowed, strict=True) if shown}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.TOPIC, "lakes in alpine seasons"),
        (Kind.PHRASE, "ice on alpine"),
        (Kind.AUTHOR, "Lakeman, B."),
        (Kind.CATEGORY, "geo"),
    ],
)
def test_mute_hides_matching_papers_until_undone(installed: Install, kind: Kind, value: str) -> None:
    everything = {"invented:lake2", "invented:frog2"}
    assert offered(installed) == everything
    mute(installed, kind, value)
    assert offered(installed) == {"invented:frog2"}
    assert (
        undo_mute(installed.db, installed.app.keys, ADA, PaperId("invented:lake2"), installed.clock.now).value == value
    )
    assert offered(installed) == everything


def test_mute_is_independent_of_the_verdict(installed: Install) -> None:
    say(installed, LAKES, Verdict.MORE)
    mute(installed, Kind.PHRASE, "winter", LAKES)
    mute(installed, Kind.PHRASE, "alpine lakes", LAKES)
    undo_mute(installed.db, installed.app.keys, ADA, PaperId(LAKES), installed.clock.now)
    assert wants(installed.db, installed) == [(LAKES, Stance.LIKED)]
    with installed.db.read() as session:
        events = feedback.muting_history(session, find(session, installed.app.keys, ADA).key)
    assert [(m.paper, m.interest.value, m.undone is not None) for m in events] == [
        (LAKES, "winter", False), (LAKES, "alpine lakes", True),
    ]  # fmt: skip


def test_mute_refuses_what_the_paper_does_not_have(installed: Install) -> None:
    with pytest.raises(BadInput, match="no such author"):
        mute(installed, Kind.AUTHOR, "Nobody Atall")
    with pytest.raises(NotFound, match="muted nothing"):
        undo_mute(installed.db, installed.app.keys, ADA, PaperId(LAKES), installed.clock.now)


def test_mute_is_known_for_past_moments(installed: Install) -> None:
    before = installed.clock.now
    installed.clock.go(DAY)
    mute(installed, Kind.CATEGORY, "geo")
    with installed.db.read() as session:
        key = find(session, installed.app.keys, ADA).key
        assert for_ranking_at(session, {key: before})[key] == ()
        assert [i.value for i in for_ranking_at(session, {key: installed.clock.now})[key]] == ["geo"]


def test_like_keeps_its_date_when_others_are_added(installed: Install) -> None:
    first = installed.clock.now
    installed.people([{"email": ADA, "likes": [LAKES]}])
    installed.clock.go(DAY)
    installed.people([{"email": ADA, "likes": [LAKES, FROGS]}])
    installed.clock.go(DAY)
    say(installed, "invented:frog2", Verdict.MORE)
    with installed.db.read() as session:
        subscriber = find(session, installed.app.keys, ADA)
        interests = for_ranking(session, [subscriber.key])[subscriber.key]
    assert [(i.value, i.since) for i in interests] == [
        (LAKES, first), (FROGS, first + DAY), ("invented:frog2", first + 2 * DAY),
    ]  # fmt: skip


def test_feedback_refuses_unknown_papers_and_empty_undo(installed: Install) -> None:
    with pytest.raises(NotFound, match="has given no feedback"):
        undo_feedback(installed.db, installed.app.keys, ADA, PaperId(LAKES), installed.clock.now)
    with pytest.raises(NotFound, match="there is no paper"):
        say(installed, "invented:none", Verdict.MORE)


def test_erase_removes_feedback(installed: Install) -> None:
    say(installed, LAKES, Verdict.MORE)
    mute(installed, Kind.CATEGORY, "geo")
    erase(installed.db, installed.app.keys, ADA, installed.clock.now)
    with installed.db.read() as session:
        assert session.connection().execute(core.feedback.select()).all() == []
        assert session.connection().execute(core.muting.select()).all() == []


def test_feedback_uses_the_newest_500_papers(installed: Install) -> None:
    installed.papers(paper(f"invented:{n}", "moss", f"Moss, part {n}") for n in range(501))
    with installed.db.write() as session:
        subscriber = find(session, installed.app.keys, ADA)
        keys = papers.aliases(session, [PaperId(f"invented:{n}") for n in range(501)])
        for n in range(501):
            feedback.add(session, subscriber.key, keys[PaperId(f"invented:{n}")], Verdict.MORE, installed.clock.now)
    assert [name for name, _ in wants(installed.db, installed)] == [f"invented:{n}" for n in range(500, 0, -1)]
