"""Recover after a crash and after a restore.

`recover` takes over from dead workers: it releases their leases, records the answers in their journals, and marks mails
that may have been sent as uncertain. `RestoreGuard.check` detects a restored backup or another machine before anything
is sent, and `RestoreGuard.resume` continues without sending anything twice.
"""

import socket
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import structlog

from digestd.delivery import journals
from digestd.delivery.journals import JournalIdentity, SentOutcome
from digestd.delivery.reconcile import RelayLog, find_taken, last_taken
from digestd.errors import BadSetting, DigestdError, NotResumed, Unavailable
from digestd.security.links import Keys
from digestd.store import ledger, sent_journals
from digestd.store.database import Database
from digestd.store.ledger import recovery, restore
from digestd.store.ledger.restore import SentAttempt
from digestd.store.ledger.results import AttemptResult
from digestd.store.process_locks import ProcessLocks
from digestd.store.sent_journals import KnownJournal
from digestd.store.timestamps import to_us

log = structlog.get_logger(__name__)
RESUME_BATCH = 200
"""Number of mails settled in one transaction."""
COMPARED_BATCH = 10_000
"""Number of mails compared with the ledger at once."""
GENERATION_SLACK = 10
"""Generations that a folder may be behind the database: one for each run that was killed as it began."""
SETTLE_TIME = timedelta(seconds=60)
"""Time for all workers to compare their journals after another database server took over."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """Counts of mails sent since the backup, of those with unknown outcome, and of those that may have been sent."""

    accepted: int = 0
    uncertain: int = 0
    held: int = 0


class JournalsPending(Unavailable):
    """Other workers have not compared their sent journals with the server that took over."""


def recover(db: Database, owners: ProcessLocks, folder: Path, now: datetime) -> recovery.Recovered:
    """Recover after every dead worker.

    Safe to run at any time, by several workers at once.

    Answers that a dead worker wrote to its result journal in the folder are recorded instead of becoming
    uncertain. Returns the numbers of deliveries that became ready and uncertain.
    """
    with db.read() as session:
        ledger_owners = set(recovery.owners(session))
    total = recovery.Recovered(0, 0)
    for owner in sorted(ledger_owners.union(journals.list_runs(folder))):
        if owners.is_dead(owner):
            found = _recover_owner(db, folder, owner, now)
            if owner not in ledger_owners:
                continue
            log.warning("recovered after a dead worker", worker=owner, ready=found.ready, uncertain=found.uncertain)
            total = recovery.Recovered(total.ready + found.ready, total.uncertain + found.uncertain)
    if not db.is_sqlite:  # with SQLite the kernel's locks show who is alive, whatever the clock says
        with db.write() as session:
            late = recovery.recover_overdue(session, now)
        total = recovery.Recovered(total.ready + late.ready, total.uncertain + late.uncertain)
    return total


def _recover_owner(db: Database, folder: Path, owner: str, now: datetime) -> recovery.Recovered:
    """Record the journal of a dead worker, and take over what else it held."""
    results = journals.read_results(folder, owner)
    try:
        with db.write() as session:
            settled = ledger.record_journalled(session, results, now)
    except DigestdError:
        raise
    except Exception as error:
        log.exception("cannot record a journal at once; recording each answer apart", kind=type(error).__name__)
        settled = sum(_record_one(db, result, now) for result in results)
    if settled:
        log.warning("recorded the journal of a dead worker", worker=owner, answers=settled)
    with db.write() as session:
        found = recovery.recover(session, owner, now)
    journals.delete_journal(folder, owner)
    return found


def _record_one(db: Database, result: AttemptResult, now: datetime) -> int:
    """Record one journalled answer. Return 0 if it cannot be recorded; its mail then becomes uncertain."""
    try:
        with db.write() as session:
            return ledger.record_journalled(session, [result], now)
    except DigestdError:
        raise
    except Exception as error:
        log.exception("cannot record an answer", delivery=result.delivery, kind=type(error).__name__)
        return 0


@dataclass(frozen=True, slots=True)
class RestoreGuard:
    """Checks that the database, the sent journal and the relay's log agree before anything is sent.

    Attributes:
        folder: The folder of the sent journal.
        machine: The name of this machine, or empty.
        relay_log: The log of the relay, if it can be read.
    """

    db: Database
    keys: Keys
    folder: Path
    machine: str
    relay_log: RelayLog | None = None

    def check(self, now: datetime) -> str:
        """Refuse to send with a database or a journal that was put back, or on another machine.

        A run begins with this. The first machine that sends claims the folder. If a standby of PostgreSQL has taken
        over that lacks some of our mails, they are recorded from the journal.

        Returns:
            The identity of the database server; see store.sent_journals.

        Raises:
            NotResumed: The operator must say how to go on.
            JournalsPending: Another server took over, and other workers are still comparing their journals.
        """
        with journals.lock_folder(self.folder):
            own = journals.read_identity(self.folder)
            with self.db.read() as session:
                server = sent_journals.server_identity(session)
                known = {j.id: j for j in sent_journals.known_journals(session, now - journals.SENT_RETENTION)}
            mine = None if own is None else known.pop(own.id, None)
            self._check_folder(own, mine, known.values(), server)
            moved = mine is not None and sent_journals.took_over(mine.server, server)
            if self._is_behind(own, mine):
                if not moved:
                    raise NotResumed(_BEHIND)
                found = self._take_in(now, from_log=False)
                log.error("the database lost mails when another server took over; recorded them", **asdict(found))
            elif mine is not None and mine.server != server and not moved:
                raise NotResumed(f"the database was restored from a dump. {_RESUME}")
            self._check_relay_log()
            self._begin(own or journals.new_identity(self.machine), now)
        self._wait_for_others(known.values(), server, now)
        return server

    def resume(self, now: datetime, *, lost_journal: bool = False) -> RestoreReport:
        """Record in the ledger what was sent since the backup, and continue on this machine. Safe to repeat.

        Plan what is due first, because a digest that is not planned yet would be sent a second time.

        Args:
            lost_journal: The sent journal is lost, here or on another machine. What may have been sent becomes
                uncertain, and the other journals that the database knows are forgotten.

        Raises:
            NotResumed: The sent journal is missing or was put back, and `lost_journal` is False.
        """
        with journals.lock_folder(self.folder):
            own = journals.read_identity(self.folder)
            with self.db.read() as session:
                known = {j.id: j for j in sent_journals.known_journals(session, now - journals.SENT_RETENTION)}
            mine = None if own is None else known.pop(own.id, None)
            if not lost_journal:
                self._check_folder(own, mine, known.values(), "", may_move=True)
            report = self._take_in(now, from_log=True)
            if lost_journal:
                report = replace(report, held=self._hold(now))
                with self.db.write() as session:
                    sent_journals.forget_journals(session, list(known))
            journals.record_restore(self.folder, now)
            self._begin(replace(own or journals.new_identity(""), machine=self.machine), now)
        return report

    def find_unknown(self, now: datetime) -> dict[str, list[str]]:
        """Return the mails that the sent journal (J1) or the relay's log (J2) has as sent, and the ledger has not."""
        found = {"J1": self._unknown((d, n) for d, n, _ in journals.sent_since_restore(self.folder))}
        if self.relay_log is not None:
            taken = find_taken(self.relay_log, self.keys, now - journals.SENT_RETENTION)
            found["J2"] = self._unknown((d, n) for _, d, n in taken)
        return found

    def _unknown(self, attempts: Iterable[tuple[int, int]]) -> list[str]:
        unknown: list[str] = []
        remaining = iter(attempts)
        while some := list(islice(remaining, COMPARED_BATCH)):
            with self.db.read() as session:
                unknown += [f"{delivery}.{n}" for delivery, n in restore.unknown_attempts(session, some)]
        return unknown

    def _check_folder(
        self,
        own: JournalIdentity | None,
        mine: KnownJournal | None,
        others: Collection[KnownJournal],
        server: str,
        *,
        may_move: bool = False,
    ) -> None:
        """Raise NotResumed if the folder is another machine's, lost or put back."""
        if own is not None and not may_move and self.machine and own.machine not in {"", self.machine}:
            raise NotResumed(
                "mail was sent from another machine: stop digestd there, then run `digestd restore --resume` here. A "
                "test copy needs DIGESTD_TRANSPORT_URL=maildir:… and its own DIGESTD_JOURNAL_DIR"
            )
        if own is None and others and self.db.is_sqlite:
            raise NotResumed(
                f"the database knows of runs that sent mail, but {self.folder} has no sent journal: put the folder "
                f"back or correct DIGESTD_JOURNAL_DIR. {_LOST}"
            )
        if own is not None and mine is not None and mine.generation > own.generation + GENERATION_SLACK:
            raise NotResumed(
                f"the sent journal in {self.folder} is older than the database: put the newer one back. {_LOST}"
            )
        restored = [
            j.host for j in others if server and j.server != server and not sent_journals.took_over(j.server, server)
        ]
        if restored:
            raise NotResumed(
                "the database was restored from a dump, and mail was sent from other machines: run "
                f"`digestd restore --resume` on each ({', '.join(sorted(set(restored)))}). {_LOST}"
            )

    def _is_behind(self, own: JournalIdentity | None, mine: KnownJournal | None) -> bool:
        """Return True if the ledger is older than the journal."""
        if own is not None and mine is not None and own.generation > mine.generation:
            return True
        last = journals.last_sent(self.folder)
        if last is None:
            return False
        delivery, attempt, mail = last
        with self.db.read() as session:
            message_id = restore.sent_message_id(session, delivery, attempt)
        return message_id is None or journals.hash_message_id(message_id) != mail

    def _check_relay_log(self) -> None:
        """Raise NotResumed if the relay has taken a mail of ours lately that the ledger does not know."""
        if self.relay_log is None:
            return
        try:
            taken = last_taken(self.relay_log, self.keys)
        except BadSetting as error:
            log.error("cannot compare the relay's log", why=str(error))
            return
        with self.db.read() as session:
            unknown = restore.unknown_attempts(session, taken)
        if unknown:
            raise NotResumed(
                f"the relay's log names {len(unknown)} mails that the database does not know: it is older than they. "
                f"{_RESUME}"
            )

    def _begin(self, own: JournalIdentity, now: datetime) -> None:
        if own.generation == 0:  # after a power cut the database must not miss a journal that never was on disk
            journals.write_identity(self.folder, own)
        with self.db.write() as session:
            generation = sent_journals.use_journal(session, own.id, socket.gethostname(), now)
            sent_journals.delete_unused(session, now, journals.SENT_RETENTION)
        journals.write_identity(self.folder, replace(own, generation=generation))

    def _wait_for_others(self, others: Collection[KnownJournal], server: str, now: datetime) -> None:
        """After another server took over, wait until every worker has compared its journal, or SETTLE_TIME is over."""
        pending = [j for j in others if j.server != server]
        if not pending:
            return
        with self.db.read() as session:
            here = [
                j.since
                for j in sent_journals.known_journals(session, now - journals.SENT_RETENTION)
                if j.server == server
            ]
        if now - min(here) < SETTLE_TIME:
            raise JournalsPending(
                "another database server took over; waiting for the sent journals of "
                f"{', '.join(sorted({j.host for j in pending}))} to be compared with it"
            )

    def _take_in(self, now: datetime, *, from_log: bool) -> RestoreReport:
        """Bring open deliveries forward that the journal, or the relay's log, knows as sent."""
        with self.db.read() as session:
            waiting = {journals.hash_message_id(mail.message_id): mail for mail in restore.open_deliveries(session)}
        sent, highest = journals.read_sent(self.folder, waiting)
        taken = set[tuple[int, int]]()
        if from_log and self.relay_log is not None:
            for message_id, delivery, attempt in find_taken(self.relay_log, self.keys, now - journals.SENT_RETENTION):
                highest, mail = max(highest, delivery), journals.hash_message_id(message_id)
                taken.add((delivery, attempt))
                if mail in waiting:
                    left = sent[mail][0] if mail in sent else SentAttempt(delivery, attempt, to_us(now), bytes(32))
                    sent[mail] = left, SentOutcome.ACCEPTED
        counts = Counter[SentOutcome]()
        items = [(waiting[mail], *sent[mail]) for mail in sent]
        for begin in range(0, len(items), RESUME_BATCH):
            with self.db.write() as session:
                for open_mail, left, outcome in items[begin : begin + RESUME_BATCH]:
                    if outcome is not SentOutcome.REFUSED:
                        is_accepted = outcome is SentOutcome.ACCEPTED
                        counts[outcome] += restore.apply_sent(session, open_mail, left, is_accepted)
        with self.db.write() as session:
            unknown = restore.unknown_attempts(session, taken)
            restore.reserve_numbers(session, highest + 1, now, always=bool(unknown))
        return RestoreReport(counts[SentOutcome.ACCEPTED], counts[SentOutcome.UNKNOWN])

    def _hold(self, now: datetime) -> int:
        """Make every ready delivery uncertain."""
        with self.db.read() as session:
            waiting = restore.open_deliveries(session)
        held = 0
        for begin in range(0, len(waiting), RESUME_BATCH):
            with self.db.write() as session:
                held += sum(restore.hold(session, mail, now) for mail in waiting[begin : begin + RESUME_BATCH])
        return held


_RESUME = "Run `digestd restore --resume` so that nothing is sent twice"
_LOST = "If it is lost, run `digestd restore --resume --lost-journal`: what may have been sent is then not sent again"
_BEHIND = (
    "the database is older than the mails sent with it, as after restoring a backup: run `digestd restore --resume` so "
    "that nothing is sent twice. If two databases share a folder, give each its own DIGESTD_JOURNAL_DIR"
)
