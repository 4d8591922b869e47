"""Test real bounces: a Postfix returns them to a Maildir."""

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestd.domain.bounce import Bounce, BounceKind, InboundOutcome
from digestd.domain.delivery import State, SuppressionReason
from digestd.replies.mailboxes import open_inbound
from digestd.replies.mailboxes.lmtp import LmtpServer
from digestd.replies.mailboxes.mailbox import poll
from digestd.replies.processing import ReplyProcessor
from digestd.security.addresses import address_key
from digestd.store import bounces, suppressions
from tests.inbound.conftest import SentInstall
from tests.support import sample_data
from tests.support.install import Install, install
from tests.support.postfix import Postfix, postfix

SECONDS = 60
READERS = {
    "fine@example.net": None,
    "gone@gone.example": BounceKind.HARD,
    "full@full.example": BounceKind.SOFT,
    "strict@strict.example": BounceKind.POLICY,
}
TRANSPORTS = """\
gone.example error:5.1.1 no such user
full.example error:5.2.2 mailbox is full
strict.example error:5.7.1 not from you
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder outside pytest's own, which other users (Postfix) cannot read."""
    with tempfile.TemporaryDirectory(prefix="postfix") as made:
        yield Path(made)


def until(done: Callable[[], bool], running: Postfix) -> None:
    for _ in range(SECONDS * 10):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError(running.log)


async def test_bounces_of_postfix_count_for_their_readers(
    folder: Path, tmp_path: Path, sqlite_url: str, now: datetime
) -> None:
    with postfix(folder, ["fine@example.net", "bounce@example.org"], TRANSPORTS) as running:
        made = install(tmp_path / "install", sqlite_url, now, running.url)
        made.papers(sample_data.papers(30))
        made.people([{"email": address} for address in READERS])
        assert made.plan().planned == len(READERS)
        assert (await made.deliver()).accepted == len(READERS)
        until(lambda: len(running.mails("bounce@example.org")) == 3, running)
        box = open_inbound(f"maildir:{folder / 'vmail' / 'bounce'}")
        assert box is not None
        assert not isinstance(box, LmtpServer)
        counts = poll(box, ReplyProcessor(made.db, made.app.keys), made.clock)
    assert counts == {InboundOutcome.TAKEN: 3}
    assert running.mails("bounce@example.org") == []
    for address, kind in READERS.items():
        assert [bounce.kind for bounce in bounces_of(made, address)] == ([kind] if kind else [])
    assert {address for address in READERS if suppressed(made, address)} == {"gone@gone.example"}
    assert made.states == {State.ACCEPTED: len(READERS)}
    assert made.broken == {}


async def test_bounce_of_postfix_settles_uncertain_delivery(
    folder: Path, tmp_path: Path, sqlite_url: str, now: datetime
) -> None:
    """Show that the envelope id of the attempt alone is enough."""
    with postfix(folder, ["bounce@example.org"], TRANSPORTS) as running:
        made = install(tmp_path / "install", sqlite_url, now, running.url)
        made.papers(sample_data.papers(30))
        made.people([{"email": "full@full.example"}])
        made.plan()
        await made.deliver()
        until(lambda: len(running.mails("bounce@example.org")) == 1, running)
        raw = running.mails("bounce@example.org")[0].read_bytes()
    made.clock.go(timedelta(minutes=1))
    processor = ReplyProcessor(made.db, made.app.keys)
    (tag,) = {line.split()[1] for line in raw.decode().splitlines() if line.startswith("Original-Envelope-Id:")}
    stripped = raw.replace(b"bounce+", b"nobody-").replace(b"<digest.", b"<other.")
    assert tag.encode() in stripped
    SentInstall(made).lose_the_answer()
    assert made.states == {State.UNCERTAIN: 1}
    assert processor.process(stripped, made.clock.now) is InboundOutcome.TAKEN
    assert made.states == {State.ACCEPTED: 1}
    assert made.unsafe == {}
    assert [bounce.kind for bounce in bounces_of(made, "full@full.example")] == [BounceKind.SOFT]


def bounces_of(made: Install, address: str) -> list[Bounce]:
    with made.db.read() as session:
        return bounces.of_address(session, address_key(made.app.keys, address), 10)


def suppressed(made: Install, address: str) -> bool:
    with made.db.read() as session:
        reason = suppressions.reason_for(session, address_key(made.app.keys, address))
    return reason is SuppressionReason.HARD_BOUNCE
