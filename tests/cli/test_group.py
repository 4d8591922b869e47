"""Test `digestd group`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.errors import BadInput, NotFound

Run = Callable[..., Result]
ADA = "ada@example.org"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command line of a new installation with one subscriber."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGESTD_DATABASE_URL", f"sqlite:///{tmp_path / 'd.db'}")
    monkeypatch.setenv("DIGESTD_NOW", "2026-11-24T07:00:00Z")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, words)

    assert invoke("init").exit_code == 0
    assert invoke("subscriber", "add", ADA).exit_code == 0
    return invoke


def shown(run: Run, *words: str) -> dict[str, Any]:
    result = run("group", *words, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_group_lives_from_add_to_remove(run: Run) -> None:
    assert run("group", "add", "Ice  lab", "--topic", "lake ice", "--mute-author", "N. N.").exit_code == 0
    assert run("group", "join", "ice LAB", ADA).exit_code == 0
    assert "already" in run("group", "join", "Ice lab", ADA).output
    found = shown(run, "show", "Ice lab")
    assert (found["name"], found["topics"]) == ("Ice lab", ["lake ice"])
    [member] = found["members"]
    assert (member["email"], member["shares"], member["list"]) == (ADA, False, False)
    assert run("group", "edit", "Ice lab", "--name", "Snow lab", "--topic", "").exit_code == 0
    found = shown(run, "show", "Snow lab")
    assert (found["topics"], found["mute"]) == (
        [],
        {"topics": [], "phrases": [], "authors": ["N. N."], "categories": [], "institutions": [], "venues": []},
    )
    listed = json.loads(run("group", "list", "--json").stdout)
    assert listed == [{"name": "Snow lab", "interests": 1, "members": 1, "sharing": 0}]
    data = json.loads(run("subscriber", "data", ADA).stdout)
    assert "Snow lab" in json.dumps(data)
    assert run("group", "leave", "Snow lab", ADA).exit_code == 0
    assert "not a member" in run("group", "leave", "Snow lab", ADA).output
    assert run("group", "remove", "Snow lab").exit_code == 0
    assert json.loads(run("group", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("show", "Rain lab"), NotFound, "known: Ice lab, Snow lab"),
        (("join", "Ice lab", "nobody@example.org"), NotFound, "there is no subscriber"),
        (("join", "Ice lab", ADA, "--list"), BadInput, "they are a member of 'Snow lab'"),
        (("add", "ICE LAB"), BadInput, "already"),
        (("add", " "), BadInput, "must not be empty"),
        (("edit", "Ice lab", "--topic", "a", "--mute-topic", "A"), BadInput, "liked and muted"),
    ],
)
def test_group_errors_say_what_to_do(run: Run, words: tuple[str, ...], error: type[Exception], said: str) -> None:
    for name in ("Ice lab", "Snow lab"):
        assert run("group", "add", name).exit_code == 0
    assert run("group", "join", "Snow lab", ADA).exit_code == 0
    result = run("group", *words)
    assert isinstance(result.exception, error)
    assert said in str(result.exception)
