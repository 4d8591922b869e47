"""Two known papers that are one work: everything moves to the older row.

The younger row stays, archived, because picks of old digests point at it; `merged:<its number>`
becomes an alias of the older one, so whoever asks for it finds the paper it is now.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update
from sqlmodel import Session

from digestd.store import core
from digestd.store.instants import to_us
from digestd.store.papers import MERGED

_P, _S = core.paper.c, core.signal.c


def absorb(session: Session, absorbed: Mapping[int, Sequence[int]]) -> None:
    """Move all that is known of the absorbed papers (values) to the kept one (key)."""
    for kept, others in absorbed.items():
        for other in others:
            _absorb(session, kept, other)


def _absorb(session: Session, kept: int, other: int) -> None:
    connection = session.connection()
    for table in (core.alias, core.revision, core.sighting):
        connection.execute(update(table).where(table.c.paper == other).values(paper=kept))
    history = connection.execute(select(_S.name, _S.at_us, _S.value).where(_S.paper == other)).all()
    connection.execute(delete(core.signal).where(_S.paper == other))
    known = {(row.name, row.at_us) for row in connection.execute(select(_S.name, _S.at_us).where(_S.paper == kept))}
    rows = [
        {"paper": kept, "name": row.name, "at_us": row.at_us, "value": row.value}
        for row in history
        if (row.name, row.at_us) not in known
    ]
    if rows:
        connection.execute(insert(core.signal), rows)
    name = f"{MERGED}{other}"
    connection.execute(update(core.paper).where(_P.id == other).values(paper_id=name, archived=True))
    connection.execute(insert(core.alias), [{"alias": name, "paper": kept}])


def keep_signals(session: Session, signals: Mapping[int, Mapping[str, float]], now: datetime) -> None:
    """Add new values; a second one at the same instant takes the first one's place."""
    at = to_us(now)
    rows = [
        {"paper": key, "name": name, "at_us": at, "value": value}
        for key, values in signals.items()
        for name, value in values.items()
    ]
    if rows:
        session.connection().execute(
            _FORGET, [{"b_key": row["paper"], "b_name": row["name"], "b_at": at} for row in rows]
        )
        session.connection().execute(insert(core.signal), rows)


_FORGET = delete(core.signal).where(
    _S.paper == bindparam("b_key"), _S.name == bindparam("b_name"), _S.at_us == bindparam("b_at")
)
