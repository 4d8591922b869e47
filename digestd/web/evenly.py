"""Answers that take the same time whatever is known of an address."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

FLOOR_SECONDS = 0.25
"""Longer than the slowest ordinary path, which is one commit."""


@contextmanager
def evenly(seconds: float = FLOOR_SECONDS) -> Iterator[None]:
    """Let what is done inside take at least so long."""
    begun = time.monotonic()
    yield
    time.sleep(max(0.0, begun + seconds - time.monotonic()))
