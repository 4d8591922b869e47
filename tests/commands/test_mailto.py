"""A digest without a web address: each of its links opens a mail, and that mail, sent, does what it says."""

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
from digestd.domain.feedback import Verdict
from digestd.domain.subscriber import Status
from digestd.replies.mail_parser import MailParser
from digestd.replies.mailboxes.inbound_url import open_inbound
from digestd.replies.mailboxes.lmtp import LmtpServer
from digestd.replies.mailboxes.polling import poll
from digestd.replies.processing import ReplyProcessor
from digestd.store import feedback
from tests.commands.conftest import ADA, ADDRESS, CommandInstall, digest, text
from tests.commands.mails import mail
from tests.postgres import free_port

ACTS = [Verdict.MORE, Verdict.LESS, Verdict.SAVED]
HEADERS = ("List-Unsubscribe", "List-Help", "List-Subscribe", "List-Owner")


def links(message: EmailMessage) -> list[str]:
    """Everything in a mail that can be followed, as a mail program finds it: marked, written out, in a header."""
    html, plain = message.get_body(("html",)), message.get_body(("plain",))
    assert html is not None
    assert plain is not None
    marked = [unescape(found) for found in re.findall(r'href="([^"]+)"', html.get_content())]
    written = re.findall(r"(?:https?|mailto):[^\s<>]+", plain.get_content())
    listed = [found for name in HEADERS for found in re.findall(r"<([^>]+)>", str(message[name]))]
    return list(dict.fromkeys([*marked, *written, *listed]))


def written(link: str, number: int) -> tuple[str, bytes]:
    """The mail that a mail program makes of a link (RFC 6068), and to whom."""
    parts = urlsplit(link)
    said = {name: values[0] for name, values in parse_qs(parts.query).items()}
    to = unquote(parts.path)
    return to, mail(said.get("body", ""), said.get("subject", ""), to=to, message_id=f"<{number}@example.net>")


def verdicts(office: CommandInstall) -> list[str]:
    """What Ada said of papers, sorted."""
    known = office.known()
    assert known is not None
    with office.install.db.read() as session:
        return sorted(event.verdict for event in feedback.history(session, known.key))


async def test_mailto_links_of_digest_work_by_lmtp(read_by_ada: CommandInstall, tmp_path: Path) -> None:
    first = await digest(read_by_ada)
    found = links(first)
    assert {urlsplit(link).scheme for link in found} == {"mailto"}
    picks = sum("subject=more%20" in link for link in found)
    acts = [link for link in found if re.search(r"subject=(more|less|save)%20\d+$", link)]
    leaving = [link for link in found if urlsplit(link).path == read_by_ada.leaving()]
    assert len(acts) == 3 * picks > 0
    assert len(leaving) == 2, "the link, and the header with its subject"
    with _lmtp(read_by_ada, tmp_path) as (door, processor):
        async with door.listen(processor, read_by_ada.install.clock):

            def send(link: str, number: int) -> None:
                to, raw = written(link, number)
                with smtplib.LMTP(door.host, door.port, timeout=120) as client:
                    client.sendmail(ADA, [to], raw)

            await asyncio.to_thread(send, next(link for link in found if link.endswith("=help")), 98)
            for number, link in enumerate(acts):
                await asyncio.to_thread(send, link, number)
            assert verdicts(read_by_ada) == sorted(verdict for verdict in ACTS for _ in range(picks))
            assert read_by_ada.status() is Status.ACTIVE
            await asyncio.to_thread(send, leaving[0], 99)
            assert read_by_ada.status() is Status.UNSUBSCRIBED
    said = [text(answer) for answer in await read_by_ada.answers()]
    assert any("You can send these commands" in words for words in said)
    assert read_by_ada.install.broken == {}


async def test_mailto_links_of_replies_work_by_maildir(read_by_ada: CommandInstall, tmp_path: Path) -> None:
    read_by_ada.write("pause", to=(await digest(read_by_ada))["Reply-To"])
    (paused,) = await read_by_ada.answers()
    assert {urlsplit(link).scheme for link in links(paused)} <= {"mailto"}
    box = tmp_path / "box"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)
    for number, link in enumerate([f"mailto:{paused['Reply-To']}?subject=resume", f"mailto:{read_by_ada.leaving()}"]):
        to, raw = written(link, number)
        (box / "new" / str(number)).write_bytes(f"Delivered-To: {to}\n".encode() + raw)
    postbox = open_inbound(f"maildir:{box}")
    assert postbox is not None
    assert not isinstance(postbox, LmtpServer)
    assert poll(postbox, read_by_ada.processor, read_by_ada.install.clock) == {InboundOutcome.COMMAND: 2}
    assert read_by_ada.status() is Status.UNSUBSCRIBED


async def test_confirmation_mail_has_only_mailto_links(here: CommandInstall) -> None:
    here.write("subscribe", to=ADDRESS)
    (asked,) = await here.answers()
    assert {urlsplit(link).scheme for link in links(asked)} <= {"mailto"}
    assert here.write("yes", to=asked["Reply-To"]) is InboundOutcome.COMMAND
    assert here.status() is Status.ACTIVE


@contextmanager
def _lmtp(office: CommandInstall, folder: Path) -> Iterator[tuple[LmtpServer, ReplyProcessor]]:
    """A door that a mail server hands mails to, and who takes them in, in a process of its own."""
    door, reader = open_inbound(f"lmtp://127.0.0.1:{free_port()}", quarantine=folder / "aside"), MailParser()
    assert isinstance(door, LmtpServer)
    try:
        yield door, replace(office.processor, parse=reader)
    finally:
        reader.close()
