"""Departures: what passed the gate and how it ended, kept outside the database for some days.

A database that was put back from a backup knows nothing of the mails that have left since: it would send them a second
time. The last departure is not in its ledger, and that is how it is noticed before anything goes; `digestd adopt`
reads here what had been sent.

One file for each day a run began on, beside the receipt journals, its records all of one length; after a clock that
stood ahead the last one goes on, so that their order is that of the departures. A record is written after its commit
and before the mail may leave, so the ledger is never behind its own departures. It names nobody.

What cannot be read or written in the folder is a BadSetting.
"""

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path

import structlog

from digestd.domain.delivery import Outcome, State
from digestd.errors import BadSetting
from digestd.store.ledger import AttemptResult, CommitRequest, SentAttempt
from digestd.store.timestamps import to_us

SUFFIX = ".departures"
KEPT = timedelta(days=7)
"""Longer than any digest is of use: what left before is never planned again."""
MACHINE = "machine"
"""The file that says which machine this folder belongs to."""
log = structlog.get_logger(__name__)
_RECORD = struct.Struct(">cQHQ16s32sc")
"""What, delivery, attempt, microseconds, a hash of the Message-ID, the SHA-256 of the mail, an end."""
_GATE, _TAKEN, _REFUSED, _ADOPTED = b"G", b"A", b"N", b"R"
_END = b"."
_NOTHING = bytes(16), bytes(32), _END


class Fate(StrEnum):
    """How a mail ended that had passed the gate."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Departures:
    """The open file of today; what is written is in the kernel's hands when a call returns."""

    _file: int

    def write(self, passed: Sequence[CommitRequest], results: Sequence[AttemptResult], now: datetime) -> None:
        """Note who passed the gate, and what was answered. Where the disk fails, a backup put back may go unnoticed."""
        records = b"".join([*_answers(results, to_us(now)), *_passes(passed, to_us(now))])
        if not records:
            return
        try:
            if os.write(self._file, records) < len(records):
                _align(self._file)
                log.error("cannot note departures", why="the disk is full")
        except OSError as error:
            log.error("cannot note departures", why=error.strerror)


@contextlib.contextmanager
def departures(folder: Path, today: date) -> Iterator[Departures]:
    """Today's departures; those long past are forgotten."""
    with _said_of(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = max([folder / f"{today}{SUFFIX}", *_files(folder)])
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        _align(opened)
        _forget(folder, today - KEPT)
        yield Departures(opened)
    finally:
        os.close(opened)


def last(folder: Path) -> tuple[int, int, bytes] | None:
    """Delivery, attempt and hash of the last departure; None where there is none, or it was adopted."""
    for file in reversed(_files(folder)):
        with _said_of(folder), file.open("rb") as opened:
            whole = opened.seek(0, os.SEEK_END) // _RECORD.size
            while whole:
                whole -= 1
                opened.seek(whole * _RECORD.size)
                what, delivery, attempt, _, mail, _, end = _RECORD.unpack(opened.read(_RECORD.size))
                if end == _END and what in {_GATE, _ADOPTED}:
                    return (delivery, attempt, mail) if what == _GATE else None
    return None


def read(folder: Path) -> dict[bytes, tuple[SentAttempt, Fate]]:
    """The last departure of every mail, by the hash of its Message-ID, and how it ended; what was accepted stays so."""
    found: dict[bytes, tuple[SentAttempt, Fate]] = {}
    mails: dict[tuple[int, int], bytes] = {}
    for what, delivery, attempt, at_us, mail, sha256 in _records(folder):
        if what == _GATE and found.get(mail, (None, None))[1] is not Fate.ACCEPTED:
            mails[delivery, attempt] = mail
            found[mail] = SentAttempt(delivery, attempt, at_us, sha256), Fate.UNKNOWN
        elif (answered := mails.get((delivery, attempt))) is not None and what in {_TAKEN, _REFUSED}:
            found[answered] = found[answered][0], Fate.ACCEPTED if what == _TAKEN else Fate.REFUSED
    return found


def adopted(folder: Path, machine: str, now: datetime) -> None:
    """Take what departed so far as known, and this machine as the folder's own."""
    with departures(folder, now.date()) as today:
        os.write(today._file, _RECORD.pack(_ADOPTED, 0, 0, to_us(now), *_NOTHING))
    claim_folder(folder, machine)


def claim_folder(folder: Path, machine: str) -> None:
    """Write down whose folder this is; nothing where the machine has no name."""
    if machine:
        with _said_of(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / MACHINE).write_text(f"{machine}\n")


def this_machine() -> str:
    """The name systemd gave this machine (machine-id(5)); empty where it has none, as in most containers."""
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return ""


def owner_of(folder: Path) -> str:
    """The machine that a folder belongs to; empty where none is written down."""
    file = folder / MACHINE
    with _said_of(folder):
        return file.read_text().strip() if file.exists() else ""


def hashed(message_id: str) -> bytes:
    """A Message-ID as departures know it."""
    return blake2b(message_id.encode(), digest_size=16).digest()


def _passes(passed: Sequence[CommitRequest], at_us: int) -> Iterable[bytes]:
    return [_RECORD.pack(_GATE, p.delivery, p.attempt, at_us, hashed(p.message_id), p.sha256, _END) for p in passed]


def _answers(results: Sequence[AttemptResult], at_us: int) -> Iterable[bytes]:
    """What leaves an attempt uncertain says nothing, and so leaves it."""
    return [
        _RECORD.pack(_TAKEN if r.outcome is Outcome.ACCEPTED else _REFUSED, r.delivery, r.attempt, at_us, *_NOTHING)
        for r in results
        if r.state is not State.UNCERTAIN
    ]


def _records(folder: Path) -> Iterator[tuple[bytes, int, int, int, bytes, bytes]]:
    for file in _files(folder):
        with _said_of(folder):
            data = file.read_bytes()
        for *record, end in _RECORD.iter_unpack(data[: len(data) // _RECORD.size * _RECORD.size]):
            if end == _END:
                yield tuple(record)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


@contextlib.contextmanager
def _said_of(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadSetting(
            f"DIGESTD_RECEIPTS_DIR: cannot keep departures in {folder}: {error.strerror}; "
            "make room or name a folder that digestd may read and write"
        ) from error


def _align(opened: int) -> None:
    """Fill up a record that a crash or a full disk cut short; it counts as none."""
    fcntl.flock(opened, fcntl.LOCK_EX)
    if over := os.fstat(opened).st_size % _RECORD.size:
        os.write(opened, bytes(_RECORD.size - over))
    fcntl.flock(opened, fcntl.LOCK_UN)


def _forget(folder: Path, before: date) -> None:
    for file in _files(folder):
        if file.name < f"{before}":
            file.unlink(missing_ok=True)
