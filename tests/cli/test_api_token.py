"""Test `digestd api-token` add, list and remove, and what a token gives access to."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

from digestd import app as wiring
from digestd.cli import app
from digestd.errors import BadInput, NotFound
from digestd.web import build

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command line of a new installation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGESTD_DATABASE_URL", f"sqlite:///{tmp_path / 'd.db'}")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, ("api-token", *words))

    assert CliRunner().invoke(app, ["init"]).exit_code == 0
    return invoke


def status(token: str, method: str = "GET", path: str = "/papers") -> int:
    """Return the status that the API answers to a token."""
    with TestClient(build(wiring.build())) as client:
        given = {"Authorization": f"Bearer {token}"}
        return client.request(method, f"/api/v1{path}", headers=given, json={}).status_code


def test_token_works_until_removed(run: Run) -> None:
    assert status("x") == 404, "there is no API yet"
    added = run("add", "website")
    assert added.stderr == "it may read, the default; --scope allows something else\n"
    token = added.stdout.strip()
    assert status(token) == 200
    assert run("add", "form", "--scope", "signup").stderr == "it may signup\n"
    assert json.loads(run("add", "form", "--json").stdout)["scopes"] == ["read"]
    other = run("add", "cron", "--scope", "write", "--scope", "erase").stdout.strip()
    knowing = run("add", "desk", "--scope", "read", "--scope", "erase").stdout.strip()
    assert run("remove", "1").exit_code == 0
    assert status(token) == 401
    assert status(other) == 403
    assert status(knowing, "DELETE", "/subscribers/9") == 404


def test_token_of_a_subscriber_names_them_and_reads_at_least(run: Run) -> None:
    refused = run("add", "assistant", "--subscriber", "ada@example.org")
    assert isinstance(refused.exception, NotFound)
    assert CliRunner().invoke(app, ["subscriber", "add", "ada@example.org"]).exit_code == 0
    assert isinstance(run("add", "assistant", "--subscriber", "").exception, BadInput), "an unset variable of a shell"
    for scopes in (("write",), ("read", "erase"), ("admin",)):
        words = [word for scope in scopes for word in ("--scope", scope)]
        refused = run("add", "assistant", "--subscriber", "ada@example.org", *words)
        assert isinstance(refused.exception, BadInput)
    token = run("add", "assistant", "--subscriber", "ada@example.org").stdout.strip()
    assert status(token) == 401, "it opens /mcp alone"
    [row] = json.loads(run("list", "--json").stdout)
    assert (row["subscriber"], row["scopes"]) == ("ada@example.org", ["read"])
    assert CliRunner().invoke(app, ["subscriber", "unsubscribe", "ada@example.org"]).exit_code == 0
    [row] = json.loads(run("list", "--json").stdout)
    assert not row["revoked"], "it rests, for who takes the wish back"
    refused = run("add", "assistant", "--subscriber", "ada@example.org")
    assert "this person is unsubscribed; make the token once they are subscribed" in str(refused.exception)


def test_list_shows_scopes_but_no_token(run: Run) -> None:
    token = run("add", "website").stdout.strip()
    run("add", "cron", "--scope", "write", "--scope", "read")
    run("remove", "2")
    listed = run("list", "--json").stdout
    rows = json.loads(listed)
    assert [(row["number"], row["name"], row["scopes"]) for row in rows] == [
        (1, "website", ["read"]),
        (2, "cron", ["read", "write"]),
    ]
    assert [bool(row["revoked"]) for row in rows] == [False, True]
    assert token.rpartition("_")[2] not in listed + run("list").stdout + Path("d.db").read_bytes().decode("latin-1")
    assert "website" in run("list").stdout


def test_wrong_usage_is_one_line(run: Run) -> None:
    failed = run("remove", "7")
    assert isinstance(failed.exception, NotFound)
    assert "`digestd api-token list` shows them all" in str(failed.exception)
    assert run("add", "website", "--scope", "everything").exit_code == 2
    failed = run("add", "website", "--scope", "vouch", "--scope", "read")
    assert str(failed.exception) == "--scope vouch requires --scope write as well"
