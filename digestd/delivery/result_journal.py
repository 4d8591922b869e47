"""Journal of results that the database did not take, kept until it does.

There is one file per run, named after the run. Its blocks are allocated and synced before the first mail is sent, so
that an answer can be written even when the disk is full. Recovery reads what a dead run left before it declares
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
from digestd.store.ledger.results import AttemptResult

SIZE_BYTES = 64 * 1024
"""Room for some 300 answers; a run has a few per worker."""
SUFFIX = ".results"
_CHECK = 16
log = structlog.get_logger(__name__)
_KEPT = ("delivery", "attempt", "state", "outcome", "code", "queue_id", "reason")
_ANSWERED = frozenset({Outcome.ACCEPTED, Outcome.TEMP, Outcome.PERM})


@dataclass(slots=True)
class ResultJournal:
    """The open journal of one run."""

    _file: int
    _end: int = 0

    def write(self, results: Sequence[AttemptResult]) -> int:
        """Write the answers among these results, synced to disk, and return how many.

        Returns 0 if the journal's disk fails too; recovery then makes those mails uncertain.
        """
        lines = [_line(result) for result in results if result.outcome in _ANSWERED]
        written = b"".join(lines)[: SIZE_BYTES - self._end]
        try:
            os.pwrite(self._file, written, self._end)
            os.fdatasync(self._file)
        except OSError as error:
            log.error("cannot write the result journal", why=error.strerror, answers=len(lines))
            return 0
        self._end += len(written)
        return len(lines)


@contextlib.contextmanager
def open_result_journal(folder: Path, owner: str) -> Iterator[ResultJournal]:
    """Open a journal for one run; it is deleted if it stays empty.

    Raises BadSetting if it cannot be created.
    """
    file = folder / f"{owner}{SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.posix_fallocate(opened, 0, SIZE_BYTES)
        os.fsync(opened)
        _sync(folder)
    except OSError as error:
        raise BadSetting(
            f"DIGESTD_JOURNAL_DIR: cannot create a journal in {folder}: {error.strerror}; "
            "free some space, or set a folder that digestd may write to"
        ) from error
    journal = ResultJournal(opened)
    try:
        yield journal
    finally:
        os.close(opened)
        if not journal._end:
            file.unlink(missing_ok=True)


def default_journal_folder(db: Database) -> Path:
    """Return the folder of journals used without a setting: next to an SQLite file, on a persistent disk."""
    return db.file.with_name(f"{db.file.name}{SUFFIX}") if db.file else Path("var/journals")


def list_runs(folder: Path) -> list[str]:
    """Return the names of all runs with a journal, alive or not."""
    return sorted(file.name.removesuffix(SUFFIX) for file in folder.glob(f"*{SUFFIX}"))


def read_results(folder: Path, owner: str) -> list[AttemptResult]:
    """Return the results that a run wrote, up to a line that a crash cut short."""
    try:
        lines = (folder / f"{owner}{SUFFIX}").read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    results = []
    for line in lines:
        check, _, data = line.partition(b" ")
        if not data or check != _checksum(data):
            break
        results.append(_result(owner, json.loads(data)))
    return results


def delete_journal(folder: Path, owner: str) -> None:
    """Delete a journal whose answers are in the ledger."""
    (folder / f"{owner}{SUFFIX}").unlink(missing_ok=True)


def _line(result: AttemptResult) -> bytes:
    """Encode a result, without the relay's text, which may name the recipient."""
    fields = {name: getattr(result, name) for name in _KEPT} | {"wait": result.wait.total_seconds()}
    data = json.dumps(fields, separators=(",", ":")).encode()
    return _checksum(data) + b" " + data + b"\n"


def _result(owner: str, fields: dict[str, Any]) -> AttemptResult:
    named = {
        "state": State(fields["state"]),
        "outcome": Outcome(fields["outcome"]),
        "wait": timedelta(seconds=fields["wait"]),
    }
    return AttemptResult(owner=owner, **{**fields, **named})


def _checksum(data: bytes) -> bytes:
    return blake2b(data, digest_size=_CHECK // 2).hexdigest().encode()


def _sync(folder: Path) -> None:
    """Sync a folder: a new file's name is on disk only with its folder."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
