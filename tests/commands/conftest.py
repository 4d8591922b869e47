"""An install that takes commands by mail, and its readers' mails to it."""

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
from digestd.jobs.receiver import make_command_clerk
from digestd.replies.commands.reading import read
from digestd.replies.taking import Desk
from digestd.security.links import Purpose, address_key
from digestd.store import subscribers
from digestd.store.erasure import scrub
from tests.commands.mails import mail
from tests.conftest import NOW
from tests.support import sample_data
from tests.support.install import Install, install

ADDRESS = "digest@example.org"
ADA = "ada@example.net"
TOPICS = tuple(" ".join(field[:3]) for field in sample_data.vocabulary()[:2])
"""What papers of the library are about."""


@dataclass
class Office:
    """One install with a command address, its mails in a Maildir."""

    made: Install
    public_url: str = ""

    @property
    def desk(self) -> Desk:
        """Where mails are taken in, by the clerk of the settings."""
        clerk = make_command_clerk(self.made.app)
        assert clerk is not None
        return Desk(self.made.db, self.made.app.keys, read, clerk)

    def take(self, raw: bytes, *to: str) -> InboundOutcome:
        """Take one in."""
        return self.desk.take(raw, self.made.clock.now, to or (ADDRESS,))

    def write(self, body: str, to: str = ADDRESS, subject: str = "", **more: str) -> InboundOutcome:
        """A mail of Ada's."""
        self._written = getattr(self, "_written", 0) + 1
        return self.take(mail(body, subject, to=to, message_id=f"<{self._written}@example.net>", **more), to)

    async def answers(self) -> list[EmailMessage]:
        """What is sent now, in order."""
        before = set(self._outbox())
        await self.made.deliver()
        new = sorted(set(self._outbox()) - before, key=lambda file: file.stat().st_mtime_ns)
        return [message_from_bytes(file.read_bytes(), policy=default) for file in new]

    def _outbox(self) -> list[Path]:
        return list((self.made.folder / "outbox" / "new").glob("*"))

    def known(self, address: str = ADA) -> Subscriber | None:
        """The subscriber of an address."""
        with self.made.db.read() as session:
            return subscribers.by_address_key(session, address_key(self.made.app.keys, address))

    def status(self, address: str = ADA) -> Status | None:
        """Their status."""
        known = self.known(address)
        return known.status if known else None

    def interests(self, address: str = ADA) -> tuple[Interest, ...]:
        """Their interests."""
        known = self.known(address)
        return known.interests if known else ()

    def leaving(self, address: str = ADA) -> str:
        """The address that unsubscribes somebody."""
        known = self.known(address)
        assert known is not None
        return self.made.app.sender.command(Purpose.UNSUBSCRIBE, known.key, self.made.app.clock())


async def digest(office: Office) -> EmailMessage:
    """What Ada is sent, which is one mail."""
    (found,) = await office.answers()
    return found


def text(message: EmailMessage) -> str:
    """The words of a mail."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def office(folder: Path, url: str, now: datetime, public_url: str = "") -> Office:
    """An install by mail alone, unless it has a web address too."""
    made = install(folder, url, now)
    changed = {"command_address": ADDRESS, "inbound_url": f"maildir:{folder / 'in'}", "public_url": public_url}
    settings = made.app.settings.model_copy(update=changed)
    return Office(replace(made, app=replace(made.app, settings=settings)))


@pytest.fixture
def here(tmp_path: Path, database_url: str, now: datetime) -> Iterator[Office]:
    """By mail alone, on each engine in turn; nobody is subscribed."""
    made = office(tmp_path, database_url, now)
    made.made.papers(sample_data.papers(50))
    yield made
    made.made.db.close()


@pytest.fixture(scope="session")
def _planned(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Path:
    """On SQLite, with a digest for Ada, made once."""
    folder = tmp_path_factory.mktemp("office")
    shutil.copy(_sqlite_template, folder / "digestd.db")
    made = office(folder, f"sqlite:///{folder / 'digestd.db'}", NOW).made
    made.papers(sample_data.papers(120))
    made.people([{"email": ADA, "topics": [TOPICS[0]]}])
    assert made.plan().planned == 1
    scrub(made.db)
    made.db.close()
    return folder


@pytest.fixture
def read_by_ada(tmp_path: Path, _planned: Path, now: datetime) -> Iterator[Office]:
    """On SQLite, and a digest waits for Ada."""
    shutil.copytree(_planned, tmp_path, dirs_exist_ok=True)
    made = office(tmp_path, f"sqlite:///{tmp_path / 'digestd.db'}", now)
    yield made
    made.made.db.close()
