"""Moves: another address that a subscriber asked for, which counts once both addresses have confirmed it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlmodel import Session

from digestd.store import core
from digestd.store.instants import from_us, to_us

_M = core.moving.c


@dataclass(frozen=True, slots=True)
class Move:
    """A move that is asked for: where to, when, and which sides have confirmed it."""

    address: str
    address_key: bytes
    asked: datetime
    at_old: bool
    at_new: bool


def ask(session: Session, subscriber: int, address: str, address_key: bytes, now: datetime) -> None:
    """Ask for a move, in the place of one that was asked for before."""
    drop(session, subscriber)
    row = {"subscriber_id": subscriber, "address": address, "address_key": address_key, "asked_us": to_us(now)}
    session.connection().execute(insert(core.moving).values(row))


def of(session: Session, subscriber: int) -> Move | None:
    """The move that a subscriber asked for."""
    row = session.connection().execute(select(core.moving).where(_M.subscriber_id == subscriber)).first()
    if row is None:
        return None
    return Move(
        row.address, bytes(row.address_key), from_us(row.asked_us), row.from_us is not None, row.to_us is not None
    )


def addresses(session: Session, subscriber: int) -> list[bytes]:
    """The keyed hash of the address they mean to move to, if they do."""
    query = select(_M.address_key).where(_M.subscriber_id == subscriber)
    return [bytes(found) for found in session.connection().execute(query).scalars()]


def confirm(session: Session, subscriber: int, now: datetime, *, at_new: bool) -> None:
    """Note that one side confirms."""
    column = "to_us" if at_new else "from_us"
    change = update(core.moving).where(_M.subscriber_id == subscriber).values({column: to_us(now)})
    session.connection().execute(change)


def drop(session: Session, subscriber: int) -> None:
    """Forget the move, be it made or not wanted."""
    session.connection().execute(delete(core.moving).where(_M.subscriber_id == subscriber))


def drop_older(session: Session, before: datetime) -> None:
    """Forget moves asked for before then that were not confirmed."""
    session.connection().execute(delete(core.moving).where(_M.asked_us <= to_us(before)))
