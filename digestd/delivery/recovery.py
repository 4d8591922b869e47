"""Recover from dead workers: release leases, mark sent mails uncertain."""

from datetime import datetime
from pathlib import Path

import structlog

from digestd.delivery import result_journal
from digestd.store import ledger
from digestd.store.database import Database
from digestd.store.ledger import recovery
from digestd.store.process_locks import ProcessLocks

log = structlog.get_logger(__name__)


def recover(db: Database, owners: ProcessLocks, journals: Path, now: datetime) -> recovery.Recovered:
    """Recover after every dead worker.

    Safe to run at any time, by several workers at once.

    Answers that a dead worker wrote to its result journal in the folder `journals` are recorded instead of becoming
    uncertain. Returns the numbers of deliveries that became ready and uncertain.
    """
    with db.read() as session:
        named = set(recovery.owners(session))
    total = recovery.Recovered(0, 0)
    for owner in sorted(named.union(result_journal.list_runs(journals))):
        if owners.is_dead(owner):
            results = result_journal.read_results(journals, owner)
            with db.write() as session:
                if settled := ledger.record_journalled(session, results, now):
                    log.warning("recorded the journal of a dead worker", worker=owner, answers=settled)
                found = recovery.recover(session, owner, now)
            result_journal.delete_journal(journals, owner)
            if owner not in named:
                continue
            log.warning("recovered after a dead worker", worker=owner, ready=found.ready, uncertain=found.uncertain)
            total = recovery.Recovered(total.ready + found.ready, total.uncertain + found.uncertain)
    if not db.is_sqlite:  # with SQLite the kernel's locks show who is alive, whatever the clock says
        with db.write() as session:
            late = recovery.recover_overdue(session, now)
        total = recovery.Recovered(total.ready + late.ready, total.uncertain + late.uncertain)
    return total
