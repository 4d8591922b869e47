"""`digestd db copy`: every value of an SQLite database arrives on PostgreSQL, and service goes on there."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text

from digestd.domain.delivery import State
from digestd.errors import BadInput, NotInitialised
from digestd.papers.search import search_archive
from digestd.ranking.dense import NoEncoder
from digestd.store import core, database_copy, migrate
from digestd.store.database import Database, open_database
from digestd.store.database_copy import CopyFailed, all_tables, copy_to_postgresql, count_rows
from tests.support import sample_data
from tests.support.command_process import Command
from tests.support.install import Install, install
from tests.support.relay import Fault, Relay


@pytest.fixture
async def used(tmp_path: Path, sqlite_url: str, now: datetime) -> Install:
    """Return an SQLite installation that has sent mail, and has mails in several states."""
    made = install(tmp_path / "run", sqlite_url, now)
    made.papers(sample_data.papers(40))
    made.people(sample_data.people(30))
    made.plan()
    async with Relay({"dot": Fault("close", times=2)}).serving() as relay:
        await made.to(relay.url, connections=2).deliver(limit=20)
    assert made.states.keys() == {State.ACCEPTED, State.READY, State.UNCERTAIN}
    return made


@pytest.fixture
def target(postgres_url: str) -> Database:
    return open_database(postgres_url)


def values(db: Database) -> dict[str, list[tuple[object, ...]]]:
    with db.read() as session:
        return {
            table.name: sorted((tuple(row) for row in session.connection().execute(table.select())), key=repr)
            for table in all_tables()
        }


def found(db: Database) -> list[str]:
    """Return the names of the papers that a search for the first words of a title finds."""
    with db.read() as session:
        title = session.connection().execute(select(core.revision.c.title).limit(1)).scalar_one()
        return [paper.id for paper in search_archive(session, NoEncoder(), " ".join(title.split()[:3]))]


async def test_db_copy_moves_every_value_and_service_goes_on(
    used: Install, target: Database, postgres_url: str
) -> None:
    before, counts = values(used.db), count_rows(used.db)
    command = Command(("db", "copy", postgres_url), used.environment(), used.folder)
    ended = command.run()
    assert ended.code == 0, ended.output
    assert "copied and compared" in ended.output
    assert (values(target), count_rows(target)) == (before, counts)
    assert found(target) == found(used.db) != []
    with pytest.raises(NotInitialised, match="set DIGESTD_DATABASE_URL to the copy"):
        migrate.require_current(used.db)
    moved = replace(used, url=postgres_url, app=replace(used.app, db=target))
    moved.people(sample_data.people(10, first=30))
    moved.plan()
    async with Relay().serving() as relay:
        there = moved.to(relay.url)
        await there.deliver()
    assert there.states == {State.ACCEPTED: 38, State.UNCERTAIN: 2}
    assert there.unsafe == {}
    target.close()


def test_db_copy_needs_an_empty_target(used: Install, target: Database) -> None:
    with target.write() as session:
        session.connection().execute(text("INSERT INTO source (spec, added_us) VALUES ('hf-daily', 0)"))
    with pytest.raises(BadInput, match="has rows already, in source"):
        copy_to_postgresql(used.db, target)
    assert migrate.is_current(used.db)
    target.close()


def test_interrupted_db_copy_leaves_nothing(used: Install, target: Database) -> None:
    def interrupt(_rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_to_postgresql(used.db, target, interrupt)
    assert set(count_rows(target).values()) == {0}
    assert copy_to_postgresql(used.db, target) == count_rows(target)
    target.close()


def test_db_copy_notices_a_changed_value(used: Install, target: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    continued = database_copy._copy_table

    def damage(*arguments: object) -> int:
        count = continued(*arguments)  # type: ignore[arg-type]
        if arguments[2] is core.delivery:
            arguments[1].execute(text("UPDATE delivery SET reason = 'other' WHERE id = 7"))  # type: ignore[attr-defined]
        return count

    monkeypatch.setattr(database_copy, "_copy_table", damage)
    with pytest.raises(CopyFailed, match="table delivery, row id 7: the copy differs; nothing was copied"):
        copy_to_postgresql(used.db, target)
    assert set(count_rows(target).values()) == {0}
    target.close()


def test_db_copy_refuses_while_digestd_runs(used: Install, postgres_url: str) -> None:
    with used.app.owners.hold("scheduler"):
        ended = Command(("db", "copy", postgres_url), used.environment(), used.folder).run()
    assert ended.code == 1
    assert "already runs as scheduler on this database" in ended.output
