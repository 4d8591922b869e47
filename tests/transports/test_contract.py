"""Test the contract of every transport: offer, then commit or abandon."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from digestd.delivery.transports import TRANSPORTS
from digestd.delivery.transports.maildir import MaildirTransport
from digestd.delivery.transports.transport import OutgoingMail, Transport
from digestd.errors import RelayFailed
from tests.support.relay import Relay
from tests.support.smtp import MAIL, one_route

Arrived = Callable[[], list[bytes]]
End = tuple[Transport, Arrived]
"""A transport, and what has arrived at its end (with LF line ends)."""
TLS = frozenset({"smtp+starttls", "smtps"})
"""The same transport as smtp; tests/transports/test_tls.py has what differs."""


@asynccontextmanager
async def maildir_end(folder: Path) -> AsyncIterator[End]:
    """Yield a Maildir and the files in it."""
    yield one_route(f"maildir:{folder / 'box'}"), lambda: _filed(folder / "box")


@asynccontextmanager
async def smtp_end(_folder: Path) -> AsyncIterator[End]:
    """Yield a relay and the mails that it accepted."""
    async with Relay().serving() as relay:
        yield one_route(relay.url), lambda: [mail.message.replace(b"\r\n", b"\n") for mail in relay.taken]


def _filed(box: Path) -> list[bytes]:
    return [file.read_bytes().split(b"\n", 2)[2] for file in sorted((box / "new").iterdir())]


ENDS: Mapping[str, Callable[[Path], AbstractAsyncContextManager[End]]] = {
    "maildir": maildir_end,
    "smtp": smtp_end,
}
"""One line per scheme."""


@pytest.fixture(params=sorted(ENDS))
async def end(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[End]:
    async with ENDS[request.param](tmp_path) as opened:
        yield opened


def test_contract_covers_every_scheme() -> None:
    assert ENDS.keys() | TLS == TRANSPORTS.keys()


async def test_offer_delivers_nothing_before_commit(end: tuple[Transport, Arrived]) -> None:
    transport, arrived = end
    channel = await transport.connect()
    assert await channel.offer(MAIL) is None
    assert arrived() == []
    assert (await channel.commit()).code == 250
    assert arrived() == [MAIL.message.replace(b"\r\n", b"\n")]
    await channel.close()


async def test_abandon_delivers_nothing(end: tuple[Transport, Arrived]) -> None:
    transport, arrived = end
    channel = await transport.connect()
    assert await channel.offer(MAIL) is None
    await channel.abandon()
    await channel.close()
    await asyncio.sleep(0.05)
    assert arrived() == []


async def test_connection_carries_many_mails(end: tuple[Transport, Arrived]) -> None:
    transport, arrived = end
    channel = await transport.connect()
    for number in range(20):
        assert (
            await channel.offer(OutgoingMail("b@example.org", "a@example.net", b"X: %d\r\n\r\n.\r\n" % number)) is None
        )
        assert (await channel.commit()).code == 250
    await channel.close()
    assert sorted(arrived()) == sorted(b"X: %d\n\n.\n" % number for number in range(20))


async def test_close_may_be_called_twice(end: tuple[Transport, Arrived]) -> None:
    channel = await end[0].connect()
    await channel.close()
    await channel.close()


async def test_maildir_stores_a_repeated_mail_once(tmp_path: Path) -> None:
    channel = await MaildirTransport(tmp_path).connect()
    for _ in range(2):
        await channel.offer(MAIL)
        await channel.commit()
    assert len(_filed(tmp_path)) == 1
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_maildir_file_contains_the_envelope(tmp_path: Path) -> None:
    channel = await MaildirTransport(tmp_path).connect()
    await channel.offer(MAIL)
    await channel.commit()
    content = next((tmp_path / "new").iterdir()).read_text()
    assert content.startswith(f"Return-Path: <{MAIL.envelope_from}>\nDelivered-To: {MAIL.to}\n")


async def test_maildir_that_cannot_be_created_fails_as_relay(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RelayFailed, match="not a directory; check the disk and the folder"):
        await MaildirTransport(tmp_path / "file").connect()
