"""Settle uncertain deliveries by the return paths in the relay's log.

    in the log                                accepted
    not in it, though the log was complete    not sent: it is sent with the next attempt
    otherwise                                 uncertain, until a bounce or the operator settles it

Absence proves something only if the log was kept all the time: it must contain mails of ours that the relay is known
to have accepted before and after, the longest possible transaction must be over, and the log must be that of the relay
in question. Time stamps in the log are not used, because they lack year and time zone.
"""

import gzip
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from digestd.delivery.relay_logs import queued
from digestd.domain.delivery import Actor, Evidence, Settlement
from digestd.errors import BadSetting
from digestd.security.links import BadToken, Keys, looks_like_envelope_from, read_envelope_from
from digestd.store.database import Database
from digestd.store.ledger.settlement import GRACE, SettlementProof, settle
from digestd.store.ledger.uncertain import UncertainDelivery, commit_times, uncertain_deliveries
from digestd.store.timestamps import from_us

BATCH = 5_000
WITNESSES = 200
"""Number of mails from each end of a log are checked to see which period it covers."""
KEPT_BEFORE = timedelta(days=2)
"""Rotated logs that ended longer before the oldest uncertain delivery are not read."""
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


@dataclass(frozen=True, slots=True)
class LogEvidence:
    """Queue ids by return path, and the attempts found at both ends of the log."""

    queue_ids: dict[str, str]
    witnesses: frozenset[tuple[int, int]]


def reconcile(db: Database, keys: Keys, relay_log: RelayLog, now: datetime) -> ReconcileReport:
    """Settle uncertain deliveries by the log; safe to repeat.

    Raises BadSetting if it cannot be read.
    """
    with db.read() as session:
        ends = uncertain_deliveries(session, BATCH)
    if not ends:
        return ReconcileReport()
    since = from_us(min(end.final_dot_us for end in ends)) - KEPT_BEFORE
    evidence = read_evidence(_lines(relay_log.file, since), {end.envelope_from.lower() for end in ends}, keys)
    with db.write() as session:
        known = commit_times(session, evidence.witnesses)
        settled = {Settlement.ACCEPTED: 0, Settlement.NOT_SENT: 0}
        for end in ends:
            verdict = settle_by_evidence(end, evidence, known, relay_log.relays, now)
            if verdict is not None and settle(session, end.delivery, *verdict, now):
                settled[verdict[0]] += 1
                log.warning("settled by the relay's log", delivery=end.delivery, how=verdict[0], why=verdict[1].why)
    accepted, not_sent = settled.values()
    return ReconcileReport(accepted, not_sent, len(ends) - accepted - not_sent)


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


def read_evidence(lines: Iterable[bytes], wanted: set[str], keys: Keys) -> LogEvidence:
    """Search the lines of a log for the return paths `wanted`.

    Lines are oldest first, return paths in lower case.
    """
    queue_ids: dict[str, str] = {}
    first: list[str] = []
    last: deque[str] = deque(maxlen=WITNESSES)
    for line in lines:
        found = queued(line)
        if found is None or not looks_like_envelope_from(found.envelope_from):
            continue
        if found.envelope_from in wanted:
            queue_ids.setdefault(found.envelope_from, found.queue_id)
        if len(first) < WITNESSES:
            first.append(found.envelope_from)
        last.append(found.envelope_from)
    return LogEvidence(queue_ids, frozenset(_ours([*first, *last], keys)))


def settle_by_evidence(
    end: UncertainDelivery, evidence: LogEvidence, known: Sequence[int], relays: frozenset[str], now: datetime
) -> tuple[Settlement, SettlementProof] | None:
    """Return how a delivery ended with the proof, or None if the log does not show it.

    `known` holds the times of answers to the witnesses, as `commit_times` returns them.
    """
    if (queue_id := evidence.queue_ids.get(end.envelope_from.lower())) is not None:
        return Settlement.ACCEPTED, _proof(f"the relay queued it as {queue_id}")
    was_kept = bool(known) and min(known) <= end.final_dot_us <= max(known)
    if was_kept and end.relay in relays and now - from_us(end.final_dot_us) >= GRACE:
        return Settlement.NOT_SENT, _proof("the relay's log has other mails of that time but not this one")
    return None


def _proof(why: str) -> SettlementProof:
    return SettlementProof(Evidence.RELAY_LOG, Actor.RECOVERY, why)


def _ours(addresses: Iterable[str], keys: Keys) -> Iterator[tuple[int, int]]:
    for address in addresses:
        try:
            yield read_envelope_from(keys, address)
        except BadToken:
            continue


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
        why = getattr(error, "strerror", None) or "the file is cut short"
        raise BadSetting(
            f"DIGESTD_RELAY_LOG: cannot read {file}: {why}; set the path of the relay's mail log and "
            "let digestd read it (on Debian, add its user to the group adm)"
        ) from error


def _read(part: Path) -> Iterator[bytes]:
    with gzip.open(part, "rb") if part.suffix == ".gz" else part.open("rb") as opened:
        while line := opened.readline(_LINE_READ):
            yield line


_LINE_READ = 64 * 1024
