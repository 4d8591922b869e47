"""Test bounces that a mail server delivers by LMTP, and the replies it gets."""

import asyncio
import smtplib
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from digestd.domain.bounce import InboundOutcome
from digestd.errors import InboundFailed
from digestd.replies.mailboxes import open_inbound
from digestd.replies.mailboxes.lmtp import LmtpServer
from digestd.replies.parsed_mail import BYTES_MAX
from tests.inbound.conftest import SentInstall, mails
from tests.support.postgres import free_port

TAKEN, UNREAD = InboundOutcome.TAKEN, InboundOutcome.UNREAD


class _Lmtp(smtplib.LMTP):
    """An LMTP client with a timeout."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port, timeout=120)


@pytest.fixture(params=["tcp", "file"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> LmtpServer:
    """Return a server on a port and on a socket file, whose path must be short."""
    url = f"lmtp://127.0.0.1:{free_port()}" if request.param == "tcp" else f"lmtp:{tmp_path / 'l'}"
    place = open_inbound(url, quarantine=tmp_path / "aside")
    assert isinstance(place, LmtpServer)
    return place


async def hand_over(server: LmtpServer, site: SentInstall, work: "Callable[[smtplib.LMTP], object]") -> object:
    def talk() -> object:
        host, port = (str(server.socket), 0) if server.socket else (server.host, server.port)
        with _Lmtp(host, port) as client:
            return work(client)

    async with server.listen(site.processor, site.install.clock):
        return await asyncio.to_thread(talk)


def wire(raw: bytes) -> bytes:
    """Return the mail with CRLF line ends."""
    return raw.replace(b"\n", b"\r\n")


async def test_lmtp_processes_bounces(on_file: SentInstall, server: LmtpServer) -> None:
    raws = mails(on_file)[:5]
    verps = [on_file.verp(number) for number in (1, 2, 3, 3, 3)]

    def work(client: smtplib.LMTP) -> None:
        for raw, verp in zip(raws, verps, strict=True):
            assert client.sendmail("", [verp], wire(raw)) == {}

    await hand_over(server, on_file, work)
    # by LMTP the stranger's mail came to a return path of ours: it is not foreign, and not understood
    assert on_file.counts == {TAKEN: 2, InboundOutcome.AUTOMATIC: 1, UNREAD: 2}
    assert len(list((server.quarantine / "new").iterdir())) == 2
    assert server.socket is None or not server.socket.exists()


async def test_lmtp_replies_to_each_recipient(on_file: SentInstall, server: LmtpServer) -> None:
    def work(client: smtplib.LMTP) -> tuple[int, bytes]:
        client.ehlo("mx.example.net")
        client.docmd("MAIL", "FROM:<>")
        for number in (1, 2):
            client.docmd("RCPT", f"TO:<{on_file.verp(number)}>")
        client.docmd("DATA")
        client.send(wire(on_file.mail("qmail-hard")) + b".\r\n")
        first = client.getreply()
        assert first[0] == client.getreply()[0] == 250
        return first

    assert await hand_over(server, on_file, work) == (250, b"2.0.0 taken")


async def test_lmtp_refuses_too_large_mail(on_file: SentInstall, server: LmtpServer) -> None:
    def work(client: smtplib.LMTP) -> None:
        with pytest.raises(smtplib.SMTPException):
            client.sendmail("", [on_file.verp(1)], b"Subject: x\r\n\r\n" + b"x\r\n" * (BYTES_MAX // 2))

    await hand_over(server, on_file, work)
    assert on_file.counts == {}


async def test_lmtp_defers_mail_while_database_is_unreachable(
    on_file: SentInstall, server: LmtpServer, now: datetime
) -> None:
    assert on_file.install.db.file is not None
    moved = on_file.install.db.file.with_suffix(".away")

    def work(client: smtplib.LMTP) -> None:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("", [on_file.verp(1)], raw)
        assert refused.value.smtp_code == 451

    raw = wire(on_file.mail("postfix-hard"))
    on_file.install.db.close()
    on_file.install.db.file.rename(moved)
    on_file.install.db.file.mkdir()
    await hand_over(server, on_file, work)


async def test_lmtp_never_deletes_a_file_that_is_no_socket(on_file: SentInstall, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    place = open_inbound(f"lmtp:{tmp_path / 'precious'}")
    assert isinstance(place, LmtpServer)
    with pytest.raises(InboundFailed, match="cannot listen"):
        async with place.listen(on_file.processor, on_file.install.clock):
            pass
    assert (tmp_path / "precious").read_text() == "mine"


async def test_lmtp_defers_mail_if_quarantine_fails(on_file: SentInstall, tmp_path: Path) -> None:
    (tmp_path / "aside").write_text("no folder")
    server = open_inbound(f"lmtp://127.0.0.1:{free_port()}", quarantine=tmp_path / "aside")
    assert isinstance(server, LmtpServer)

    def work(client: smtplib.LMTP) -> None:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("", [on_file.verp(3)], wire(on_file.mail("person-unread", delivery=3)))
        assert refused.value.smtp_code == 451

    await hand_over(server, on_file, work)


async def test_lmtp_reports_port_in_use(on_file: SentInstall) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = open_inbound(f"lmtp://127.0.0.1:{taken.getsockname()[1]}")
        assert isinstance(place, LmtpServer)
        with pytest.raises(InboundFailed, match="cannot listen"):
            async with place.listen(on_file.processor, on_file.install.clock):
                pass
