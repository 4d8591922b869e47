"""No text from outside makes a regular expression take long: time grows with the text, never with its square."""

import re
import signal
import time
from collections.abc import Iterator

import pytest

from tests.security.pumps import Expression, expressions, made_while_running, pumps

SHORT, LONG = 500, 8_000
TIMES = LONG // SHORT
QUADRATIC = TIMES**1.5
"""Half-way, in powers, between what grows with the text and what grows with its square."""
NOTHING = 0.004
"""Seconds of work that are never too many for the longer text, whatever they grow from."""
ENDLESS = 0.25
"""Seconds after which nobody waits any longer."""
SUSPECTS = 6
"""So many of the strings that cost most are tried at length."""
OURS = {
    "cli/config.py:_PASSWORD",
    "render/inline.py:_TAG",
    "render/inline.py:_MEDIA",
    "transports/__init__.py:_BETWEEN",
}
"""These meet the operator's own settings and templates alone."""
EVERY = expressions()
ALL = [found for found in EVERY if found.where not in OURS]


def test_every_expression_is_tried() -> None:
    assert len(ALL) > 150
    assert {found.where for found in EVERY} >= OURS
    assert made_while_running() == {"ranking/lookup.py", "ranking/signals/phrase.py", "sign.py"}


@pytest.mark.parametrize("found", ALL, ids=lambda found: found.where)
def test_what_an_expression_costs_grows_with_the_text_alone(found: Expression) -> None:
    assert astray(found) is None


@pytest.mark.parametrize("bad", [r"(?:a+)+$", r"\s*x", r"a[^<>]*=[^<>]*>", r"\w*\\x", r"k\s*(?:\[1\])?\s*:", r"\s+$"])
def test_an_expression_that_goes_astray_is_found_out(bad: str) -> None:
    assert astray(Expression("here", re.compile(bad), True))


class TooLong(BaseException):
    """An expression does not end."""


@pytest.fixture(autouse=True)
def _not_waited_for() -> Iterator[None]:
    def give_up(_signal: int, _frame: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, give_up)
    yield
    signal.signal(signal.SIGVTALRM, before)


def astray(found: Expression) -> tuple[str, str, str] | None:
    """One of the strings with which the cost of an expression grows too fast."""
    costs = []
    for pump in pumps(found.pattern):
        costs.append((_cost(found, pump, SHORT), pump))
        if costs[-1][0] >= ENDLESS:
            return pump
    worst = sorted(costs, key=lambda one: one[0], reverse=True)[:SUSPECTS]
    return next((pump for cost, pump in worst if _grows_too_fast(found, pump, cost)), None)


def _grows_too_fast(found: Expression, pump: tuple[str, str, str], short: float) -> bool:
    """Looked at again before it is believed: the machine may have been busy."""
    for _ in range(5):
        short, long = min(short, _cost(found, pump, SHORT)), _cost(found, pump, LONG)
        if long < ENDLESS and long <= max(NOTHING, QUADRATIC * short):
            return False
    return True


def _cost(found: Expression, pump: tuple[str, str, str], length: int) -> float:
    """Return seconds of processor time, `ENDLESS` at most: other processes on the machine must not count."""
    start, repeated, end = pump
    text = start + repeated * (length // len(repeated)) + end
    signal.setitimer(signal.ITIMER_VIRTUAL, ENDLESS)
    begun = time.thread_time()
    try:
        found.run(text)
    except TooLong:
        return ENDLESS
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.thread_time() - begun
