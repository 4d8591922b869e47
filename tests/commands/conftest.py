"""Provide an installation that takes commands by mail."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from digestd.domain.bounce import InboundOutcome
from digestd.domain.interest import Interest
from digestd.domain.subscriber import Status, Subscriber
from digestd.jobs.receiver import create_command_processor
from digestd.replies.inbound_mail import parse_inbound_mail
from digestd.replies.processing import ReplyProcessor
from digestd.security.addresses import address_key
from digestd.security.tokens import Purpose
from digestd.store import subscribers
from digestd.store.personal_data import scrub
from tests.commands.mails import mail
from tests.conftest import NOW
from tests.support import sample_data
from tests.support.install import Install, install

ADDRESS = "digest@example.org"
ADA = "ada@example.net"
TOPICS = tuple(" ".join(field[:3]) for field in sample_data.vocabulary()[:2])
"""What papers of the library are about."""


@dataclass
class CommandInstall:
    """An installation with a command address."""

    install: Install
    public_url: str = ""

    @property
    def processor(self) -> ReplyProcessor:
        commands = create_command_processor(self.install.app)
        assert commands is not None
        return ReplyProcessor(self.install.db, self.install.app.keys, parse_inbound_mail, commands.prepare, commands)

    def process(self, raw: bytes, *to: str) -> InboundOutcome:
        return self.processor.process(raw, self.install.clock.now, to or (ADDRESS,))

    def write(self, body: str, to: str = ADDRESS, subject: str = "", **more: str) -> InboundOutcome:
        self._written = getattr(self, "_written", 0) + 1
        return self.process(mail(body, subject, to=to, message_id=f"<{self._written}@example.net>", **more), to)

    async def answers(self) -> list[EmailMessage]:
        """Deliver and return the new mails in order."""
        before = set(self._outbox())
        await self.install.deliver()
        new = sorted(set(self._outbox()) - before, key=lambda file: file.stat().st_mtime_ns)
        return [message_from_bytes(file.read_bytes(), policy=default) for file in new]

    def _outbox(self) -> list[Path]:
        return list((self.install.folder / "outbox" / "new").glob("*"))

    def known(self, address: str = ADA) -> Subscriber | None:
        with self.install.db.read() as session:
            return subscribers.by_address_key(session, address_key(self.install.app.keys, address))

    def status(self, address: str = ADA) -> Status | None:
        known = self.known(address)
        return known.status if known else None

    def interests(self, address: str = ADA) -> tuple[Interest, ...]:
        known = self.known(address)
        return known.interests if known else ()

    def leaving(self, address: str = ADA) -> str:
        known = self.known(address)
        assert known is not None
        return self.install.app.sender.command(Purpose.UNSUBSCRIBE, known.key, self.install.app.clock())


async def digest(site: CommandInstall) -> EmailMessage:
    (found,) = await site.answers()
    return found


def text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def command_install(folder: Path, url: str, now: datetime, public_url: str = "") -> CommandInstall:
    """Create an installation by mail alone, or with a web address."""
    made = install(folder, url, now)
    changed = {"command_address": ADDRESS, "inbound_url": f"maildir:{folder / 'in'}", "public_url": public_url}
    settings = made.app.settings.model_copy(update=changed)
    return CommandInstall(replace(made, app=replace(made.app, settings=settings)))


@pytest.fixture
def mail_install(tmp_path: Path, database_url: str, now: datetime) -> Iterator[CommandInstall]:
    """Return an installation without subscribers, on each database."""
    made = command_install(tmp_path, database_url, now)
    made.install.papers(sample_data.papers(50))
    yield made
    made.install.db.close()


@pytest.fixture(scope="session")
def _planned(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Path:
    """Return the folder of a SQLite installation with a planned digest for Ada."""
    folder = tmp_path_factory.mktemp("command_install")
    shutil.copy(_sqlite_template, folder / "digestd.db")
    made = command_install(folder, f"sqlite:///{folder / 'digestd.db'}", NOW).install
    made.papers(sample_data.papers(120))
    made.people([{"email": ADA, "topics": [TOPICS[0]]}])
    assert made.plan().planned == 1
    scrub(made.db)
    made.db.close()
    return folder


@pytest.fixture
def ada_install(tmp_path: Path, _planned: Path, now: datetime) -> Iterator[CommandInstall]:
    """Return a SQLite installation with a planned digest for Ada."""
    shutil.copytree(_planned, tmp_path, dirs_exist_ok=True)
    made = command_install(tmp_path, f"sqlite:///{tmp_path / 'digestd.db'}", now)
    yield made
    made.install.db.close()
