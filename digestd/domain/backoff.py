"""Compute how long to wait before the next try, for everything that is retried.

A policy is one line where it is used, as `BACKOFF = Backoff.doubling(timedelta(minutes=15), timedelta(days=1))`.
"""

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Self


@dataclass(frozen=True, slots=True)
class Backoff:
    """The waits after the first failure, the second and so on; the last one repeats.

    Attributes:
        steps: at least one wait.
        jitter: the share by which a wait is varied at random, so that clients
            that failed together do not return together; 0.2 is ± 20 %. No wait
            becomes shorter than the first step.
    """

    steps: tuple[timedelta, ...]
    jitter: float = 0.0

    @classmethod
    def doubling(cls, first: timedelta, longest: timedelta, jitter: float = 0.0) -> Self:
        """Return the policy that doubles the wait each time, up to the longest."""
        steps = [first]
        while steps[-1] < longest:
            steps.append(min(steps[-1] * 2, longest))
        return cls(tuple(steps), jitter)

    @property
    def longest(self) -> timedelta:
        """Return the longest wait, without jitter."""
        return max(self.steps)

    def delay(self, attempt: int, rng: Random | None = None) -> timedelta:
        """Return how long to wait after a number of failures in a row.

        Args:
            attempt: how many tries have failed so far, at least 1.
            rng: the source of the jitter; without one there is none.
        """
        step = self.steps[min(attempt, len(self.steps)) - 1]
        if rng is None or not self.jitter:
            return step
        return max(self.steps[0], step * rng.uniform(1 - self.jitter, 1 + self.jitter))


@dataclass(frozen=True, slots=True)
class BackoffState:
    """The consecutive failures of a relay, until when it is paused, and why."""

    failures: int = 0
    until: float = 0.0
    why: str = ""
