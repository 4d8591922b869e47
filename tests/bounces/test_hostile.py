"""Test that any mail is classified or refused, without crash or endless work."""

import base64
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digestd.replies.bounces.formats import classify
from digestd.replies.parsed_mail import BYTES_MAX, UnreadableMail, parse_mail
from tests.support.tiers import sized

MORE = sized(1, 50)
SAMPLES = [file.read_bytes() for file in sorted((Path(__file__).parent / "samples").glob("*.eml"))]
HEADERS = [
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b",
    b"Content-Type: message/delivery-status",
    b"Content-Type: text/plain; charset=no-such-charset",
    b"Content-Type: text/plain; charset*=utf-8''%ff%00",
    b"Content-Type: text/plain; charset=zlib",
    b'Content-Type: text/plain; charset="\x00"',
    b"Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: quoted-printable",
    b"From: MAILER-DAEMON@example.net",
    b"To: =?utf-8?q?a=0D=0ABcc:_evil@example.net?=",
    b"Action: failed",
    b"Status: 5.1.1",
    b"Final-Recipient: rfc822; \xff\xfe",
    b"Feedback-Type: abuse",
    b"--b",
    b"--b--",
    b"",
]


def survives(raw: bytes) -> None:
    try:
        reading = classify(parse_mail(raw))
    except UnreadableMail:
        return
    assert len(reading.envelopes) <= 20
    assert len(reading.message_ids) <= 20
    assert all(isinstance(one, str) for one in (*reading.envelopes, *reading.message_ids))


@given(st.binary(max_size=2_000))
@settings(max_examples=150 * MORE)
def test_classify_survives_any_bytes(raw: bytes) -> None:
    survives(raw)


@given(st.lists(st.one_of(st.sampled_from(HEADERS), st.binary(max_size=40)), max_size=30))
@settings(max_examples=200 * MORE)
def test_classify_survives_shuffled_report_lines(lines: list[bytes]) -> None:
    survives(b"\n".join(lines))


@given(st.sampled_from(SAMPLES), st.integers(0, 4_000), st.integers(0, 200), st.binary(max_size=60))
@settings(max_examples=200 * MORE, suppress_health_check=[HealthCheck.too_slow])
def test_classify_survives_damaged_samples(sample: bytes, at: int, length: int, put: bytes) -> None:
    survives(sample[:at] + put + sample[at + length :])


def nested(depth: int) -> bytes:
    head = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(depth)
    )
    return b"From: a@example.org\n" + head + b"Content-Type: text/plain\n\nhello\n"


def messages_within(depth: int) -> bytes:
    return b"From: a@example.org\n" + b"Content-Type: message/rfc822\n\n" * depth + b"hello\n"


@pytest.mark.parametrize(
    "raw",
    [
        nested(3),
        nested(2_000),
        messages_within(5),
        messages_within(5_000),
        b"From: MAILER-DAEMON@example.net\n\n" + b"a@" * 300_000,
        b"From: MAILER-DAEMON@example.net\n\nThe following addresses had\n" + b"x" * 900_000,
        b"From: MAILER-DAEMON@example.net\n\n" + b"The following addresses had\n" * 20_000,
        b"To: " + b"<a@example.org>, " * 50_000 + b"\n\nhi\n",
        b"".join(b"X-%d: y\n" % number for number in range(50_000)) + b"\nhi\n",
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 60_000,
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
        + b"Action: failed\nStatus: 5.1.1\n\n" * 20_000,
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(b"\xff" * 600_000),
        b"\x00" * 100_000,
        b"\n" * 100_000,
        b"",
    ],
    ids=lambda raw: f"{raw[:30]!r}…{len(raw)}",
)
def test_classify_survives_deep_and_long_mails(raw: bytes) -> None:
    survives(raw)


def test_classify_refuses_too_large_mail() -> None:
    with pytest.raises(UnreadableMail, match="bytes"):
        parse_mail(b"x" * (BYTES_MAX + 1))
