"""Test SMTP command by command.

What the relay receives, and what each fault means.
"""

import asyncio

import pytest

from digestd.delivery.retry import Stage
from digestd.delivery.transports.transport import Connection, LostReply, OutgoingMail, Refusal
from digestd.errors import BadSetting, RelayFailed
from tests.support.relay import Fault, Relay
from tests.support.smtp import MAIL, SHORT_TIMEOUTS, one_route, timeouts_for, transport

Offers = tuple[str, ...]
NASTY = b"".join(
    [
        b"Message-ID: <dots@example.org>\r\n\r\n",
        b".\r\n..\r\n.a leading dot\r\nnot a . leading dot\r\n\r\n.\r\n",
        b"\xc3\xa9 eight bits\r\n" + b"x" * 990 + b"\r\n",
        b"From here on\r\n..end..\r\n",
    ]
)


@pytest.fixture(params=["pipelined", "one by one"])
def offers(request: pytest.FixtureRequest) -> Offers:
    """Return the extensions of a relay; the outcome must not depend on them."""
    return ("PIPELINING", "DSN") if request.param == "pipelined" else ()


@pytest.mark.parametrize("message", [NASTY, b".\r\n", b"\r\n", b"a\r\n" * 100_000, b".\r\n" * 30_000 + b"last\r\n"])
async def test_smtp_transfers_the_bytes_unchanged(message: bytes, offers: Offers) -> None:
    async with Relay(offers=offers).serving() as relay:
        channel = await transport(relay.port).connect()
        assert await channel.offer(OutgoingMail("b@example.org", "a@example.net", message)) is None
        assert relay.taken == []
        assert (await channel.commit()).code == 250
        await channel.close()
    assert relay.taken[0].message == message
    assert (relay.taken[0].sender, relay.taken[0].recipient) == ("b@example.org", "a@example.net")


async def test_smtp_sends_many_mails_in_one_session(offers: Offers) -> None:
    async with Relay(offers=offers).serving() as relay:
        channel = await transport(relay.port).connect()
        for _ in range(5):
            assert await channel.offer(MAIL) is None
            await channel.commit()
        await channel.close()
    assert (len(relay.taken), relay.sessions, relay.commands["QUIT"]) == (5, 1, 1)


async def test_smtp_abandon_delivers_nothing(offers: Offers) -> None:
    async with Relay(offers=offers).serving() as relay:
        channel = await transport(relay.port).connect()
        await channel.offer(MAIL)
        await channel.abandon()
        await channel.close()
        await asyncio.sleep(0.05)
    assert relay.taken == []


async def test_smtp_connection_refused_fails_as_relay() -> None:
    async with Relay().serving() as relay:
        port = relay.port
    with pytest.raises(RelayFailed, match="retry later"):
        await transport(port).connect()


@pytest.mark.parametrize("act", ["450 no", "550 no", "421 no", "close", "reset", "garbage", "silence"])
@pytest.mark.parametrize("stage", ["banner", "EHLO"])
async def test_smtp_failure_before_mail_fails_as_relay(stage: str, act: str) -> None:
    async with Relay({stage: Fault(act)}).serving() as relay:
        with pytest.raises(RelayFailed):
            await transport(relay.port, patience=timeouts_for(act)).connect()
    assert relay.taken == []


@pytest.mark.parametrize(("act", "code"), [("450 4.2.0 no", 450), ("550 5.1.1 no", 550), ("421 4.3.2 no", 421)])
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA])
async def test_smtp_refusal_has_stage_and_reply(stage: Stage, act: str, code: int, offers: tuple[str, ...]) -> None:
    async with Relay({stage.upper(): Fault(act)}, offers=offers).serving() as relay:
        channel = await transport(relay.port, patience=timeouts_for(act)).connect()
        refusal = await channel.offer(MAIL)
        await channel.close()
    assert isinstance(refusal, Refusal)
    assert (refusal.stage, refusal.reply.code) == (stage, code)
    assert relay.taken == []


