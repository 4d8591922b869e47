"""All that is kept of one subscriber, as one JSON object: for them to take along, and for an operator to show.

Every table that holds anything by subscriber or by the keyed hash of an address is named in `store.belongings.KEPT`;
a test walks the schema and compares.
"""

import json
from datetime import datetime

from sqlmodel import Session

from digestd.domain.subscriber import Subscriber
from digestd.store import data_export
from digestd.subscribers.subscriber_record import subscriber_fields

FORMAT_VERSION = 1
"""Of the object; it rises when a key changes its meaning."""


def collect_data(session: Session, subscriber: Subscriber, now: datetime) -> dict[str, object]:
    """Settings and interests as an import line, and each row of each table that holds something of theirs."""
    return {
        "form": FORMAT_VERSION,
        "exported": now,
        "subscriber": subscriber_fields(subscriber),
        **data_export.export(session, subscriber.key),
    }


def to_json(kept: dict[str, object]) -> str:
    """The object as a file."""
    return json.dumps(kept, ensure_ascii=False, indent=2, default=_written) + "\n"


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
