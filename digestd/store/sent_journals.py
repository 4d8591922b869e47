"""The sent journals that belong to this database, and the server that it is on.

A sent journal is a folder outside the database (see digestd.delivery.journals). Its generation is raised in both places
whenever a run begins, so a database or a folder that was put back is behind the other.

`server` is the identity of the database as the server knows it. PostgreSQL gives the database and its tables
other numbers when a dump is restored, and begins another timeline when a standby takes over or a base backup is
recovered. The copies of it in the rows come along with the data and then differ. SQLite has no such identity: "".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, text, update
from sqlmodel import Session

from digestd.errors import Unavailable
from digestd.store import core
from digestd.store.timestamps import from_us, to_us

_J = core.sent_journal.c


class ServerChanged(Unavailable):
    """The database is on another server than at the start of the run, or was restored."""


@dataclass(frozen=True, slots=True)
class KnownJournal:
    """A sent journal as the database knows it.

    Attributes:
        server: Where the database was when the journal was last compared with it.
        since: The time of its first comparison with the database there.
    """

    id: str
    host: str
    generation: int
    server: str
    since: datetime
    used: datetime


def server_identity(session: Session) -> str:
    """Return `database.table/timeline` on PostgreSQL, "" on SQLite."""
    connection = session.connection()
    return "" if connection.dialect.name == "sqlite" else str(connection.execute(_SERVER).scalar_one())


_SERVER = text(
    "SELECT oid || '.' || CAST('delivery' AS regclass)::oid || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) "
    "FROM pg_database WHERE datname = current_database()"
)


def require_server(session: Session, server: str) -> None:
    """Raise ServerChanged if the database is not on that server any more."""
    if server and server_identity(session) != server:
        raise ServerChanged(
            "another database server took over; sending continues once the sent journals have been compared with it"
        )


def took_over(before: str, now: str) -> bool:
    """Return True if the same database has begun another timeline, as after a standby took over.

    Also if it was copied from SQLite, which has no identity.
    """
    return before != now and (not before or before.partition("/")[0] == now.partition("/")[0])


def mark_restored(session: Session, made: datetime, now: datetime, *, has_opt_outs: bool = False) -> None:
    """Note that the database was restored from a backup that was made then, until `clear_restored`.

    `has_opt_outs`: who left since is known from the former database.
    """
    values = {"host": "", "generation": int(has_opt_outs), "server": "", "since_us": to_us(made), "used_us": to_us(now)}
    same = core.upsert(session, core.sent_journal).values(id=_RESTORED, **values)
    session.connection().execute(same.on_conflict_do_update(index_elements=["id"], set_=values))


def restored_from(session: Session) -> datetime | None:
    """Return when the backup was made that the database was restored from; None if sending was resumed since."""
    made_us = session.connection().execute(select(_J.since_us).where(_J.id == _RESTORED)).scalar()
    return None if made_us is None else from_us(made_us)


def has_former_opt_outs(session: Session) -> bool:
    """Return True if who left since the backup is known from the former database."""
    return bool(session.connection().execute(select(_J.generation).where(_J.id == _RESTORED)).scalar())


def clear_restored(session: Session) -> None:
    """Note that sending was resumed."""
    session.connection().execute(delete(core.sent_journal).where(_J.id == _RESTORED))


_RESTORED = "restored"
"""In place of the id of a journal: the row that says that the database was restored."""


def known_journals(session: Session, used_after: datetime) -> list[KnownJournal]:
    """Return the journals used after a time, by id."""
    query = select(core.sent_journal).where(_J.used_us > to_us(used_after), _J.id != _RESTORED).order_by(_J.id)
    return [
        KnownJournal(row.id, row.host, row.generation, row.server, from_us(row.since_us), from_us(row.used_us))
        for row in session.connection().execute(query)
    ]


def generation_of(session: Session, journal: str) -> int:
    """Return the generation of a journal; 0 before its first run."""
    return int(session.connection().execute(select(_J.generation).where(_J.id == journal)).scalar() or 0)


def use_journal(session: Session, journal: str, host: str, now: datetime) -> int:
    """Note that a journal agrees with the database here and now; return its next generation."""
    connection, server, at_us = session.connection(), server_identity(session), to_us(now)
    values = {"host": host, "generation": 0, "server": "", "since_us": at_us, "used_us": at_us}
    connection.execute(core.upsert(session, core.sent_journal).values(id=journal, **values).on_conflict_do_nothing())
    row = connection.execute(select(core.sent_journal).where(_J.id == journal).with_for_update()).one()
    since_us = row.since_us if row.server == server else at_us
    new = {"host": host, "generation": row.generation + 1, "server": server, "since_us": since_us, "used_us": at_us}
    connection.execute(update(core.sent_journal).where(_J.id == journal).values(new))
    return int(row.generation) + 1


def forget_journals(session: Session, journals: Sequence[str]) -> None:
    """Delete journals that are lost."""
    session.connection().execute(delete(core.sent_journal).where(_J.id.in_(journals)))


def delete_unused(session: Session, now: datetime, kept: timedelta) -> None:
    """Delete journals that were not used for `kept`: their entries are deleted by then."""
    session.connection().execute(delete(core.sent_journal).where(_J.used_us < to_us(now - kept)))
