"""Erase subscribers.

Everything about a person is deleted except the keyed hash of their address.

The hash stays as a suppression, so that no import adds the person again. An erasure takes effect when it commits: no
mail passes the commit point after that.
"""

from datetime import datetime

from digestd.domain.suppression import SuppressionReason
from digestd.security.links import Keys
from digestd.store import erasure, subscribers, suppressions
from digestd.store.database import Database
from digestd.subscribers.lookup import find, load_locked


def erase(db: Database, keys: Keys, address: str, now: datetime) -> None:
    """Erase the subscriber with an address.

    Raises BadRecord for an invalid address, NotFound.
    """
    with db.read() as session:
        key = find(session, keys, address).key
    forget(db, key, now)


def forget(db: Database, subscriber: int, now: datetime) -> None:
    """Erase the subscriber with a number. Raises NotFound."""
    with db.write() as session:
        known = load_locked(session, subscriber)
        address_key = subscribers.address_key_of(session, known.key)
        suppressions.record(session, address_key, SuppressionReason.ERASED, now)
        suppressions.erase_notes(session, address_key)
        erasure.erase(session, known.key, now)
    erasure.scrub(db)
