"""Recover after a crash and after a restore.

`recover` takes over from dead workers: it releases their leases, records the answers in their journals, and marks mails
that may have been sent as uncertain. `check_database_is_current` detects a restored backup or another machine before
anything is sent, and `resume_after_restore` continues without sending anything twice.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from digestd.delivery import journals
from digestd.delivery.journals import SentOutcome
from digestd.errors import NotResumed
from digestd.security.links import Keys, make_envelope_from
from digestd.store import ledger
from digestd.store.database import Database
from digestd.store.ledger import recovery, restore
from digestd.store.process_locks import ProcessLocks

log = structlog.get_logger(__name__)
RESUME_BATCH = 200
"""Number of mails settled in one transaction."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """Counts of mails sent since the backup, and of those with unknown outcome."""

    accepted: int = 0
    uncertain: int = 0


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
            results = journals.read_results(folder, owner)
            with db.write() as session:
                if settled := ledger.record_journalled(session, results, now):
                    log.warning("recorded the journal of a dead worker", worker=owner, answers=settled)
                found = recovery.recover(session, owner, now)
            journals.delete_journal(folder, owner)
            if owner not in ledger_owners:
                continue
            log.warning("recovered after a dead worker", worker=owner, ready=found.ready, uncertain=found.uncertain)
            total = recovery.Recovered(total.ready + found.ready, total.uncertain + found.uncertain)
    if not db.is_sqlite:  # with SQLite the kernel's locks show who is alive, whatever the clock says
        with db.write() as session:
            late = recovery.recover_overdue(session, now)
        total = recovery.Recovered(total.ready + late.ready, total.uncertain + late.uncertain)
    return total


def check_database_is_current(db: Database, folder: Path, machine: str) -> None:
    """Refuse to send with an outdated database or on another machine.

    A database is outdated if it is older than the sent journal.

    The first machine that sends claims the `folder` of the sent journal.

    Raises:
        NotResumed: The operator must resume explicitly.
    """
    owner = journals.read_folder_owner(folder)
    if machine and owner and owner != machine:
        raise NotResumed(
            "mail was sent from another machine: stop digestd there, then run `digestd restore --resume` here. A test "
            "copy needs DIGESTD_TRANSPORT_URL=maildir:… and its own DIGESTD_JOURNAL_DIR"
        )
    last = journals.last_sent(folder)
    if last is not None:
        delivery, attempt, mail = last
        with db.read() as session:
            known = restore.sent_message_id(session, delivery, attempt)
        if known is None or journals.hash_message_id(known) != mail:
            raise NotResumed(
                "the database is older than the mails sent with it, as after restoring a backup: run "
                "`digestd restore --resume` so that nothing is sent twice. If two databases share a folder, give each "
                "its own DIGESTD_JOURNAL_DIR"
            )
    if not owner:
        journals.claim_folder(folder, machine)


def resume_after_restore(
    db: Database, keys: Keys, bounce: str, folder: Path, machine: str, now: datetime
) -> RestoreReport:
    """Record in the ledger what was sent since the backup.

    Continue on this machine. Safe to repeat.

    Plan what is due first, because a digest that is not planned yet would be sent a second time.

    Args:
        db: The restored database.
        keys: The keys of return paths.
        bounce: The mailbox of return paths.
        folder: Folder of the sent journal.
        machine: Name of this machine, or empty.
        now: The current time.
    """
    sent = journals.read_sent(folder)
    with db.read() as session:
        waiting = [
            mail for mail in restore.open_deliveries(session) if journals.hash_message_id(mail.message_id) in sent
        ]
    counts = {SentOutcome.ACCEPTED: 0, SentOutcome.UNKNOWN: 0, SentOutcome.REFUSED: 0}
    for begin in range(0, len(waiting), RESUME_BATCH):
        with db.write() as session:
            for mail in waiting[begin : begin + RESUME_BATCH]:
                sent_attempt, outcome = sent[journals.hash_message_id(mail.message_id)]
                path = make_envelope_from(keys, sent_attempt.delivery, sent_attempt.attempt, bounce)
                if outcome is not SentOutcome.REFUSED:
                    counts[outcome] += restore.apply_sent(
                        session, mail, sent_attempt, path, outcome is SentOutcome.ACCEPTED
                    )
    with db.write() as session:
        restore.reserve_numbers(
            session, max((sent_attempt.delivery for sent_attempt, _ in sent.values()), default=0) + 1, now
        )
    journals.record_restore(folder, machine, now)
    return RestoreReport(counts[SentOutcome.ACCEPTED], counts[SentOutcome.UNKNOWN])
