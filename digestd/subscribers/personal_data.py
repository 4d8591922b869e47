"""Export everything stored about one subscriber, or erase it (GDPR Articles 15, 17 and 20).

The export is one JSON object. `store.personal_data` names every table that stores anything by subscriber or by the
keyed hash of an address; a test compares its list with the schema.

Erasure deletes everything about a person except the keyed hash of their address, which stays as a suppression, so that
no import adds the person again. It takes effect when it commits: no mail passes the commit point after that.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from digestd.domain.delivery import SuppressionReason
from digestd.domain.subscriber import Subscriber
from digestd.security.keys import Keys
from digestd.store import personal_data, subscribers, suppressions
from digestd.store.database import Database
from digestd.subscribers.lookup import find, load_locked
from digestd.subscribers.subscriber_record import subscriber_fields

_IDENTITY = frozenset({"email", "address", "name"})
_ADDRESS = re.compile(r"[^\s<>@\"']+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}")
"""An address in a text, as relays quote it; no measure such as recall@10."""
FORMAT_VERSION = 1
"""The version of the object; it rises when a key changes its meaning."""


def collect_data(session: Session, subscriber: Subscriber, now: datetime) -> dict[str, object]:
    """Return the subscriber's data. Settings and interests as an import line, and their rows of every table."""
    return {
        "form": FORMAT_VERSION,
        "exported": now,
        "subscriber": subscriber_fields(subscriber),
        **personal_data.export(session, subscriber.key),
    }


def without_identity(data: object) -> object:
    """Return such data without names and addresses: for a settings link, which travels with every forwarded mail."""
    if isinstance(data, Mapping):
        return {key: without_identity(value) for key, value in data.items() if key not in _IDENTITY}
    if isinstance(data, list | tuple):
        return list(map(without_identity, data))
    return _ADDRESS.sub("…", data) if isinstance(data, str) else data


def to_json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2, default=_to_text) + "\n"


def _to_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def erase(db: Database, keys: Keys, address: str, now: datetime) -> None:
    """Erase the subscriber with an address. Raises BadRecord for an invalid address, NotFound."""
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
        personal_data.erase(session, known.key, now)
    personal_data.scrub(db)
