"""Export everything stored about one subscriber as one JSON object.

GDPR Article 15 and 20.

`store.data_export` names every table that stores anything by subscriber or by the keyed hash of an address; a test
compares its list with the schema.
"""

import json
from datetime import datetime

from sqlmodel import Session

from digestd.domain.subscriber import Subscriber
from digestd.store import data_export
from digestd.subscribers.subscriber_record import subscriber_fields

FORMAT_VERSION = 1
"""The version of the object; it rises when a key changes its meaning."""


def collect_data(session: Session, subscriber: Subscriber, now: datetime) -> dict[str, object]:
    """Return the subscriber's data.

    Settings and interests as an import line, and their rows of every table.
    """
    return {
        "form": FORMAT_VERSION,
        "exported": now,
        "subscriber": subscriber_fields(subscriber),
        **data_export.export(session, subscriber.key),
    }


def to_json(data: dict[str, object]) -> str:
    """Return the object as the text of a JSON file."""
    return json.dumps(data, ensure_ascii=False, indent=2, default=_to_text) + "\n"


def _to_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