@pytest.mark.parametrize("act", ["close", "reset", "garbage", "silence"])
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
async def test_smtp_session_lost_before_the_body_is_not_sent(stage: str, act: str, offers: Offers) -> None:
    async with Relay({stage: Fault(act)}, offers=offers).serving() as relay:
        channel = await transport(relay.port, patience=timeouts_for(act)).connect()
        if stage == "RCPT":  # this recipient may be the cause
            refusal = await channel.offer(MAIL)
            assert refusal is not None
            assert (refusal.stage, refusal.reply.code) == (Stage.RCPT, 0)
        else:
            with pytest.raises(RelayFailed):
                await channel.offer(MAIL)
        await channel.close()
    assert relay.taken == []


@pytest.mark.parametrize("act", ["close", "reset", "421 4.3.0 going down"])
async def test_smtp_session_lost_in_the_body_sent_no_dot(act: str, offers: tuple[str, ...]) -> None:
    large = OutgoingMail(MAIL.envelope_from, MAIL.to, MAIL.message + b"y" * 78 + b"\r\n" * 200_000)
    async with Relay({"body": Fault(act)}, offers=offers).serving() as relay:
        channel = await transport(relay.port, patience=timeouts_for(act)).connect()
        assert await _offered_and_committed(channel, large) == (421 if act.startswith("421") else None)
        await channel.close()
    assert relay.taken == []


async def _offered_and_committed(channel: Connection, mail: OutgoingMail) -> int | None:
    """Return the code of the relay's refusal, or None if it closed the session."""
    try:
        if (refusal := await channel.offer(mail)) is not None:
            return refusal.reply.code
        await asyncio.sleep(0.05)  # the gate commits here
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


@pytest.mark.parametrize("act", ["450 4.3.0 no", "550 5.7.1 no", "421 4.3.2 no"])
async def test_smtp_refused_dot_is_a_reply(act: str, offers: Offers) -> None:
    async with Relay({"dot": Fault(act)}, offers=offers).serving() as relay:
        channel = await transport(relay.port, patience=timeouts_for(act)).connect()
        assert await channel.offer(MAIL) is None
        reply = await channel.commit()
        await channel.close()
    assert f"{reply.code} {reply.text}" == act


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("act", ["close", "reset", "silence", "garbage", "xyz", "999 what", "354 what", "12"])
async def test_smtp_dot_without_a_reply_is_a_lost_reply(act: str, stored: bool, offers: Offers) -> None:
    async with Relay({"dot": Fault(act, stored=stored)}, offers=offers).serving() as relay:
        channel = await transport(relay.port, patience=timeouts_for(act)).connect()
        assert await channel.offer(MAIL) is None
        with pytest.raises(LostReply):
            await channel.commit()
        await channel.close()
    assert len(relay.taken) == stored


@pytest.mark.parametrize("stage", ["QUIT", "RSET"])
@pytest.mark.parametrize("act", ["500 no", "close", "reset", "garbage"])
async def test_smtp_failure_after_250_keeps_it_accepted(stage: str, act: str, offers: Offers) -> None:
    async with Relay({stage: Fault(act)}, offers=offers).serving() as relay:
        channel = await transport(relay.port, patience=timeouts_for(act)).connect()
        assert await channel.offer(MAIL) is None
        assert (await channel.commit()).code == 250
        await channel.close()
    assert len(relay.taken) == 1


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:25", "smtp://localhost", "smtp://[::1]:2525"])
def test_smtp_without_tls_is_allowed_on_localhost(url: str) -> None:
    one_route(url)


@pytest.mark.parametrize("url", ["smtp://mail.example.org", "smtp://192.0.2.1:25", "smtp://127.0.0.1.example.org"])
def test_smtp_without_tls_is_rejected_on_a_network(url: str) -> None:
    with pytest.raises(BadSetting, match=r"unencrypted; use smtp\+starttls:// or smtps://, or add \?tls=none"):
        one_route(url)
    one_route(f"{url}?tls=none")


@pytest.mark.parametrize("url", ["", "mail.example.org", "http://x", "smtp://", "smtp://h:port", "maildir:", "smtp:x"])
def test_unknown_transport_url_is_rejected_by_name(url: str) -> None:
    with pytest.raises(BadSetting, match="DIGESTD_TRANSPORT_URL"):
        one_route(url)
