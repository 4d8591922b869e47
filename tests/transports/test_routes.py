"""Test the URLs of routes: DIGESTD_TRANSPORT_URL."""

import pytest

from digestd.delivery.transports import open_routes
from digestd.errors import BadSetting


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("smtp://localhost", ["localhost:25"]),
        ("smtp://[::1]:2525", ["::1:2525"]),
        ("smtp://192.0.2.1?tls=none", ["192.0.2.1:25"]),
        ("smtp://127.0.0.1:25 smtp://localhost:26", ["127.0.0.1:25", "localhost:26"]),
        ("smtps://u:a,b@one.example.org, smtps://two.example.org", ["one.example.org:465", "two.example.org:465"]),
        ("maildir:var/out box\nmaildir:b", ["maildir:var/out box", "maildir:b"]),
        (" smtp://127.0.0.1:25, ", ["127.0.0.1:25"]),
    ],
)
def test_setting_names_one_or_several_routes(setting: str, names: list[str]) -> None:
    assert [each.name for each in open_routes(setting)] == names


def test_route_url_contains_weight_and_rate() -> None:
    one, two = open_routes("smtp://127.0.0.1?weight=3&rate=0.5 smtp://localhost?weight=0")
    assert (one.weight, one.rate, two.weight, two.rate) == (3, 0.5, 0, 0)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("", "has no scheme"),
        ("mail.example.org", "has no scheme"),
        ("http://x", "not a transport"),
        ("smtp://127.0.0.1 http://x", "cannot be read|not a transport|missing"),
        ("smtp://", "host is missing"),
        ("smtp:x", "cannot be read"),
        ("smtp://h:port", "cannot be read"),
        ("maildir:", "maildir needs a folder"),
        ("smtp://192.0.2.1:25", r"unencrypted; use .* or add \?tls=none"),
        ("smtp://127.0.0.1.example.org", r"unencrypted; use .* or add \?tls=none"),
        ("smtps://relay.example.org?tls=none", "require TLS"),
        ("smtp://127.0.0.1 smtp://127.0.0.1:25", "listed twice"),
        ("smtp://127.0.0.1?weight=0", "weight above 0"),
        ("smtp://127.0.0.1?weight=-1", "whole number"),
        ("smtp://127.0.0.1?rate=fast", "mails per second"),
        ("smtp://127.0.0.1?wieght=3", "'wieght' is not an option"),
    ],
)
def test_invalid_route_is_rejected_by_name(setting: str, said: str) -> None:
    with pytest.raises(BadSetting, match=f"DIGESTD_TRANSPORT_URL: .*({said})"):
        open_routes(setting)
