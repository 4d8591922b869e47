"""Test tiers: a sample of the cases by default, all with `tests/run --long`.

Marks say to which tier a test belongs (pyproject.toml):

    tests/run --fast    without `slow`, `postgresql` and `long`
    tests/run           without `long`
    tests/run --long    everything, and as many cases as `sized` and `sampled` give (sets DIGESTD_TEST_LONG=1)
"""

import os
from collections.abc import Iterable
from random import Random
from typing import Any, TypeVar

import pytest

IS_LONG = bool(os.environ.get("DIGESTD_TEST_LONG"))
T = TypeVar("T")


def sized(default: T, long: T) -> T:
    """Return the size of a test in this tier."""
    return long if IS_LONG else default


def sampled(cases: Iterable[Any], every: int) -> list[Any]:
    """Mark all but one in `every` cases of a matrix as `long`.

    The sample is drawn once at random, so that it covers all factors.

    Args:
        cases: Values for `pytest.mark.parametrize`; tuples for several arguments.
        every: One case in so many stays in the default tier.

    Returns:
        All cases in their order.
    """
    listed = list(cases)
    kept = set(Random(len(listed)).sample(range(len(listed)), -(-len(listed) // every)))
    return [case if number in kept else _long(case) for number, case in enumerate(listed)]


def _long(case: Any) -> Any:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.long)
