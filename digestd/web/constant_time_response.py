"""Answers that take the same time whatever is known of an address."""

import time
from asyncio import sleep
from collections.abc import Callable
from typing import TypeVar

from fastapi.concurrency import run_in_threadpool

FLOOR_SECONDS = 0.25
"""Longer than the slowest ordinary path, which is one commit."""
T = TypeVar("T")


async def answer_in_constant_time(work: Callable[[], T], seconds: float = FLOOR_SECONDS) -> T:
    """Do the work in a thread, and answer no sooner than `seconds` after it began.

    The wait is on the event loop: a thread is held for the work alone, so that waiting answers take none from others.
    """
    begun = time.monotonic()
    try:
        return await run_in_threadpool(work)
    finally:
        await sleep(max(0.0, begun + seconds - time.monotonic()))
