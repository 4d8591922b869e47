"""Take over what dead workers left: their leases go back, their dots become uncertain."""

from datetime import datetime

import structlog

from digestd.store.database import Database
from digestd.store.ledger import recovery
from digestd.store.owners import Owners

log = structlog.get_logger(__name__)


def recover(db: Database, owners: Owners, me: str, now: datetime) -> recovery.Recovered:
    """Recover after every dead worker; safe to run at any time, by any number of workers."""
    with db.read() as session:
        named = [owner for owner in recovery.owners(session) if owner != me]
    total = recovery.Recovered(0, 0)
    for owner in named:
        if owners.is_dead(owner):
            with db.write() as session:
                found = recovery.recover(session, owner, now)
            log.warning("recovered after a dead worker", worker=owner, ready=found.ready, uncertain=found.uncertain)
            total = recovery.Recovered(total.ready + found.ready, total.uncertain + found.uncertain)
    if not db.is_sqlite:  # there the kernel knows who lives, whatever the clock says
        with db.write() as session:
            late = recovery.recover_overdue(session, now)
        total = recovery.Recovered(total.ready + late.ready, total.uncertain + late.uncertain)
    return total
