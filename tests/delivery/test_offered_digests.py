"""Test that an uncertain digest is offered once by the next one.

Nothing is sent twice.
"""

import email
import re
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from digestd.delivery.composer import Composer
from digestd.delivery.replay import replay
from digestd.domain.delivery import State
from digestd.security.tokens import Purpose
from digestd.security.tokens import read_token as read_token
from digestd.store.ledger import queries
from tests.inbound.conftest import SentInstall
from tests.support import sample_data
from tests.support.install import Install, install

DAY = timedelta(days=1)


def viewed(made: Install, mail: str) -> set[int]:
    """Return the deliveries that a mail links to."""
    tokens = re.findall(r"/d/([\w-]{40})", mail)
    return {read_token(made.app.keys, Purpose.VIEW, token, made.app.clock()).number for token in tokens}


async def test_next_digest_links_to_an_uncertain_one(tmp_path: Path, database_url: str, now: datetime) -> None:
    made = await in_doubt(tmp_path, database_url, now)
    links = [await digest_of(made, tmp_path, day) for day in (1, 2)]
    for mails in zip(*links, strict=True):
        assert [1 in viewed(made, mail) for mail in mails] == [True, False]
    assert "Tuesday 24 November may not have arrived" in links[0][1]
    assert made.states == {State.UNCERTAIN: 1, State.ACCEPTED: 5}
    assert made.unsafe == {}


async def test_offered_link_is_part_of_the_digest_bytes(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = await in_doubt(tmp_path, sqlite_url, now)
    await digest_of(made, tmp_path, 1)
    found = replay(made.db, made.app.sender, made.app.templates, 1, "2026-11-25")
    assert b"may not have arrived" in found.message
    assert not found.differs


async def test_composer_reads_offers_without_preparation(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = await in_doubt(tmp_path, sqlite_url, now)
    made.clock.go(DAY)
    fresh(made, 1)
    assert made.plan().planned == 2
    with made.db.read() as session:
        claims = [claim for key in (3, 4) if (claim := queries.as_claim(session, key))]
    [offers] = [claim for claim in claims if claim.subscriber == 1]
    composer = Composer(made.db, made.app.sender, made.app.templates)
    composer.prepare(claims)
    at_once = composer.compose(offers).message
    assert b"may not have arrived" in at_once
    assert Composer(made.db, made.app.sender, made.app.templates).compose(offers).message == at_once


async def test_offer_moves_on_if_its_digest_was_not_sent(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = await in_doubt(tmp_path, sqlite_url, now)
    made.clock.go(DAY)
    fresh(made, 1)
    made.plan()
    made.run_on(DAY)
    await made.deliver()
    assert made.states[State.EXPIRED] == 2
    _, html = await digest_of(made, tmp_path, 0)
    assert 1 in viewed(made, html)


async def in_doubt(folder: Path, url: str, now: datetime) -> Install:
    """Return an install with two digests sent, the first with an unknown outcome."""
    made = install(folder / "install", url, now, f"maildir:{folder / 'outbox'}")
    made.papers(sample_data.papers(30))
    made.people([{"email": f"reader{number}@example.net"} for number in (1, 2)])
    assert made.plan().planned == 2
    await made.deliver()
    SentInstall(made).lose_the_answer(1)
    return made


def fresh(made: Install, day: int) -> None:
    made.papers(sample_data.papers(30, seed=day + 7, first=100 * (day + 1) + made.clock.now.day))


async def digest_of(made: Install, folder: Path, day: int) -> tuple[str, str]:
    """Return text and HTML of the first subscriber's digest of the next day."""
    made.clock.go(DAY)
    fresh(made, day)
    before = set((folder / "outbox").rglob("*"))
    assert made.plan().planned == 2
    await made.deliver()
    mails = [read(file) for file in set((folder / "outbox").rglob("*")) - before if file.is_file()]
    (mine,) = [mail for mail in mails if mail["To"] == "reader1@example.net"]
    parts = [mine.get_body((kind,)) for kind in ("plain", "html")]
    text, html = (part.get_content() for part in parts if part is not None)
    return text, html


def read(file: Path) -> EmailMessage:
    return email.message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=default)
