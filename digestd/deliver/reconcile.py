"""Settling uncertain deliveries by the relay's log: what it took is there under the return path of the very attempt.

    in the log                       accepted
    not in it, though it would be    not sent: it goes out with the next attempt
    else                             held, for a bounce or the operator to settle

Absence proves something only of a log that was kept all the while: mails of ours that the relay is known to have
taken must stand in it from before and from after, the longest transaction must have ended, and the log must be
that of the relay which was written to. No time stamp in it is believed, as it names neither year nor zone.
"""

import gzip
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from digestd.domain.delivery import Actor, Evidence, Settlement
from digestd.errors import BadSetting
from digestd.links import BadToken, Keys, claims_our_form, read_envelope_from
from digestd.relaylogs import queued
from digestd.store.database import Database
from digestd.store.ledger import GRACE, SettlementProof, UncertainDelivery, commit_times, settle, uncertain_deliveries
from digestd.store.timestamps import from_us

AT_ONCE = 5_000
WITNESSES = 200
"""So many mails from each end of a log are asked whether it was kept at that time."""
KEPT_BEFORE = timedelta(days=2)
"""A rotated part of the log that ended longer before the oldest open end is not read."""
PATIENCE = timedelta(hours=1)
"""How long evidence is waited for before a policy to send again applies."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RelayLog:
    """The log of some relays, by their routes' names; rotated parts lie beside it as `NAME.1`, `NAME-20261124.gz`."""

    file: Path
    relays: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many were found to have arrived, how many not to have left, and how many stay open."""

    accepted: int = 0
    not_sent: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What a log tells: queue ids by return path for those asked for, and the attempts at both its ends."""

    queue_ids: dict[str, str]
    witnesses: frozenset[tuple[int, int]]


def reconcile(db: Database, keys: Keys, relay_log: RelayLog, now: datetime) -> Reconciled:
    """Settle what the log tells the end of. Raises BadSetting where it cannot be read; safe to repeat."""
    with db.read() as session:
        ends = uncertain_deliveries(session, AT_ONCE)
    if not ends:
        return Reconciled()
    since = from_us(min(end.dot_us for end in ends)) - KEPT_BEFORE
    told = tell(_lines(relay_log.file, since), {end.envelope_from.lower() for end in ends}, keys)
    with db.write() as session:
        known = commit_times(session, told.witnesses)
        settled = {Settlement.ACCEPTED: 0, Settlement.NOT_SENT: 0}
        for end in ends:
            verdict = judge(end, told, known, relay_log.relays, now)
            if verdict is not None and settle(session, end.delivery, *verdict, now):
                settled[verdict[0]] += 1
                log.warning("settled by the relay's log", delivery=end.delivery, how=verdict[0], why=verdict[1].why)
    accepted, not_sent = settled.values()
    return Reconciled(accepted, not_sent, len(ends) - accepted - not_sent)


def see_that_it_can_be_read(relay_log: RelayLog, now: datetime) -> None:
    """Raise BadSetting where it cannot: else nobody would know before a mail is uncertain."""
    next(_lines(relay_log.file, now), None)


def send_again(db: Database, now: datetime) -> int:
    """Take what stayed uncertain for PATIENCE as not sent, by the operator's policy: it goes out under the same
    Message-ID, by which many mail readers know it again. How many."""
    with db.read() as session:
        ends = [end for end in uncertain_deliveries(session, AT_ONCE) if now - from_us(end.dot_us) >= PATIENCE]
    if not ends:
        return 0
    proof = SettlementProof(Evidence.POLICY, Actor.RECOVERY, "nobody knows; sent again, as DIGESTD_ON_UNCERTAIN says")
    with db.write() as session:
        return sum(settle(session, end.delivery, Settlement.NOT_SENT, proof, now) for end in ends)


def tell(lines: Iterable[bytes], asked: set[str], keys: Keys) -> Told:
    """What the lines of a log, oldest first, tell of the return paths asked for (in lower case)."""
    queue_ids: dict[str, str] = {}
    first: list[str] = []
    last: deque[str] = deque(maxlen=WITNESSES)
    for line in lines:
        found = queued(line)
        if found is None or not claims_our_form(found.envelope_from):
            continue
        if found.envelope_from in asked:
            queue_ids.setdefault(found.envelope_from, found.queue_id)
        if len(first) < WITNESSES:
            first.append(found.envelope_from)
        last.append(found.envelope_from)
    return Told(queue_ids, frozenset(_ours([*first, *last], keys)))


def judge(
    end: UncertainDelivery, told: Told, known: Sequence[int], relays: frozenset[str], now: datetime
) -> tuple[Settlement, SettlementProof] | None:
    """How a delivery ended, and the proof; None where the log does not tell. `known`: as `answered_at` gives them."""
    if (queue_id := told.queue_ids.get(end.envelope_from.lower())) is not None:
        return Settlement.ACCEPTED, _proof(f"the relay queued it as {queue_id}")
    was_kept = bool(known) and min(known) <= end.dot_us <= max(known)
    if was_kept and end.relay in relays and now - from_us(end.dot_us) >= GRACE:
        return Settlement.NOT_SENT, _proof("the relay's log has others of that time, and not this one")
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
    """The lines of a log and of its rotated parts, oldest first; of very long ones only the beginning."""
    try:
        parts = [(part.stat().st_mtime, part) for part in file.parent.glob(f"{file.name}*") if part.is_file()]
        if not file.is_file():
            raise FileNotFoundError(2, "there is no such file")
        for ended, part in sorted(parts):
            if part == file or ended >= since.timestamp():
                yield from _read(part)
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or "it is cut short"
        raise BadSetting(
            f"DIGESTD_RELAY_LOG: cannot read {file}: {why}; name the mail log of the relay, and let digestd read it "
            "(Debian: add its user to the group adm)"
        ) from error


def _read(part: Path) -> Iterator[bytes]:
    with gzip.open(part, "rb") if part.suffix == ".gz" else part.open("rb") as opened:
        while line := opened.readline(_LINE_READ):
            yield line


_LINE_READ = 64 * 1024
