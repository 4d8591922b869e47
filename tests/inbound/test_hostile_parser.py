"""Show that what a hijacked parser of mails sends is an error here, never a crash and never acted on."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from digestd.replies import confined
from digestd.replies.bounces.mail import Unreadable
from digestd.replies.commands.reading import read
from digestd.replies.reader import ANSWER_MAX, Reader
from tests.inbound.conftest import SAMPLES

HARD = (SAMPLES / "postfix-hard.eml").read_bytes()
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from digestd.security.confinement.framing import receive, send
from digestd.security.confinement.sandbox import confine
send(sys.stdout.buffer, confine(512_000_000).to_json())
while receive(sys.stdin.buffer) is not None:
    receive(sys.stdin.buffer)
    send(sys.stdout.buffer, {answer!r})
"""


def said(**changed: Any) -> bytes:
    """The answer of a genuine parser, with fields of the letter changed."""
    reading, letter = read(HARD)
    return json.dumps({"reading": asdict(reading), "letter": {**asdict(letter), **changed}}).encode()


def found(**changed: Any) -> bytes:
    """The same with fields of the reading changed; `status` of its finding."""
    reading, letter = (asdict(part) for part in read(HARD))
    status = changed.pop("status", reading["finding"]["status"])
    changed.setdefault("finding", {**reading["finding"], "status": status})
    return json.dumps({"reading": {**reading, **changed}, "letter": letter}).encode()


@pytest.fixture
def honest() -> Iterator[Reader]:
    made = Reader()
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
        b'"failed"',
        b'["failed"]',
        b'{"failed": 5}',
        b'{"failed": {"a": [1]}}',
        b'{"letter": 5, "reading": 5}',
        b'{"letter": ' + b"9" * 5_000 + b"}",
        b"\xff\xfe\x00",
        b"x" * (ANSWER_MAX + 1),
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
        found(finding={"kind": "harder", "status": "", "envelopes": []}),
    ],
    ids=lambda answer: repr(answer[-30:]),
)
def test_answer_of_a_hijacked_parser_is_refused(
    answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, honest: Reader
) -> None:
    script = tmp_path / "hijacked.py"
    script.write_text(SCRIPT.format(answer=answer))
    with monkeypatch.context() as patched:
        patched.setattr(confined, "__file__", str(script))
        with pytest.raises(Unreadable) as refused:
            honest(HARD)
    assert "\n" not in str(refused.value)
    honest.close()
    assert honest(HARD)[0].via == "dsn"


def test_letter_is_automatic_unless_it_says_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser must not be able to make the service answer a machine by sending nonsense for `automatic`."""
    script = tmp_path / "hijacked.py"
    script.write_text(SCRIPT.format(answer=said(automatic="")))
    monkeypatch.setattr(confined, "__file__", str(script))
    made = Reader()
    try:
        assert made(HARD)[1].automatic is True
    finally:
        made.close()
