"""Rate limits: even spacing, halved on request, recovered by doubling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.throttle import HORIZON_SECONDS, RECOVERY_SECONDS, SLOWEST, Throttle

NOW = 1_700_000_000.0
FRESH = Throttle()


def test_throttle_without_limit_never_waits() -> None:
    assert FRESH.taken(1_000, 0, NOW) == FRESH
    assert FRESH.wait(0, NOW) == 0


@given(st.floats(0.1, 1_000), st.integers(1, 200))
def test_throttle_never_exceeds_the_rate(limit: float, count: int) -> None:
    throttle, now = FRESH, NOW
    for _ in range(count):
        now += throttle.wait(limit, now)
        throttle = throttle.taken(1, limit, now)
    assert now - NOW == pytest.approx((count - 1) / limit, rel=1e-3, abs=1e-3)


def test_throttle_does_not_accumulate_credit() -> None:
    throttle = FRESH.taken(1, 2, NOW)
    throttle = throttle.taken(1, 2, NOW + 100)
    assert throttle.wait(2, NOW + 100) == 0.5


def test_throttle_halves_the_rate_and_recovers() -> None:
    slowed = FRESH.slowed_after_busy(8, 0, NOW)
    assert slowed.rate(8, NOW) == 4
    assert slowed.rate(8, NOW + RECOVERY_SECONDS / 2) == pytest.approx(4 * 2**0.5)
    assert slowed.rate(8, NOW + RECOVERY_SECONDS) == 8
    assert slowed.rate(8, NOW + 10 * RECOVERY_SECONDS) == 8
    again = slowed.slowed_after_busy(8, 0, NOW + 1)
    assert again.rate(8, NOW + 1) == pytest.approx(2, rel=0.01)
    assert again.rate(8, NOW + 1 + 1.5 * RECOVERY_SECONDS) < 8
    assert again.rate(8, NOW + 2 + 2 * RECOVERY_SECONDS) == 8


def test_throttle_without_limit_halves_the_measured_rate() -> None:
    slowed = FRESH.slowed_after_busy(0, 100, NOW)
    assert slowed.rate(0, NOW) == 50
    assert slowed.slowed_after_busy(0, 100, NOW).rate(0, NOW) == 25
    assert slowed.rate(0, NOW + RECOVERY_SECONDS) == 0
    assert FRESH.slowed_after_busy(0, 0, NOW) == FRESH


def test_throttle_keeps_a_minimum_rate() -> None:
    throttle = FRESH
    for step in range(100):
        throttle = throttle.slowed_after_busy(10, 0, NOW + step)
    assert throttle.rate(10, NOW + 99) == pytest.approx(SLOWEST)
    assert throttle.taken(1, 10, NOW + 99).wait(10, NOW + 99) <= 60


def test_throttle_ignores_times_beyond_the_horizon() -> None:
    assert Throttle(free=NOW + HORIZON_SECONDS + 1).wait(1, NOW) == 0
    assert Throttle(free=NOW + HORIZON_SECONDS - 1).wait(1, NOW) > 0


def test_throttle_keeps_the_rate_when_the_clock_is_set_back() -> None:
    slowed = FRESH.slowed_after_busy(8, 0, NOW)
    assert slowed.rate(8, NOW - 100_000) == 4
