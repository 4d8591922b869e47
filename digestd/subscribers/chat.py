"""Send a subscriber's digests to a chat room instead of their mailbox, as the operator says.

The URL of a room is encrypted, for this subscriber alone, and never shown again. Only somebody at the command line sets
one: it takes digests away from a mailbox and shows them to others.
"""

from datetime import datetime

from sqlmodel import Session

from digestd.delivery.chat_post import CHAT_USE, SUBSCRIBERS_OWN, apprise_url, open_room, room_label
from digestd.errors import BadInput, NotFound
from digestd.security.encryption import decrypt, encrypt
from digestd.security.keys import Keys
from digestd.store import integrations
from digestd.store.database import Database
from digestd.store.integrations import ChatTarget
from digestd.subscribers.lookup import load_locked


def set_chat(db: Database, keys: Keys, subscriber: int, url: str, now: datetime) -> str:
    """Send the digests of a subscriber to a chat room from now on. Return its name without secrets.

    Raises:
        BadInput: The URL is not one of a chat room.
        NotFound: There is no such subscriber.
    """
    current = apprise_url(url)
    label = room_label(open_room(current))
    with db.write() as session:
        load_locked(session, subscriber)
        integrations.put_chat_target(session, subscriber, label, encrypt(keys, CHAT_USE, str(subscriber), current), now)
    return label


def remove_chat(db: Database, subscriber: int) -> bool:
    """Send the digests of a subscriber by mail again. Return False if they were already."""
    with db.write() as session:
        return integrations.remove_chat_target(session, subscriber)


async def post_test(db: Database, keys: Keys, subscriber: int, text: str) -> str:
    """Post a test message to a subscriber's chat room. Return what went wrong, without secrets, or "".

    A room that takes it gets digests again.

    Raises:
        NotFound: They have no chat room.
        BadInput: You did not set it, or its address cannot be used.
    """
    from digestd.delivery.chat_rooms import post_text  # noqa: PLC0415  # all of delivery, which takes half a second

    with db.read() as session:
        target = integrations.chat_target(session, subscriber)
    if target is None:
        raise NotFound("the digests of this subscriber go to no chat room")
    stored = decrypt(keys, CHAT_USE, str(subscriber), target.sealed)
    if stored.endswith(SUBSCRIBERS_OWN):
        raise BadInput("a subscriber or a program set this room in an earlier version; set it again or remove it")
    problem = await post_text(stored, text)
    if not problem:
        with db.write() as session:
            integrations.record_chat_attempt(session, subscriber, None)
    return problem


def room_state(session: Session, keys: Keys, target: ChatTarget) -> str:
    """Return in words whether a room gets digests, and if not, why."""
    try:
        stored = decrypt(keys, CHAT_USE, str(target.subscriber), target.sealed)
        if stored.endswith(SUBSCRIBERS_OWN) or integrations.was_confirmed_by_mail(session, target):
            return "not used: a subscriber or a program set it in an earlier version"
        apprise_url(stored)
    except BadInput as error:
        return f"not used: {error}"
    if target.problem is None:
        return "in use"
    return f"{'in use' if target.is_used else 'not used'}: {target.problem}"
