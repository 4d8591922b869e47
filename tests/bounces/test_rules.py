"""Test the table of bounce rules: each example is decided by its own line."""

import re

import pytest

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_rules import RULES, BounceRule, find_rule, kind_of

HARD, SOFT, POLICY = BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY
BY_MAILBOX = BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.example[:60])
def test_rule_decides_its_example(rule: BounceRule) -> None:
    assert find_rule("", rule.example) == rule
    assert rule.kind in BY_MAILBOX
    assert rule.source


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.example[:60])
def test_rule_words_are_lower_case(rule: BounceRule) -> None:
    assert re.compile(rule.words)
    assert not re.search(r"(?<!\\)[A-Z]", rule.words.replace("WHO", ""))


@pytest.mark.parametrize(
    ("status", "reply", "kind"),
    [
        ("5.1.1", "550 5.7.1 IP address blacklisted by recipient", POLICY),
        ("5.1.1", "552 5.2.2 Over quota", SOFT),
        ("5.1.1", "552 sorry, mailbox <a@example.net> is over quota temporarily (#5.1.1)", SOFT),
        ("5.2.1", "550-5.2.1 The user is receiving mail at a rate that 550-5.2.1 prevents delivery", SOFT),
        ("5.0.0", "5.1.0 - Unknown address error 550-'5.7.1 <a@example.net>... Access denied'", POLICY),
        ("", "SMTP error after MAIL FROM:<a@example.org>: 553 5.1.0 example.org does not exist", POLICY),
        ("5.1.1", 'x-unix; procmail: Couldn\'t create "/var/spool/mail/ada" id: host: No such user', SOFT),
        ("5.1.3", "553 http://www.spamhaus.org/query/bl?ip=192.0.2.1", POLICY),
        ("4.0.0", "550 Client host blocked for spamming issues. OFR006_102", POLICY),
        ("4.4.7", "450 4.7.1 Access denied. IP name lookup failed [192.0.2.1]", POLICY),
        ("4.0.0", "DNS Error: MX lookup of example.net responded with code NXDOMAIN", SOFT),
        ("5.4.4", "Host or domain name not found. Name service error: Host not found", HARD),
        ("", "Name service error for domain example.net: Host not found, try again", SOFT),
        ("", "450 4.1.1 <a@example.net>: User unknown", SOFT),
        ("5.7.1", "553 Invalid recipient a@example.net (Mode: normal)", HARD),
        ("5.7.1", "551 5.7.1 <a@example.net>: delivery is up to you", POLICY),
        ("5.1.1", "550 BAD_RECIPIENT", HARD),
        ("", "550 Your account has been disabled", POLICY),
        ("", "554 Delivery to the recipient expired", SOFT),
        ("", "421 Email session terminated", SOFT),
        ("5.0.0", "550-Requested action not taken: mailbox unavailable 550 invalid DNS MX or A/AAAA record", POLICY),
        ("5.0.0", "550 Requested action not taken: mailbox unavailable", HARD),
        ("5.1.1", "550 5.1.1 <spam.blocked@example.net>", HARD),
        ("5.1.1", "550 5.1.1 to our customer <denied@example.net>", HARD),
        ("", "the disclosed addresses of undeleted users have unchanged recipients", SOFT),
        ("", "The enclosed e-mail could not be delivered: connection timed out", SOFT),
        ("", "550 unknown user in list of undisclosed recipients: retry timeout exceeded", SOFT),
        ("", "550 5.6.0 Header 'To' contains a malformed address", POLICY),
        ("", "maildir delivery failed: error writing message: Disk quota exceeded", SOFT),
        ("", "550 mailbox unavailable", HARD),
        ("", "mailbox unavailable [SMTP code 550]", HARD),
        ("", "554 Message looping", SOFT),
        ("", "450 mailbox unavailable", SOFT),
        ("", "553 no mail-box here by that name", HARD),
        ("", "550 recipient unrecognized", HARD),
        ("", "554 undeliverable address", HARD),
        ("", "550 No such ID", HARD),
        ("", "501 Malformed address", HARD),
        ("5.5.0", "smtp; 550 5.5.0 mailbox unavailable", HARD),
    ],
)
def test_kind_of_reply_with_misleading_code(status: str, reply: str, kind: BounceKind) -> None:
    assert kind_of(status, reply) is kind


def test_kind_of_asks_further_texts_only_if_nothing_decides() -> None:
    assert kind_of("", "nothing to see", "550 user unknown") is HARD
    assert kind_of("5.7.1", "", "550 user unknown") is POLICY
