"""Test `digestd subscriber feedback`: give, mute, list and undo."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from digestd.cli import app
from digestd.errors import BadInput, NotFound
from tests.support.install import Install, install

Run = Callable[..., Any]
ADA = "ada@example.net"


@pytest.fixture
def installed(tmp_path: Path, sqlite_url: str, now: datetime) -> Iterator[Install]:
    installed = install(tmp_path, sqlite_url, now)
    installed.papers(
        [{"id": "invented:one", "title": "Moss on walls", "authors": ["Bea Other"], "categories": ["bot.moss"]}]
    )
    installed.people([{"email": ADA}])
    yield installed
    installed.db.close()


@pytest.fixture
def run(installed: Install, monkeypatch: pytest.MonkeyPatch) -> Run:
    def invoke(*words: str) -> Any:
        for name, value in installed.environment().items():
            monkeypatch.setenv(name, value)
        done = CliRunner().invoke(app, ["subscriber", "feedback", ADA, *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        installed.clock.go(timedelta(minutes=1))  # the command's clock ran on meanwhile
        return json.loads(done.stdout) if "--json" in words else done.output

    return invoke


def test_feedback_is_listed_and_undone_separately(run: Run) -> None:
    assert run("--json") == []
    run("invented:one", "saved")
    run("invented:one", "muted", "--author", "B. Other")
    run("invented:one", "muted", "--category", "bot")
    assert "undone: muted category bot" in run("invented:one", "muted", "--undo")
    assert [(row["verdict"], row["what"], row["undone"] is None) for row in run("--json")] == [
        ("saved", None, True),
        ("muted", "author: B. Other", True),
        ("muted", "category: bot", False),
    ]
    assert "undone: saved" in run("invented:one", "--undo")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("invented:one", "muted"), "say what to mute"),
        (("invented:one", "more", "--author", "B. Other"), "require `muted`"),
        (("invented:one", "muted", "--topic", "robots"), "no such topic"),
        (("invented:one",), "add one of more"),
        (("invented:one", "more", "--undo"), "use --undo alone"),
    ],
)
def test_invalid_feedback_is_refused_with_remedy(run: Run, words: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        run(*words)


def test_undo_without_mute_is_refused(run: Run) -> None:
    with pytest.raises(NotFound, match="has muted nothing"):
        run("invented:one", "muted", "--undo")
