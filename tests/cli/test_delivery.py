"""Test `digestd delivery show`, `preview` and `explain`."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digestd.cli import app
from digestd.cli.digest import NothingToShow
from digestd.errors import BadInput
from digestd.mail.outlets import OUTLETS
from tests.support.install import Install, install

Run = Callable[..., str]
ADA, BO = "ada@example.net", "bo@example.net"


@pytest.fixture
def installed(tmp_path: Path, sqlite_url: str, now: datetime) -> Iterator[Install]:
    installed = install(tmp_path, sqlite_url, now)
    installed.papers(
        [{"id": "invented:one", "title": "Moss on walls"}, {"id": "invented:two", "title": "Sand in rivers"}]
    )
    installed.people([{"email": ADA, "topics": ["moss"], "hour": 0}, {"email": BO, "topics": ["tax law"], "hour": 0}])
    yield installed
    installed.db.close()


@pytest.fixture
def run(installed: Install, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name, value in installed.environment().items():
        monkeypatch.setenv(name, value)

    def invoke(*words: str) -> str:
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return invoke


def test_show_lists_papers_with_reasons(installed: Install, run: Run) -> None:
    installed.plan()
    key = json.loads(run("delivery", "list", "--email", ADA, "--json"))[0]["id"]
    own, history, picked = run("delivery", "show", str(key)).split("\n\n")
    assert f"email\t{ADA}" in own
    assert history.splitlines()[2].split("\t")[:2] == ["ready", "planner"]
    heading, _, row = picked.splitlines()
    assert (heading, row.split("\t")[1:3]) == ("picked", ["invented:one", "Moss on walls"])
    assert "Matches your topic “moss”" in row
    (whole,) = json.loads(run("delivery", "show", str(key), "--json"))["picked"]
    assert (whole["paper"], whole["title"], whole["reason"]["why"]) == ("invented:one", "Moss on walls", "title")


def test_explain_claims_no_match_for_a_far_paper(run: Run) -> None:
    far = run("explain", ADA, "invented:two").splitlines()[1]
    assert far.startswith("far: chance .0")
    assert far.endswith(" – Perhaps about your topic “moss”")
    assert run("explain", ADA, "invented:one").splitlines()[1].startswith("picked, ranked 1st – Matches your topic")


def test_preview_lint_shows_findings(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("preview", ADA, "--lint") == ""
    assert json.loads(run("preview", ADA, "--lint", "--json")) == []
    own = tmp_path / "own" / "email" / "digest.txt.j2"
    own.parent.mkdir(parents=True)
    own.write_text("{{ frame.papers }}\n", encoding="utf-8")
    monkeypatch.setenv("DIGESTD_TEMPLATES_DIR", str(tmp_path / "own"))
    done = CliRunner().invoke(app, ["preview", ADA, "--lint", "--json"])
    assert done.exit_code == 1
    (finding,) = json.loads(done.stdout)
    assert (finding["rule"], finding["severity"], finding["where"]) == ("unsubscribe", "error", "text part")
    assert CliRunner().invoke(app, ["preview", ADA, "--lint"]).stdout.startswith("rule\tseverity\twhere\tmessage\n")


def test_preview_shows_other_registered_forms(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "digest"
    for form in OUTLETS:
        assert run("preview", ADA, "--as", form, "--out", str(file)) == ""
        assert "Moss on walls" in file.read_text()
        assert "Moss on walls" in run("preview", ADA, "--as", form)


@pytest.mark.usefixtures("run")
def test_preview_refuses_options_that_exclude_each_other() -> None:
    for words in ("--json --html", "--lint --html", "--as ris --html", "--as docx"):
        assert isinstance(CliRunner().invoke(app, ["preview", ADA, *words.split()]).exception, BadInput), words


@pytest.mark.usefixtures("run")
def test_empty_preview_is_no_usage_error(installed: Install) -> None:
    installed.people([{"email": BO, "topics": ["tax law"], "mute": {"phrases": ["moss", "sand"]}}])
    done = CliRunner().invoke(app, ["preview", BO])
    assert isinstance(done.exception, NothingToShow)
    assert done.exception.exit_code == 1


def test_preview_after_the_digest_names_it(installed: Install, run: Run) -> None:
    installed.people([{"email": ADA, "topics": ["moss"], "mute": {"phrases": ["sand"]}}])
    installed.plan()
    run("deliver", "--drain")
    done = CliRunner().invoke(app, ["preview", ADA])
    assert "their minimum score since the digest of 2026-11-24 (1 paper, sent 2026-11-24 " in str(done.exception)
    assert "`--date 2026-11-24` shows" in str(done.exception)
    assert "Moss on walls" in run("preview", ADA, "--date", "2026-11-24")
    told = run("explain", ADA, "invented:two").splitlines()[1]
    assert told.startswith("muted: phrase sand")


def test_preview_before_the_hour_is_dated_today(installed: Install, run: Run) -> None:
    installed.people([{"email": ADA, "topics": ["moss"], "hour": 23, "timezone": "Europe/Berlin"}])
    assert "Tuesday 24 November" in run("preview", ADA)
    assert json.loads(run("explain", ADA, "invented:one", "--json"))["period"] == "2026-11-24"
