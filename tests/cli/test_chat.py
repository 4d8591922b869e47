"""Test `digestd subscriber chat`."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.errors import BadInput
from tests.support.install import Install, install

ADA = "ada@example.net"
URL = "slack+https://hooks.slack.com/services/T0/B0/secret0"


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
def test_chat_is_set_shown_and_removed(tmp_path: Path) -> None:
    assert "go to the mailbox" in run("chat", ADA, "--show").stderr
    done = run("chat", ADA, typed=f"{URL}\n")
    assert "digests go to slack at hooks.slack.com; notices still go to the mailbox" in done.stderr
    assert "secret0" not in done.output
    assert "slack at hooks.slack.com" in run("chat", ADA, "--show").stderr
    data = run("data", ADA).stdout
    assert "slack at hooks.slack.com" in data
    assert "secret0" not in data
    file = tmp_path / "url"
    file.write_text("ntfy+https://ntfy.sh/papers\n")
    assert "ntfy at ntfy.sh" in run("chat", ADA, "--url-file", str(file)).stderr
    assert run("chat", ADA, "--remove").exit_code == 0
    assert "go to the mailbox" in run("chat", ADA, "--show").stderr


@pytest.mark.usefixtures("installed")
def test_chat_refuses_a_bad_url_without_quoting_it() -> None:
    done = run("chat", ADA, typed="https://hooks.slack.com/services/secret0\n")
    assert isinstance(done.exception, BadInput)
    assert "secret0" not in str(done.exception)


def test_erasure_deletes_the_chat(installed: Install) -> None:
    run("chat", ADA, typed=f"{URL}\n")
    assert run("erase", ADA, "--yes").exit_code == 0
    assert installed.unsafe == {}
