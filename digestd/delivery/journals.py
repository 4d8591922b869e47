"""The journals of delivery: files of sent mails, and of results that the database did not take.

The sent journal keeps mails and their outcome for some days. A database restored from a backup does not know the mails
sent since, and would send them a second time. The newest entry of the sent journal is then missing from its ledger:
that is how digestd notices before it sends anything, and resuming after a restore reads here what had been sent. The
folder and the database also count the runs (`JournalIdentity`), so that either is noticed that was put back. There is
one file per day on which a run began, with records of fixed length. If the clock was set back, the newest file
continues, so that the order of records is the order of sending. A record is written after its commit and before the
final dot, so the ledger is never behind its own journal. Records contain no addresses.

The result journal keeps answers until the database takes them. There is one file per run, named after the run, in the
same folder. Its blocks are allocated and synced before the first mail is sent, so that an answer can be written even
when the disk is full. Recovery reads what a dead run left before it declares anything uncertain.

Functions raise BadSetting if the folder cannot be read or written.
"""

import contextlib
import fcntl
import json
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import structlog

from digestd import files
from digestd.domain.delivery import Outcome, State
from digestd.errors import BadSetting
from digestd.store.ledger.commit_point import CommitRequest
from digestd.store.ledger.restore import SentAttempt
from digestd.store.ledger.results import AttemptResult
from digestd.store.opt_outs import FILE_NAME as OPT_OUTS
from digestd.store.timestamps import to_us

_SENT_SUFFIX = ".sent"
SENT_RETENTION = timedelta(days=7)
"""Time that sent mails are kept, longer than any digest is useful: digests sent earlier are never planned again."""
IDENTITY_FILE = "journal.json"
"""Name of the file with the identity of a journal. It has the keys of digestd 0.1.0 only, which refuses others."""
IDENTITY_MORE = "journal.more.json"
"""Name of the file with the rest of the identity, and with the generation that it belongs to."""
_LOCK_FILE = "lock"
log = structlog.get_logger(__name__)
_SENT_RECORD = struct.Struct(">cQHQ16s32sc")
"""Kind, delivery, attempt, microseconds since 1970, Message-ID hash, SHA-256 of the mail, end mark."""
_SENT, _ACCEPTED, _REFUSED, _RESTORED, _PAPERS = b"G", b"A", b"N", b"R", b"P"
_PAPERS_EACH = 5
"""Papers in one record of kind P, which has the subscriber in place of the time, the period in place of the
Message-ID, and hashes of papers in place of that of the mail."""
_END_MARK = b"."
_EMPTY_FIELDS = bytes(16), bytes(32), _END_MARK
RESULT_JOURNAL_BYTES = 64 * 1024
"""Size of a result journal, room for some 300 answers; a run has a few per worker."""
_RESULTS_SUFFIX = ".results"
_CHECKSUM_LENGTH = 16
_RESULT_FIELDS = ("delivery", "attempt", "state", "outcome", "code", "queue_id", "reason")
_ANSWER_OUTCOMES = frozenset({Outcome.ACCEPTED, Outcome.TEMP, Outcome.PERM})


