"""Change a subscriber's address once the old and the new one have confirmed it.

The old address proves that its owner wants to leave it, the new one that its owner wants the digest. Either can
cancel the change, and after two days it expires. Whoever can no longer read the old address signs up with the new one
instead.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.domain.mail_budget import Budget, Pool, subscriber_causer
from digestd.domain.subscriber import ConsentAction, Status, Subscriber
from digestd.errors import BadInput
from digestd.security.addresses import address_key, canonical_address, mailbox_key
from digestd.security.keys import Keys
from digestd.security.tokens import BadToken, OutdatedToken, Purpose, issue_second, read_token
from digestd.store import consent, rate_limits, subscribers, suppressions
from digestd.store.consent import ADDRESS_CHANGE_EXPIRES_AFTER, AddressChange
from digestd.store.database import Database
from digestd.store.ledger.create import Notice
from digestd.subscribers.notices import NoticeContext, plan_notice
from digestd.subscribers.signup import LinkExpired

_CAN_CHANGE = frozenset({Status.ACTIVE, Status.PAUSED})


class SameAddress(BadInput):
    """The digest already goes to this address."""


@dataclass(frozen=True, slots=True)
class AddressChangeLink:
    """A link of an address change, opened. The change, and which of both addresses holds the link."""

    subscriber: Subscriber
    change: AddressChange
    at_new: bool


def request_address_change(
    db: Database, notices: NoticeContext, subscriber: int, address: str, now: datetime, network: bytes | None = None
) -> None:
    """Request a change of address.

    Mails a link to the old address, and one to the new address if it may get mail.

    Nothing reveals whether it may. If the owner's mail budget is spent, nothing is sent and nothing changes. The new
    address counts as a stranger's. An earlier request is replaced.

    Args:
        network: the keyed hash of the client's network, for the mail budget.

    Raises:
        BadRecord: the address is invalid.
        SameAddress: the digest goes there already.
        LinkExpired: the subscriber is not active.
    """
    new_address, key = canonical_address(address), address_key(notices.keys, address)
    with db.write() as session:
        known = subscribers.by_key(session, subscriber, lock=True)
        if known is None or known.status not in _CAN_CHANGE:
            raise LinkExpired("only active subscribers can change their address")
        here = subscribers.address_key_of(session, subscriber)
        if here == key:
            raise SameAddress("the digest already goes to this address")
        causer = subscriber_causer(subscriber)
        not_before = rate_limits.take_mails(session, [Budget(Pool.OWNER, here, causer)], now)
        if not_before is None:
            return
        consent.request_address_change(session, subscriber, new_address, key, now)
        mailbox = Budget(Pool.MAILBOX, mailbox_key(notices.keys, address))
        mails: list[tuple[MailKind, bytes | None, datetime]] = [(MailKind.ADDRESS_CHANGE_OLD, None, not_before)]
        if _is_free(session, key) and (
            later := rate_limits.take_mails(session, [Budget(Pool.STRANGER, key, causer, network), mailbox], now)
        ):
            mails.append((MailKind.ADDRESS_CHANGE_NEW, key, later))
        for kind, recipient, not_before in mails:
            mail = Notice(
                subscriber,
                kind,
                str(issue_second(now)),
                known.version,
                now + ADDRESS_CHANGE_EXPIRES_AFTER,
                recipient,
                not_before,
            )
            plan_notice(session, notices, mail, now)


def _is_free(session: Session, key: bytes) -> bool:
    taken = subscribers.by_address_key(session, key) is not None
    return not taken and suppressions.reason_for(session, key) is None


def open_link(db: Database, keys: Keys, link: str, now: datetime) -> AddressChangeLink:
    """Return the address change of a link.

    Raises:
        BadToken: the link is invalid.
        LinkExpired: it is too old, or the change was made or cancelled.
    """
    with db.read() as session:
        return _open(session, keys, link, now)


def confirm_address_change(
    db: Database, keys: Keys, link: str, act: ConsentAction, now: datetime
) -> tuple[AddressChangeLink, bool]:
    """Confirm one address.

    Returns:
        The opened link, and True if both addresses have confirmed and the change was made.

    Raises:
        BadToken, LinkExpired: as `open_link`.
    """
    with db.write() as session:
        opened = _open(session, keys, link, now, lock=True)
        consent.confirm_address_change(session, opened.subscriber.key, now, at_new=opened.at_new)
        agreed = opened.change.at_old if opened.at_new else opened.change.at_new
        if not agreed:
            return opened, False
        change, key = opened.change, opened.subscriber.key
        consent.cancel_address_change(session, key)
        is_free = _is_free(session, change.address_key)
        if is_free:
            subscribers.change_address(session, key, (change.address, change.address_key), act, now)
    if not is_free:
        raise LinkExpired("this address already has a subscription, or must not be written to")
    return opened, True


def cancel_address_change(db: Database, keys: Keys, link: str, now: datetime) -> None:
    """Cancel the change of a link. Raises as `open_link`."""
    with db.write() as session:
        opened = _open(session, keys, link, now, lock=True)
        consent.cancel_address_change(session, opened.subscriber.key)


def _open(session: Session, keys: Keys, link: str, now: datetime, *, lock: bool = False) -> AddressChangeLink:
    (key, version), at_new = _read(keys, link, now)
    known = subscribers.by_key(session, key, lock=lock)
    change = consent.address_change(session, key)
    if known is None or known.status not in _CAN_CHANGE or change is None or issue_second(change.asked) != version:
        raise LinkExpired("there is nothing left to confirm")
    if now - change.asked > ADDRESS_CHANGE_EXPIRES_AFTER:
        raise LinkExpired("this link is older than 48 hours; ask again in the settings")
    return AddressChangeLink(known, change, at_new)


def _read(keys: Keys, link: str, now: datetime) -> tuple[tuple[int, int], bool]:
    try:
        key, version, _ = read_token(keys, Purpose.ADDRESS_CHANGE_NEW, link, now)
        return (key, version), True
    except OutdatedToken:
        raise
    except BadToken:
        key, version, _ = read_token(keys, Purpose.ADDRESS_CHANGE_OLD, link, now)
        return (key, version), False
