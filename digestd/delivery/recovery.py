"""Recover after a crash and after a restore.

`recover` takes over from dead workers: it releases their leases, records the answers in their journals, and marks mails
that may have been sent as uncertain. `RestoreGuard.check` detects a restored backup or another machine before anything
is sent, and `RestoreGuard.resume` continues without sending anything twice.
"""

import socket
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlmodel import Session

from digestd.delivery import journals
from digestd.delivery.journals import JournalIdentity, JournalMail, SentOutcome
from digestd.delivery.opt_outs import apply_opt_outs
from digestd.delivery.reconcile import RelayLog, find_taken, last_taken
from digestd.domain import schedule
from digestd.domain.delivery import MailKind
from digestd.domain.subscriber import Status
from digestd.errors import BadSetting, DatabaseUnreachable, DigestdError, NotResumed, Unavailable
from digestd.security.addresses import make_message_id
from digestd.security.keys import Keys
from digestd.store import clock, ledger, subscribers
from digestd.store.database import Database
from digestd.store.ledger import restore, seen_papers, settlement
from digestd.store.ledger.restore import KnownJournal, LostDigest, SentAttempt
from digestd.store.ledger.results import AttemptResult
from digestd.store.opt_outs import FILE_NAME, OptOutRecord, opted_out
from digestd.store.papers import conferences
from digestd.store.processes import ProcessLocks
from digestd.store.timestamps import from_us, to_us

if TYPE_CHECKING:
    from digestd.digests.planner import Planner

