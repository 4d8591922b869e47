"""Test the replay of feedback.

Each digest is predicted from what was known before it.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from digestd.cli import app
from digestd.domain.interest import Verdict
from digestd.errors import BadInput, NotFound, NotInitialised
from digestd.evaluation.feedback_replay import RerankedDigest, replay
from digestd.evaluation.scoring import evaluate_case
from digestd.store import feedback
from tests.digests.topic_papers import DAY, archive, digests, reader, shelf, subscriber
from tests.support.install import Install, install

Run = Callable[..., Any]


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """Use SQLite, unless a test asks for each engine."""
    return str(request.getfixturevalue(getattr(request, "param", "sqlite_url")))


@pytest.fixture
def installed(tmp_path: Path, url: str, now: datetime) -> Iterator[Install]:
    """Create a reader with a topic, and an archive, on a Tuesday."""
    installed = install(tmp_path, url, now)
    archive(installed)
    installed.people([reader(size=4)])
    yield installed
    installed.db.close()


@pytest.fixture
def run(installed: Install, monkeypatch: pytest.MonkeyPatch) -> Run:
    def invoke(*words: str) -> Any:
        for name, value in installed.environment().items():
            monkeypatch.setenv(name, value)
        done = CliRunner().invoke(app, ["evaluate", "--feedback", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout) if "--json" in words else done.output

    return invoke


async def day(installed: Install, name: str) -> tuple[str, ...]:
    """Import four relevant papers and eight others, plan and deliver.

    Move to the next day.
    """
    installed.papers([*shelf(f"{name}good", 4), *shelf(f"{name}other", 8, 0)])
    installed.plan()
    await installed.deliver()
    installed.clock.go(DAY)
    return digests(installed)[-1].names


def say(installed: Install, name: str, verdict: Verdict = Verdict.MORE) -> None:
    [pick] = [p for d in digests(installed) for p, known in zip(d.picks, d.names, strict=True) if known == name]
    with installed.db.write() as session:
        feedback.add(session, subscriber(installed), pick.paper, verdict, installed.clock.now)


def replayed(installed: Install, since: datetime | None = None) -> list[RerankedDigest]:
    return list(replay(installed.db, since))


@pytest.mark.parametrize("url", ["sqlite_url", "postgres_url"], indirect=True)
async def test_replay_uses_feedback_from_before_planning(installed: Install) -> None:
    first = await day(installed, "a")
    say(installed, first[0])
    second = await day(installed, "b")
    say(installed, second[0])
    say(installed, second[1], Verdict.LESS)
    one, two = replayed(installed)
    assert (one.case.likes, two.case.likes) == (0, 1)
    assert set(one.case.relevant) == {f"shelf:{first[0]}"}
    assert set(two.case.relevant) == {f"shelf:{second[0]}"}
    assert (one.case.n, two.case.n) == (0, 1)


async def test_replay_ignores_later_feedback_on_old_digest(installed: Install) -> None:
    first, second = await day(installed, "a"), await day(installed, "b")
    say(installed, second[0])
    say(installed, first[0])
    assert [done.case.likes for done in replayed(installed)] == [0, 0]


async def test_undone_verdict_counts_until_undone(installed: Install) -> None:
    first = await day(installed, "a")
    say(installed, first[0])
    second = await day(installed, "b")
    say(installed, second[0])
    with installed.db.write() as session:
        [pick] = [p for p, name in zip(digests(installed)[0].picks, first, strict=True) if name == first[0]]
        feedback.undo(session, subscriber(installed), pick.paper, installed.clock.now)
    [left] = replayed(installed)
    assert set(left.case.relevant) == {f"shelf:{second[0]}"}
    assert left.case.likes == 1


async def test_replay_uses_candidates_of_the_day(installed: Install) -> None:
    first = await day(installed, "a")
    second = await day(installed, "b")
    await day(installed, "c")
    say(installed, second[0])
    [done] = replayed(installed)
    names = {name.removeprefix("shelf:") for name in done.case.names}
    assert names.isdisjoint(first)
    assert not any(name.startswith("c") for name in names)
    assert names == {*second, *(f"{d}other{n:02}" for d in "ab" for n in range(8))}


async def test_replay_uses_votes_of_the_day(installed: Install) -> None:
    first = await day(installed, "a")
    say(installed, first[0])
    [before] = replayed(installed)
    installed.papers([{**paper, "signals": {"upvotes": 500}} for paper in shelf("aother", 8, 0)])
    [after] = replayed(installed)
    assert (after.case.values == before.case.values).all()


async def test_replay_ranks_as_planning_did(installed: Install) -> None:
    first = await day(installed, "a")
    say(installed, first[0])
    [done] = replayed(installed)
    planned = {name: pick.score for name, pick in zip(done.names, done.digest.picks, strict=True)}
    scores = evaluate_case(done.case).scores
    assert {name: scores[str(name)] for name in planned} == pytest.approx(planned, abs=0.01)


async def test_since_limits_digests_but_not_feedback(installed: Install) -> None:
    first = await day(installed, "a")
    say(installed, first[0])
    second = await day(installed, "b")
    say(installed, second[0])
    [done] = replayed(installed, installed.clock.now - DAY)
    assert done.case.likes == 1


async def test_replay_changes_nothing(installed: Install, run: Run) -> None:
    first = await day(installed, "a")
    say(installed, first[0])
    before = dump(installed)
    run("--json")
    assert dump(installed) == before


def dump(installed: Install) -> list[str]:
    assert installed.db.file is not None
    with sqlite3.connect(installed.db.file) as connection:
        return list(connection.iterdump())


async def test_feedback_prints_measures_with_intervals(installed: Install, run: Run) -> None:
    first = await day(installed, "a")
    say(installed, first[0])
    say(installed, first[1], Verdict.LESS)
    found = run("--json")
    assert list(found) == [
        "ndcg@10", "recall@20", "mrr", "auc", "accuracy", "ece", "digests", "verdicts",
    ]  # fmt: skip
    assert set(found["auc"]) == {"value", "low", "high", "users"}
    assert (found["digests"], found["verdicts"]) == (1, 2)
    assert found["recall@20"]["value"] == 1
    lines = [line.split("\t")[0] for line in run().splitlines()]
    assert lines[:6] == ["measure", "ndcg@10", "recall@20", "mrr", "auc", "accuracy"]


async def test_feedback_supports_options_of_files(installed: Install, run: Run, tmp_path: Path) -> None:
    first = await day(installed, "a")
    say(installed, first[0])
    assert run("--against", "trend", "--json")["mrr"]["value"] > 0
    assert "subject" in run("--ablate", "--json")


def test_missing_feedback_is_reported_in_one_line(run: Run) -> None:
    with pytest.raises(NotFound, match="there is no feedback to evaluate"):
        run()
    with pytest.raises(NotFound, match="there is no feedback to evaluate"):
        run("--against", "trend")


def test_files_with_feedback_are_refused(run: Run) -> None:
    with pytest.raises(BadInput, match="or --feedback"):
        run("--papers", "p.jsonl", "--judgments", "j.jsonl")
    with pytest.raises(BadInput, match="or --feedback"):
        CliRunner().invoke(app, ["evaluate"], catch_exceptions=False)
    with pytest.raises(BadInput, match="invalid time"):
        run("--since", "lately")


def test_missing_installation_is_reported_not_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGESTD_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(NotInitialised, match="digestd init"):
        CliRunner().invoke(app, ["evaluate", "--feedback"], catch_exceptions=False)
    assert not (tmp_path / "none.db").exists()
