"""Test the confined mail parser: same results, limited time and memory."""

from collections.abc import Iterator

import pytest

from digestd.replies.inbound_mail import parse_inbound_mail
from digestd.replies.mail_parser import MailParser
from digestd.replies.parsed_mail import UnreadableMail
from tests.conftest import Children
from tests.inbound.conftest import SAMPLES

HARD = (SAMPLES / "postfix-hard.eml").read_bytes()


@pytest.fixture
def reader() -> Iterator[MailParser]:
    made = MailParser()
    yield made
    made.close()


def test_parser_process_parses_like_this_process(reader: MailParser) -> None:
    for file in sorted(SAMPLES.glob("*.eml")):
        raw = file.read_bytes()
        assert reader(raw, ("a@example.org",)) == parse_inbound_mail(raw, ("a@example.org",))


def test_parser_continues_after_unreadable_mail(reader: MailParser) -> None:
    deep = b"Content-Type: message/rfc822\n\n" * 20_000
    with pytest.raises(UnreadableMail):
        reader(deep)
    assert reader(HARD)[0].via == "dsn"


def test_parser_replaces_ended_process(reader: MailParser, children: Children) -> None:
    reader(HARD)
    [child] = children()
    child.kill()
    child.wait()
    assert reader(HARD)[0].via == "dsn"


def test_parser_limits_time() -> None:
    hasty = MailParser(seconds=0.0)
    try:
        with pytest.raises(UnreadableMail, match="time or memory"):
            hasty(HARD)
    finally:
        hasty.close()


def test_parser_limits_memory() -> None:
    poor = MailParser(memory=1)
    try:
        with pytest.raises(UnreadableMail):
            poor(HARD + b"x" * 1_000_000)
    finally:
        poor.close()