log = structlog.get_logger(__name__)
RESUME_BATCH = 200
"""Number of mails settled in one transaction."""
COMPARED_BATCH = 10_000
"""Number of mails compared with the ledger at once."""
GENERATION_SLACK = 10
"""Generations that a folder of digestd 0.1.0 may be behind the database: one for each run killed as it began."""
SETTLE_TIME = timedelta(seconds=60)
"""Time for all workers to compare their journals after another database server took over."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """Counts of mails sent since the backup, of those with unknown outcome, and of those that may have been sent.

    `opted_out`: changes of people who had left by the record of opt-outs.
    """

    accepted: int = 0
    uncertain: int = 0
    held: int = 0
    opted_out: int = 0


class JournalsPending(Unavailable):
    """Other workers have not compared their sent journals with the server that took over."""


def recover(db: Database, owners: ProcessLocks, folder: Path, now: datetime) -> settlement.Recovered:
    """Recover after every dead worker.

    Safe to run at any time, by several workers at once.

    Answers that a dead worker wrote to its result journal in the folder are recorded instead of becoming
    uncertain. Returns the numbers of deliveries that became ready and uncertain.
    """
    with db.read() as session:
        ledger_owners = set(settlement.owners(session))
    total = settlement.Recovered(0, 0)
    for owner in sorted(ledger_owners.union(journals.list_runs(folder))):
        if owners.is_dead(owner):
            try:
                found = _recover_owner(db, folder, owner, now)
            except DatabaseUnreachable:
                raise
            except Exception as error:
                why = str(error) if isinstance(error, DigestdError) else type(error).__name__
                log.exception("cannot recover after a dead worker", worker=owner, why=why)
                continue
            if owner not in ledger_owners:
                continue
            log.warning("recovered after a dead worker", worker=owner, ready=found.ready, uncertain=found.uncertain)
            total = settlement.Recovered(total.ready + found.ready, total.uncertain + found.uncertain)
    if not db.is_sqlite:  # with SQLite the kernel's locks show who is alive, whatever the clock says
        with db.write() as session:
            late = settlement.recover_overdue(session, now)
        total = settlement.Recovered(total.ready + late.ready, total.uncertain + late.uncertain)
    return total


def _recover_owner(db: Database, folder: Path, owner: str, now: datetime) -> settlement.Recovered:
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
        found = settlement.recover(session, owner, now)
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
            The identity of the database server; see store.ledger.restore.

        Raises:
            NotResumed: The operator must say how to go on.
            JournalsPending: Another server took over, and other workers are still comparing their journals.
        """
        restore.require_resumed(self.db)
        with journals.lock_folder(self.folder):
            own = journals.read_identity(self.folder)
            with self.db.read() as session:
                server = restore.server_identity(session)
                known = {j.id: j for j in restore.known_journals(session, now - journals.SENT_RETENTION)}
            mine = None if own is None else known.pop(own.id, None)
            self._check_folder(own, mine, known.values(), server)
            moved = mine is not None and restore.took_over(mine.server, server)
            if self._is_behind(own, mine):
                if not moved:
                    raise NotResumed(_BEHIND)
                found = self._repair_after_failover(now)
                log.error("the database lost mails when another server took over; recorded them", **asdict(found))
            elif mine is not None and mine.server != server and not moved:
                raise NotResumed(f"the database was restored from a dump. {_RESUME}")
            self._check_relay_log()
            self._begin(own or journals.new_identity(self.machine), now)
        self._wait_for_others(known.values(), server, now)
        return server

    def require_resumed(self, now: datetime) -> None:
        """Raise NotResumed if the database was restored, and it was not recorded what was sent since."""
        restore.require_resumed(self.db)
        if self.is_behind(now):
            raise NotResumed(_BEHIND)

    def doubts(self, now: datetime, *, lost_journal: bool) -> Iterator[str]:
        """Yield what the operator must confirm before `resume`, because nothing that is left can tell."""
        own = journals.read_identity(self.folder)
        with self.db.read() as session:
            made = restore.restored_from(session)
            from_former = restore.has_former_opt_outs(session)
        if made is None and not lost_journal and not self.is_behind(now):
            return
        since = "the backup" if made is None else f"{made:%Y-%m-%d %H:%MZ}, when the backup was made"
        if own is None or lost_journal:
            yield (
                f"{self.folder} does not have the sent journal of the time since {since}: what may have been sent "
                "becomes uncertain and is not sent again. If the former folder is left anywhere, put it there first"
            )
        has_record = own is not None and own.has_opt_outs and self._opt_outs.file.exists()
        if not has_record and not from_former:
            yield (
                f"neither the former database nor the record of opt-outs is left: who unsubscribed, paused or was "
                f"suppressed since {since}, is subscribed in this database and would get mail again. Enter what you "
                "know of with `digestd subscriber unsubscribe` or `suppress` first"
            )

    def resume(self, now: datetime, planner: "Planner", *, lost_journal: bool = False) -> RestoreReport:
        """Record in the ledger what was sent since the backup, and who left; continue on this machine. Safe to repeat.

        The sent journal says which digests were sent, and which papers were in them. If it is lost, the digests that
        were due since the backup are planned and become uncertain.

        Args:
            lost_journal: The sent journal is lost, here or on another machine, also if this does not show. The other
                journals that the database knows are forgotten.

        Raises:
            NotResumed: The sent journal is missing or was put back, and `lost_journal` is False.
        """
        with journals.lock_folder(self.folder):
            own = journals.read_identity(self.folder)
            with self.db.read() as session:
                known = {j.id: j for j in restore.known_journals(session, now - journals.SENT_RETENTION)}
                made = restore.restored_from(session)
                server = restore.server_identity(session)
                ever = {j.id: j for j in restore.known_journals(session, from_us(0))}
            behind = made or max((j.used for j in known.values()), default=None)
            begin = behind or now
            mine = None if own is None else known.pop(own.id, None)
            is_lost = lost_journal or (own is None and made is not None)
            if not is_lost:
                self._check_folder(own, mine, known.values(), "", may_move=True)
            sent, highest = journals.read_sent(self.folder, min(begin, now) - journals.SENT_RETENTION)
            is_old = behind is None or behind < now - journals.SENT_RETENTION
            last = ever.get(own.id) if own and made is None else None
            is_current = own and last and last.server == server and last.generation >= own.generation
            if is_lost or (is_old and not is_current):
                with self.db.write() as session:
                    conferences.hold_programmes(session)
            if is_lost or not all(mail.is_described for mail in sent.values()):
                from digestd.digests.planner import plan

                for missed in _daily(max(begin, now - journals.SENT_RETENTION), now):
                    plan(self.db, planner, missed, is_resuming=True, is_clock=False)
            report = self._take_in(now, sent, highest, planner)
            if is_lost:
                report = replace(report, held=self._hold(now))
                with self.db.write() as session:
                    restore.forget_journals(session, list(known))
            left = apply_opt_outs(self.db, self._opt_outs.read())
            journals.record_restore(self.folder, now)
            self._begin(replace(own or journals.new_identity(""), machine=self.machine), now)
        return replace(report, opted_out=left)

    @property
    def _opt_outs(self) -> OptOutRecord:
        return OptOutRecord(self.folder / FILE_NAME)

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
        if own is not None and mine is not None and _is_older(own, mine):
            raise NotResumed(
                f"the sent journal in {self.folder} is older than the database: put the newer one back. {_LOST}"
            )
        restored = [j.host for j in others if server and j.server != server and not restore.took_over(j.server, server)]
        if restored:
            raise NotResumed(
                "the database was restored from a dump, and mail was sent from other machines: run "
                f"`digestd restore --resume` on each ({', '.join(sorted(set(restored)))}). {_LOST}"
            )

    def is_behind(self, now: datetime) -> bool:
        """Return True if the database is older than the mails sent with it, other than after a failover."""
        own = journals.read_identity(self.folder)
        with self.db.read() as session:
            server = restore.server_identity(session)
            known = {j.id: j for j in restore.known_journals(session, now - journals.SENT_RETENTION)}
        mine = None if own is None else known.get(own.id)
        if mine is not None and restore.took_over(mine.server, server):
            return False  # `check` repairs that
        return self._is_behind(own, mine)

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
        with self.db.read() as session:
            following = restore.journal_generation(session, own.id) + 1
        journals.write_identity(self.folder, replace(own, next=following))
        if not own.has_opt_outs or not self._opt_outs.file.exists():
            with self.db.read() as session:
                connection = session.connection()
                self._opt_outs.start(list(opted_out(lambda query: connection.exec_driver_sql(query).all())))
        self._opt_outs.compact()
        with self.db.write() as session:
            restore.clear_restored(session)
            generation = restore.use_journal(session, own.id, socket.gethostname(), now)
            restore.delete_unused_journals(session, clock.read(session).settled(now), journals.SENT_RETENTION)
        journals.write_identity(self.folder, replace(own, generation=generation, next=following, has_opt_outs=True))

    def _wait_for_others(self, others: Collection[KnownJournal], server: str, now: datetime) -> None:
        """After another server took over, wait until every worker has compared its journal, or SETTLE_TIME is over."""
        pending = [j for j in others if j.server != server]
        if not pending:
            return
        with self.db.read() as session:
            here = [
                j.since for j in restore.known_journals(session, now - journals.SENT_RETENTION) if j.server == server
            ]
        if now - min(here) < SETTLE_TIME:
            raise JournalsPending(
                "another database server took over; waiting for the sent journals of "
                f"{', '.join(sorted({j.host for j in pending}))} to be compared with it"
            )

    def _repair_after_failover(self, now: datetime) -> RestoreReport:
        """Record open deliveries as sent that the journal knows as sent."""
        sent, highest = journals.read_sent(self.folder, now - journals.SENT_RETENTION)
        with self.db.write() as session:
            restore.reserve_numbers(session, highest, now)
        return _report(self._settle_open(sent))

    def _take_in(
        self, now: datetime, sent: dict[bytes, JournalMail], highest: int, planner: "Planner"
    ) -> RestoreReport:
        """Record what the journal, or the relay's log, knows as sent: open deliveries, and digests that are lost."""
        if self.relay_log is not None:
            taken = list(find_taken(self.relay_log, self.keys, now - journals.SENT_RETENTION))
            highest = max([highest, *(delivery for _, delivery, _ in taken)])
            for message_id, delivery, attempt in taken:
                left = SentAttempt(delivery, attempt, to_us(now), bytes(32))
                sent.setdefault(journals.hash_message_id(message_id), JournalMail(left)).outcome = SentOutcome.ACCEPTED
        counts = self._settle_open(sent)
        counts += self._add_lost_digests(sent, planner, now)
        with self.db.write() as session:
            had: dict[int, bytes] = {}
            for mail in sent.values():
                if mail.papers and mail.outcome is not SentOutcome.REFUSED:
                    had[mail.subscriber] = had.get(mail.subscriber, b"") + mail.papers
            known = restore.known_subscribers(session, had)
            seen_papers.expect(session, {who: had[who] for who in known}, now)
            restore.reserve_numbers(session, highest, now)
        return _report(counts)

    def _settle_open(self, sent: Mapping[bytes, JournalMail]) -> Counter[SentOutcome]:
        """Give open deliveries the end that their mails had."""
        with self.db.read() as session:
            waiting = {journals.hash_message_id(mail.message_id): mail for mail in restore.open_deliveries(session)}
        counts = Counter[SentOutcome]()
        items = [(waiting[mail], sent[mail]) for mail in waiting.keys() & sent.keys()]
        for begin in range(0, len(items), RESUME_BATCH):
            with self.db.write() as session:
                for open_mail, mail in items[begin : begin + RESUME_BATCH]:
                    if mail.outcome is not SentOutcome.REFUSED:
                        is_accepted = mail.outcome is SentOutcome.ACCEPTED
                        counts[mail.outcome] += restore.apply_sent(session, open_mail, mail.attempt, is_accepted)
        return counts

    def _add_lost_digests(
        self, sent: Mapping[bytes, JournalMail], planner: "Planner", now: datetime
    ) -> Counter[SentOutcome]:
        """Write the digests again that were planned and sent since the backup."""
        lost = [m for m in sent.values() if m.period and m.outcome is not SentOutcome.REFUSED]
        lost.sort(key=lambda mail: mail.attempt.at_us)
        counts = Counter[SentOutcome]()
        for begin in range(0, len(lost), RESUME_BATCH):
            some = lost[begin : begin + RESUME_BATCH]
            with self.db.write() as session:
                tried = [(mail.attempt.delivery, mail.attempt.attempt) for mail in some]
                unknown = set(restore.unknown_attempts(session, tried))
                numbers = seen_papers.known_hashes(session, now) if unknown else {}
                for mail, attempt in zip(some, tried, strict=True):
                    if attempt in unknown:
                        known = {numbers[one] for one in seen_papers.split_hashes(mail.papers) if one in numbers}
                        papers = sorted(restore.revisions_of(session, known).items())
                        add = self._add_lost_digest if mail.period[0].isdigit() else self._add_lost_programme
                        counts[mail.outcome] += add(session, mail, papers, planner, now)
        return counts

    def _add_lost_digest(
        self, session: Session, mail: JournalMail, papers: Sequence[tuple[int, int]], planner: "Planner", now: datetime
    ) -> bool:
        """Write one digest again, and let its subscriber's next one follow it."""
        who = subscribers.by_key(session, mail.subscriber, lock=True)
        if who is None or who.status is Status.ERASED:
            return False
        date = schedule.period_date(mail.period)
        date += timedelta(days=who.timing.weekday if "W" in mail.period else 0)
        due = min(schedule.period_on(who.timing, date).due, from_us(mail.attempt.at_us))
        is_added = False
        if who.status is Status.ACTIVE and papers:
            message_id = make_message_id(planner.keys, who.key, MailKind.DIGEST, mail.period, planner.host)
            expires = schedule.expires(who.timing, due)
            digest = LostDigest(mail.attempt, who.key, who.version, mail.period, message_id, papers, due, expires)
            is_added = _add(session, mail, digest)
        if who.last_date is None or date.isoformat() > who.last_date:
            period = schedule.due_period(who.timing, date.isoformat(), now)
            next_due = period.due if period else schedule.first_due(who.timing, now, date.isoformat())
            restore.reschedule(session, who.key, date.isoformat(), due, next_due)
        return is_added

    def _add_lost_programme(
        self, session: Session, mail: JournalMail, papers: Sequence[tuple[int, int]], planner: "Planner", _now: datetime
    ) -> bool:
        """Write one programme again, so that no other is planned: an empty one, if it cannot be as it was."""
        who = subscribers.by_key(session, mail.subscriber, lock=True)
        if who is None or who.status is Status.ERASED:
            return False
        due = from_us(mail.attempt.at_us)
        programme = LostDigest(
            *(mail.attempt, who.key, who.version, mail.period),
            make_message_id(planner.keys, who.key, MailKind.PROGRAMME, mail.period.replace(" ", "-"), planner.host),
            papers if who.status is Status.ACTIVE else (),
            due,
            due + schedule.PROGRAMME_LIFE,
            MailKind.PROGRAMME,
        )
        return _add(session, mail, programme)

    def _hold(self, now: datetime) -> int:
        """Make every ready delivery uncertain."""
        with self.db.read() as session:
            waiting = restore.open_deliveries(session)
        held = 0
        for begin in range(0, len(waiting), RESUME_BATCH):
            with self.db.write() as session:
                held += sum(restore.hold(session, mail, now) for mail in waiting[begin : begin + RESUME_BATCH])
        return held


