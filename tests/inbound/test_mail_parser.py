"""Mails are read apart from everything else: the same as here, and a mail that is too much costs only itself."""

from collections.abc import Iterator

import pytest

from digestd.replies.bounces.parsed_mail import UnreadableMail
from digestd.replies.inbound_mail import parse_inbound_mail
from digestd.replies.mail_parser import MailParser
from tests.inbound.conftest import SAMPLES

HARD = (SAMPLES / "postfix-hard.eml").read_bytes()


@pytest.fixture
def reader() -> Iterator[MailParser]:
    made = MailParser()
    yield made
    made.close()


def test_it_reads_every_sample_as_it_is_read_here(reader: MailParser) -> None:
    for file in sorted(SAMPLES.glob("*.eml")):
        raw = file.read_bytes()
        assert reader(raw, ("a@example.org",)) == parse_inbound_mail(raw, ("a@example.org",))


def test_what_cannot_be_read_is_said_and_the_next_is_read(reader: MailParser) -> None:
    deep = b"Content-Type: message/rfc822\n\n" * 20_000
    with pytest.raises(UnreadableMail):
        reader(deep)
    assert reader(HARD)[0].via == "dsn"


def test_process_that_ended_between_mails_is_replaced(reader: MailParser) -> None:
    reader(HARD)
    assert reader._child is not None
    reader._child.kill()
    reader._child.process.wait()
    assert reader(HARD)[0].via == "dsn"


def test_it_has_so_much_time_and_no_more() -> None:
    hasty = MailParser(seconds=0.0)
    try:
        with pytest.raises(UnreadableMail, match="time or memory"):
            hasty(HARD)
    finally:
        hasty.close()


def test_it_has_so_much_memory_and_no_more() -> None:
    poor = MailParser(memory=1)
    try:
        with pytest.raises(UnreadableMail):
            poor(HARD + b"x" * 1_000_000)
    finally:
        poor.close()
