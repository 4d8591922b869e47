"""Test the upgrade of the first release with a full queue: each mail that waits is sent once, by today's templates."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.domain.delivery import State
from digestd.jobs.worker import clean_up
from digestd.store.database import open_database
from digestd.store.migrate import is_current, migrate
from tests.conftest import NOW
from tests.delivery.first_release import SECRET, states, write_first_release
from tests.support.install import Install, reopen
from tests.support.postgres import create
from tests.support.relay import ReceivedMail, Relay

READY = {3, 4, 5, 10, *range(12, 24)}
"""Deliveries that are due; 5 after its worker died."""
CHAT = 20
"""The confirmation of a reader's own chat room, which later versions may leave unsent."""
LATER, LOST, POISONED = 9, {6, 7}, 8


@pytest.fixture
def upgraded(request: pytest.FixtureRequest, tmp_path: Path, engine: str) -> Iterator[Install]:
    """Return an installation of the first release after an upgrade."""
    if engine == "sqlite":
        url = f"sqlite:///{tmp_path / 'digestd.db'}"
    else:
        admin, name = request.getfixturevalue("_postgres_admin"), f"t{uuid4().hex[:12]}"
        create(admin, name, "template0")
        url = admin.replace("/postgres", f"/{name}")
    (tmp_path / "secret.key").write_text(SECRET, encoding="ascii")
    (tmp_path / "secret.key").chmod(0o600)
    db = open_database(url)
    write_first_release(db)
    with db.read() as session:
        assert len(states(session.connection())) == 23
    migrate(db)
    assert is_current(db)
    db.close()
    made = reopen(tmp_path, url, NOW)
    yield made
    made.db.close()


async def test_every_waiting_mail_is_sent_once_after_upgrade(upgraded: Install) -> None:
    async with Relay().serving() as relay:
        there = upgraded.to(relay.url)
        clean_up(there.app, NOW)
        report = await there.deliver()
        found = states_of(there)
        sent = {key for key, state in found.items() if state is State.ACCEPTED} - {1, 2}
        assert (sent | {CHAT}, report.stopped, report.deferred) == (READY | {CHAT}, None, 0)
        assert {found[key] for key in LOST} == {State.UNCERTAIN}
        assert (found[LATER], found[POISONED]) == (State.READY, State.POISONED)
        there.clock.go(timedelta(minutes=6))
        assert (await there.deliver()).accepted == 1
        assert settle(there, POISONED).exit_code == 0
        there.clock.go(timedelta(hours=1))
        assert (await there.deliver()).accepted == 1
        assert (await there.deliver()).accepted == 0
    assert len(relay.taken) == len(sent) + 2
    assert set(Counter(mail.message_id for mail in relay.taken).values()) == {1}
    assert upgraded.broken == {}


async def test_waiting_mails_say_what_was_planned(upgraded: Install) -> None:
    async with Relay().serving() as relay:
        await upgraded.to(relay.url).deliver()
    texts = {text_of(mail): mail for mail in relay.taken}
    by_reader = {mail.recipient: text for text, mail in texts.items() if mail.message_id.startswith("<digest.")}
    assert "Ausgewählt aus" in by_reader["odd@example.net"] or "Paper" in by_reader["odd@example.net"]
    assert "\ue001" not in by_reader["odd@example.net"]
    assert "picked none for you" in by_reader["nothing@example.net"]
    assert "zzyzx" not in by_reader["nothing@example.net"], "nothing is claimed about what was left out"
    assert all("/u/" in text for text in by_reader.values())
    assert any("/confirm/" in text for text, mail in texts.items() if mail.recipient == "new@example.net")
    assert any("lake ice" in text for text, mail in texts.items() if mail.recipient == "reader5@example.net")


def test_digest_sent_before_upgrade_is_replayed(upgraded: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in upgraded.environment().items():
        monkeypatch.setenv(name, value)
    shown = CliRunner().invoke(app, ["replay", "reader0@example.net", "2026-11-23"])
    assert shown.exit_code in (0, 1), shown.exception
    assert " what was sent (sha256 " in shown.stderr
    assert "/u/" in shown.stdout


def states_of(install: Install) -> dict[int, State]:
    """Return the state of each delivery by number."""
    with install.db.read() as session:
        return {key: State(state) for key, state in states(session.connection()).items()}


def settle(install: Install, delivery: int) -> Result:
    """Send a poisoned mail after all."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in install.environment().items():
            patched.setenv(name, value)
        return CliRunner().invoke(app, ["delivery", "settle", str(delivery), "--as", "not-sent", "--why", "upgraded"])


def text_of(mail: ReceivedMail) -> str:
    """Return the text part of a mail."""
    part = message_from_bytes(mail.message, policy=default).get_body(("plain",))
    assert part is not None
    return str(part.get_content())
