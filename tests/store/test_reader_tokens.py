"""Tokens of one subscriber, on both engines."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestd.domain.subscriber import Cause, Status
from digestd.security.tokens import Scope
from digestd.store import core, integrations, subscribers
from digestd.subscribers.lookup import find
from tests.support.install import Install, install

pytestmark = pytest.mark.slow
SECRET, OTHER = "s" * 43, "t" * 43


def opened(made: Install, number: int, secret: str = SECRET) -> tuple[bool, int | None]:
    """Return whether a token is the operator's, and the subscriber that it opens."""
    with made.db.read() as session:
        operators = integrations.authenticate(session, number, secret)
        readers = integrations.authenticate(session, number, secret, is_reader=True)
    return operators is not None, readers.subscriber if readers else None


@pytest.mark.parametrize("act", ["revoke", "unsubscribed", "suppressed", "renew links"])
def test_reader_token_ends_with_their_consent(tmp_path: Path, database_url: str, now: datetime, act: str) -> None:
    made = install(tmp_path, database_url, now)
    made.people([{"email": "ada@example.org"}, {"email": "bob@example.org"}])
    later = now + timedelta(seconds=1)
    with made.db.write() as session:
        ada, bob = (find(session, made.app.keys, f"{name}@example.org").key for name in ("ada", "bob"))
        of = {key: integrations.add_token(session, "", SECRET, {Scope.READ}, now, key) for key in (None, ada, bob)}
    assert [opened(made, number) for number in of.values()] == [(True, None), (False, ada), (False, bob)]
    assert opened(made, of[ada], OTHER) == opened(made, 99) == (False, None)
    with made.db.write() as session:
        subscribers.change_status(session, ada, Status.PAUSED, Cause.WEB, now)
    assert opened(made, of[ada]) == (False, ada)
    with made.db.write() as session:
        if act == "revoke":
            integrations.revoke_token(session, of[ada], later)
        elif act == "renew links":
            subscribers.invalidate_links(session, ada, later)
        else:
            subscribers.change_status(session, ada, Status(act), Cause.WEB, later)
    assert [opened(made, number) for number in of.values()] == [(True, None), (False, None), (False, bob)]
    with made.db.write() as session:
        subscribers.change_status(session, ada, Status.ACTIVE, Cause.WEB, later + timedelta(hours=1, minutes=1))
    assert opened(made, of[ada]) == (False, None), "it does not come back with them"
    made.db.close()


@pytest.mark.parametrize("steps", [[Status.ACTIVE], [Status.PENDING, Status.ACTIVE]])
def test_reader_token_rests_while_its_reader_is_away(
    tmp_path: Path, database_url: str, now: datetime, steps: list[Status]
) -> None:
    made = install(tmp_path, database_url, now)
    made.people([{"email": "ada@example.org"}])
    with made.db.write() as session:
        ada = find(session, made.app.keys, "ada@example.org").key
        token = integrations.add_token(session, "", SECRET, {Scope.READ}, now, ada)
    for status in (Status.UNSUBSCRIBED, *steps):
        with made.db.write() as session:
            subscribers.change_status(session, ada, status, Cause.MAIL, now + timedelta(minutes=20))
        assert opened(made, token) == (False, ada if status is Status.ACTIVE else None)
    made.db.close()


def test_release_before_takes_no_reader_for_operator(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    """In a rolling upgrade it reads number and hash, and knows no subscribers of tokens."""
    made = install(tmp_path, sqlite_url, now)
    made.people([{"email": "ada@example.org"}])
    with made.db.write() as session:
        ada = find(session, made.app.keys, "ada@example.org").key
        for reader in (None, ada):
            integrations.add_token(session, "", SECRET, {Scope.READ}, now, reader)
        rows = session.connection().execute(core.api_token.select().order_by(core.api_token.c.id))
        assert [bytes(row.hash) == hashlib.sha256(SECRET.encode()).digest() for row in rows] == [True, False]
    made.db.close()
