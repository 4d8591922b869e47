"""A database of the first release (commit ff47bc0d) with mails in every open state, as its own code wrote the rows.

`first_release.json` has the rows by table, with bytes in hexadecimal. Later versions of the schema must take them on.
The deliveries, of subscribers with the same numbers unless noted:

    1, 2      accepted: digests of the day before          11     empty
    3, 4      ready: digests                               12     ready: a weekly digest
    5         leased by a worker that died                 13     ready: for a name and a topic with U+E001, in German
    6         final_dot of a worker that died              14     ready: a digest that says there are no papers
    7         uncertain                                    15     ready: a confirmation (subscriber 13)
    8         poisoned: it could not be composed           16     ready: a copy of 1 (subscriber 1)
    9         ready in five minutes, after a 451           17–23  ready: a notice of each other kind
    10        ready: a digest
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import Boolean, Connection, Date, LargeBinary, MetaData, Table, text

from digestd.store import migrate
from digestd.store.database import Database

SECRET = "ZmY0N2JjMGRmZjQ3YmMwZGZmNDdiYzBkZmY0N2JjMGQ=\n"
"""The content of its secret.key."""
Row = dict[str, Any]
_STEPS = {"leased": (), "final_dot": ("leased",), "accepted": ("leased", "final_dot")} | {
    "uncertain": ("leased", "final_dot"),
    "poisoned": ("leased",),
}
"""The states that a delivery passes on its way to each, after the initial ones."""


def write_first_release(db: Database) -> None:
    """Create the schema of the first release in an empty database, and its rows."""
    rows: dict[str, list[Row]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    with db.write() as session:
        connection = session.connection()
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        schema = MetaData()
        schema.reflect(connection)
        later = dict(_write(connection, schema.tables[name], rows[name]) for name in rows)
        for row in later["paper"]:
            connection.execute(text("UPDATE paper SET revision_id = :revision_id WHERE id = :id"), row)
        for row in later["delivery"]:
            _move(connection, row)


def _write(connection: Connection, table: Table, rows: list[Row]) -> tuple[str, list[Row]]:
    """Insert rows, without what depends on other rows or on the order of states; return the name and the rows."""
    values = [{name: _value(table, name, value) for name, value in row.items()} for row in rows]
    for row in values:
        first: Row = {name: None for name in ("revision_id",) if table.name == "paper"}
        if table.name == "delivery" and row["state"] in _STEPS:
            first |= {"state": "ready", "lease_until_us": None, "outcome": None, "closed_us": None}
        connection.execute(table.insert().values(row | first))
    if "id" in table.c and connection.dialect.name == "postgresql":
        onwards = f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), :last)"
        connection.execute(text(onwards), {"last": max(row["id"] for row in rows)})
    return table.name, values


def _move(connection: Connection, row: Row) -> None:
    """Move a delivery to its state, by the transitions that the schema allows."""
    end = {"outcome": row.get("outcome"), "closed": row.get("closed_us"), "id": row["id"]}
    for state in (*_STEPS.get(row["state"], ()), row["state"]) if row["state"] in _STEPS else ():
        is_held = state in ("leased", "final_dot")
        is_last = state == row["state"]
        connection.execute(
            text(
                "UPDATE delivery SET state = :state, lease_until_us = :until, outcome = :outcome, closed_us = :closed "
                "WHERE id = :id"
            ),
            (end if is_last else end | {"outcome": None, "closed": None})
            | {"state": state, "until": row["opened_us"] + 2_700_000_000 if is_held else None},
        )


def _value(table: Table, name: str, value: Any) -> Any:
    kind = table.c[name].type
    if isinstance(kind, LargeBinary):
        return bytes.fromhex(value["hex"])
    if isinstance(kind, Date):
        return date.fromisoformat(value["date"])
    return bool(value) if isinstance(kind, Boolean) else value


def states(connection: Connection) -> dict[int, str]:
    """Return the state of each delivery by number."""
    found = connection.execute(text("SELECT id, state FROM delivery ORDER BY id"))
    return {key: state for key, state in found}
