"""Our answers to commands by mail, stored beside their deliveries in the ledger."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlmodel import Session

from digestd.domain.delivery import CommandReply, MailKind, ReplyLine
from digestd.store import core
from digestd.store.timestamps import to_us

_R, _D = core.reply.c, core.delivery.c


def keep(session: Session, delivery: int, reply: CommandReply) -> None:
    """Store the content of a reply."""
    row = {
        "delivery_id": delivery,
        "lines": [[line.what, *line.values] for line in reply.lines],
        "answers": reply.answers,
        "asks": [list(command) for command in reply.asks],
    }
    session.connection().execute(insert(core.reply).values(row))


def of(session: Session, deliveries: Sequence[int]) -> dict[int, CommandReply]:
    """Return the replies of these deliveries; absent if they are none."""
    if not deliveries:
        return {}
    rows = session.connection().execute(select(core.reply).where(_R.delivery_id.in_(deliveries)))
    return {row.delivery_id: _reply(row) for row in rows}


def take_asked(session: Session, delivery: int, since: datetime) -> CommandReply | None:
    """Return the commands a delivery asks to confirm, once; None if there are none."""
    query = select(core.reply).join_from(core.reply, core.delivery, _D.id == _R.delivery_id)
    row = session.connection().execute(query.where(_R.delivery_id == delivery, _D.due_us > to_us(since))).first()
    if row is None or not row.asks:
        return None
    session.connection().execute(update(core.reply).where(_R.delivery_id == delivery).values(asks=[]))
    return _reply(row)


def is_known(session: Session, subscriber: int, key: str) -> bool:
    query = select(_D.id).where(_D.subscriber_id == subscriber, _D.kind == MailKind.REPLY, _D.key == key)
    return session.connection().execute(query).first() is not None


def count_since(session: Session, subscriber: int, since: datetime) -> int:
    """Count the replies sent to a subscriber since then."""
    query = select(func.count()).where(
        _D.subscriber_id == subscriber, _D.kind == MailKind.REPLY, _D.due_us > to_us(since)
    )
    return session.connection().execute(query).scalar() or 0


def _reply(row: core.Record) -> CommandReply:
    return CommandReply(
        lines=tuple(ReplyLine(what, tuple(values)) for what, *values in row.lines),
        answers=row.answers,
        asks=tuple((verb, value, kind) for verb, value, kind in row.asks),
    )
