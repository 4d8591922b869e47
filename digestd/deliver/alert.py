"""The operator told by a webhook that a lane has stopped, or goes on, or that mails stay uncertain."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

SECONDS = 5.0
"""Altogether, however slowly it answers: a run that is stopped has half a minute to end."""
SendAlert = Callable[[str, str, str], Awaitable[None]]
"""Tells of an event (`lane stopped`, `lane goes on`, `mails uncertain`) at a relay, if it is about one, and why."""
log = structlog.get_logger(__name__)


async def no_alert(_event: str, _relay: str, _why: str) -> None:
    """Where there is no webhook, the log has told already."""


def webhook_alert(url: str) -> SendAlert:
    """Posts `{"event", "relay", "why", "text"}` as JSON; `text` is the whole in one line, as chat rooms take it.

    One that cannot be reached is said in the log and not tried again: the lane's state is in /readyz too.
    """
    if not url:
        return no_alert
    import httpx2

    async def tell(event: str, relay: str, why: str) -> None:
        text = f"digestd: {event}" + (f": {relay}" if relay else "") + (f" ({why})" if why else "")
        try:
            async with asyncio.timeout(SECONDS), httpx2.AsyncClient(timeout=SECONDS) as client:
                answer = await client.post(url, json={"event": event, "relay": relay, "why": why, "text": text})
                answer.raise_for_status()
        except (httpx2.HTTPError, TimeoutError) as error:
            log.warning("the webhook was not reached", kind=type(error).__name__)

    return tell
