"""Wait for a state instead of a time: poll, and give up only after a long limit."""

import asyncio
import time
from collections.abc import Callable

PATIENCE_SECONDS = 120.0
"""Limit for hanging tests; no result depends on it."""


def until(condition: Callable[[], object], describe: Callable[[], object] = lambda: "") -> None:
    """Wait until the condition holds.

    Args:
        condition: Called a hundred times a second.
        describe: Returns what to show if it never holds.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(describe())
        time.sleep(0.01)


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until the condition holds, without blocking the loop."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)