class SentOutcome(StrEnum):
    """Outcome of a mail that passed the commit point."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class JournalMail:
    """A mail that passed the commit point, by the journal.

    Attributes:
        attempt: its last attempt, with the number of its delivery.
        period: of the digest; empty for a notice, and in journals of digestd 0.1.0.
        papers: hashes of the ids of the papers in it, see store.ledger.seen_papers.
        is_described: the journal says what it was.
    """

    attempt: SentAttempt
    outcome: SentOutcome = SentOutcome.UNKNOWN
    subscriber: int = 0
    period: str = ""
    papers: bytes = b""
    is_described: bool = False


@dataclass(frozen=True, slots=True)
class JournalIdentity:
    """The identity of a folder of journals.

    Attributes:
        id: A random name; the database knows it.
        generation: The number of runs that began with it, as the database counts them.
        machine: The machine that it belongs to, or empty.
        next: The generation that is being written to the database; None in journals of digestd 0.1.0.
        has_opt_outs: The record of opt-outs names everybody who left (see store.opt_outs).
    """

    id: str
    generation: int
    machine: str
    next: int | None = None
    has_opt_outs: bool = False


@dataclass(frozen=True, slots=True)
class SentJournal:
    """The open file of today. Data is with the kernel when a call returns."""

    _file: int

    def write(
        self,
        passed: Sequence[CommitRequest],
        results: Sequence[AttemptResult],
        now: datetime,
        paper_hashes: Mapping[int, bytes] = MappingProxyType({}),
    ) -> None:
        """Append mails that passed the commit point, and answers.

        `paper_hashes`: of the papers in the mails, by row number.

        After a disk error a restore may go unnoticed.
        """
        records = b"".join([*_pack_answers(results, to_us(now)), *_pack_passed(passed, to_us(now), paper_hashes)])
        if not records:
            return
        try:
            if os.write(self._file, records) < len(records):
                _pad_record(self._file)
                log.error("cannot write the sent journal", why="the disk is full")
        except OSError as error:
            log.error("cannot write the sent journal", why=error.strerror)


@contextlib.contextmanager
def open_sent_journal(folder: Path, today: date) -> Iterator[SentJournal]:
    """Open today's file and delete files older than SENT_RETENTION."""
    with _report_errors(folder):
        files.make_folder(folder)
        file = max([folder / f"{today}{_SENT_SUFFIX}", *_sent_files(folder)])
        opened = files.create(file, os.O_RDWR | os.O_APPEND)
    try:
        _pad_record(opened)
        _delete_old(folder, today - SENT_RETENTION)
        yield SentJournal(opened)
    finally:
        os.close(opened)


def last_sent(folder: Path) -> tuple[int, int, bytes] | None:
    """Return delivery, attempt and Message-ID hash of the newest entry.

    Returns None if there is none, or if a restore was recorded after it.
    """
    for file in reversed(_sent_files(folder)):
        with _report_errors(folder), file.open("rb") as opened:
            count = opened.seek(0, os.SEEK_END) // _SENT_RECORD.size
            while count:
                count -= 1
                opened.seek(count * _SENT_RECORD.size)
                kind, delivery, attempt, _, mail, _, end = _SENT_RECORD.unpack(opened.read(_SENT_RECORD.size))
                if end == _END_MARK and kind in {_SENT, _RESTORED}:
                    return (delivery, attempt, mail) if kind == _SENT else None
    return None


def read_sent(folder: Path, since: datetime) -> tuple[dict[bytes, JournalMail], int]:
    """Return the mails sent since a time by Message-ID hash, and the highest delivery number.

    An accepted mail stays accepted.
    """
    found: dict[bytes, JournalMail] = {}
    mails: dict[tuple[int, int], JournalMail] = {}
    highest, since_us = 0, to_us(since)
    for kind, delivery, attempt, at_us, mail, sha256 in _sent_records(folder):
        highest = max(highest, delivery)
        known = mails.get((delivery, attempt))
        if kind == _SENT and at_us >= since_us:
            same = found.setdefault(mail, JournalMail(SentAttempt(delivery, attempt, at_us, sha256)))
            if same.outcome is not SentOutcome.ACCEPTED:
                same.attempt, same.outcome, same.papers = SentAttempt(delivery, attempt, at_us, sha256), _UNKNOWN, b""
                mails[delivery, attempt] = same
        elif known is not None and kind == _PAPERS:
            known.subscriber, known.period, known.is_described = at_us, mail.rstrip(b"\0").decode(), True
            known.papers += sha256.rstrip(b"\0")
        elif known is not None and kind in {_ACCEPTED, _REFUSED}:
            known.outcome = SentOutcome.ACCEPTED if kind == _ACCEPTED else SentOutcome.REFUSED
    return found, highest


_UNKNOWN = SentOutcome.UNKNOWN


