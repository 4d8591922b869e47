"""Test that invalid answers of a hijacked parser process are refused."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from digestd.replies import mail_parser_process
from digestd.replies.inbound_mail import parse_inbound_mail
from digestd.replies.mail_parser import ANSWER_BYTES_MAX, MailParser
from digestd.replies.parsed_mail import UnreadableMail
from tests.inbound.conftest import SAMPLES

HARD = (SAMPLES / "postfix-hard.eml").read_bytes()
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from digestd.security.confinement import confine, receive, send, send_report
send_report(sys.stdout.buffer, confine(512_000_000))
while receive(sys.stdin.buffer) is not None:
    receive(sys.stdin.buffer)
    send(sys.stdout.buffer, {answer!r})
"""


def answer_with_mail(**changed: Any) -> bytes:
    """Return a valid answer with changed fields of the command mail."""
    classified, mail = parse_inbound_mail(HARD)
    return json.dumps([asdict(classified), {**asdict(mail), **changed}]).encode()


def answer_with_classification(**changed: Any) -> bytes:
    """Return a valid answer with changed fields of the classification or its status."""
    classified, mail = (asdict(part) for part in parse_inbound_mail(HARD))
    status = changed.pop("status", classified["report"]["status"])
    changed.setdefault("report", {**classified["report"], "status": status})
    return json.dumps([{**classified, **changed}, mail]).encode()


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
        b"[5, 5]",
        b"[" + b"9" * 5_000 + b"]",
        b"\xff\xfe\x00",
        b"x" * (ANSWER_BYTES_MAX + 1),
        answer_with_mail(sender=5),
        answer_with_mail(sender=["ada@example.net"]),
        answer_with_mail(sender="ada@example.net\r\nBcc: eve@example.net"),
        answer_with_mail(sender="ada@example.net, eve@example.net"),
        answer_with_mail(sender="a" * 1_000 + "@example.net"),
        answer_with_mail(id="<a@b>\r\nBcc: eve@example.net"),
        answer_with_mail(id="a@b"),
        answer_with_mail(subject="stop\r\nBcc: eve@example.net"),
        answer_with_mail(subject="x" * 10_000),
        answer_with_mail(subject=None),
        answer_with_mail(automatic=""),
        answer_with_mail(lines="stop"),
        answer_with_mail(lines=["stop"] * 1_000),
        answer_with_mail(lines=["two\nlines"]),
        answer_with_mail(lines=[1e400]),
        answer_with_mail(lines=["x" * 100_000]),
        answer_with_mail(lines=["\ud800"]),
        answer_with_mail(subject="\udfff"),
        answer_with_classification(status="5.1.1\0"),
        answer_with_classification(status="\ud800"),
        answer_with_classification(status="reader 7"),
        answer_with_classification(via="\0"),
        answer_with_classification(via="nobody"),
        answer_with_classification(report={"kind": "harder", "status": "", "envelopes": []}),
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
