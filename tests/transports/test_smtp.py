"""Test what a relay receives from us, and a relay that fails amid the body.

What each fault at other points means: test_pipelining.py, and test_fault_matrix.py of tests/delivery.
"""

import asyncio

import pytest

from digestd.delivery.transports.transport import Connection, OutgoingMail
from digestd.errors import RelayFailed
from tests.support.relay import Fault, Relay
from tests.support.smtp import MAIL, SHORT_TIMEOUTS, transport

NASTY = b"".join(
    [
        b"Message-ID: <dots@example.org>\r\n\r\n",
        b".\r\n..\r\n.a leading dot\r\nnot a . leading dot\r\n\r\n.\r\n",
        b"\xc3\xa9 eight bits\r\n" + b"x" * 990 + b"\r\n",
        b"From here on\r\n..end..\r\n",
    ]
)


@pytest.mark.parametrize("message", [NASTY, b"\r\n", b".\r\n" * 30_000 + b"last\r\n"])
async def test_smtp_transfers_the_bytes_unchanged(message: bytes) -> None:
    async with Relay().serving() as relay:
        channel = await transport(relay.port).connect()
        assert await channel.offer(OutgoingMail("b@example.org", "a@example.net", message)) is None
        assert relay.taken == []
        assert (await channel.commit()).code == 250
        await channel.close()
    assert relay.taken[0].message == message
    assert (relay.taken[0].sender, relay.taken[0].recipient) == ("b@example.org", "a@example.net")


async def test_smtp_connection_refused_fails_as_relay() -> None:
    async with Relay().serving() as relay:
        port = relay.port
    with pytest.raises(RelayFailed, match="retry later"):
        await transport(port).connect()


@pytest.mark.parametrize("act", ["close", "421 4.3.0 going down"])
async def test_smtp_session_lost_in_the_body_sent_no_dot(act: str) -> None:
    large = OutgoingMail(MAIL.envelope_from, MAIL.to, MAIL.message + b"y" * 78 + b"\r\n" * 200_000)
    async with Relay({"body": Fault(act)}).serving() as relay:
        channel = await transport(relay.port).connect()
        assert await _offered_and_committed(channel, large) == (421 if act.startswith("421") else None)
        await channel.close()
    assert relay.taken == []


async def _offered_and_committed(channel: Connection, mail: OutgoingMail) -> int | None:
    """Return the code of the relay's refusal, or None if it closed the session."""
    try:
        if (refusal := await channel.offer(mail)) is not None:
            return refusal.reply.code
        await asyncio.sleep(0.05)  # the ledger commits here
        return (await channel.commit()).code
    except RelayFailed:
        return None


async def test_smtp_times_out_if_the_relay_stops_reading() -> None:
    huge = OutgoingMail(MAIL.envelope_from, MAIL.to, MAIL.message + b"y" * 30_000_000 + b"\r\n")
    async with await asyncio.start_server(_never_reads, "127.0.0.1", 0) as server:
        channel = await transport(server.sockets[0].getsockname()[1], patience=SHORT_TIMEOUTS).connect()
        with pytest.raises(RelayFailed):
            await channel.offer(huge)
        await channel.abandon()


async def _never_reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for answer in (b"220 hi", b"250 ehlo", b"250 mail", b"250 rcpt", b"354 data"):
        writer.write(answer + b"\r\n")
        if answer != b"354 data":
            await reader.readline()
    await asyncio.sleep(3)
    writer.close()
