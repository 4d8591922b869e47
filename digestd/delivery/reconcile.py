"""Settle uncertain deliveries by the relay's log, and find mails in it that the ledger does not know.

    in the log                                accepted
    not in it, though the log is complete     not sent: it is sent with the next attempt
    otherwise                                 uncertain, until a bounce or the operator settles it

A mail is in the log if the relay has taken one with its return path or its Message-ID. Absence proves something only if
the log has no gaps: the mails that the relay accepted from us shortly before and after must all be in it, by both
names. The longest possible transaction must be over, and the log must be that of the relay in question. Time stamps in
the log are not used, because they lack year and time zone.
"""

import gzip
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import structlog

from digestd.delivery.relay_logs import read_line
from digestd.domain.delivery import Actor, Evidence, Settlement
from digestd.errors import BadSetting
from digestd.files import explain
from digestd.security.addresses import looks_like_envelope_from, read_envelope_from
from digestd.security.keys import Keys
from digestd.security.tokens import BadToken
from digestd.store.database import Database
from digestd.store.ledger.settlement import (
    GRACE,
    SentMail,
    SettlementProof,
    accepted_near,
    settle,
    uncertain_deliveries,
)
from digestd.store.timestamps import from_us

BATCH = 5_000
WITNESSES = 20
"""Accepted mails before, and after, that must all be in the log. If a tenth of its lines were missing, one of a hundred
absent mails would have been accepted, and 20 mails with all their lines in it would be seen once in 5,000 times."""
WITNESS_SPAN = timedelta(days=1)
"""Accepted mails further away say nothing about the log of that time."""
KEPT_BEFORE = 2 * WITNESS_SPAN
"""Rotated logs that ended longer before the oldest uncertain delivery are not read."""
TAIL_BYTES = 1024 * 1024
"""Bytes of the log's end that are searched for mails that the ledger does not know."""
PATIENCE = timedelta(hours=1)
"""Time to wait for evidence before the policy to resend applies."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RelayLog:
    """The log of some relays, by route name.

    Rotated files are next to it as `NAME.1` or `NAME-20261124.gz`.
    """

    file: Path
    relays: frozenset[str]


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """Counts of deliveries found accepted, not sent, and still uncertain."""

    accepted: int = 0
    not_sent: int = 0
    open: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Why deliveries are still uncertain, and how many each."""


class TakenMails:
    """The wanted mails that a relay's log names, by return path and by Message-ID.

    Args:
        lines: The log, oldest line first.
        wanted: The mails; their return paths have any key and any bounce address that was ever used.
        keys: Read the return paths.
    """

    def __init__(self, lines: Iterable[bytes], wanted: Iterable[SentMail], keys: Keys) -> None:
        names = {name for mail in wanted for name in _names(mail)}
        self._queue_ids: dict[_Name, str] = {}
        self.named: set[_Name] = set()
        """The wanted names that occur, also of mails that the relay may not have taken."""
        named: dict[str, _Name] = {}
        for line in lines:
            found = read_line(line)
            if found is None:
                continue
            if found.message_id:
                named.pop(found.queue_id, None)  # another mail under a queue id that was free again
            for name in (_read_ours(found.envelope_from, keys), found.message_id):
                if name in names:
                    self.named.add(name)
                    named[found.queue_id] = name
                    if found.is_taken:
                        self._queue_ids.setdefault(name, found.queue_id)
            if found.is_taken and found.queue_id in named:
                self._queue_ids.setdefault(named[found.queue_id], found.queue_id)

    def queue_id(self, end: SentMail) -> str | None:
        """Return the queue id of a mail that the relay took, or None."""
        return next((self._queue_ids[name] for name in _names(end) if name in self._queue_ids), None)

    def has_all(self, mails: Iterable[SentMail]) -> bool:
        """Return True if each of these mails is named by its return path and by its Message-ID."""
        return all(name in self.named for mail in mails for name in _names(mail))


_Name: TypeAlias = tuple[int, int] | str


def _names(mail: SentMail) -> tuple[_Name, _Name]:
    """Return what names a mail in a log: delivery and attempt in its return path, and the Message-ID."""
    return (mail.delivery, mail.attempt), mail.message_id


def reconcile(db: Database, relay_log: RelayLog, keys: Keys, now: datetime) -> ReconcileReport:
    """Settle uncertain deliveries by the log; safe to repeat.

    Raises BadSetting if it cannot be read.
    """
    with db.read() as session:
        ends = uncertain_deliveries(session, BATCH)
    if not ends:
        return ReconcileReport()
    since = from_us(min(end.final_dot_us for end in ends)) - KEPT_BEFORE
    taken = TakenMails(_lines(relay_log.file, since), ends, keys)
    queue_ids = {end.delivery: queue_id for end in ends if (queue_id := taken.queue_id(end)) is not None}
    absent = [end for end in ends if end.delivery not in queue_ids]
    reasons = _reasons_for_doubt(db, absent, relay_log, keys, since, now)
    counts, doubts = Counter[Settlement](), Counter[str]()
    with db.write() as session:
        for end in ends:
            queue_id, doubt = queue_ids.get(end.delivery), reasons.get(end.delivery)
            if queue_id is not None:
                how, why = Settlement.ACCEPTED, f"the relay queued it as {queue_id}"
            elif doubt is None:
                how, why = Settlement.NOT_SENT, "the relay's log has the other mails of that time but not this one"
            else:
                doubts[doubt] += 1
                continue
            if settle(session, end.delivery, how, SettlementProof(Evidence.RELAY_LOG, Actor.RECOVERY, why), now):
                counts[how] += 1
                log.warning("settled by the relay's log", delivery=end.delivery, how=how, why=why)
    accepted, not_sent = counts[Settlement.ACCEPTED], counts[Settlement.NOT_SENT]
    return ReconcileReport(accepted, not_sent, len(ends) - accepted - not_sent, dict(doubts))