def _add(session: Session, mail: JournalMail, digest: LostDigest) -> bool:
    added, is_accepted = restore.add_lost_digest(session, digest), mail.outcome is SentOutcome.ACCEPTED
    return added is not None and restore.apply_sent(session, added, mail.attempt, is_accepted)


def _is_older(own: JournalIdentity, mine: KnownJournal) -> bool:
    """Return True if a journal lacks runs that the database knows: it was put back, or a twin of it is in use.

    A run that was killed as it began may have written its generation to the database only.
    """
    if own.next is None:
        return mine.generation > own.generation + GENERATION_SLACK
    return mine.generation not in {own.generation, own.next} and mine.generation > own.generation


def _daily(begin: datetime, end: datetime) -> Iterator[datetime]:
    """Yield times a day apart, the last one at the end, all after `begin`; at least the end."""
    for days in range((end - begin) // timedelta(days=1), 0, -1):
        yield end - timedelta(days=days)
    yield end


def _report(counts: Counter[SentOutcome]) -> RestoreReport:
    return RestoreReport(counts[SentOutcome.ACCEPTED], counts[SentOutcome.UNKNOWN])


_RESUME = "Run `digestd restore --resume` so that nothing is sent twice"
_LOST = "If it is lost, run `digestd restore --resume --lost-journal`: what may have been sent is then not sent again"
_BEHIND = (
    "the database is older than the mails sent with it, as after restoring a backup: run `digestd restore --resume` so "
    "that nothing is sent twice. If two databases share a folder, give each its own DIGESTD_JOURNAL_DIR"
)
