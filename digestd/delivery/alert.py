"""Alert the operator by webhook when relays stop or mails stay uncertain."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

TIMEOUT_SECONDS = 5.0
"""For the whole request, because a run that is stopped has half a minute to end."""
SendAlert = Callable[[str, str, str], Awaitable[None]]
"""Called with an event (`relay stopped`, `relay resumed`, `mails uncertain`), the relay or "", and the reason."""
log = structlog.get_logger(__name__)


async def no_alert(_event: str, _relay: str, _why: str) -> None:
    """Do nothing; used without a webhook, where the log must suffice."""


def webhook_alert(url: str) -> SendAlert:
    """Return a function that posts an alert to `url`.

    The body is `{"event", "relay", "why", "text"}` as JSON.

    `text` is the whole alert in one line, the form that chat rooms accept. A failed post is logged and not retried;
    /readyz shows the state as well.
    """
    if not url:
        return no_alert
    import httpx2

    async def send(event: str, relay: str, why: str) -> None:
        text = f"digestd: {event}" + (f": {relay}" if relay else "") + (f" ({why})" if why else "")
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
                answer = await client.post(url, json={"event": event, "relay": relay, "why": why, "text": text})
                answer.raise_for_status()
        except (httpx2.HTTPError, TimeoutError) as error:
            log.warning("cannot reach the alert webhook", kind=type(error).__name__)

    return send
