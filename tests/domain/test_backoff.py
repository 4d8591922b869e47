"""Delays of each retry policy."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.delivery.retry import MAIL_BACKOFF, RELAY_BACKOFF
from digestd.domain.backoff import Backoff
from digestd.fetching.fetch import Limits
from digestd.store import rate_limits
from digestd.subscribers import libraries as library_sync
from digestd.subscribers import webhooks

MINUTE = 60
HOUR = 60 * MINUTE
POLICIES = {
    "mail": (MAIL_BACKOFF, [5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, HOUR]),
    "relay": (RELAY_BACKOFF, [MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, HOUR]),
    "fetch": (Limits().backoff, [1, 2, 4, 8, 10, 10]),
    "host": (rate_limits.HOST_BACKOFF, [n * 5 * MINUTE for n in (1, 2, 4, 8, 16, 32, 64, 72)]),
    "library": (library_sync.BACKOFF, [n * 15 * MINUTE for n in (1, 2, 4, 8, 16, 32, 64, 96, 96)]),
    "webhook": (webhooks.BACKOFF, [6, *(n * MINUTE for n in (5, 30, 120, 300, 600, 840, 1200, 1440, 1440))]),
}  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES)
def test_backoff_follows_its_policy(policy: str) -> None:
    backoff, seconds = POLICIES[policy]
    assert [backoff.delay(n).total_seconds() for n in range(1, len(seconds) + 1)] == seconds
    assert backoff.longest.total_seconds() == max(seconds)


@pytest.mark.parametrize("policy", POLICIES)
@given(attempt=st.integers(1, 10_000), seed=st.integers())
def test_backoff_stays_within_its_jitter(policy: str, attempt: int, seed: int) -> None:
    backoff, _ = POLICIES[policy]
    delay, step = backoff.delay(attempt, Random(seed)), backoff.delay(attempt)
    assert backoff.steps[0] <= delay
    assert abs(delay - step) <= step * backoff.jitter


def test_backoff_jitter_spreads_waits() -> None:
    backoff = Backoff.doubling(timedelta(minutes=5), timedelta(hours=1), jitter=0.2)
    waits = {backoff.delay(5, Random(seed)) for seed in range(50)}
    assert len(waits) > 40
    assert min(waits) < timedelta(minutes=55) < timedelta(minutes=65) < max(waits)
