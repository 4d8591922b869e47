"""Notices to subscribers: put into the ledger like a digest, sent by the worker, stopped by the same gate."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.security.links import Keys, message_id
from digestd.store import ledger


@dataclass(frozen=True, slots=True)
class NoticeContext:
    """What a notice is made with: the keys, the host of its Message-ID, the templates in force."""

    keys: Keys
    host: str
    template_hash: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice: `key` tells it from others of its kind, `consent_version` is that of the subscriber now.

    `recipient_key`: of the address it goes to, if that is not the subscriber's own. `not_before`: when it may leave,
    if not at once.
    """

    subscriber: int
    kind: MailKind
    key: str
    consent_version: int
    expires: datetime
    recipient_key: bytes | None = None
    not_before: datetime | None = None


def plan_notice(session: Session, post: NoticeContext, mail: Notice, now: datetime) -> int | None:
    """Put it into the ledger; its number, or None where the same one is there already."""
    notice = ledger.NewNotice(
        subscriber=mail.subscriber,
        kind=mail.kind,
        key=mail.key,
        consent_version=mail.consent_version,
        message_id=message_id(post.keys, mail.subscriber, mail.kind, mail.key, post.host),
        template_hash=post.template_hash,
        expires=mail.expires,
        recipient_key=mail.recipient_key,
        not_before=mail.not_before,
    )
    return ledger.plan_notice(session, notice, now)
