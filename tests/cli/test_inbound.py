"""Test commands for bounces: read, list, unsuppress, and settle deliveries."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digestd import app as wiring
from digestd.cli import app as commands
from digestd.domain.delivery import State
from digestd.errors import BadInput, BadSetting, DigestdError, NotFound
from tests.inbound.conftest import SentInstall, _sent_template, on_file

__all__ = ["_sent_template", "on_file"]


@pytest.fixture
def back(on_file: SentInstall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SentInstall:
    """An install that commands see, and a Maildir where bounces arrive."""
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    for name, value in on_file.install.environment(DIGESTD_INBOUND_URL=f"maildir:{tmp_path / 'box'}").items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return on_file


def run(*words: str) -> str:
    """Return the standard output of a command that must succeed."""
    done = CliRunner().invoke(commands, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def fails(error: type[DigestdError], *words: str) -> str:
    done = CliRunner().invoke(commands, list(words))
    assert isinstance(done.exception, error), (done.exception, done.output)
    return str(done.exception)


def test_what_came_back_is_read_and_shown(back: SentInstall, tmp_path: Path) -> None:
    (tmp_path / "box" / "new" / "1.host").write_bytes(back.mail("postfix-hard"))
    (tmp_path / "box" / "new" / "2.host").write_bytes(back.mail("gmail-full-soft", delivery=2))
    (tmp_path / "box" / "new" / "3.host").write_bytes(b"From: a@example.net\n\nhello\n")
    counts = json.loads(run("inbound", "--once", "--json"))
    assert {name: count for name, count in counts.items() if count} == {"taken": 2, "foreign": 1}
    hard = json.loads(run("subscriber", "show", back.address(1), "--json"))
    assert (hard["status"], hard["suppression"]) == ("suppressed", "hard_bounce")
    assert hard["suppressed_since"]
    assert hard["next_digest"] is None
    assert [(b["kind"], b["status"], b["via"], b["delivery"]) for b in hard["bounces"]] == [("hard", "5.1.1", "dsn", 1)]
    soft = run("subscriber", "show", back.address(2))
    assert "1.0 of 5" in soft
    assert "5.2.2" in soft
    shown = json.loads(run("delivery", "show", "1", "--json"))
    assert [bounce["kind"] for bounce in shown["bounces"]] == ["hard"]


def test_a_suppression_is_taken_back_with_a_reason(back: SentInstall) -> None:
    back.process(back.mail("postfix-hard"))
    assert "why" in fails(BadInput, "subscriber", "unsuppress", back.address(), "--why", " ")
    run("subscriber", "unsuppress", back.address(), "--why", "their server was broken")
    shown = json.loads(run("subscriber", "show", back.address(), "--json"))
    assert (shown["status"], shown["suppression"]) == ("active", None)
    assert [(one["reason"], one["why"]) for one in shown["liftings"]] == [("hard_bounce", "their server was broken")]
    fails(NotFound, "subscriber", "unsuppress", back.address(), "--why", "again")


def test_unsuppress_in_bulk_by_command(back: SentInstall) -> None:
    back.process(back.mail("postfix-hard", delivery=1))
    back.process(back.mail("postfix-hard", delivery=2))
    since, why = (back.install.clock.now - timedelta(hours=1)).isoformat(), ("--why", "wrong map")
    bulk = ("subscriber", "unsuppress", "--since", since, "--domain", "example.net", *why, "--json")
    tried = json.loads(run(*bulk, "--dry-run"))
    assert (tried["dry_run"], tried["count"]) == (True, 2)
    done = json.loads(run(*bulk))
    assert [(one["reason"], one["status"]) for one in done["restored"]] == [("hard_bounce", "active")] * 2
    assert json.loads(run(*bulk))["count"] == 0
    for wrong in (
        ("--since", since, back.address(), *why),
        why,
        (back.address(), "--domain", "example.net", *why),
        ("--since", since, "--reason", "erased", *why),
        ("--since", "yesterday", *why),
    ):
        fails(BadInput, "subscriber", "unsuppress", *wrong)


def test_held_bounces_are_believed_by_command(back: SentInstall) -> None:
    for delivery in (1, 2, 3):
        back.process(back.mail("postfix-hard", delivery=delivery))
    shown = json.loads(run("subscriber", "show", back.address(), "--json"))
    assert (shown["status"], [bounce["held"] for bounce in shown["bounces"]]) == ("active", [True])
    held = ("subscriber", "suppress", "--held", "--json")
    assert json.loads(run(*held, "--dry-run")) == {"dry_run": True, "suppressed": 3}
    assert json.loads(run(*held)) == {"dry_run": False, "suppressed": 3}
    assert json.loads(run(*held)) == {"dry_run": False, "suppressed": 0}
    fails(BadInput, "subscriber", "suppress", back.address(), "--held")
    fails(BadInput, "subscriber", "suppress")


def test_a_delivery_is_settled_by_number_or_by_reader(back: SentInstall) -> None:
    back.lose_the_answer(1)
    run("delivery", "settle", "1", "--as", "accepted", "--why", "the relay's log has it")
    assert back.state(1) is State.ACCEPTED
    assert "cannot be settled as not-sent" in fails(
        DigestdError, "delivery", "settle", "1", "--as", "not-sent", "--why", "it has not"
    )
    fails(NotFound, "delivery", "settle", back.address(2), "--as", "accepted", "--why", "x")
    fails(NotFound, "delivery", "settle", "99", "--as", "accepted", "--why", "x")


def test_a_mail_that_may_still_arrive_is_not_sent_again(back: SentInstall, monkeypatch: pytest.MonkeyPatch) -> None:
    back.lose_the_answer(2)
    words = ("delivery", "settle", back.address(2), "--as", "not-sent", "--why", "not in the relay's log")
    assert "20 minutes" in fails(DigestdError, *words)
    monkeypatch.setenv("DIGESTD_NOW", (back.install.clock.now + timedelta(minutes=21)).isoformat())
    run(*words)
    assert back.state(2) is State.READY
    shown = json.loads(run("delivery", "show", "2", "--json"))
    assert (shown["tries"][0]["evidence"], shown["history"][-1]["by"]) == ("operator", "operator")
    assert shown["tries"][0]["envelope_id"].startswith("2.1.")
    assert "not in the relay's log" in shown["reason"]


def test_without_a_place_to_read_the_command_says_how_to_name_one(
    back: SentInstall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIGESTD_INBOUND_URL")
    assert "maildir:" in fails(BadSetting, "inbound", "--once")
    monkeypatch.setenv("DIGESTD_INBOUND_URL", "lmtp://127.0.0.1:8024")
    assert "run it without --once" in fails(BadInput, "inbound", "--once")


def test_a_wrong_place_is_refused_before_anything_runs(back: SentInstall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGESTD_INBOUND_URL", "pop3://a:b@example.org")
    assert "unknown" in fails(BadSetting, "config", "check")
    monkeypatch.setenv("DIGESTD_INBOUND_URL", "imaps://bounce:hush@imap.example.org/INBOX")
    monkeypatch.setenv("DIGESTD_INBOUND_MAILGUN_KEY", "hush-hush-hush-hush")
    assert "hush" not in run("config", "show")
    assert wiring.build().providers.keys() == {"mailgun"}
