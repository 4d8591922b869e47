"""A sample mail through each relay, beside the ledger, to see whether mail arrives."""

from collections.abc import Sequence
from dataclasses import dataclass

from digestd.delivery.transports import LostReply, OutgoingMail, Route
from digestd.delivery.transports.transport import SmtpReply, Transport
from digestd.errors import RelayFailed


@dataclass(frozen=True, slots=True)
class RelayAnswer:
    """The answer of one relay to a mail."""

    relay: str
    accepted: bool
    reply: str


async def send_through_each(routes: Sequence[Route], mail: OutgoingMail) -> list[RelayAnswer]:
    """Hand a mail to each relay, one after the other. Its return path has no tag, so none of its bounces counts."""
    return [await _answer(route, mail) for route in routes]


async def hand_over(transport: Transport, mail: OutgoingMail) -> SmtpReply:
    """Send one mail on a connection of its own, and return the last reply. Raises RelayFailed and LostReply."""
    connection = await transport.connect()
    try:
        refusal = await connection.offer(mail)
        reply = refusal.reply if refusal else await connection.commit()
    except BaseException:
        await connection.abandon()
        raise
    await connection.close()
    return reply


async def _answer(route: Route, mail: OutgoingMail) -> RelayAnswer:
    try:
        reply = await hand_over(route.transport, mail)
    except RelayFailed as error:
        return RelayAnswer(route.name, False, str(error))
    except LostReply:
        return RelayAnswer(route.name, False, "the connection broke before the last reply, so it may have arrived")
    return RelayAnswer(route.name, 200 <= reply.code < 300, f"{reply.code} {reply.text}".strip())
