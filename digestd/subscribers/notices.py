"""Plan notices to subscribers: rows of the ledger, like digests, that the worker sends through the commit point."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.security.addresses import make_message_id
from digestd.security.keys import Keys
from digestd.store import ledger


@dataclass(frozen=True, slots=True)
class NoticeContext:
    """The installation's values that every notice needs.

    Attributes:
        keys: the keys that sign links and Message-IDs.
        host: the right-hand side of the Message-ID.
    """

    keys: Keys
    host: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to one subscriber.

    Attributes:
        key: distinguishes it from other notices of its kind; planning the same one twice makes one mail.
        consent_version: the subscriber's consent version now; the mail is not sent under another one.
        expires: when it is too late to send it.
        recipient_key: the keyed hash of the recipient, if that is not the subscriber's own address.
        not_before: the earliest time to send it; None for at once.
    """

    subscriber: int
    kind: MailKind
    key: str
    consent_version: int
    expires: datetime
    recipient_key: bytes | None = None
    not_before: datetime | None = None


def plan_notice(session: Session, notices: NoticeContext, notice: Notice, now: datetime) -> int | None:
    """Add a notice to the ledger and return its delivery number.

    None if the same one is there already.
    """
    row = ledger.NewNotice(
        subscriber=notice.subscriber,
        kind=notice.kind,
        key=notice.key,
        consent_version=notice.consent_version,
        message_id=make_message_id(notices.keys, notice.subscriber, notice.kind, notice.key, notices.host),
        expires=notice.expires,
        recipient_key=notice.recipient_key,
        not_before=notice.not_before,
    )
    return ledger.plan_notice(session, row, now)
