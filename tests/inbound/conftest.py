"""Provide an installation with sent digests, and mails that return to it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from digestd.domain.bounce import Bounce, InboundOutcome
from digestd.domain.delivery import State, SuppressionReason
from digestd.domain.subscriber import Status
from digestd.replies.parsed_mail import BYTES_MAX
from digestd.replies.processing import ReplyProcessor
from digestd.security.addresses import address_key, make_envelope_from
from digestd.security.tokens import Purpose, make_token
from digestd.store import bounces, core, monitoring, subscribers, suppressions
from digestd.store.personal_data import scrub
from tests.conftest import NOW
from tests.support import sample_data
from tests.support.install import Install, install

SAMPLES = Path(__file__).parents[1] / "bounces" / "samples"
READERS = 3
BOUNCE = "bounce@example.org"


@dataclass
class SentInstall:
    """An installation with sent digests."""

    install: Install

    @property
    def processor(self) -> ReplyProcessor:
        return ReplyProcessor(self.install.db, self.install.app.keys)

    def verp(self, delivery: int, attempt: int = 1) -> str:
        return make_envelope_from(self.install.app.keys, delivery, attempt, BOUNCE)

    def mail(self, sample: str, verp: str = "", delivery: int = 1) -> bytes:
        """Return a sample about a delivery, with its return path or with `verp`."""
        with self.install.db.read() as session:
            query = select(core.delivery.c.message_id, core.delivery.c.subscriber_id)
            row = session.connection().execute(query.where(core.delivery.c.id == delivery)).one()
        link = self.install.app.urls.unsubscribe(
            make_token(self.install.app.keys, Purpose.UNSUBSCRIBE, row.subscriber_id, NOW)
        )
        text = (SAMPLES / f"{sample}.eml").read_text(encoding="utf-8")
        text = text.replace("@VERP@", verp or self.verp(delivery)).replace("@ID@", row.message_id)
        return text.replace("@LINK@", link).encode()

    def process(self, raw: bytes, *sent_to: str, later: timedelta = timedelta()) -> InboundOutcome:
        return self.processor.process(raw, self.install.clock.now + later, sent_to)

    def status(self, delivery: int = 1) -> Status:
        """Return the status of the recipient of a delivery."""
        with self.install.db.read() as session:
            query = select(core.delivery.c.subscriber_id).where(core.delivery.c.id == delivery)
            known = subscribers.by_key(session, session.connection().execute(query).scalar_one())
        assert known is not None
        return known.status

    def address(self, delivery: int = 1) -> str:
        """Return the address of the recipient of a delivery."""
        with self.install.db.read() as session:
            query = select(core.subscriber.c.address).join(
                core.delivery, core.delivery.c.subscriber_id == core.subscriber.c.id
            )
            return str(session.connection().execute(query.where(core.delivery.c.id == delivery)).scalar_one())

    def key(self, delivery: int = 1) -> bytes:
        return address_key(self.install.app.keys, self.address(delivery))

    def suppression(self, delivery: int = 1) -> SuppressionReason | None:
        """Return the reason why the recipient is suppressed, or None."""
        with self.install.db.read() as session:
            known = bounces.addressee_of_delivery(session, delivery)
            assert known is not None
            return suppressions.reason_for(session, known.address_key)

    def bounces(self, delivery: int = 1) -> list[Bounce]:
        with self.install.db.read() as session:
            return bounces.of_delivery(session, delivery)

    @property
    def counts(self) -> dict[InboundOutcome, int]:
        with self.install.db.read() as session:
            return {outcome: count for outcome, count in monitoring.inbound_counts(session).items() if count}

    def state(self, delivery: int = 1) -> State:
        """Return the state of a delivery."""
        with self.install.db.read() as session:
            query = select(core.delivery.c.state).where(core.delivery.c.id == delivery)
            return State(session.connection().execute(query).scalar_one())

    def lose_the_answer(self, delivery: int = 1) -> None:
        """Make a delivery uncertain, as if the reply to its final dot had been lost."""
        with self.install.db.write() as session:
            session.connection().exec_driver_sql("DROP TRIGGER IF EXISTS delivery_state_change" + self._on_table)
            values = {"row": delivery, "end": f"uw{0:013x}"}
            for statement in _LOST:
                session.connection().execute(text(statement), values)

    @property
    def _on_table(self) -> str:
        return "" if self.install.db.is_sqlite else " ON delivery"


_LOST = (
    "UPDATE delivery SET state = 'uncertain', reply_code = NULL, reason = 'no answer to the dot', "
    "history = substr(history, 1, length(history) - 15) || :end, outcome = 'uncertain', evidence = NULL "
    "WHERE id = :row",
)


def returned(folder: Path, url: str, now: datetime) -> SentInstall:
    """Create an installation with planned digests for three readers."""
    made = install(folder, url, now)
    made.papers(sample_data.papers(30))
    made.people(sample_data.people(READERS))
    assert made.plan().planned == READERS
    return SentInstall(made)


@pytest.fixture
async def sent(tmp_path: Path, database_url: str, now: datetime) -> AsyncIterator[SentInstall]:
    """Return an installation with sent digests, on each database."""
    site = returned(tmp_path, database_url, now)
    assert (await site.install.deliver()).accepted == READERS
    yield site
    site.install.db.close()


@pytest.fixture(scope="session")
def _sent_template(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Path:
    """Return the folder of a SQLite installation with sent digests."""
    folder = tmp_path_factory.mktemp("sent")
    shutil.copy(_sqlite_template, folder / "digestd.db")
    site = returned(folder, f"sqlite:///{folder / 'digestd.db'}", NOW)
    assert asyncio.run(site.install.deliver()).accepted == READERS
    scrub(site.install.db)
    site.install.db.close()
    return folder


@pytest.fixture
def on_file(tmp_path: Path, _sent_template: Path, now: datetime) -> Iterator[SentInstall]:
    """Return a SQLite installation with sent digests."""
    shutil.copytree(_sent_template, tmp_path, dirs_exist_ok=True)
    site = SentInstall(install(tmp_path, f"sqlite:///{tmp_path / 'digestd.db'}", now))
    yield site
    site.install.db.close()


def mails(site: SentInstall) -> list[bytes]:
    """Return three mails to process, two to review and one that is too large."""
    return [
        site.mail("postfix-hard", delivery=1),
        site.mail("gmail-full-soft", delivery=2),
        site.mail("out-of-office-nothing", delivery=3),
        site.mail("person-unread", delivery=3),
        b"From: stranger@example.net\nSubject: hello\n\nWho are you?\n",
        b"x" * (BYTES_MAX + 1),
    ]
