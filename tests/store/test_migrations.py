"""The schema: one head, both engines, up and down, matching tables."""

import re
import sqlite3
from contextlib import closing
from itertools import product

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from digestd.domain.delivery import INITIAL_STATES, TRANSITIONS, State
from digestd.errors import NotInitialised
from digestd.store import migrate as migrations
from digestd.store.database import Database

pytestmark = pytest.mark.slow


def test_migrations_have_one_head() -> None:
    assert ScriptDirectory.from_config(migrations._config()).get_heads() == [migrations.newest()]


def test_tables_match_the_migrations(db: Database) -> None:
    with db.read() as session:
        options = {"include_name": lambda name, _kind, _parents: not (name in migrations.RETIRED or _is_index(name))}
        context = MigrationContext.configure(session.connection(), opts=options)
        assert compare_metadata(context, SQLModel.metadata) == []


def _is_index(name: str | None) -> bool:
    """Return True for what SQLite or PostgreSQL keeps for searches, which no table declares."""
    return "revision_words" in (name or "")


def test_migrate_is_idempotent(db: Database) -> None:
    assert migrations.migrate(db) is False
    assert migrations.is_current(db)


def test_migrations_downgrade_and_upgrade(db: Database) -> None:
    downgrade(db, "base")
    assert not migrations.is_current(db)
    assert migrations.migrate(db)
    assert migrations.is_current(db)


def test_require_current_refuses_a_newer_schema(db: Database) -> None:
    with db.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for step in (migrations.migrate, migrations.require_current):
        with pytest.raises(NotInitialised, match="schema 9999 of a newer digestd") as refused:
            step(db)
        assert not refused.value.retry


def test_require_current_tells_old_schema_from_empty_database(db: Database) -> None:
    with pytest.raises(NotInitialised, match="at schema 0001, older than this digestd; run `digestd init`"):
        migrations.require_newest("0001", ["0001", "0002"])
    with db.write() as session:
        session.connection().execute(text("DROP TABLE alembic_version"))
    with pytest.raises(NotInitialised, match="no tables yet; run `digestd init`"):
        migrations.require_current(db)


def test_ledger_checks_avoid_long_in_lists(sqlite_url: str) -> None:
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as file:
        written = file.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name IN ('delivery', 'earlier_attempt')"
        ).fetchall()
    assert not [words for (words,) in written if words and re.search(r" IN \('\w+', '\w+', ", words)]


SUBSCRIBER = """
INSERT INTO subscriber (id, address, address_key, status, version, name, timezone, hour, cadence, weekday, size,
    language, created_us, next_due_us, min_score, explore, only_categories, when_empty, full_abstracts, wants,
    links_from_us)
VALUES (1, 'a@example.org', :bytes, 'active', 1, '', 'UTC', 7, 'daily', 0, 10, 'en', 1, 1, 'normal', true, false, false,
    false, 0, 0)
"""
DELIVERY = """
INSERT INTO delivery (subscriber_id, kind, key, covers_from, consent_version, state, message_id, picks, considered,
    coverage, template_hash, sha256, history, due_us, expires_us, not_before_us, attempts, failures, owner,
    lease_until_us, reply_code, reason)
VALUES (1, 'digest', 'k', 'k', 1, :state, 'm', :bytes, 0, '{}', 'h', :bytes, '', 1, 2, 1, 0, 0, :owner,
    :until, 250, 'x')
"""


def test_upgrade_keeps_rooms_and_forgets_requests(db: Database) -> None:
    downgrade(db, "0001")
    with db.write() as session:
        session.connection().execute(text(SUBSCRIBER), {"bytes": b"k" * 32})
        for table, columns, values in (
            ("chat_target", "subscriber_id, label, sealed, set_us", "1, 'a room', :bytes, 1"),
            ("chat_request", "subscriber_id, label, sealed, version, asked_us", "1, 'a room', :bytes, 1, 1"),
        ):
            session.connection().execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), {"bytes": b"s"})
    assert migrations.migrate(db)
    with db.read() as session:
        assert session.connection().execute(text("SELECT label, failures FROM chat_target")).all() == [("a room", 0)]
        assert session.connection().execute(text("SELECT count(*) FROM chat_request")).scalar() == 0
    downgrade(db, "0001")
    with db.read() as session:
        assert session.connection().execute(text("SELECT label FROM chat_target")).scalar() == "a room"
    assert migrations.migrate(db)


def downgrade(db: Database, revision: str) -> None:
    """Downgrade to a revision."""
    with db.write() as session:
        config = migrations._config()
        config.attributes["connection"] = session.connection()
        command.downgrade(config, revision)


@pytest.mark.parametrize("state", ["leased", "accepted", "uncertain"])
def test_trigger_refuses_insert_in_a_later_state(db: Database, state: str) -> None:
    with db.write() as session:
        session.connection().execute(text(SUBSCRIBER), {"bytes": b"k" * 32})
    given: dict[str, object] = {"state": state, "bytes": b"x", "owner": "me", "until": 9 if state == "leased" else None}
    with pytest.raises(DBAPIError, match="illegal initial state"):
        _write(db, given)


def test_trigger_allows_exactly_the_known_transitions(db: Database) -> None:
    with db.write() as session:
        session.connection().execute(text(SUBSCRIBER), {"bytes": b"k" * 32})
    for born, (before, after) in product(INITIAL_STATES, product(State, State)):
        if (road := _path_between(born, before)) is not None and before is not after:
            error, is_legal = _apply_path(db, [born, *road, after]), (before, after) in TRANSITIONS
            assert ("illegal state change" in error, error == "") == (not is_legal, is_legal), error


def _path_between(born: State, to: State) -> list[State] | None:
    """Return the shortest sequence of states from `born` to `to`, or None."""
    roads: dict[State, list[State]] = {born: []}
    while fresh := {after: [*roads[b], after] for b, after in TRANSITIONS if b in roads and after not in roads}:
        roads |= fresh
    return roads.get(to)


def _apply_path(db: Database, road: list[State]) -> str:
    """Change a delivery's state step by step, roll back, return the error."""
    step = text("UPDATE delivery SET state = :to, lease_until_us = :until")
    with db.engine.connect() as connection, connection.begin() as all_of_it:
        connection.execute(text(DELIVERY), {"state": road[0], "bytes": b"x", "owner": "me", "until": None})
        try:
            for state in road[1:]:
                until = 9 if state in {State.LEASED, State.FINAL_DOT} else None
                connection.execute(step, {"to": state, "until": until})
        except DBAPIError as error:
            return str(error)
        finally:
            all_of_it.rollback()
    return ""


def _write(db: Database, given: dict[str, object]) -> None:
    with db.write() as session:
        session.connection().execute(text(DELIVERY), given)
