"""Test hostile strings on an operator's terminal.

Also in machine-readable output, and in the log.
"""

import csv
import io
import json
import logging
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import structlog
from typer.testing import CliRunner

from digestd import logs
from digestd.cli import app as command
from digestd.domain.subscriber import Status
from digestd.domain.webhook import WebhookEvent, WebhookPost, WebhookPostState
from digestd.subscribers.webhooks import message
from tests.conftest import NOW
from tests.security.hostile import HOSTILE, STORABLE
from tests.security.parsed_output import unruly
from tests.security.stage import Stage
from tests.web.test_api import token

READER = "reader1@example.org"
SHOWN = [
    ("paper", "list", "--limit", "1000"),
    ("paper", "show", "test:9"),
    ("subscriber", "list"),
    ("subscriber", "show", READER),
    ("delivery", "list"),
    ("delivery", "show", "1"),
    ("replay", READER, "2026-11-24", "--text"),
]
POST = WebhookPost(
    *(1, "https://example.org", WebhookEvent.BOUNCED, 1, "ada@example.org", Status.ACTIVE, "", NOW),
    *(WebhookPostState.WAITING, 1, NOW, ""),
)
_COLOURS = re.compile(r"\x1b\[[\d;]*m")


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_output_has_no_control_sequences(
    attacked: Stage, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    for name, value in attacked.made.environment().items():
        monkeypatch.setenv(name, value)
    for options in ((), ("--json",)) if words[0] != "replay" else ((),):
        result = CliRunner().invoke(command, [*words, *options])
        assert (result.exit_code, result.exception) == (0, None)
        assert unruly(result.output) == set()
        if options:
            assert json.loads(result.stdout)


def test_tables_have_no_control_sequences(attacked: Stage) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, **attacked.made.environment(), "TERM": "xterm", "COLUMNS": "120"}
    call = [sys.executable, "-m", "digestd", "paper", "list", "--limit", "250"]
    with subprocess.Popen(call, stdout=theirs, stdin=theirs, env=environment) as process:
        os.close(theirs)
        drawn = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert process.returncode == 0
    text = drawn.decode()
    assert len(text.splitlines()) > 250
    assert unruly(_COLOURS.sub("", text)) == set()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # what Linux says of a terminal whose other end is shut
        return b""


def test_export_has_one_line_per_subscriber(attacked: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in attacked.made.environment().items():
        monkeypatch.setenv(name, value)
    plain = CliRunner().invoke(command, ["subscriber", "export", "--format", "csv"])
    csv.field_size_limit(10_000_000)  # the stage holds more than any import takes
    rows = list(csv.DictReader(io.StringIO(plain.stdout)))
    assert [row["email"] for row in rows] == [f"reader{n}@example.org" for n in attacked.readers]
    assert all(None not in row for row in rows)
    lines = CliRunner().invoke(command, ["subscriber", "export"]).stdout.split("\n")
    assert [json.loads(line)["email"] for line in lines if line] == [row["email"] for row in rows]


def test_json_output_escapes_strings(attacked: Stage) -> None:
    header = token(attacked.backend)
    for path in ("papers?limit=200", "subscribers?limit=200", "digests?limit=5", "subscribers/1"):
        answer = attacked.client.get(f"/api/v1/{path}", headers=header)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.json()
    for words in STORABLE:
        told = message(replace(POST, detail=words))
        assert json.loads(told)["data"]["detail"] == words
        assert b"\n" not in told


@pytest.mark.parametrize("form", ["console", "json"])
def test_log_has_no_injected_lines(capfd: pytest.CaptureFixture[str], form: str) -> None:
    before = logging.getLogger().handlers, logging.getLogger().level
    logs.configure(form, "info")
    for words in HOSTILE:
        structlog.get_logger("x").info("ingest failed", why=words, named=[words])
        logging.getLogger("y").warning("a library says %s", words)
        logging.getLogger("y").warning(words.replace("%", ""))
    logging.getLogger().handlers, level = before
    logging.getLogger().setLevel(level)
    said = capfd.readouterr().err
    assert len(said.splitlines()) == len(said.split("\n")) - 1 == 3 * len(HOSTILE)
    assert unruly(said) == set()
