"""Take over what dead workers left: their leases go back, their dots become uncertain."""

from datetime import datetime
from pathlib import Path

import structlog

from digestd.deliver import receipts
from digestd.store import ledger
from digestd.store.database import Database
from digestd.store.ledger import recovery
from digestd.store.process_locks import ProcessLocks

log = structlog.get_logger(__name__)


def recover(db: Database, owners: ProcessLocks, journals: Path, now: datetime) -> recovery.Recovered:
    """Recover after every dead worker; safe to run at any time, by any number of workers.

    What one kept in its receipt journal, in the folder `journals`, is known and does not become uncertain.
    """
    with db.read() as session:
        named = set(recovery.owners(session))
    total = recovery.Recovered(0, 0)
    for owner in sorted(named.union(receipts.left(journals))):
        if owners.is_dead(owner):
            kept = receipts.read(journals, owner)
            with db.write() as session:
                if settled := ledger.record_journalled(session, kept, now):
                    log.warning("read the receipts of a dead worker", worker=owner, answers=settled)
                found = recovery.recover(session, owner, now)
            receipts.drop(journals, owner)
            if owner not in named:
                continue
            log.warning("recovered after a dead worker", worker=owner, ready=found.ready, uncertain=found.uncertain)
            total = recovery.Recovered(total.ready + found.ready, total.uncertain + found.uncertain)
    if not db.is_sqlite:  # there the kernel knows who lives, whatever the clock says
        with db.write() as session:
            late = recovery.recover_overdue(session, now)
        total = recovery.Recovered(total.ready + late.ready, total.uncertain + late.uncertain)
    return total
