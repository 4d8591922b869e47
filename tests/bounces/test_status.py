"""Test the kinds of failures: only a missing mailbox is a hard bounce."""

import pytest

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_rules import kind_of, status_in

HARD, SOFT, POLICY = BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        ("5.1.1", "", HARD),
        ("5.1.2", "", HARD),
        ("5.1.3", "", HARD),
        ("5.1.6", "", HARD),
        ("5.1.10", "", HARD),
        ("5.2.1", "", HARD),
        ("5.2.2", "", SOFT),
        ("5.4.4", "", SOFT),
        ("5.3.0", "", SOFT),
        ("4.4.7", "delivery time expired", SOFT),
        ("4.1.1", "user unknown", SOFT),
        ("4.0.0", "no such user", SOFT),
        ("5.7.1", "user unknown, blocked sender", POLICY),
        ("5.7.515", "", POLICY),
        ("4.7.0", "", POLICY),
        ("5.6.0", "", POLICY),
        ("5.5.2", "", POLICY),
        ("5.3.4", "", POLICY),
        ("5.1.8", "sender address rejected", POLICY),
        ("5.0.0", "550 5.1.1 gone", HARD),
        ("5.0.0", "550 No Such User Here", HARD),
        ("", "550 Requested action not taken: mailbox unavailable", HARD),
        ("", "450 Requested action not taken: mailbox unavailable", SOFT),
        ("", "554 delivery error: This user doesn't have an account", HARD),
        ("", "552 Mailbox full", SOFT),
        ("", "the recipient's mailbox is full, user unknown to have paid", SOFT),
        ("", "554 Message rejected as spam", POLICY),
        ("", "", SOFT),
        ("nonsense", "nonsense", SOFT),
        ("5.1.0", "user unknown", HARD),
        ("5.2.0", "over quota", SOFT),
    ],
)
def test_kind_of_status_and_text(status: str, words: str, kind: BounceKind) -> None:
    assert kind_of(status, words) is kind


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("smtp; 550 5.1.1 <a@example.net>", "5.1.1"),
        ("550-5.2.2 full", "5.2.2"),
        ("(#5.1.1)", "5.1.1"),
        ("192.0.2.5 said: 550", ""),
        ("10.5.1.1", ""),
        ("250 2.0.0 ok", ""),
        ("2.1.5 ok, then 4.2.1 not", "4.2.1"),
        ("5.1.1234", ""),
    ],
)
def test_status_in_text(words: str, status: str) -> None:
    assert status_in(words) == status


@pytest.mark.parametrize("pump", ["5.", "recipient ", "user is ", "does not ", "mailbox ", "a@", "550 5.1.", "("])
def test_kind_of_handles_very_long_text(pump: str) -> None:
    assert kind_of("", pump * 100_000) in {SOFT, HARD}
    assert len(status_in(pump * 100_000)) <= len("5.123.123")
