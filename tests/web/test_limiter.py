"""Test that the limiter counts networks, not addresses, and forgets."""

from datetime import datetime, timedelta

import pytest

from digestd.web import guards
from digestd.web.guards import Window, network


@pytest.mark.parametrize(
    ("host", "who"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("2001:db8:1:3::", "2001:db8:1::/48"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/48"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_network_is_ipv4_address_or_ipv6_prefix(host: str, who: str) -> None:
    assert network(host) == who


def test_window_slides(now: datetime) -> None:
    window = Window(2, timedelta(minutes=10))
    minute = timedelta(minutes=1)
    assert [window.allows("a", now + n * minute) for n in (0, 5, 6, 9)] == [True, True, False, False]
    assert window.allows("b", now + 9 * minute)
    assert window.allows("a", now + 10 * minute)
    assert not window.allows("a", now + 14 * minute)
    assert window.allows("a", now + 15 * minute)


def test_limiter_memory_is_bounded(now: datetime) -> None:
    window = Window(1, timedelta(minutes=10))
    for n in range(guards.KEYS_MAX + 1):
        window.allows(str(n), now)
    assert window.allows("0", now), "the longest unseen is forgotten"
    assert not window.allows(str(guards.KEYS_MAX), now)
