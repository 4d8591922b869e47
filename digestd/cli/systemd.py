"""Tell systemd how this service fares: sd_notify(3), sd_watchdog_enabled(3).

Without systemd, or in a unit without `Type=notify` and `WatchdogSec`, nothing happens.
"""

import asyncio
import contextlib
import os
import socket

READY = "READY=1"
STOPPING = "STOPPING=1"
_ALIVE = "WATCHDOG=1"


def notify(state: str) -> None:
    """Send a state to systemd; an answer is neither given nor needed."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect("\0" + address[1:] if address.startswith("@") else address)
        sender.sendall(state.encode())


async def keep_watchdog() -> None:
    """Report twice per watchdog interval that the event loop turns, until cancelled.

    If it hangs, systemd kills the process with SIGABRT and starts it again.
    """
    interval = os.environ.get("WATCHDOG_USEC", "")
    if not interval.isdecimal() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    while True:
        notify(_ALIVE)
        await asyncio.sleep(int(interval) / 2_000_000)
