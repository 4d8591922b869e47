"""Test the parser of SMTP replies: complete, in order, with limits."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.delivery.transports.smtp.stream import REPLY_BYTES_MAX, REPLY_LINE_MAX, InvalidReply, ReplyParser
from digestd.delivery.transports.transport import SmtpReply

SAID = b"250 2.0.0 Ok: queued as 4XyZ\r\n250-relay.example.org\r\n250-DSN\r\n250 8BITMIME\r\n354\r\n421 4.3.2 bye\n"
READ = [
    SmtpReply(250, "2.0.0 Ok: queued as 4XyZ"),
    SmtpReply(250, "relay.example.org DSN 8BITMIME"),
    SmtpReply(354, ""),
    SmtpReply(421, "4.3.2 bye"),
]


@given(st.lists(st.integers(0, len(SAID)), max_size=12))
def test_replies_do_not_depend_on_packet_boundaries(cuts: list[int]) -> None:
    replies, found = ReplyParser(), []
    edges = [0, *sorted(cuts), len(SAID)]
    for start, end in pairwise(edges):
        found += list(replies.feed(SAID[start:end]))
    assert found == READ


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_replies_parser_accepts_or_rejects_any_bytes(chunks: list[bytes]) -> None:
    replies = ReplyParser()
    try:
        for chunk in chunks:
            for reply in replies.feed(chunk):
                assert 0 <= reply.code <= 999
                assert reply.text.isprintable()
                reply.text.encode()
    except InvalidReply:
        return


@pytest.mark.parametrize("said", [b"?? what\r\n", b"\r\n", b"25\r\n", b"250xOk\r\n", "²50 x\r\n".encode(), b"-1 x\r\n"])
def test_replies_before_an_invalid_one_count(said: bytes) -> None:
    replies = ReplyParser().feed(b"250 ok\r\n" + said)
    assert next(replies) == SmtpReply(250, "ok")
    with pytest.raises(InvalidReply):
        next(replies)


@pytest.mark.parametrize(
    "said", [b"250 " + b"x" * REPLY_LINE_MAX, b"250 " + b"x" * REPLY_LINE_MAX + b"\r\n", b"250-x\r\n" * REPLY_BYTES_MAX]
)
def test_endless_lines_and_replies_are_rejected(said: bytes) -> None:
    with pytest.raises(InvalidReply):
        list(ReplyParser().feed(said))


def test_long_line_is_a_valid_reply() -> None:
    [reply] = ReplyParser().feed(b"250 " + b"x" * 2_000 + b"\r\n")
    assert (reply.code, len(reply.text)) == (250, 400)
