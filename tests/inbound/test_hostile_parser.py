"""Test that invalid answers of a hijacked parser process are refused."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from digestd.replies import mail_parser_process
from digestd.replies.bounces.parsed_mail import UnreadableMail
from digestd.replies.inbound_mail import parse_inbound_mail
from digestd.replies.mail_parser import ANSWER_BYTES_MAX, MailParser
from tests.inbound.conftest import SAMPLES

HARD = (SAMPLES / "postfix-hard.eml").read_bytes()
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from digestd.security.confinement.framing import receive, send
from digestd.security.confinement.inside import confine
send(sys.stdout.buffer, confine(512_000_000).packed())
while receive(sys.stdin.buffer) is not None:
    receive(sys.stdin.buffer)
    send(sys.stdout.buffer, {answer!r})
"""


def said(**changed: Any) -> bytes:
    """Return a valid answer with changed fields of the command mail."""
    classified, mail = parse_inbound_mail(HARD)
    return json.dumps({"classification": asdict(classified), "command_mail": {**asdict(mail), **changed}}).encode()


def found(**changed: Any) -> bytes:
    """Return a valid answer with changed fields of the classification or its status."""
    classified, mail = (asdict(part) for part in parse_inbound_mail(HARD))
    status = changed.pop("status", classified["report"]["status"])
    changed.setdefault("report", {**classified["report"], "status": status})
    return json.dumps({"classification": {**classified, **changed}, "command_mail": mail}).encode()


@pytest.fixture
def honest() -> Iterator[MailParser]:
    made = MailParser()
    yield made
    made.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"5",
        b"null",
        b"[]",
        b"{}",
        b'"error"',
        b'["error"]',
        b'{"error": 5}',
        b'{"error": {"a": [1]}}',
        b'{"command_mail": 5, "classification": 5}',
        b'{"command_mail": ' + b"9" * 5_000 + b"}",
        b"\xff\xfe\x00",
        b"x" * (ANSWER_BYTES_MAX + 1),
        said(sender=5),
        said(sender=["ada@example.net"]),
        said(sender="ada@example.net\r\nBcc: eve@example.net"),
        said(sender="ada@example.net, eve@example.net"),
        said(sender="a" * 1_000 + "@example.net"),
        said(id="<a@b>\r\nBcc: eve@example.net"),
        said(id="a@b"),
        said(subject="stop\r\nBcc: eve@example.net"),
        said(subject="x" * 10_000),
        said(subject=None),
        said(lines="stop"),
        said(lines=["stop"] * 1_000),
        said(lines=["two\nlines"]),
        said(lines=[1e400]),
        said(lines=["x" * 100_000]),
        said(lines=["\ud800"]),
        said(subject="\udfff"),
        found(status="5.1.1\0"),
        found(status="\ud800"),
        found(status="reader 7"),
        found(via="\0"),
        found(via="nobody"),
        found(report={"kind": "harder", "status": "", "envelopes": []}),
    ],
    ids=lambda answer: repr(answer[-30:]),
)
def test_invalid_parser_answer_is_refused(
    answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, honest: MailParser
) -> None:
    script = tmp_path / "hijacked.py"
    script.write_text(SCRIPT.format(answer=answer))
    with monkeypatch.context() as patched:
        patched.setattr(mail_parser_process, "__file__", str(script))
        with pytest.raises(UnreadableMail) as refused:
            honest(HARD)
    assert "\n" not in str(refused.value)
    honest.close()
    assert honest(HARD)[0].via == "dsn"


def test_mail_is_automatic_unless_answer_says_false(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Show that an invalid `automatic` cannot make the service answer a machine."""
    script = tmp_path / "hijacked.py"
    script.write_text(SCRIPT.format(answer=said(automatic="")))
    monkeypatch.setattr(mail_parser_process, "__file__", str(script))
    made = MailParser()
    try:
        assert made(HARD)[1].automatic is True
    finally:
        made.close()
