"""Test the check before sending: it judges the operator's templates, holds what fails, and asks nothing of people."""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from digestd.domain.delivery import CommandReply, MailKind, State
from digestd.jobs.worker import tick
from digestd.operations.status_reader import read_status
from digestd.resources import templates
from digestd.store import core
from digestd.store.ledger import command_answers
from digestd.store.ledger.create import Notice
from digestd.subscribers.notices import plan_notice
from digestd.subscribers.signup import request_signup
from digestd.subscribers.subscriber_record import parse
from tests.catalogues import LANGUAGES
from tests.delivery.conftest import READERS, planned
from tests.delivery.test_alert import chat_room
from tests.delivery.test_outcomes import spoil
from tests.support import sample_data
from tests.support.install import Install, install
from tests.support.relay import Relay

DELIVERY = core.delivery.c
DIGEST, PAPER, CONFIRM = "email/digest.html.j2", "email/digest.paper.txt.j2", "email/confirm.txt.j2"
GERMAN, EVERY = "locale/de.po", ", ".join(LANGUAGES)


class Overrides:
    """The operator's folder of templates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, change: Callable[[str], str]) -> None:
        """Override a template with the built-in one, changed."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        changed = change(templates()[name])
        assert changed != templates()[name]
        file.write_text(changed, encoding="utf-8")


@pytest.fixture
def own(tmp_path: Path) -> Overrides:
    """Return an empty folder of templates."""
    return Overrides(tmp_path / "own")


def adding(line: str) -> Callable[[str], str]:
    """Return a function that adds a line as the third of a template."""
    return lambda text: "\n".join([*text.split("\n")[:2], line, *text.split("\n")[2:]])


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (PAPER, adding("{% if %}"), "template email/digest.paper.txt.j2, line 3: Expected an expression"),
        (PAPER, adding("{{ paper.colour }}"), "template email/digest.paper.txt.j2, line 3: "),
        (PAPER, adding("{{ pick.reason | upper }}"), "template email/digest.paper.txt.j2 changes a value"),
        (PAPER, adding("{ { paper.title }}"), ""),
        (DIGEST, lambda text: re.sub(r"<a [^>]*frame\.unsubscribe.*?</a>", "", text), "no link to unsubscribe"),
        (
            PAPER.replace("txt", "html"),
            adding('<img src="https://example.com/pixel.png" alt="">'),
            "loads something from the web",
        ),
    ],
    ids=["syntax", "unknown", "cut", "harmless", "no unsubscribe", "pixel"],
)
async def test_broken_template_stops_before_a_claim(
    on_file: Install, own: Overrides, name: str, change: Callable[[str], str], said: str
) -> None:
    own.write(name, change)
    async with Relay().serving() as relay:
        report = await on_file.to(relay.url, templates_dir=str(own.folder)).deliver()
        if said:
            assert report.stopped is not None
            assert report.stopped.startswith(f"digest, copy, programme mails ({EVERY}) are held: ")
            assert said in report.stopped
            assert (relay.sessions, tries(on_file)) == (0, [(0, 0)] * READERS)
        assert on_file.states == {State.READY if said else State.ACCEPTED: READERS}
        await on_file.to(relay.url).deliver()
    assert on_file.states == {State.ACCEPTED: READERS}
    assert on_file.sound(relay.copies)


async def test_broken_notice_holds_its_kind_only(on_file: Install, own: Overrides) -> None:
    own.write(CONFIRM, adding("{{ notice.colour }}"))
    request_signup(on_file.db, on_file.app.notices, parse({"email": "new@example.net"}), on_file.clock.now)
    async with Relay().serving() as relay:
        there = on_file.to(relay.url, templates_dir=str(own.folder))
        report = await there.deliver()
        assert report.accepted == READERS
        assert f"confirm mails ({EVERY}) are held: template email/confirm.txt.j2, line 3: " in (report.stopped or "")
        assert kinds(on_file, State.READY) == [MailKind.CONFIRM]
        assert (await on_file.to(relay.url).deliver()).accepted == 1
    assert on_file.sound(relay.copies)


