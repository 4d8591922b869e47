"""Test how many connections are opened to relays of several kinds, by simulating their rates."""

import pytest

from digestd.delivery.connection_growth import GROWTH, MEASURED, START, ConnectionGrowth

STEPS = 40


def simulate(
    growth: ConnectionGrowth, rate_of: dict[int, float] | float, bears: int = 1_000, started: float = 0
) -> int:
    """Let a relay answer for some measurements; return the largest number of connections that were open.

    Args:
        growth: The growth to test.
        rate_of: Mails per second by the number of connections, or of each connection.
        bears: Connections that the relay accepts.
        started: The time of the first answer in seconds.
    """
    now, largest = started, 0
    for _ in range(STEPS):
        if growth.wanted > bears:
            growth.record_failure(bears)
        open_now = growth.wanted
        largest = max(largest, open_now)
        rate = rate_of[open_now] if isinstance(rate_of, dict) else open_now * rate_of
        for _answer in range((MEASURED + 2) * open_now + round(rate)):
            now += 1 / rate
            growth.record_answer(now, open_now)
            if growth.wanted != open_now:
                break
    return largest


def test_starts_with_few_connections() -> None:
    assert ConnectionGrowth(100).wanted == START
    assert ConnectionGrowth(2).wanted == 2


def test_measures_nothing_until_all_connections_work() -> None:
    growth = ConnectionGrowth(100)
    for answer in range(1_000):
        growth.record_answer(answer / 10, START - 1)
    assert growth.wanted == START


def test_grows_to_the_maximum_while_sending_gets_faster() -> None:
    growth = ConnectionGrowth(100)
    assert simulate(growth, 5.0) == 100
    assert growth.wanted == 100


def test_grows_after_one_answer_per_connection() -> None:
    growth = ConnectionGrowth(1_000)
    for round_trip in range(6):
        for _answer in range(growth.wanted):
            growth.record_answer(round_trip * 0.2, growth.wanted)
    assert growth.wanted > START * GROWTH**2


def test_slow_moment_closes_no_connections() -> None:
    growth = ConnectionGrowth(START * GROWTH)
    for answer in range(3 * START):
        growth.record_answer(answer / 40, START)
    assert growth.wanted == START * GROWTH
    for answer in range(2 * growth.wanted):  # as slow as before, for two answers per connection
        growth.record_answer(1 + answer / 40, growth.wanted)
    assert growth.wanted == START * GROWTH


def test_stays_where_more_are_no_faster() -> None:
    growth = ConnectionGrowth(100)
    busy = {8: 80.0, 32: 320.0, 100: 340.0}
    assert simulate(growth, busy) == 100
    assert growth.wanted == 32


@pytest.mark.parametrize("bears", [1, 5, 9, 50])
def test_uses_all_connections_that_the_relay_bears(bears: int) -> None:
    growth = ConnectionGrowth(100)
    assert simulate(growth, 5.0, bears) == bears
    assert growth.wanted == bears


def test_grows_again_when_the_relay_has_become_faster() -> None:
    growth = ConnectionGrowth(100)
    assert simulate(growth, {8: 80.0, 32: 82.0}) == 32
    assert simulate(growth, 10.0, started=1e6) == 100
    assert growth.wanted == 100


@pytest.mark.parametrize("working", [0, 1])
def test_keeps_one_connection_after_failures(working: int) -> None:
    growth = ConnectionGrowth(100)
    growth.record_failure(working)
    growth.record_failure(working)
    assert growth.wanted == 1
