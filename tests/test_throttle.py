"""How fast mails may go: even spacing, halved when asked for less, back by doubling, and one number to keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.throttle import HORIZON_SECONDS, RECOVERY_SECONDS, SLOWEST, Throttle

NOW = 1_700_000_000.0
FRESH = Throttle()


def test_without_a_limit_nothing_waits_and_nothing_is_kept() -> None:
    assert FRESH.taken(1_000, 0, NOW) == FRESH
    assert FRESH.wait(0, NOW) == 0


@given(st.floats(0.1, 1_000), st.integers(1, 200))
def test_over_any_window_no_more_go_than_the_rate_allows(limit: float, count: int) -> None:
    throttle, now = FRESH, NOW
    for _ in range(count):
        now += throttle.wait(limit, now)
        throttle = throttle.taken(1, limit, now)
    assert now - NOW == pytest.approx((count - 1) / limit, rel=1e-3, abs=1e-3)


def test_what_was_not_used_is_not_saved_up() -> None:
    throttle = FRESH.taken(1, 2, NOW)
    throttle = throttle.taken(1, 2, NOW + 100)
    assert throttle.wait(2, NOW + 100) == 0.5


def test_asked_for_less_the_rate_is_halved_and_doubles_back() -> None:
    slowed = FRESH.asked_for_less(8, 0, NOW)
    assert slowed.rate(8, NOW) == 4
    assert slowed.rate(8, NOW + RECOVERY_SECONDS / 2) == pytest.approx(4 * 2**0.5)
    assert slowed.rate(8, NOW + RECOVERY_SECONDS) == 8
    assert slowed.rate(8, NOW + 10 * RECOVERY_SECONDS) == 8
    again = slowed.asked_for_less(8, 0, NOW + 1)
    assert again.rate(8, NOW + 1) == pytest.approx(2, rel=0.01)
    assert again.rate(8, NOW + 1 + 1.5 * RECOVERY_SECONDS) < 8
    assert again.rate(8, NOW + 2 + 2 * RECOVERY_SECONDS) == 8


def test_without_a_limit_half_of_what_was_sent_counts_until_it_has_come_back() -> None:
    slowed = FRESH.asked_for_less(0, 100, NOW)
    assert slowed.rate(0, NOW) == 50
    assert slowed.asked_for_less(0, 100, NOW).rate(0, NOW) == 25
    assert slowed.rate(0, NOW + RECOVERY_SECONDS) == 0
    assert FRESH.asked_for_less(0, 0, NOW) == FRESH


def test_however_often_it_is_asked_it_never_falls_silent() -> None:
    throttle = FRESH
    for step in range(100):
        throttle = throttle.asked_for_less(10, 0, NOW + step)
    assert throttle.rate(10, NOW + 99) == pytest.approx(SLOWEST)
    assert throttle.taken(1, 10, NOW + 99).wait(10, NOW + 99) <= 60


def test_a_moment_beyond_the_horizon_was_written_under_another_clock() -> None:
    assert Throttle(free=NOW + HORIZON_SECONDS + 1).wait(1, NOW) == 0
    assert Throttle(free=NOW + HORIZON_SECONDS - 1).wait(1, NOW) > 0


def test_a_clock_set_back_does_not_raise_the_rate() -> None:
    slowed = FRESH.asked_for_less(8, 0, NOW)
    assert slowed.rate(8, NOW - 100_000) == 4
