"""Test that only an unambiguous DMARC pass of the topmost server is trusted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.replies.commands.authentication import AuthenticationResult, parse_authentication_results
from digestd.replies.parsed_mail import AUTH_RESULT_CHARS_MAX, AUTH_RESULTS_MAX
from tests.commands.mails import letter, mail

MX = "mx.example.org"
NOTHING = AuthenticationResult(MX)
PASSED = AuthenticationResult(MX, "example.net")
GENUINE = [
    "mx.example.org; dmarc=pass header.from=example.net",
    "MX.example.org 1; dmarc = pass (p=none dis=none) header.from = Example.NET",
    'mx.example.org;\tdkim=pass header.i=@example.net header.s=2026 header.b="aB3/=="; spf=pass (mx.example.org: domain'
    " of ada@example.net designates 192.0.2.1 as permitted sender) smtp.mailfrom=ada@example.net;"
    " dmarc=pass (p=REJECT sp=REJECT (nested \\) comment) dis=NONE) header.from=example.net",
    "mx.example.org; dmarc=pass action=none header.from=example.net;",
]
REFUSED = [
    "mx.example.org; dmarc=fail header.from=example.net",
    "mx.example.org; dmarc=none header.from=example.net",
    "mx.example.org; dmarc=pass",
    "mx.example.org; dmarc=pass header.d=example.net",
    "mx.example.org; dmarc=pass header.from=example.com header.from=example.net",
    "mx.example.org; dmarc=fail header.from=example.net; dmarc=pass header.from=example.net",
    "mx.example.org; dmarc=pass header.from=example.net; dmarc=fail header.from=example.net",
    "mx.example.org; spf=pass (dmarc=pass header.from=example.net)",
    'mx.example.org; dkim=fail header.i="; dmarc=pass header.from=example.net"',
    "mx.example.org; xdmarc=pass header.from=example.net",
    "mx.example.org; none",
]
UNREADABLE = [
    "",
    ";",
    "dmarc=pass header.from=example.net",
    "mx.example.org dmarc=pass header.from=example.net",
    "mx.example.org 2; dmarc=pass header.from=example.net",
    "mx.example.org; dmarc=pass header.from=example.net (open",
    'mx.example.org; dmarc=pass header.from="example.net',
    "mx.example.org; dmarc=pass header.from=example.net) x",
    "mx.example.org; dmarc=pass header.from=example.net header.i",
    "mx.example.org; dkim=pass header.i=a;b; dmarc=pass header.from=example.net",
    "(" * 10_000,
]


@pytest.mark.parametrize("field", GENUINE)
def test_authentication_reads_dmarc_pass(field: str) -> None:
    assert parse_authentication_results([field]) == PASSED


@pytest.mark.parametrize("field", REFUSED)
def test_authentication_refuses_all_but_one_dmarc_pass(field: str) -> None:
    assert parse_authentication_results([field]) == NOTHING


@pytest.mark.parametrize("field", UNREADABLE)
def test_authentication_refuses_malformed_field(field: str) -> None:
    assert not parse_authentication_results([field]).domain
    assert not parse_authentication_results([GENUINE[0], field]).domain


def test_authentication_trusts_topmost_server_only() -> None:
    theirs, ours = "evil.example; dmarc=pass header.from=example.net", "mx.example.org; spf=pass"
    assert parse_authentication_results([ours, theirs]) == NOTHING
    assert parse_authentication_results([theirs, GENUINE[0]]) == AuthenticationResult("evil.example", "example.net")
    assert parse_authentication_results([GENUINE[0], theirs]) == PASSED


def test_authentication_reads_fields_of_one_server_together() -> None:
    assert parse_authentication_results(["mx.example.org; spf=pass", GENUINE[0]]) == PASSED
    assert parse_authentication_results([REFUSED[0], GENUINE[0]]) == NOTHING
    assert parse_authentication_results([GENUINE[0], GENUINE[0]]) == NOTHING


def test_letter_has_no_authentication_from_cut_fields() -> None:
    long = GENUINE[0] + ";" + " " * AUTH_RESULT_CHARS_MAX
    assert letter(mail("pause", Authentication_Results=GENUINE[0])).authentication == PASSED
    assert not letter(mail("pause", Authentication_Results=long)).authentication.domain
    stamped = mail("pause", Authentication_Results=GENUINE[0])
    more = b"Authentication-Results: other.example; spf=pass\n" * AUTH_RESULTS_MAX
    assert letter(stamped + b"").authentication == PASSED
    assert not letter(stamped.replace(b"Content-Type", more + b"Content-Type", 1)).authentication.domain


def test_letter_keeps_addresses_of_to_and_cc() -> None:
    made = mail("pause", to="Digest <Digest@example.org>, b@example.org", Cc="c@example.org, undisclosed:;")
    assert letter(made).recipients == ("digest@example.org", "b@example.org", "c@example.org")


@given(st.lists(st.text(max_size=200), max_size=3))
def test_authentication_survives_any_text(fields: list[str]) -> None:
    found = parse_authentication_results(fields)
    assert not found.domain or "dmarc" in " ".join(fields).lower()
