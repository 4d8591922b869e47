"""Test `digestd trial` from start to result."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from digestd.cli import app
from digestd.delivery.replay import replay
from digestd.digests.explanation import explain, preview
from digestd.domain.interest import Verdict
from digestd.errors import BadInput, NotFound
from digestd.ranking.fusion import WEIGHTS, Weights, dump_weights
from digestd.store import feedback
from digestd.store.ranking import trials
from tests.digests.topic_papers import DAY, HALF, archive, digests, named, reader, shelf, subscriber
from tests.support.install import Install, install

Run = Callable[..., Any]
READERS = 22


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """Use SQLite, unless a test asks for each engine."""
    return str(request.getfixturevalue(getattr(request, "param", "sqlite_url")))


@pytest.fixture
def installed(tmp_path: Path, url: str, now: datetime) -> Iterator[Install]:
    """Return an installation with matching papers and no subscribers.

    Some of the papers are popular.
    """
    installed = install(tmp_path, url, now)
    archive(installed)
    installed.papers([*shelf("quiet", 8), *shelf("loud", 8, signals={"upvotes": 90})])
    yield installed
    installed.db.close()


@pytest.fixture
def run(installed: Install, monkeypatch: pytest.MonkeyPatch) -> Run:
    def invoke(*words: str) -> Any:
        for name, value in installed.environment().items():
            monkeypatch.setenv(name, value)
        done = CliRunner().invoke(app, ["trial", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        installed.clock.go(timedelta(minutes=1))  # the command's clock ran on meanwhile
        return json.loads(done.stdout) if "--json" in words else done.output

    return invoke


def people(installed: Install, count: int) -> None:
    installed.people({**reader(size=6), "email": address(n)} for n in range(count))


def address(n: int) -> str:
    return f"reader{n}@example.net"


async def read(installed: Install, count: int, wanted: str) -> None:
    """Plan, deliver, and let every reader give feedback.

    They like the wanted papers and dislike the others.
    """
    installed.plan()
    await installed.deliver()
    for n in range(count):
        [digest] = digests(installed, address(n))
        for pick, name in zip(digest.picks, digest.names, strict=True):
            verdict = Verdict.MORE if name.startswith(wanted) else Verdict.LESS
            with installed.db.write() as session:
                feedback.add(session, subscriber(installed, address(n)), pick.paper, verdict, installed.clock.now)


def test_picks_without_trial_have_no_team(installed: Install) -> None:
    people(installed, 1)
    installed.plan()
    [digest] = digests(installed, address(0))
    assert {pick.team for pick in digest.picks} == {""}


def test_trial_picks_have_balanced_teams(installed: Install, run: Run) -> None:
    people(installed, 4)
    run("start", "votes", "--signals", "trend")
    installed.plan()
    for n in range(4):
        [digest] = digests(installed, address(n))
        teams = Counter(pick.team for pick in digest.picks)
        assert teams == {"a": 3, "b": 3}
        assert all(name.startswith("loud") for pick, name in zip(digest.picks, digest.names, strict=True)
                   if pick.team == "b")  # fmt: skip


def test_exploration_pick_has_no_team(installed: Install, run: Run) -> None:
    installed.papers([*shelf("best", 20), *shelf("more", 30, HALF)])
    people(installed, 3)
    run("start", "votes", "--signals", "trend")
    installed.plan()
    for n in range(3):
        [digest] = digests(installed, address(n))
        drawn = [pick for pick in digest.picks if pick.propensity is not None]
        assert [pick.team for pick in drawn] == [""]
        assert Counter(pick.team for pick in digest.picks if pick not in drawn).total() == 5
        assert {pick.team for pick in digest.picks if pick not in drawn} == {"a", "b"}


def test_others_are_ranked_by_current_weights(installed: Install, run: Run) -> None:
    people(installed, READERS)
    run("start", "votes", "--signals", "trend", "--share", "0.5")
    installed.plan()
    drafted = {n for n in range(READERS) if digests(installed, address(n))[0].picks[0].team}
    assert 0 < len(drafted) < READERS
    with installed.db.read() as session:
        [trial] = trials.every_trial(session)
    assert drafted == {n for n in range(READERS) if trial.includes(subscriber(installed, address(n)))}


def test_team_does_not_change_verdict(installed: Install, run: Run) -> None:
    people(installed, 2)
    run("start", "votes", "--signals", "trend")
    who, now = subscriber(installed, address(0)), installed.clock.now
    before = {name: explain(installed.db, who, named(name), now) for name in ("loud00", "quiet00")}
    seen = preview(installed.db, who, now).picks
    installed.plan()
    [planned] = digests(installed, address(0))
    assert [(p.paper, p.team, p.reason) for p in seen] == [(p.paper, p.team, p.reason) for p in planned.picks]
    told = dict(zip(planned.names, planned.picks, strict=True))
    for name, told_before in before.items():
        if name in told:
            assert told[name].reason == told_before.reason
            assert told[name].score == pytest.approx(told_before.score, abs=1e-3)


async def test_replay_of_trial_digest_is_identical(installed: Install, run: Run) -> None:
    people(installed, 1)
    run("start", "votes", "--signals", "trend")
    installed.plan()
    await installed.deliver()
    run("stop")
    [digest] = digests(installed, address(0))
    assert {pick.team for pick in digest.picks} == {"a", "b"}
    again = replay(
        installed.db, installed.app.sender, installed.app.templates, subscriber(installed, address(0)), digest.period
    )
    assert again.ledger.sha256 == again.sha256


@pytest.mark.parametrize("url", ["sqlite_url", "postgres_url"], indirect=True)
async def test_trial_finds_better_weights(installed: Install, run: Run) -> None:
    people(installed, READERS)
    run("start", "votes", "--signals", "trend")
    await read(installed, READERS, "loud")
    found = run("show", "--json")
    assert found["digests"]["low"] > 0.5
    assert found["digests"]["better"] > 0.99
    assert found["verdict"] == "the weights on trial are better"
    assert sum(row["wins"] for row in found["each"]) == found["digests"]["wins"]
    assert set(found["digests"]) == {"wins", "losses", "ties", "preference", "low", "high", "better"}


async def test_trial_of_same_weights_is_undecided(installed: Install, run: Run, tmp_path: Path) -> None:
    people(installed, READERS)
    (tmp_path / "same.json").write_text(dump_weights(WEIGHTS))
    run("start", "same", "--weights", str(tmp_path / "same.json"))
    await read(installed, READERS, "loud0")
    found = run("show", "--json")["digests"]
    assert found["low"] < 0.5 < found["high"]


async def test_show_says_too_early(installed: Install, run: Run) -> None:
    people(installed, 2)
    run("start", "votes", "--signals", "trend")
    assert "too early: 0 digests are decided" in run("show")
    await read(installed, 2, "loud")
    shown = run("show", "votes")
    assert "too early: 2 digests are decided" in shown
    assert f"{address(1)}\t1\t0\t0" in shown


async def test_show_ignores_earlier_trial(installed: Install, run: Run) -> None:
    people(installed, 2)
    run("start", "votes", "--signals", "trend")
    await read(installed, 2, "loud")
    installed.clock.go(DAY)
    run("stop")
    run("start", "topics", "--signals", "subject")
    assert run("show", "topics", "--json")["each"] == []
    assert len(run("show", "votes", "--json")["each"]) == 2
    rows = run("list", "--json")
    assert [(row["trial"], row["stopped"] is None) for row in rows] == [("topics", True), ("votes", False)]


def test_invalid_trial_is_refused(run: Run, tmp_path: Path) -> None:
    unknown = tmp_path / "w.json"
    unknown.write_text(dump_weights(Weights({"subject": 1.0, "vibes": 2.0}, 1.0)))
    for words, said in {
        ("x",): "give either --weights",
        ("x", "--signals", "subject", "--weights", "w.json"): "give either --weights",
        ("x", "--signals", "topics"): "topics is not a signal; signals: author",
        ("x", "--weights", "none.json"): "cannot read none.json",
        ("x", "--weights", str(unknown)): "vibes is not a signal",
        ("x", "--signals", "subject", "--share", "1.5"): "--share",
        (" ", "--signals", "subject"): "NAME",
    }.items():
        with pytest.raises(BadInput, match=said):
            run("start", *words)


def test_one_trial_at_a_time_and_unique_names(run: Run) -> None:
    with pytest.raises(NotFound, match="no trial is running"):
        run("stop")
    with pytest.raises(NotFound, match="there are no trials"):
        run("show")
    run("start", "one", "--signals", "trend")
    with pytest.raises(BadInput, match="the trial one is running"):
        run("start", "two", "--signals", "trend")
    run("stop")
    with pytest.raises(BadInput, match="there is a trial named one"):
        run("start", "one", "--signals", "trend")
    with pytest.raises(NotFound, match="there is no trial three; there are one"):
        run("show", "three")
