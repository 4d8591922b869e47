"""Plan notices to subscribers: rows of the ledger, like digests, that the worker sends through the commit point."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digestd.security.addresses import make_message_id
from digestd.security.keys import Keys
from digestd.store import ledger
from digestd.store.ledger.create import Notice


@dataclass(frozen=True, slots=True)
class NoticeContext:
    """The installation's values that every notice needs.

    Attributes:
        keys: the keys that sign links and Message-IDs.
        host: the right-hand side of the Message-ID.
    """

    keys: Keys
    host: str


def plan_notice(session: Session, notices: NoticeContext, notice: Notice, now: datetime) -> int | None:
    """Add a notice to the ledger and return its delivery number. None if the same one is there already."""
    message_id = make_message_id(notices.keys, notice.subscriber, notice.kind, notice.key, notices.host)
    return ledger.plan_notice(session, notice, message_id, now)
