"""Test the mailto links of an installation without a web address.

Each link of a digest opens a mail that, once sent, does what the link says.
"""

import asyncio
import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from digestd.domain.bounce import InboundOutcome
from digestd.domain.interest import Verdict
from digestd.domain.subscriber import Status
from digestd.replies.mail_parser import MailParser
from digestd.replies.mailboxes import open_inbound
from digestd.replies.mailboxes.lmtp import LmtpServer
from digestd.replies.mailboxes.mailbox import poll
from digestd.replies.processing import ReplyProcessor
from digestd.store import feedback
from tests.commands.conftest import ADA, ADDRESS, CommandInstall, digest, text
from tests.commands.mails import mail
from tests.support.postgres import free_port

ACTS = [Verdict.MORE, Verdict.LESS, Verdict.SAVED]
HEADERS = ("List-Unsubscribe", "List-Help", "List-Subscribe", "List-Owner")


def links(message: EmailMessage) -> list[str]:
    """Return all links of a mail: in its HTML, its text and its List- headers."""
    html, plain = message.get_body(("html",)), message.get_body(("plain",))
    assert html is not None
    assert plain is not None
    marked = [unescape(found) for found in re.findall(r'href="([^"#][^"]*)"', html.get_content())]
    written = re.findall(r"(?:https?|mailto):[^\s<>]+", plain.get_content())
    listed = [found for name in HEADERS for found in re.findall(r"<([^>]+)>", str(message[name]))]
    return list(dict.fromkeys([*marked, *written, *listed]))


def written(link: str, number: int) -> tuple[str, bytes]:
    """Return the recipient and the mail that a mailto link creates (RFC 6068)."""
    parts = urlsplit(link)
    fields = {name: values[0] for name, values in parse_qs(parts.query).items()}
    to = unquote(parts.path)
    return to, mail(fields.get("body", ""), fields.get("subject", ""), to=to, message_id=f"<{number}@example.net>")


def verdicts(site: CommandInstall) -> list[str]:
    """Return Ada's feedback, sorted."""
    known = site.known()
    assert known is not None
    with site.install.db.read() as session:
        return sorted(event.verdict for event in feedback.history(session, known.key))


async def test_mailto_links_of_digest_work_by_lmtp(ada_install: CommandInstall, tmp_path: Path) -> None:
    first = await digest(ada_install)
    found = links(first)
    assert {urlsplit(link).scheme for link in found} == {"mailto"}
    picks = sum("subject=more%20" in link for link in found)
    acts = [link for link in found if re.search(r"subject=(more|less|save)%20\d+$", link)]
    leaving = [link for link in found if urlsplit(link).path == ada_install.leaving()]
    assert len(acts) == 3 * picks > 0
    assert len(leaving) == 2, "the link, and the header with its subject"
    with _lmtp(ada_install, tmp_path) as (server, processor):
        async with server.listen(processor, ada_install.install.clock):

            def send(link: str, number: int) -> None:
                to, raw = written(link, number)
                with smtplib.LMTP(server.host, server.port, timeout=120) as client:
                    client.sendmail(ADA, [to], raw)

            await asyncio.to_thread(send, next(link for link in found if link.endswith("=help")), 98)
            for number, link in enumerate(acts):
                await asyncio.to_thread(send, link, number)
            assert verdicts(ada_install) == sorted(verdict for verdict in ACTS for _ in range(picks))
            assert ada_install.status() is Status.ACTIVE
            await asyncio.to_thread(send, leaving[0], 99)
            assert ada_install.status() is Status.UNSUBSCRIBED
    replies = [text(answer) for answer in await ada_install.answers()]
    assert any("You can send these commands" in words for words in replies)
    assert ada_install.install.broken == {}


async def test_mailto_links_of_replies_work_by_maildir(ada_install: CommandInstall, tmp_path: Path) -> None:
    ada_install.write("pause", to=(await digest(ada_install))["Reply-To"])
    (paused,) = await ada_install.answers()
    assert {urlsplit(link).scheme for link in links(paused)} <= {"mailto"}
    box = tmp_path / "box"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)
    for number, link in enumerate([f"mailto:{paused['Reply-To']}?subject=resume", f"mailto:{ada_install.leaving()}"]):
        to, raw = written(link, number)
        (box / "new" / str(number)).write_bytes(f"Delivered-To: {to}\n".encode() + raw)
    mailbox = open_inbound(f"maildir:{box}")
    assert mailbox is not None
    assert not isinstance(mailbox, LmtpServer)
    assert poll(mailbox, ada_install.processor, ada_install.install.clock) == {InboundOutcome.COMMAND: 2}
    assert ada_install.status() is Status.UNSUBSCRIBED


async def test_confirmation_mail_has_only_mailto_links(mail_install: CommandInstall) -> None:
    mail_install.write("subscribe", to=ADDRESS)
    (confirmation,) = await mail_install.answers()
    assert {urlsplit(link).scheme for link in links(confirmation)} <= {"mailto"}
    assert mail_install.write("yes", to=confirmation["Reply-To"]) is InboundOutcome.COMMAND
    assert mail_install.status() is Status.ACTIVE


@contextmanager
def _lmtp(site: CommandInstall, folder: Path) -> Iterator[tuple[LmtpServer, ReplyProcessor]]:
    """Return an LMTP server and a processor with a confined parser."""
    server, reader = open_inbound(f"lmtp://127.0.0.1:{free_port()}", quarantine=folder / "aside"), MailParser()
    assert isinstance(server, LmtpServer)
    try:
        yield server, replace(site.processor, parse=reader)
    finally:
        reader.close()
