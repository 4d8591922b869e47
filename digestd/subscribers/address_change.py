"""Moving to another address: asked for by the preferences, made once both addresses have confirmed it.

The old one proves that its owner wants to leave it, the new one that its owner wants the digest. Whoever holds
one of the two can stop it, and after two days it is forgotten. An old address that is read no more cannot
confirm; its reader signs up anew with the new one.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.domain.mail_budget import Budget, Pool
from digestd.domain.mail_budget import subscriber_causer as of_subscriber
from digestd.domain.subscriber import ConsentAction, Status, Subscriber
from digestd.errors import BadInput
from digestd.security.links import (
    BadToken,
    Keys,
    OutdatedToken,
    Purpose,
    address_key,
    canonical_address,
    issued,
    read,
)
from digestd.store import address_changes, mail_budgets, subscribers, suppressions
from digestd.store.address_changes import EXPIRES_AFTER, AddressChange
from digestd.store.database import Database
from digestd.subscribers.notices import Notice, NoticeContext, plan_notice
from digestd.subscribers.signup import LinkExpired

_MAY_MOVE = frozenset({Status.ACTIVE, Status.PAUSED})


class SameAddress(BadInput):
    """The digest goes there already."""


@dataclass(frozen=True, slots=True)
class AddressChangeLink:
    """One end of a move, as its link opens it."""

    subscriber: Subscriber
    move: AddressChange
    at_new: bool


def request_address_change(
    db: Database, notices: NoticeContext, subscriber: int, address: str, now: datetime, network: bytes | None = None
) -> None:
    """Ask to move: a mail to the old address, and one to the new address if that may be written to.

    Nothing tells whether it may, not even the mail to the old address, which only depends on the owner's budget: if
    that is spent, nothing is sent and nothing changes. The new address counts as a stranger's. A move that was asked
    for before is forgotten. `network` is the client's, as a keyed hash. Raises BadRecord for what is no address,
    SameAddress.
    """
    there, key = canonical_address(address), address_key(notices.keys, address)
    with db.write() as session:
        known = subscribers.by_key(session, subscriber, lock=True)
        if known is None or known.status not in _MAY_MOVE:
            raise LinkExpired("only active subscribers can change their address")
        here = subscribers.address_key_of(session, subscriber)
        if here == key:
            raise SameAddress("the digest already goes to this address")
        causer = of_subscriber(subscriber)
        leaves = mail_budgets.take(session, [Budget(Pool.OWNER, here, causer)], now)
        if leaves is None:
            return
        address_changes.request(session, subscriber, there, key, now)
        mails: list[tuple[MailKind, bytes | None, datetime]] = [(MailKind.MOVE_FROM, None, leaves)]
        if _is_free(session, key) and (
            later := mail_budgets.take(session, [Budget(Pool.STRANGER, key, causer, network)], now)
        ):
            mails.append((MailKind.MOVE_TO, key, later))
        for kind, recipient, not_before in mails:
            mail = Notice(subscriber, kind, str(issued(now)), known.version, now + EXPIRES_AFTER, recipient, not_before)
            plan_notice(session, notices, mail, now)


def _is_free(session: Session, key: bytes) -> bool:
    """Whether nobody has the address, and nothing stands against writing to it."""
    taken = subscribers.by_address_key(session, key) is not None
    return not taken and suppressions.reason_for(session, key) is None


def open_link(db: Database, keys: Keys, link: str, now: datetime) -> AddressChangeLink:
    """What a link of a move opens. Raises BadToken for what is none of ours, TooOld for what is over."""
    with db.read() as session:
        return _side(session, keys, link, now)


def confirm_address_change(
    db: Database, keys: Keys, link: str, act: ConsentAction, now: datetime
) -> tuple[AddressChangeLink, bool]:
    """Confirm one side; whether that made the move. Raises like `opened_side`."""
    with db.write() as session:
        side = _side(session, keys, link, now, lock=True)
        address_changes.confirm(session, side.subscriber.key, now, at_new=side.at_new)
        agreed = side.move.at_old if side.at_new else side.move.at_new
        if not agreed:
            return side, False
        move, key = side.move, side.subscriber.key
        address_changes.cancel(session, key)
        is_free = _is_free(session, move.address_key)
        if is_free:
            subscribers.change_address(session, key, (move.address, move.address_key), act, now)
    if not is_free:
        raise LinkExpired("this address already has a subscription, or must not be written to")
    return side, True


def cancel_address_change(db: Database, keys: Keys, link: str, now: datetime) -> None:
    """Forget the move. Raises like `opened_side`."""
    with db.write() as session:
        side = _side(session, keys, link, now, lock=True)
        address_changes.cancel(session, side.subscriber.key)


def _side(session: Session, keys: Keys, link: str, now: datetime, *, lock: bool = False) -> AddressChangeLink:
    (key, version), at_new = _read(keys, link, now)
    known = subscribers.by_key(session, key, lock=lock)
    move = address_changes.of(session, key)
    if known is None or known.status not in _MAY_MOVE or move is None or issued(move.asked) != version:
        raise LinkExpired("there is nothing left to confirm")
    if now - move.asked > EXPIRES_AFTER:
        raise LinkExpired("this link is older than 48 hours; ask again in the settings")
    return AddressChangeLink(known, move, at_new)


def _read(keys: Keys, link: str, now: datetime) -> tuple[tuple[int, int], bool]:
    try:
        key, version, _ = read(keys, Purpose.MOVE_TO, link, now)
        return (key, version), True
    except OutdatedToken:
        raise
    except BadToken:
        key, version, _ = read(keys, Purpose.MOVE_FROM, link, now)
        return (key, version), False
