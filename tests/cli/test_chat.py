"""Test `digestd subscriber chat`."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.errors import BadInput
from tests.delivery.chat_server import Answer, chat_server
from tests.support.install import Install, install

ADA = "ada@example.net"
URL = "mmosts://chat.example.org/secret0"
LABEL = "Mattermost at chat.example.org"


@pytest.fixture
def installed(tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    installed = install(tmp_path, sqlite_url, now)
    installed.people([{"email": ADA}])
    for name, value in installed.environment().items():
        monkeypatch.setenv(name, value)
    yield installed
    installed.db.close()


def run(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, ["subscriber", *words], input=typed)


@pytest.mark.usefixtures("installed")
def test_chat_is_set_shown_listed_and_removed(tmp_path: Path) -> None:
    assert "go to the mailbox" in run("chat", ADA, "--show").stderr
    done = run("chat", ADA, typed=f"{URL}\n")
    assert f"digests go to {LABEL}; notices still go to the mailbox" in done.stderr
    assert LABEL in run("chat", ADA, "--show").stderr
    listed, data = run("chat", "--list", "--json").stdout, run("data", ADA).stdout
    assert [(room["email"], room["room"], room["state"]) for room in json.loads(listed)] == [(ADA, LABEL, "in use")]
    assert LABEL in data
    assert "secret0" not in done.output + listed + data
    file = tmp_path / "url"
    file.write_text("ntfy+https://ntfy.sh/papers\n")
    assert "ntfy at ntfy.sh" in run("chat", ADA, "--url-file", str(file)).stderr, "a form of earlier versions"
    assert run("chat", ADA, "--remove").exit_code == 0
    assert "go to the mailbox" in run("chat", ADA, "--show").stderr


@pytest.mark.usefixtures("installed")
def test_chat_test_says_what_the_room_answered() -> None:
    with chat_server() as server:
        run("chat", ADA, typed=f"json://127.0.0.1:{server.port}/secret0\n")
        assert "posted to JSON at 127.0.0.1" in run("chat", ADA, "--test").stderr
        assert "digests from" in server.posts[0].body["message"]
        server.answers = [Answer(404)]
        refused = run("chat", ADA, "--test")
        assert "the room refused the message: HTTP 404" in refused.stderr
        assert refused.exit_code == 1


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("words", [(ADA, "--list"), (), (ADA, "--show", "--test")])
def test_chat_refuses_options_that_exclude_each_other(words: tuple[str, ...]) -> None:
    assert isinstance(run("chat", *words).exception, BadInput)


@pytest.mark.usefixtures("installed")
def test_chat_refuses_a_bad_url_without_quoting_it() -> None:
    done = run("chat", ADA, typed="https://hooks.slack.com/services/secret0\n")
    assert isinstance(done.exception, BadInput)
    assert "secret0" not in str(done.exception)


def test_erasure_deletes_the_chat(installed: Install) -> None:
    run("chat", ADA, typed=f"{URL}\n")
    assert run("erase", ADA, "--yes").exit_code == 0
    assert installed.unsafe == {}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("field", ["chat", "room"])
def test_import_sets_no_room(tmp_path: Path, field: str) -> None:
    file = tmp_path / "people.jsonl"
    file.write_text(json.dumps({"email": ADA, field: URL}) + "\n")
    refused = run("import", str(file))
    assert refused.exit_code == 1
    assert field in refused.output
    assert json.loads(run("chat", "--list", "--json").stdout) == []