def _reasons_for_doubt(
    db: Database, absent: Sequence[SentMail], relay_log: RelayLog, keys: Keys, since: datetime, now: datetime
) -> dict[int, str]:
    """Return why the absence of a delivery from the log does not prove that it was not sent, by delivery."""
    near: dict[int, list[SentMail]] = {}
    with db.read() as session:
        for end in absent:
            if end.relay in relay_log.relays and now - from_us(end.final_dot_us) >= GRACE:
                near[end.delivery] = accepted_near(session, end, WITNESSES, WITNESS_SPAN)
    witnesses = [mail for mails in near.values() for mail in mails]
    taken = TakenMails(_lines(relay_log.file, since) if witnesses else (), witnesses, keys)
    reasons: dict[int, str] = {}
    for end in absent:
        if end.relay not in relay_log.relays:
            reasons[end.delivery] = "the log is that of another relay"
        elif end.delivery not in near:
            reasons[end.delivery] = "its transaction may still be running"
        elif gap := _gap(end, near[end.delivery], taken):
            reasons[end.delivery] = gap
    return reasons


def _gap(end: SentMail, near: Sequence[SentMail], taken: TakenMails) -> str | None:
    """Return why the log may lack mails of that time, or None if it is complete."""
    times = [mail.final_dot_us for mail in near]
    if not times or min(times) > end.final_dot_us:
        return "no mail was accepted shortly before it, to compare the log with"
    if max(times) <= end.final_dot_us:
        return "no mail has been accepted since, to compare the log with"
    return None if taken.has_all(near) else "the log lacks other mails of that time, which the relay accepted"


def find_taken(relay_log: RelayLog, keys: Keys, since: datetime) -> Iterator[tuple[str, int, int]]:
    """Yield the Message-ID (or ""), delivery and attempt of each mail of ours that the relay took, oldest first.

    A return path of ours is signed, so nobody else's mail is among them.
    """
    message_ids: dict[str, str] = {}
    for line in _lines(relay_log.file, since):
        found = read_line(line)
        if found is None:
            continue
        if found.message_id:
            message_ids[found.queue_id] = found.message_id
        if found.is_taken and not found.envelope_from:
            message_ids.pop(found.queue_id, None)
        elif found.envelope_from and (ours := _read_ours(found.envelope_from, keys)) is not None:
            yield message_ids.get(found.queue_id, ""), *ours


def last_taken(relay_log: RelayLog, keys: Keys) -> set[tuple[int, int]]:
    """Return the delivery and attempt of our mails at the end of the log."""
    try:
        with relay_log.file.open("rb") as opened:
            opened.seek(max(0, opened.seek(0, os.SEEK_END) - TAIL_BYTES))
            found = (read_line(line) for line in opened.read(TAIL_BYTES).split(b"\n"))
            paths = {line.envelope_from for line in found if line is not None and line.envelope_from}
    except OSError as error:
        raise _unreadable(relay_log.file, error) from error
    return {ours for path in paths if (ours := _read_ours(path, keys)) is not None}


def _read_ours(envelope_from: str, keys: Keys) -> tuple[int, int] | None:
    if not looks_like_envelope_from(envelope_from):
        return None
    try:
        return read_envelope_from(keys, envelope_from)
    except BadToken:
        return None


def check_log_is_readable(relay_log: RelayLog, now: datetime) -> None:
    """Raise BadSetting if the log cannot be read, before it is needed."""
    next(_lines(relay_log.file, now), None)


def resend_uncertain(db: Database, now: datetime) -> int:
    """Settle what stayed uncertain for PATIENCE as not sent.

    That is the operator's policy. Return how many there were.

    The mail is resent under the same Message-ID, by which many mail readers recognise a duplicate.
    """
    with db.read() as session:
        ends = [end for end in uncertain_deliveries(session, BATCH) if now - from_us(end.final_dot_us) >= PATIENCE]
    if not ends:
        return 0
    proof = SettlementProof(Evidence.POLICY, Actor.RECOVERY, "no evidence; resent because of DIGESTD_ON_UNCERTAIN")
    with db.write() as session:
        return sum(settle(session, end.delivery, Settlement.NOT_SENT, proof, now) for end in ends)


def _lines(file: Path, since: datetime) -> Iterator[bytes]:
    """Yield the lines of a log and of its rotated files, oldest first.

    Very long lines are cut.
    """
    try:
        parts = [(part.stat().st_mtime, part) for part in file.parent.glob(f"{file.name}*") if part.is_file()]
        if not file.is_file():
            raise FileNotFoundError(2, "no such file")
        for ended, part in sorted(parts):
            if part == file or ended >= since.timestamp():
                yield from _read(part)
    except (OSError, EOFError) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> BadSetting:
    if isinstance(error, PermissionError):
        return BadSetting(f"DIGESTD_RELAY_LOG: cannot read {explain(error, file)}")
    why = getattr(error, "strerror", None) or "the file is cut short"
    return BadSetting(f"DIGESTD_RELAY_LOG: cannot read {file}: {why}; set the path of the relay's mail log")


def _read(part: Path) -> Iterator[bytes]:
    with gzip.open(part, "rb") if part.suffix == ".gz" else part.open("rb") as opened:
        while line := opened.readline(_LINE_READ):
            yield line


_LINE_READ = 64 * 1024
