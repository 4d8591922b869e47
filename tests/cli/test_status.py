"""Test `digestd status`."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from digestd.cli import app
from digestd.domain.backoff import BackoffState
from digestd.domain.throttle import Throttle
from digestd.store import core, rate_limits
from digestd.store.rate_limits import ThrottleState
from tests.support.install import install


def test_status_reports_plan_and_paused_relay(
    tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = install(tmp_path, sqlite_url, now)
    installed.papers([{"id": "invented:one", "title": "Moss on walls"}])
    installed.people([{"email": "ada@example.net", "topics": ["moss"], "hour": 0}])
    installed.plan()
    for name, value in installed.environment().items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["status"])
    assert done.exit_code == 0, done.output
    assert "Waiting\t1 mail ready to be sent" in done.stdout
    assert "Last 24 hours\t1 digest planned" in done.stdout

    relay = f"maildir:{tmp_path / 'outbox'}"
    paused = ThrottleState(Throttle(), BackoffState(3, (now + timedelta(minutes=9)).timestamp(), "no space"))
    with installed.db.write() as session:
        rate_limits.change_throttles(session, {relay: lambda _: paused, "gone:25": lambda _: paused})
    done = CliRunner().invoke(app, ["status", "--json"])
    assert done.exit_code == 1, done.output
    shown = json.loads(done.stdout)
    assert [one["relay"] for one in shown["relays"]] == [relay]
    [finding] = shown["attention"]
    assert (finding["level"], "no space" in finding["message"]) == ("error", True)
    installed.db.close()


def test_deliver_says_what_waits_and_why(
    tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = install(tmp_path, sqlite_url, now)
    installed.papers([{"id": "invented:one", "title": "Moss on walls"}])
    installed.people([{"email": "ada@example.net", "topics": ["moss"], "hour": 0}])
    installed.plan()
    with installed.db.write() as session:
        later = int((now + timedelta(hours=2)).timestamp() * 1e6)
        row = {"not_before_us": later, "reply_code": 451, "reply_text": "greylisted <ada@example.net>"}
        session.connection().execute(update(core.delivery).values(row))
    for name, value in installed.environment().items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["deliver"])
    assert done.exit_code == 0, done.output
    assert "waiting: 1 mail until 09:00Z: the relay said 451 greylisted …" in done.stderr
    installed.db.close()


def test_plan_says_when_the_next_digest_is_due(
    tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = install(tmp_path, sqlite_url, now)
    installed.people([{"email": "ada@example.net", "topics": ["moss"], "hour": 9}])
    for name, value in installed.environment().items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["plan"])
    assert done.exit_code == 0, done.output
    assert done.stderr == "nobody is due before 09:00Z; `digestd send EMAIL` sends a digest now\n"
    installed.db.close()


def test_status_names_a_transport_that_cannot_work(
    tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = install(tmp_path, sqlite_url, now)
    for name, value in installed.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DIGESTD_TRANSPORT_URL", "smtp://relay.example.net")
    done = CliRunner().invoke(app, ["status", "--json"])
    assert done.exit_code == 1, done.output
    [finding] = json.loads(done.stdout)["attention"]
    assert (finding["area"], "smtp://relay.example.net would send unencrypted" in finding["message"]) == ("relay", True)
    installed.db.close()
