"""Alert the operator when relays stop or mails stay uncertain: by webhook, and by mail through another relay."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr

import structlog

from digestd.delivery.sample_mail import hand_over
from digestd.delivery.transports import OutgoingMail, Transport

TIMEOUT_SECONDS = 5.0
"""For the whole request, because a run that is stopped has half a minute to end."""
SendAlert = Callable[[str, str, str], Awaitable[None]]
"""Called with an event (such as `relay stopped`, `relay resumed`, `mails held`), the relay or "", and the reason."""
log = structlog.get_logger(__name__)


async def no_alert(_event: str, _relay: str, _why: str) -> None:
    """Do nothing; used without a webhook or an address, where the log must suffice."""


def all_alerts(*alerts: SendAlert) -> SendAlert:
    """Return a function that sends an alert on all these ways at once."""
    used = [alert for alert in alerts if alert is not no_alert]

    async def send(event: str, relay: str, why: str) -> None:
        await asyncio.gather(*(alert(event, relay, why) for alert in used))

    return send if used else no_alert


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
        body = {"event": event, "relay": relay, "why": why, "text": _text(event, relay, why)}
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
                answer = await client.post(url, json=body)
                answer.raise_for_status()
        except Exception as error:  # an alert must not end the run
            log.warning("cannot reach the alert webhook", kind=type(error).__name__)

    return send


@dataclass(frozen=True, slots=True)
class AlertMail:
    """Route, sender and recipient of alerts by mail.

    Attributes:
        transport: another relay than the one that carries digests.
        sender: the From field, like "digestd <digest@example.org>".
        to: the operator's address.
    """

    transport: Transport
    sender: str
    to: str
    clock: Callable[[], datetime]


def mail_alert(by: AlertMail | None) -> SendAlert:
    """Return a function that mails an alert to the operator.

    A mail that cannot be sent is logged and not retried.
    """
    if by is None:
        return no_alert

    async def send(event: str, relay: str, why: str) -> None:
        address = parseaddr(by.sender)[1]
        mail = OutgoingMail(address, by.to, _message(by, event, relay, why).as_bytes(policy=SMTP))
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS * 2):
                reply = await hand_over(by.transport, mail)
        except Exception as error:  # likewise
            log.warning("cannot mail the alert", kind=type(error).__name__)
            return
        if not 200 <= reply.code < 300:
            log.warning("cannot mail the alert", code=reply.code, reply=reply.text)

    return send


def _message(by: AlertMail, event: str, relay: str, why: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = by.sender
    message["To"] = by.to
    message["Subject"] = f"digestd: {event}" + (f": {relay}" if relay else "")
    message["Date"] = format_datetime(by.clock())
    message["Message-ID"] = make_msgid(domain=parseaddr(by.sender)[1].rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{_text(event, relay, why)}\n\n`digestd status` shows the state of the service.\n")
    return message


def _text(event: str, relay: str, why: str) -> str:
    return f"digestd: {event}" + (f": {relay}" if relay else "") + (f" ({why})" if why else "")
