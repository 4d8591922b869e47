"""SIGTERM and SIGINT as an event: what runs is asked to end, and ends clean."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

_T = TypeVar("_T")


async def until_stopped(part: Callable[[asyncio.Event], Awaitable[_T]]) -> _T:
    """Run `part` with an event that either signal sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    try:
        return await part(stop)
    finally:
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(signum)
