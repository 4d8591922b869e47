"""A record outside the database of who left: unsubscribed, paused, suppressed, erased.

A database that is restored from a backup does not know who left since. The record does: an append-only file in the
folder of the journals, with keyed hashes of addresses and nothing else about a person. `note` collects what a
transaction changes, and the database hands it to the record once the transaction is committed. A record that cannot
be written is reported and stops nothing.

The first run that sends mail writes everybody into it who had left by then (`opted_out`). It keeps the last word about
each address.
"""

import fcntl
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from sqlmodel import Session

from digestd import files
from digestd.domain.delivery import SuppressionReason
from digestd.domain.subscriber import Status

FILE_NAME = "opt-outs"
_ENTRY = struct.Struct(">c32s32sqqc")
"""The event, the keyed hash of the address, another one, two times in µs since 1970, end mark."""
_END = b"."
_NOTES = "opt_outs"
COMPACT_ABOVE = 10_000
"""Entries above which the record is written again without those that no longer matter."""


class Event(bytes, Enum):
    """An event of an address."""

    BACK = b"A"  # subscribed (again): nothing before counts
    UNSUBSCRIBED = b"U"
    PAUSED = b"P"  # `until_us`: when the pause ends by itself, or 0
    MOVED = b"M"  # the subscriber has the address `other` now
    LIFTED = b"L"  # a suppression was lifted
    HARD_BOUNCE = b"h"
    SOFT_BOUNCE = b"s"
    COMPLAINT = b"c"
    REQUEST = b"r"
    ERASED = b"e"


_EVENTS = frozenset(event.value for event in Event)
SUPPRESSIONS = {event: SuppressionReason(event.name.lower()) for event in (
    *(Event.HARD_BOUNCE, Event.SOFT_BOUNCE, Event.COMPLAINT, Event.REQUEST, Event.ERASED),
)}  # fmt: skip
_BY_REASON = {reason: event for event, reason in SUPPRESSIONS.items()}
_BY_STATUS = {
    Status.ACTIVE: Event.BACK,
    Status.PENDING: Event.BACK,
    Status.PAUSED: Event.PAUSED,
    Status.UNSUBSCRIBED: Event.UNSUBSCRIBED,
}


class OptOut(NamedTuple):
    """One entry of the record."""

    event: Event
    address_key: bytes
    at_us: int
    other: bytes = bytes(32)
    until_us: int = 0


def note(session: Session, entry: OptOut) -> None:
    """Let the record know once the transaction is committed."""
    session.info.setdefault(_NOTES, []).append(entry)


def note_status(session: Session, address_key: bytes, status: Status, at_us: int) -> None:
    """Note a change of status; suppressions and erasures have entries of their own."""
    if status in _BY_STATUS:
        note(session, OptOut(_BY_STATUS[status], address_key, at_us))


def note_suppression(session: Session, address_key: bytes, reason: SuppressionReason, at_us: int) -> None:
    note(session, OptOut(_BY_REASON[reason], address_key, at_us))


def taken_notes(session: Session) -> list[OptOut]:
    notes: list[OptOut] = session.info.pop(_NOTES, [])
    return notes


def opted_out(execute: Callable[[str], Iterable[Any]]) -> Iterator[OptOut]:
    """Yield an entry for everybody who has left, by a database as it is.

    Args:
        execute: runs a query on a database of any version.
    """
    left = execute(
        "SELECT s.address_key, s.status, e.at_us, s.paused_until_us FROM subscriber s JOIN consent_event e "
        "ON e.subscriber_id = s.id AND e.version = s.version WHERE s.status IN ('paused', 'unsubscribed')"
    )
    for key, status, at, end in left:
        yield OptOut(_BY_STATUS[Status(status)], bytes(key), at, until_us=end or 0)
    for key, reason, at in execute("SELECT address_key, reason, at_us FROM suppression"):
        yield OptOut(_BY_REASON[SuppressionReason(reason)], bytes(key), at)


def last_words(entries: Iterable[OptOut]) -> dict[bytes, list[OptOut]]:
    """Return what still counts of each address, oldest first."""
    found: dict[bytes, list[OptOut]] = {}
    for entry in sorted(entries, key=lambda entry: entry.at_us):
        before = found.setdefault(entry.address_key, [])
        if entry.event is Event.BACK:
            before.clear()
        elif entry.event is Event.LIFTED:
            before[:] = [one for one in before if one.event not in SUPPRESSIONS]
        elif entry.event in {Event.UNSUBSCRIBED, Event.PAUSED}:
            before[:] = [one for one in before if one.event not in {Event.UNSUBSCRIBED, Event.PAUSED}]
        else:
            before[:] = [one for one in before if one.event is not entry.event]
        before.append(entry)
    return found


@dataclass(frozen=True, slots=True)
class OptOutRecord:
    """The record in a file. Several processes may write to it."""

    file: Path

    def append(self, entries: Sequence[OptOut]) -> None:
        """Add entries, on disk when the call returns. An error is logged and nothing else."""
        if entries:
            self.start(entries)

    def start(self, entries: Sequence[OptOut]) -> None:
        """Do the same, and create the file even if nobody has left."""
        try:
            self._write(entries)
        except OSError as error:
            import structlog  # noqa: PLC0415  # most commands log nothing

            structlog.get_logger(__name__).error(
                "cannot write the record of opt-outs", file=str(self.file), why=error.strerror
            )

    def read(self) -> list[OptOut]:
        """Return the entries in the order of writing; none if there is no file. Raises OSError.

        Events of later versions are left out.
        """
        if not self.file.exists():
            return []
        data = self.file.read_bytes()
        rows = _ENTRY.iter_unpack(data[: len(data) // _ENTRY.size * _ENTRY.size])
        return [
            OptOut(Event(event), key, at, other, until)
            for event, key, other, at, until, end in rows
            if end == _END and event in _EVENTS
        ]

    def compact(self) -> None:
        """Write a long record again with what still counts, if that is less than half of it."""
        if not self.file.exists() or self.file.stat().st_size < COMPACT_ABOVE * _ENTRY.size:
            return
        with self.file.open("r+b") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            entries = self.read()
            kept = [entry for words in last_words(entries).values() for entry in words]
            if len(kept) * 2 > len(entries):
                return
            files.replace(self.file, b"".join(map(_pack, kept)))

    def _write(self, entries: Sequence[OptOut]) -> None:
        files.make_folder(self.file.parent)
        while True:
            opened = files.create(self.file, os.O_RDWR | os.O_APPEND)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX)
                if not os.path.samestat(os.fstat(opened), self.file.stat()):
                    continue  # it was compacted meanwhile
                cut = os.fstat(opened).st_size % _ENTRY.size
                os.write(opened, bytes(-cut % _ENTRY.size) + b"".join(map(_pack, entries)))
                os.fdatasync(opened)
                return
            finally:
                os.close(opened)


def _pack(entry: OptOut) -> bytes:
    return _ENTRY.pack(entry.event, entry.address_key, entry.other, entry.at_us, entry.until_us, _END)
