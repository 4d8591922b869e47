"""An install whose readers have got a digest each, and what may come back about them."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from digestd.domain.bounce import Bounce, InboundOutcome
from digestd.domain.delivery import State
from digestd.domain.subscriber import Status
from digestd.domain.suppression import SuppressionReason
from digestd.replies.bounces.mail import BYTES_MAX
from digestd.replies.taking import Desk
from digestd.security.links import Purpose, address_key, envelope_from, token
from digestd.store import bounces, core, inbound, subscribers, suppressions
from digestd.store.erasure import scrub
from tests.conftest import NOW
from tests.support import sample_data
from tests.support.install import Install, install

SAMPLES = Path(__file__).parents[1] / "bounces" / "samples"
READERS = 3
BOUNCE = "bounce@example.org"


@dataclass
class Returned:
    """An install, and mails that come back to it."""

    made: Install

    @property
    def desk(self) -> Desk:
        """Where they are taken in."""
        return Desk(self.made.db, self.made.app.keys)

    def verp(self, delivery: int, attempt: int = 1) -> str:
        """The return path of an attempt."""
        return envelope_from(self.made.app.keys, delivery, attempt, BOUNCE)

    def mail(self, sample: str, verp: str = "", delivery: int = 1) -> bytes:
        """A sample about one delivery; `verp` for another return path than its own."""
        with self.made.db.read() as session:
            query = select(core.delivery.c.message_id, core.delivery.c.subscriber_id)
            row = session.connection().execute(query.where(core.delivery.c.id == delivery)).one()
        link = self.made.app.urls.unsubscribe(token(self.made.app.keys, Purpose.UNSUBSCRIBE, row.subscriber_id, NOW))
        text = (SAMPLES / f"{sample}.eml").read_text(encoding="utf-8")
        text = text.replace("@VERP@", verp or self.verp(delivery)).replace("@ID@", row.message_id)
        return text.replace("@LINK@", link).encode()

    def take(self, raw: bytes, *sent_to: str, later: timedelta = timedelta()) -> InboundOutcome:
        """Take one in."""
        return self.desk.take(raw, self.made.clock.now + later, sent_to)

    def status(self, delivery: int = 1) -> Status:
        """The status of whom a delivery went to."""
        with self.made.db.read() as session:
            query = select(core.delivery.c.subscriber_id).where(core.delivery.c.id == delivery)
            known = subscribers.by_key(session, session.connection().execute(query).scalar_one())
        assert known is not None
        return known.status

    def address(self, delivery: int = 1) -> str:
        """Whom a delivery went to."""
        with self.made.db.read() as session:
            query = select(core.subscriber.c.address).join(
                core.delivery, core.delivery.c.subscriber_id == core.subscriber.c.id
            )
            return str(session.connection().execute(query.where(core.delivery.c.id == delivery)).scalar_one())

    def key(self, delivery: int = 1) -> bytes:
        """Their keyed hash."""
        return address_key(self.made.app.keys, self.address(delivery))

    def suppression(self, delivery: int = 1) -> SuppressionReason | None:
        """Why they must not be written to."""
        with self.made.db.read() as session:
            known = bounces.addressee_of_delivery(session, delivery)
            assert known is not None
            return suppressions.reason_for(session, known.address_key)

    def bounces(self, delivery: int = 1) -> list[Bounce]:
        """What is kept about a delivery."""
        with self.made.db.read() as session:
            return bounces.of_delivery(session, delivery)

    @property
    def counts(self) -> dict[InboundOutcome, int]:
        """What came in."""
        with self.made.db.read() as session:
            return {outcome: count for outcome, count in inbound.counts(session).items() if count}

    def state(self, delivery: int = 1) -> State:
        """The state of a delivery."""
        with self.made.db.read() as session:
            query = select(core.delivery.c.state).where(core.delivery.c.id == delivery)
            return State(session.connection().execute(query).scalar_one())

    def lose_the_answer(self, delivery: int = 1) -> None:
        """As if the answer to the dot of an accepted mail had never come."""
        with self.made.db.write() as session:
            session.connection().exec_driver_sql("DROP TRIGGER delivery_state_change" + self._on_table)
            values = {"row": delivery, "end": f"uw{0:013x}"}
            for statement in _LOST:
                session.connection().execute(text(statement), values)

    @property
    def _on_table(self) -> str:
        return "" if self.made.db.is_sqlite else " ON delivery"


_LOST = (
    "UPDATE delivery SET state = 'uncertain', reply_code = NULL, reason = 'no answer to the dot', "
    "history = substr(history, 1, length(history) - 15) || :end WHERE id = :row",
    "UPDATE attempt SET outcome = 'uncertain', evidence = NULL, code = NULL WHERE delivery_id = :row",
)


def returned(folder: Path, url: str, now: datetime) -> Returned:
    """Three readers whose digests the relay (a folder) has taken."""
    made = install(folder, url, now)
    made.papers(sample_data.papers(30))
    made.people(sample_data.people(READERS))
    assert made.plan().planned == READERS
    return Returned(made)


@pytest.fixture
async def sent(tmp_path: Path, database_url: str, now: datetime) -> AsyncIterator[Returned]:
    """The digests are sent, on each engine in turn."""
    back = returned(tmp_path, database_url, now)
    assert (await back.made.deliver()).accepted == READERS
    yield back
    back.made.db.close()


@pytest.fixture(scope="session")
def _sent_template(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Path:
    """The same on SQLite, made once."""
    folder = tmp_path_factory.mktemp("sent")
    shutil.copy(_sqlite_template, folder / "digestd.db")
    back = returned(folder, f"sqlite:///{folder / 'digestd.db'}", NOW)
    assert asyncio.run(back.made.deliver()).accepted == READERS
    scrub(back.made.db)
    back.made.db.close()
    return folder


@pytest.fixture
def on_file(tmp_path: Path, _sent_template: Path, now: datetime) -> Iterator[Returned]:
    """The same on SQLite alone, for what does not depend on the engine."""
    shutil.copytree(_sent_template, tmp_path, dirs_exist_ok=True)
    back = Returned(install(tmp_path, f"sqlite:///{tmp_path / 'digestd.db'}", now))
    yield back
    back.made.db.close()


def mails(back: Returned) -> list[bytes]:
    """Three to be understood, two for a person, one that is too large."""
    return [
        back.mail("postfix-hard", delivery=1),
        back.mail("gmail-full-soft", delivery=2),
        back.mail("out-of-office-nothing", delivery=3),
        back.mail("person-unread", delivery=3),
        b"From: stranger@example.net\nSubject: hello\n\nWho are you?\n",
        b"x" * (BYTES_MAX + 1),
    ]
