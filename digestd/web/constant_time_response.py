"""Delay answers so that their time does not reveal whether an address is known."""

import time
from asyncio import sleep
from collections.abc import Callable
from typing import TypeVar

from fastapi.concurrency import run_in_threadpool

FLOOR_SECONDS = 0.25
"""Longer than the slowest ordinary case, which is one commit."""
T = TypeVar("T")


async def answer_in_constant_time(work: Callable[[], T], seconds: float = FLOOR_SECONDS) -> T:
    """Run `work` in a thread, and return its result after at least `seconds`.

    The wait happens on the event loop, so that delayed answers do not occupy threads.
    """
    begun = time.monotonic()
    try:
        return await run_in_threadpool(work)
    finally:
        await sleep(max(0.0, begun + seconds - time.monotonic()))
