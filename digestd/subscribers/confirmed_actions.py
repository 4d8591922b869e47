"""Confirm by mail what a settings link alone must not do: erase the subscriber, or void their other links.

The settings link is in every digest, and so with everybody to whom a digest was forwarded.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.domain.mail_budget import Budget, Pool
from digestd.domain.subscriber import Status, Subscriber
from digestd.errors import NotFound
from digestd.security.keys import Keys
from digestd.security.tokens import Purpose, issue_second, read_token
from digestd.store import feedback, libraries, rate_limits, subscribers, suppressions
from digestd.store.database import Database
from digestd.store.ledger.create import Notice
from digestd.subscribers.notices import NoticeContext, plan_notice
from digestd.subscribers.personal_data import forget
from digestd.subscribers.settings_link import link_for
from digestd.subscribers.signup import LinkExpired

VALID = timedelta(hours=48)
"""Validity of the link in the mail."""
_WRITABLE = frozenset({Status.ACTIVE, Status.PAUSED, Status.UNSUBSCRIBED})


class RequestOutcome(StrEnum):
    """The outcome of a request."""

    SENT = "sent"
    WAIT = "wait"  # the address has had enough mail of this kind lately
    UNREACHABLE = "unreachable"  # no mail may be sent to this address, so the operator has to do it


def request_erasure(db: Database, notices: NoticeContext, subscriber: int, now: datetime) -> RequestOutcome:
    return _request(db, notices, subscriber, (MailKind.ERASE, Pool.OWNER), now)


def request_renewal(db: Database, notices: NoticeContext, subscriber: int, now: datetime) -> RequestOutcome:
    return _request(db, notices, subscriber, (MailKind.RENEW, Pool.RENEWAL), now)


def _request(
    db: Database, notices: NoticeContext, subscriber: int, what: tuple[MailKind, Pool], now: datetime
) -> RequestOutcome:
    with db.write() as session:
        known = subscribers.by_key(session, subscriber, lock=True)
        if known is None or known.status not in _WRITABLE:
            return RequestOutcome.UNREACHABLE
        return plan_request(session, notices, known, what, now)


def plan_request(
    session: Session, notices: NoticeContext, known: Subscriber, what: tuple[MailKind, Pool], now: datetime
) -> RequestOutcome:
    """Plan the mail that confirms an act, within its budget.

    Args:
        known: the subscriber, locked.
        what: the kind of mail, and the pool that it counts in.
    """
    kind, pool = what
    key = subscribers.address_key_of(session, known.key)
    if suppressions.reason_for(session, key) is not None:
        return RequestOutcome.UNREACHABLE
    not_before = rate_limits.take_mails(session, [Budget(pool, key)], now)
    if not_before is None:
        return RequestOutcome.WAIT
    mail = Notice(known.key, kind, str(issue_second(now)), known.version, not_before + VALID, not_before=not_before)
    plan_notice(session, notices, mail, now)
    return RequestOutcome.SENT


def open_request(db: Database, keys: Keys, purpose: Purpose, link: str, now: datetime) -> Subscriber:
    """Return the subscriber whose request a link confirms.

    Raises:
        BadToken: the link is invalid.
        NotFound: the subscriber was erased.
        LinkExpired: it is older than 48 hours, was used, or status or address have changed since.
    """
    key, version, at = read_token(keys, purpose, link, now)
    with db.read() as session:
        known = subscribers.by_key(session, key)
    if known is None or known.status is Status.ERASED:
        raise NotFound("this link no longer belongs to a subscriber")
    is_used = purpose is Purpose.RENEW and known.links_from is not None and at <= known.links_from
    if version != known.version or now - at > VALID or is_used:
        raise LinkExpired("this link was used or replaced; ask again in the settings")
    return known


def erase_as_requested(db: Database, keys: Keys, link: str, now: datetime) -> Subscriber:
    """Erase the subscriber of a link, and return them as they were before. Raises as `open_request`."""
    known = open_request(db, keys, Purpose.ERASE, link, now)
    forget(db, known.key, now)
    return known


def renew_as_requested(db: Database, keys: Keys, link: str, now: datetime, *, shelf: bool) -> str:
    """Make all earlier settings links void, and return the token of a fresh one.

    Saved papers go to no library any more, as somebody else may have linked theirs by such a link. Mails that they
    requested by it no longer count against the owner's budget.

    Args:
        shelf: also change the address of the saved list and the feeds.

    Raises:
        BadToken, NotFound, LinkExpired: as `open_request`.
    """
    known = open_request(db, keys, Purpose.RENEW, link, now)
    with db.write() as session:
        subscribers.invalidate_links(session, known.key, now)
        libraries.stop_saving(session, known.key)
        rate_limits.clear_mails(session, subscribers.address_key_of(session, known.key), Pool.OWNER)
        if shelf:
            feedback.renew_saved_link(session, known.key)
    return link_for(keys, known.key, now)
