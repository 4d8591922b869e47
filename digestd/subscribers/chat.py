"""Send a subscriber's digests to a chat room instead of their mailbox.

Operators set any room. A subscriber enters a room in their settings, on the public internet only, and confirms it by a
link in a mail: the settings link is in every digest, and whoever has a forwarded one must not take the digests away.
The URL is encrypted, for this subscriber alone, and never shown again.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from digestd.delivery.chat import (
    CHAT_FORMS,
    CHAT_USE,
    parse_chat_url,
    parse_public_chat_url,
    parse_stored_chat_url,
    stored_chat_url,
)
from digestd.delivery.chat.chat_message import ChatDigest
from digestd.delivery.chat.chat_transport import ChatTransport
from digestd.delivery.transports.transport import LostReply, OutgoingMail
from digestd.domain.delivery import MailKind
from digestd.domain.mail_budget import Pool
from digestd.domain.subscriber import Status, Subscriber
from digestd.errors import NotFound
from digestd.security.encryption import decrypt, encrypt
from digestd.security.links import Keys, Purpose, issue_second, read_token
from digestd.store import chat_targets, subscribers
from digestd.store.chat_targets import ChatRequest
from digestd.store.database import Database
from digestd.subscribers.confirmed_actions import VALID, RequestOutcome, plan_request
from digestd.subscribers.lookup import load_locked
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.signup import LinkExpired

_CAN_ASK = frozenset({Status.ACTIVE, Status.PAUSED})
_APART = timedelta(seconds=1)
"""Time between two requests, so that a link names one of them."""
_OK = 250


@dataclass(frozen=True, slots=True)
class Rooms:
    """The names of a subscriber's chat room and of the one they have yet to confirm; None if there is none."""

    label: str | None
    requested: str | None


def rooms(session: Session, subscriber: int, now: datetime) -> Rooms:
    """Return where a subscriber's digests go."""
    wanted = chat_targets.requested(session, subscriber)
    is_open = wanted is not None and now - wanted.asked <= VALID
    return Rooms(chat_targets.label(session, subscriber), wanted.label if wanted and is_open else None)


def set_chat(db: Database, keys: Keys, subscriber: int, url: str, now: datetime, *, public_only: bool = False) -> str:
    """Send the digests of a subscriber to a chat room from now on. Return its name without secrets.

    Args:
        public_only: refuse hosts that are not on the public internet.

    Raises:
        BadInput: The URL is not one of a chat room.
        NotFound: There is no such subscriber.
    """
    label, sealed = _sealed(keys, subscriber, url, public_only=public_only)
    with db.write() as session:
        load_locked(session, subscriber)
        chat_targets.put(session, subscriber, label, sealed, now)
    return label


def request_chat(
    db: Database, notices: NoticeContext, subscriber: int, url: str, now: datetime, *, public_only: bool = True
) -> RequestOutcome:
    """Mail a subscriber the link that sends their digests to a chat room.

    An earlier request is replaced, and its link is void.

    Raises:
        BadInput: The URL is not one of a chat room, or its host is not on the public internet.
    """
    label, sealed = _sealed(notices.keys, subscriber, url, public_only=public_only)
    with db.write() as session:
        known = subscribers.by_key(session, subscriber, lock=True)
        if known is None or known.status not in _CAN_ASK:
            return RequestOutcome.UNREACHABLE
        before = chat_targets.requested(session, subscriber)
        if before is not None and now - before.asked < _APART:
            return RequestOutcome.WAIT
        outcome = plan_request(session, notices, known, (MailKind.CHAT, Pool.OWNER), now)
        if outcome is RequestOutcome.SENT:
            chat_targets.request(session, subscriber, ChatRequest(label, sealed, known.version, now))
        return outcome


def open_chat_request(db: Database, keys: Keys, link: str, now: datetime) -> tuple[Subscriber, ChatRequest]:
    """Return the subscriber of a link and the room that it confirms.

    Raises:
        BadToken: the link is invalid.
        LinkExpired: it is older than 48 hours, or was used or replaced, or status, address or links have changed since.
    """
    with db.read() as session:
        return _open(session, keys, link, now)


def confirm_chat(db: Database, keys: Keys, link: str, now: datetime) -> tuple[Subscriber, ChatRequest]:
    """Send the digests of the subscriber of a link to the room that it confirms. Raises as `open_chat_request`."""
    with db.write() as session:
        known, wanted = _open(session, keys, link, now, lock=True)
        chat_targets.put(session, known.key, wanted.label, wanted.sealed, now)
    return known, wanted


def remove_chat(db: Database, subscriber: int) -> bool:
    """Send the digests of a subscriber by mail again. Return False if they were already."""
    with db.write() as session:
        return chat_targets.remove(session, subscriber)


async def post_test(stored: str, text: str, *, allows_private: bool) -> str:
    """Post a test message to a chat room. Return what went wrong, without secrets, or "".

    Args:
        stored: the stored URL, from `chat_url`.
        allows_private: as ChatTransport.
    """
    target = parse_stored_chat_url(stored)
    texts = CHAT_FORMS[target.form].write(ChatDigest(text, (), ""), target)
    connection = await ChatTransport(allows_private=allows_private).connect()
    try:
        await connection.offer(OutgoingMail("", stored, json.dumps(texts).encode(), secrets.token_hex(16)))
        reply = await connection.commit()
    except LostReply as error:
        return str(error)
    finally:
        await connection.close()
    return "" if reply.code == _OK else reply.text


def chat_url(db: Database, keys: Keys, subscriber: int) -> str:
    """Return the stored URL of a subscriber's chat room. Raises NotFound if they have none."""
    with db.read() as session:
        sealed = chat_targets.sealed(session, subscriber)
    if sealed is None:
        raise NotFound("the digests of this subscriber go to no chat room")
    return decrypt(keys, CHAT_USE, str(subscriber), sealed)


def _sealed(keys: Keys, subscriber: int, url: str, *, public_only: bool) -> tuple[str, bytes]:
    """Return the name of a room without secrets, and its encrypted URL. Raises BadInput."""
    target = (parse_public_chat_url if public_only else parse_chat_url)(url)
    return target.label, encrypt(keys, CHAT_USE, str(subscriber), stored_chat_url(url, target))


def _open(
    session: Session, keys: Keys, link: str, now: datetime, *, lock: bool = False
) -> tuple[Subscriber, ChatRequest]:
    key, second, _ = read_token(keys, Purpose.CHAT, link, now)
    known = subscribers.by_key(session, key, lock=lock)
    wanted = chat_targets.requested(session, key)
    if known is None or wanted is None or issue_second(wanted.asked) != second:
        raise LinkExpired("this link was used or replaced; ask again in the settings")
    is_void = known.links_from is not None and wanted.asked <= known.links_from
    if known.version != wanted.version or now - wanted.asked > VALID or is_void:
        raise LinkExpired("this link is no longer valid; ask again in the settings")
    return known, wanted
