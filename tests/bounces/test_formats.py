"""The forms in which mail comes back: each sample says by its name what is to be found in it."""

from pathlib import Path

import pytest

from digestd.domain.bounce import BounceKind
from digestd.replies.bounces.classification import classify_bytes
from digestd.replies.bounces.formats import FORMATS
from digestd.replies.bounces.report import Classification

VERP = "bounce+17.2.aaaabbbbccccddddeeeeffff@bounces.example.org"
ID = "<digest.2026-11-24.aaaabbbbccccddddeeeeffff@example.org>"
LINK = "https://digest.example.org/u/AAAA"
UNTAGGED = "blacked-out-complaint"
SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.eml"))


def mail(file: Path) -> bytes:
    text = file.read_text(encoding="utf-8")
    return text.replace("@VERP@", VERP).replace("@ID@", ID).replace("@LINK@", LINK).encode()


def found(file: Path) -> str:
    reading = classify_bytes(mail(file))
    if reading.report is None:
        return "unread"
    return str(reading.report.kind or "nothing")


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_each_sample_says_what_its_name_says(file: Path) -> None:
    assert found(file) == file.stem.rpartition("-")[2]


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_the_same_with_line_ends_of_the_wire_and_none_at_the_end(file: Path) -> None:
    wire = mail(file).replace(b"\n", b"\r\n").rstrip()
    assert classify_bytes(wire).report == classify_bytes(mail(file)).report


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_each_sample_carries_the_return_path(file: Path) -> None:
    assert (VERP in classify_bytes(mail(file)).envelopes) == (file.stem != UNTAGGED)


def test_every_form_has_a_sample() -> None:
    assert {classify_bytes(mail(file)).via for file in SAMPLES} - {""} == set(FORMATS)


def test_what_came_back_is_named_by_its_message_id_too() -> None:
    reading = classify_bytes(mail(_sample("gmail-hard")))
    assert ID in reading.message_ids
    assert reading.report is not None
    assert (reading.report.kind, reading.report.status) == (BounceKind.HARD, "5.1.1")


def test_the_recipient_of_the_envelope_is_looked_at_first() -> None:
    assert classify_bytes(b"From: a@example.org\n\nhi\n", (VERP,)).envelopes[0] == VERP


def test_the_words_decide_where_the_code_says_nothing() -> None:
    reading = classify_bytes(mail(_sample("exim-hard")))
    assert reading.report is not None
    assert reading.report.status == "5.0.0"


def test_a_code_in_the_words_is_kept_where_the_report_has_none() -> None:
    raw = mail(_sample("gmail-full-soft")).replace(b"Status: 5.2.2", b"Status: 5.0.0")
    assert _status(classify_bytes(raw)) == "5.2.2"


def test_of_several_recipients_the_weightiest_counts() -> None:
    second = b"\nFinal-Recipient: rfc822; x@example.net\nAction: failed\nStatus: 5.1.1\n"
    border = b"--cut-here/1\nContent-Type: text/rfc822"
    raw = mail(_sample("postfix-delayed")).replace(border, second + b"\n" + border)
    reading = classify_bytes(raw)
    assert reading.report is not None
    assert reading.report.kind is BounceKind.HARD


def _status(reading: Classification) -> str:
    assert reading.report is not None
    return reading.report.status


def _sample(name: str) -> Path:
    return next(file for file in SAMPLES if file.stem == name)