def sent_since_restore(folder: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield delivery, attempt and Message-ID hash of the entries since the last recorded restore, oldest first."""
    kinds = (kind for kind, *_ in _sent_records(folder))
    first = max((number for number, kind in enumerate(kinds, 1) if kind == _RESTORED), default=0)
    for kind, delivery, attempt, _, mail, _ in islice(_sent_records(folder), first, None):
        if kind == _SENT:
            yield delivery, attempt, mail


def record_restore(folder: Path, now: datetime) -> None:
    """Record that the ledger now knows all entries so far."""
    with open_sent_journal(folder, now.date()) as today:
        os.write(today._file, _SENT_RECORD.pack(_RESTORED, 0, 0, to_us(now), *_EMPTY_FIELDS))


def hash_message_id(message_id: str) -> bytes:
    return blake2b(message_id.encode(), digest_size=16).digest()


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that one process at a time compares it with the database."""
    with _report_errors(folder):
        files.make_folder(folder)
        opened = files.create(folder / _LOCK_FILE, os.O_RDWR)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def new_identity(machine: str) -> JournalIdentity:
    return JournalIdentity(uuid4().hex, 0, machine)


def read_identity(folder: Path) -> JournalIdentity | None:
    """Return the identity of a folder, or None if it has none yet."""
    file = folder / IDENTITY_FILE
    with _report_errors(folder):
        if not file.exists():
            return None
        try:
            return _identity(json.loads(file.read_text()), _read_more(folder))
        except (ValueError, TypeError, KeyError) as error:
            raise BadSetting(
                f"DIGESTD_JOURNAL_DIR: {file} cannot be read; put the newest copy of it back, or delete it and "
                "run `digestd restore --resume --lost-journal`"
            ) from error


def _identity(first: dict[str, Any], more: dict[str, Any]) -> JournalIdentity:
    """Return the identity in both files, of which the second is written last; unknown keys are of a later version.

    If the second is behind by more than a crash explains, another version wrote the first since, which did not keep up
    the record of opt-outs.
    """
    own = JournalIdentity(str(first["id"]), int(first["generation"]), str(first["machine"]))
    if more.get("id") != own.id or own.generation > (more.get("next") or 0):
        return own
    following = more["next"] if more.get("generation") == own.generation else own.generation
    return replace(own, next=following, has_opt_outs=more.get("has_opt_outs") is True)


def _read_more(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / IDENTITY_MORE).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_identity(folder: Path, identity: JournalIdentity) -> None:
    """Write the identity of a folder, all of it or nothing. It is on disk when the call returns."""
    fields = asdict(identity)
    first = {name: fields[name] for name in ("id", "generation", "machine")}
    with _report_errors(folder):
        for name, content in {IDENTITY_FILE: first, IDENTITY_MORE: fields}.items():
            fresh = folder / f"{name}.new"
            opened = files.create(fresh, os.O_WRONLY | os.O_TRUNC)
            try:
                os.pwrite(opened, json.dumps(content).encode(), 0)
                os.fsync(opened)
            finally:
                os.close(opened)
            fresh.replace(folder / name)
        _sync(folder)
        _sync(folder.parent)


def read_machine_id() -> str:
    """Return the machine id (machine-id(5)), or "" if there is none, as in most containers."""
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return ""


@dataclass(slots=True)
class ResultJournal:
    """The open journal of one run."""

    _file: int
    _end: int = 0

    def write(self, results: Sequence[AttemptResult]) -> int:
        """Write the answers among these results, synced to disk, and return how many.

        Returns 0 if the journal's disk fails too; recovery then makes those mails uncertain.
        """
        lines = [_result_line(result) for result in results if result.outcome in _ANSWER_OUTCOMES]
        written = b"".join(lines)[: RESULT_JOURNAL_BYTES - self._end]
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
    file = folder / f"{owner}{_RESULTS_SUFFIX}"
    try:
        files.make_folder(folder)
        opened = files.create(file, os.O_RDWR | os.O_EXCL)
        os.posix_fallocate(opened, 0, RESULT_JOURNAL_BYTES)
        os.fsync(opened)
        _sync(folder)
    except OSError as error:
        raise BadSetting(f"DIGESTD_JOURNAL_DIR: cannot create {files.explain(error, file)}") from error
    journal = ResultJournal(opened)
    try:
        yield journal
    finally:
        os.close(opened)
        if not journal._end:
            file.unlink(missing_ok=True)


def add_journals(folder: Path, found: Mapping[str, Path]) -> None:
    """Write the journals of a backup that are not in the folder; those there know more.

    Not the identity: what was sent since the backup is missing, so they must not pass for the newest.
    """
    with _report_errors(folder):
        files.make_folder(folder)
        if not (folder / OPT_OUTS).exists() and (own := read_identity(folder)) is not None:
            write_identity(folder, replace(own, has_opt_outs=False))  # that of the backup lacks who left since
        for name, source in found.items():
            if name not in {IDENTITY_FILE, IDENTITY_MORE, _LOCK_FILE} and not (folder / name).exists():
                part = folder / f".{name}.part"
                with os.fdopen(files.create(part, os.O_WRONLY | os.O_TRUNC), "wb") as out:
                    out.write(source.read_bytes())
                part.replace(folder / name)


def list_runs(folder: Path) -> list[str]:
    """Return the names of all runs with a journal, alive or not."""
    return sorted(file.name.removesuffix(_RESULTS_SUFFIX) for file in folder.glob(f"*{_RESULTS_SUFFIX}"))


def read_results(folder: Path, owner: str) -> list[AttemptResult]:
    """Return the results that a run wrote, up to a line that a crash cut short."""
    try:
        lines = (folder / f"{owner}{_RESULTS_SUFFIX}").read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    results = []
    for line in lines:
        check, _, data = line.partition(b" ")
        if not data or check != _checksum(data):
            break
        results.append(_parse_result(owner, json.loads(data)))
    return results


def delete_journal(folder: Path, owner: str) -> None:
    """Delete a journal whose answers are in the ledger."""
    (folder / f"{owner}{_RESULTS_SUFFIX}").unlink(missing_ok=True)


def _pack_passed(passed: Sequence[CommitRequest], at_us: int, paper_hashes: Mapping[int, bytes]) -> Iterator[bytes]:
    for p in passed:
        yield _SENT_RECORD.pack(_SENT, p.delivery, p.attempt, at_us, hash_message_id(p.message_id), p.sha256, _END_MARK)
        hashes = [paper_hashes[paper] for paper in p.papers if paper in paper_hashes]
        for begin in range(0, max(len(hashes), 1), _PAPERS_EACH):
            some = b"".join(hashes[begin : begin + _PAPERS_EACH])
            period = p.period.encode()[:16]
            yield _SENT_RECORD.pack(_PAPERS, p.delivery, p.attempt, p.subscriber, period, some, _END_MARK)


def _pack_answers(results: Sequence[AttemptResult], at_us: int) -> Iterable[bytes]:
    """Pack the answers. An uncertain result adds no information and is left out."""
    return [
        _SENT_RECORD.pack(
            _ACCEPTED if r.outcome is Outcome.ACCEPTED else _REFUSED, r.delivery, r.attempt, at_us, *_EMPTY_FIELDS
        )
        for r in results
        if r.state is not State.UNCERTAIN
    ]


def _sent_records(folder: Path) -> Iterator[tuple[bytes, int, int, int, bytes, bytes]]:
    for file in _sent_files(folder):
        with _report_errors(folder):
            data = file.read_bytes()
        for *record, end in _SENT_RECORD.iter_unpack(data[: len(data) // _SENT_RECORD.size * _SENT_RECORD.size]):
            if end == _END_MARK:
                yield tuple(record)


def _sent_files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{_SENT_SUFFIX}"))


@contextlib.contextmanager
def _report_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadSetting(f"DIGESTD_JOURNAL_DIR: cannot use the sent journal {files.explain(error, folder)}") from error


def _pad_record(opened: int) -> None:
    """Pad a record that a crash or a full disk cut short; it is ignored when reading."""
    fcntl.flock(opened, fcntl.LOCK_EX)
    if over := os.fstat(opened).st_size % _SENT_RECORD.size:
        os.write(opened, bytes(_SENT_RECORD.size - over))
    fcntl.flock(opened, fcntl.LOCK_UN)


def _delete_old(folder: Path, before: date) -> None:
    for file in _sent_files(folder):
        if file.name < f"{before}":
            file.unlink(missing_ok=True)


def _result_line(result: AttemptResult) -> bytes:
    """Encode a result, without the relay's text, which may name the recipient."""
    fields = {name: getattr(result, name) for name in _RESULT_FIELDS} | {"wait": result.wait.total_seconds()}
    data = json.dumps(fields, separators=(",", ":")).encode()
    return _checksum(data) + b" " + data + b"\n"


def _parse_result(owner: str, fields: dict[str, Any]) -> AttemptResult:
    named = {
        "state": State(fields["state"]),
        "outcome": Outcome(fields["outcome"]),
        "wait": timedelta(seconds=fields["wait"]),
    }
    known = {name: fields[name] for name in _RESULT_FIELDS}
    return AttemptResult(owner=owner, **known | named)


def _checksum(data: bytes) -> bytes:
    return blake2b(data, digest_size=_CHECKSUM_LENGTH // 2).hexdigest().encode()


def _sync(folder: Path) -> None:
    """Sync a folder: a new file's name is on disk only with its folder."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
