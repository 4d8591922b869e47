"""Test setting up DKIM: key, DNS record and signed mails."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.errors import BadInput, BadSetting
from tests.mail.test_dkim import ED25519, RSA

dkim = pytest.importorskip("dkim", reason="dkimpy is not installed here; tests/run installs it")
Run = Callable[..., Result]


@pytest.fixture(params=[RSA, ED25519], ids=["rsa", "ed25519"])
def key(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a key that only its owner can read."""
    file = tmp_path / "dkim.pem"
    file.write_bytes(request.param)
    file.chmod(0o600)
    return file


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: Path) -> Run:
    """Return the command line of an installation that signs."""
    monkeypatch.chdir(tmp_path)
    settings = {"NOW": "2026-11-24T07:00:00Z", "SOURCES": "none", "DKIM_DOMAIN": "example.org"}
    for name, value in {**settings, "DKIM_SELECTOR": "s2026", "DKIM_KEY_FILE": str(key)}.items():
        monkeypatch.setenv(f"DIGESTD_{name}", value)
    return lambda *words: CliRunner().invoke(app, words)


def test_digest_verifies_with_printed_record(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"title": "Lakes in winter", "abstract": "Ice on lakes."}\n')
    commands = (
        ("init",), ("subscriber", "add", "ada@example.net", "--topic", "lakes", "--hour", "0"),
        ("paper", "import", "p.jsonl"), ("plan",), ("deliver", "--drain"),
    )  # fmt: skip
    for words in commands:
        assert run(*words).exit_code == 0, words
    (mail,) = (tmp_path / "var/outbox/new").iterdir()
    printed = run("config", "dkim").stdout
    name, value = printed.split(" TXT ")
    record = "".join(re.findall(r'"([^"]*)"', value)).encode()
    assert name == "s2026._domainkey.example.org."
    assert all(len(piece) <= 255 for piece in re.findall(r'"([^"]*)"', value))
    assert dkim.verify(mail.read_bytes(), dnsfunc=lambda *_asked, **_how: record)
    assert run("replay", "ada@example.net", "2026-11-24", "--eml").exit_code == 0


def test_world_readable_key_is_refused(run: Run, key: Path) -> None:
    key.chmod(0o644)
    refused = run("init").exception
    assert isinstance(refused, BadSetting)
    assert "is world-readable" in str(refused)


@pytest.mark.parametrize("name", ["DOMAIN", "SELECTOR", "KEY_FILE"])
def test_missing_dkim_setting_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(f"DIGESTD_DKIM_{name}")
    assert f"DIGESTD_DKIM_{name}: is missing" in str(run("init").exception)


def test_record_without_key_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOMAIN", "SELECTOR", "KEY_FILE"):
        monkeypatch.delenv(f"DIGESTD_DKIM_{name}")
    run("init")
    assert isinstance(run("config", "dkim").exception, BadInput)