async def test_broken_catalogue_holds_its_language_only(
    tmp_path: Path, sqlite_url: str, now: datetime, own: Overrides
) -> None:
    made = install(tmp_path / "made", sqlite_url, now)
    made.papers(sample_data.papers(60))
    made.people(sample_data.people(3))
    made.people(sample_data.people(2, first=3, language="de-AT"))
    made.people(sample_data.people(1, first=5, language="nl"))
    made.plan()
    own.write(GERMAN, lambda text: text.replace('msgid "Unsubscribe"\nmsgstr "', 'msgid "Unsubscribe"\nmsgstr "%(x)s '))
    async with Relay().serving() as relay:
        report = await made.to(relay.url, templates_dir=str(own.folder)).deliver()
        assert "all mails (de) are held: the catalogue locale/de.po cannot be used" in (report.stopped or "")
        assert (report.accepted, made.states) == (4, {State.ACCEPTED: 4, State.READY: 2})
        assert (await made.to(relay.url).deliver()).accepted == 2
    assert made.sound(relay.copies)
    made.db.close()


async def test_held_mails_are_reported_once(on_file: Install, own: Overrides) -> None:
    own.write(PAPER, adding("{{ paper.colour }}"))
    async with chat_room() as (url, told), Relay().serving() as relay:
        broken = on_file.to(relay.url, alert_url=url, templates_dir=str(own.folder))
        for _ in range(3):
            await tick(broken.app, asyncio.Event())
        [alert] = told
        assert (alert["event"], "line 3" in alert["why"]) == ("mails held", True)
        assert read_status(broken.app).failing_templates
        assert read_status(broken.app).is_failing
        await tick(on_file.to(relay.url).app, asyncio.Event())
        assert not read_status(on_file.app).failing_templates
        assert on_file.states == {State.ACCEPTED: READERS}
        on_file.clock.go(timedelta(minutes=1))
        request_signup(on_file.db, on_file.app.notices, parse({"email": "a@example.net"}), on_file.clock.now)
        await tick(broken.app, asyncio.Event())
        assert len(told) == 2


async def test_faults_of_papers_hold_nothing(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = install(tmp_path / "made", sqlite_url, now)
    title = "On {{ moss }} of $n^2$ walls: None"
    made.papers([{"id": "invented:one", "title": title, "url": "http://example.net/1", "abstract": "{% if moss %}"}])
    made.people([{"email": "ada@example.net", "topics": ["moss"], "hour": 0}])
    made.plan()
    async with Relay().serving() as relay:
        report = await made.to(relay.url).deliver()
    assert (report.accepted, report.stopped) == (1, None)
    made.db.close()


async def test_damaged_digests_stop_no_others(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    """Test that even an odd paper in most digests is the problem of those digests alone."""
    many = planned(tmp_path / "many", sqlite_url, now, 20)
    for key in range(1, 15):
        spoil(many, key)
    async with Relay().serving() as relay:
        report = await many.to(relay.url).deliver()
    assert (report.accepted, report.deferred, report.stopped) == (6, 14, None)
    assert many.sound(relay.copies)
    many.db.close()


async def test_damaged_reply_stops_no_others(on_file: Install) -> None:
    with on_file.db.write() as session:
        notice = Notice(1, MailKind.REPLY, "k", 1, on_file.clock.now + timedelta(days=1))
        key = plan_notice(session, on_file.app.notices, notice, on_file.clock.now)
        assert key is not None
        command_answers.keep(session, key, CommandReply(()))
        session.connection().execute(text("UPDATE reply SET lines = '{'"))
    async with Relay().serving() as relay:
        report = await on_file.to(relay.url).deliver()
    assert (report.accepted, report.deferred, report.stopped) == (READERS, 1, None)
    assert on_file.sound(relay.copies)


def tries(install: Install) -> Sequence[tuple[int, int]]:
    """Return the attempts and failures of each mail."""
    with install.db.read() as session:
        rows = session.connection().execute(select(DELIVERY.attempts, DELIVERY.failures).order_by(DELIVERY.id))
        return [(attempts, failures) for attempts, failures in rows]


def kinds(install: Install, state: State) -> list[str]:
    """Return the kinds of the mails in a state."""
    with install.db.read() as session:
        return list(session.connection().execute(select(DELIVERY.kind).where(DELIVERY.state == state)).scalars())
