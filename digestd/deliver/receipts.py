"""The receipt journal: what the relay answered while the database would not take it, kept until it does.

A file for each run, named after it, its blocks allocated and synced before the first mail goes: so that
there is room for an answer when the disk is full. Recovery reads what a dead run left, before it calls
anything uncertain.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import structlog

from digestd.domain.delivery import Outcome, State
from digestd.errors import BadSetting
from digestd.store.database import Database
from digestd.store.ledger import AttemptResult

ROOM = 64 * 1024
"""Bytes of a journal: some 300 answers, of which a run has a few a lane."""
SUFFIX = ".receipts"
_CHECK = 16
log = structlog.get_logger(__name__)
_KEPT = ("delivery", "attempt", "state", "outcome", "code", "queue_id", "reason")
_ANSWERED = frozenset({Outcome.ACCEPTED, Outcome.TEMP, Outcome.PERM})


@dataclass(slots=True)
class Receipts:
    """An open journal; `keep` is all that is asked of it."""

    _file: int
    _end: int = 0

    def keep(self, results: Sequence[AttemptResult]) -> int:
        """Write down the answers among these results; how many. They are on the disk when it returns.

        None where the disk of the journal fails too: then recovery can but call them uncertain.
        """
        lines = [_line(result) for result in results if result.outcome in _ANSWERED]
        written = b"".join(lines)[: ROOM - self._end]
        try:
            os.pwrite(self._file, written, self._end)
            os.fdatasync(self._file)
        except OSError as error:
            log.error("cannot write the receipt journal", why=error.strerror, answers=len(lines))
            return 0
        self._end += len(written)
        return len(lines)


@contextlib.contextmanager
def journal(folder: Path, owner: str) -> Iterator[Receipts]:
    """A journal for one run; it stays only if something was kept in it. Raises BadSetting where none can be made."""
    file = folder / f"{owner}{SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.posix_fallocate(opened, 0, ROOM)
        os.fsync(opened)
        _sync(folder)
    except OSError as error:
        raise BadSetting(
            f"DIGESTD_RECEIPTS_DIR: cannot make a journal in {folder}: {error.strerror}; "
            "make room or name a folder that digestd may write to"
        ) from error
    receipts = Receipts(opened)
    try:
        yield receipts
    finally:
        os.close(opened)
        if not receipts._end:
            file.unlink(missing_ok=True)


def beside(db: Database) -> Path:
    """Where the journals are unless a setting says so: beside an SQLite file, which is on a disk that lasts."""
    return db.file.with_name(f"{db.file.name}{SUFFIX}") if db.file else Path("var/receipts")


def left(folder: Path) -> list[str]:
    """The runs whose journals are there, alive or not."""
    return sorted(file.name.removesuffix(SUFFIX) for file in folder.glob(f"*{SUFFIX}"))


def read(folder: Path, owner: str) -> list[AttemptResult]:
    """What a run kept. A line that a crash cut short ends it."""
    try:
        lines = (folder / f"{owner}{SUFFIX}").read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        check, _, data = line.partition(b" ")
        if not data or check != _checked(data):
            break
        found.append(_result(owner, json.loads(data)))
    return found


def drop(folder: Path, owner: str) -> None:
    """Remove a journal whose answers are in the ledger."""
    (folder / f"{owner}{SUFFIX}").unlink(missing_ok=True)


def _line(result: AttemptResult) -> bytes:
    """Without the relay's words, which may name the recipient."""
    said = {name: getattr(result, name) for name in _KEPT} | {"wait": result.wait.total_seconds()}
    data = json.dumps(said, separators=(",", ":")).encode()
    return _checked(data) + b" " + data + b"\n"


def _result(owner: str, said: dict[str, Any]) -> AttemptResult:
    named = {
        "state": State(said["state"]),
        "outcome": Outcome(said["outcome"]),
        "wait": timedelta(seconds=said["wait"]),
    }
    return AttemptResult(owner=owner, **{**said, **named})


def _checked(data: bytes) -> bytes:
    return blake2b(data, digest_size=_CHECK // 2).hexdigest().encode()


def _sync(folder: Path) -> None:
    """The name of a new file is on the disk only with its folder."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
