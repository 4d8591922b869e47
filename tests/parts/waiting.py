"""Wait for a state, not for a time: poll it, and give up only after longer than any busy machine takes."""

import asyncio
import time
from collections.abc import Callable

PATIENCE_SECONDS = 120.0
"""Bounds a hang; no test depends on how much of it passes."""


def until(condition: Callable[[], object], said: Callable[[], object] = lambda: "") -> None:
    """Wait until the condition holds.

    Args:
        condition: Asked a hundred times a second.
        said: What to show if it never holds.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(said())
        time.sleep(0.01)


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until the condition holds while the loop goes on."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)
