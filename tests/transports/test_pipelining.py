"""Test SMTP pipelining: it never changes the outcome of a mail."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digestd.delivery.transports.transport import Connection, LostReply, OutgoingMail, Refusal, Stage, Transport
from digestd.errors import BadInput, RelayFailed
from tests.support.postfix import smtp_sink
from tests.support.relay import Fault, Relay
from tests.support.smtp import LONG_TIMEOUTS, SHORT_TIMEOUTS, one_route, transport
from tests.support.waiting import eventually
from tests.transports.oracle import PlainTransport

ONE_BY_ONE = ("8BITMIME",)


def mail(number: int, to: str = "", message: bytes = b"") -> OutgoingMail:
    text = message or b"Message-ID: <%d@example.org>\r\n\r\n.Mail %d.\r\n" % (number, number)
    return OutgoingMail(f"bounce+{number}.1.x@example.org", to or f"reader{number}@example.net", text, f"{number}.1")


async def sent(way: Transport, mails: Sequence[OutgoingMail]) -> list[str]:
    """Send mails over one connection, reopened when lost; return their outcomes."""
    found, channel = [], await way.connect()
    for number, each in enumerate(mails):
        channel = channel or await way.connect()
        then = mails[number + 1] if number + 1 < len(mails) else None
        ended = await _fate(channel, each, then)
        found.append(ended)
        if ended in {"broke off", "lost"} or "421" in ended:
            await channel.close()
            channel = await way.connect()
    await channel.close()
    return found


async def _fate(channel: Connection, each: OutgoingMail, then: OutgoingMail | None) -> str:
    try:
        if (refusal := await channel.offer(each)) is not None:
            return f"{refusal.stage} {refusal.reply.code}"
        return f"answered {(await channel.commit(then)).code}"
    except RelayFailed:
        await channel.abandon()
        return "broke off"
    except LostReply:
        return "lost"


async def test_pipelined_mail_needs_one_round_trip() -> None:
    async with Relay().serving() as relay:
        assert await sent(transport(relay.port), [mail(n) for n in range(20)]) == ["answered 250"] * 20
    assert [taken.message for taken in relay.taken] == [mail(n).message for n in range(20)]
    assert relay.sessions == 1
    assert relay.rounds <= 1 + 1 + 2 * 20 + 1  # EHLO, the first envelope, body and dot of each, QUIT; else it is > 80


FAULTS = [
    *(("MAIL", act) for act in ["450 4.3.0 x", "550 5.7.1 x", "421 4.3.2 x", "close", "reset", "garbage"]),
    *(("RCPT", act) for act in ["450 4.2.0 x", "550 5.1.1 x", "421 4.3.2 x", "close", "reset", "garbage", "999 x"]),
    *(("DATA", act) for act in ["450 4.3.0 x", "554 5.7.1 x", "421 4.3.2 x", "close", "reset", "garbage", "250 x"]),
    *(("dot", act) for act in ["450 4.3.0 x", "554 5.6.0 x", "421 4.3.2 x", "close", "reset", "garbage", "354 x"]),
    ("body", "close"),
]


NO_ANSWER = {"rcpt 0", "rcpt 999"}
"""RCPT without a usable answer: digestd records it with the mail, and smtplib as the end of the session."""


@pytest.mark.parametrize(("stage", "act"), FAULTS)
async def test_pipelining_has_the_same_results_as_smtplib(stage: str, act: str) -> None:
    mails = [mail(n) for n in range(5)]
    ends, arrived = [], []
    for offers, way in (((), PlainTransport), (ONE_BY_ONE, None), (("PIPELINING",), None)):
        fault = Fault(act, by=mails[2].envelope_from)
        async with Relay({stage: fault}, offers=offers).serving() as relay:
            # a relay that closes amid the body leaves both ends waiting
            ours = transport(relay.port, patience=SHORT_TIMEOUTS if stage == "body" else LONG_TIMEOUTS)
            ended = await sent(way(relay.port) if way else ours, mails)
            ends.append(["broke off" if end in NO_ANSWER else end for end in ended])
        arrived.append([(taken.sender, taken.recipient, taken.message) for taken in relay.taken])
    assert ends[0] == ends[1] == ends[2]
    assert arrived[0] == arrived[1] == arrived[2]
    assert [end for number, end in enumerate(ends[0]) if number != 2] == ["answered 250"] * 4


async def test_pipelining_stops_after_unexpected_replies() -> None:
    async with Relay({"RCPT": Fault("354 what?", times=1)}).serving() as relay:
        assert await sent(transport(relay.port), [mail(n) for n in range(4)]) == ["answered 250"] * 4
    assert (relay.sessions, len(relay.taken)) == (2, 4)


async def test_pipelining_stops_if_input_after_the_dot_is_lost() -> None:
    async with Relay(forgetful=True).serving() as relay:
        assert (
            await sent(transport(relay.port, patience=SHORT_TIMEOUTS), [mail(n) for n in range(4)])
            == ["answered 250"] * 4
        )
    assert (relay.sessions, len(relay.taken)) == (2, 4)


async def test_pipelined_envelope_of_another_mail_is_not_used() -> None:
    async with Relay().serving() as relay:
        channel = await transport(relay.port).connect()
        assert await channel.offer(mail(1)) is None
        assert (await channel.commit(mail(2))).code == 250
        assert await channel.offer(mail(3)) is None
        assert (await channel.commit()).code == 250
        await channel.close()
    assert [taken.recipient for taken in relay.taken] == [mail(1).to, mail(3).to]


async def test_close_with_a_pipelined_envelope_delivers_nothing() -> None:
    async with Relay().serving() as relay:
        channel = await transport(relay.port).connect()
        await channel.offer(mail(1))
        await channel.commit(mail(2))
        await channel.close()
        await asyncio.sleep(0.05)
    assert len(relay.taken) == 1


async def test_refused_recipient_with_354_gets_a_lone_dot() -> None:
    async with Relay({"RCPT": Fault("550 5.1.1 who?", times=1)}, careless=True).serving() as relay:
        channel = await transport(relay.port).connect()
        refusal = await channel.offer(mail(1))
        assert isinstance(refusal, Refusal)
        assert (refusal.stage, refusal.reply.code) == (Stage.RCPT, 550)
        assert await channel.offer(mail(2)) is None
        assert (await channel.commit()).code == 250
        await channel.close()
    assert ([taken.recipient for taken in relay.taken], relay.sessions) == ([mail(2).to], 1)


async def test_envid_names_the_attempt_if_dsn_is_offered() -> None:
    for offers, more in ((("DSN",), " RET=HDRS ENVID=7.1"), ((), "")):
        async with Relay(offers=offers).serving() as relay:
            await sent(transport(relay.port), [mail(7)])
        assert relay.envelopes == [
            f"MAIL FROM:<{mail(7).envelope_from}>{more}",
            f"RCPT TO:<{mail(7).to}>{' NOTIFY=FAILURE' if more else ''}",
        ]


@pytest.mark.parametrize("address", ["a b@example.net", "a>@example.net", "a\r\nDATA", "ä@example.net", "a\x00@x"])
def test_smtp_rejects_invalid_command_arguments(address: str) -> None:
    with pytest.raises(BadInput, match="SMTP command"):
        OutgoingMail("bounce@example.org", address, b"")


LINES = st.lists(st.sampled_from([b"", b".", b"..", b".x", b"x.", b"\x00", b"\xff", b"x" * 70]), max_size=30)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, min_size=1, max_size=4), st.booleans())
async def test_smtp_transfers_any_lines_unchanged(bodies: list[list[bytes]], pipelining: bool) -> None:
    mails = [mail(n, message=b"".join(line + b"\r\n" for line in [b"X:", *lines])) for n, lines in enumerate(bodies)]
    async with Relay(offers=("PIPELINING",) if pipelining else ()).serving() as relay:
        assert await sent(transport(relay.port), mails) == ["answered 250"] * len(mails)
    assert [taken.message for taken in relay.taken] == [each.message for each in mails]


async def test_smtp_sink_counts_all_mails(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with smtp_sink(tmp_path) as sink:
        assert await sent(one_route(sink.url), [mail(n) for n in range(100)]) == ["answered 250"] * 100
        await eventually(lambda: sink.count == 100)
