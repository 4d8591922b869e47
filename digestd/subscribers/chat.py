"""Set the chat room that gets a subscriber's digests instead of their mailbox.

Only operators do: a URL from a stranger would let them post through this machine. The URL is encrypted, for this
subscriber alone.
"""

from datetime import datetime

from digestd.delivery.chat import CHAT_USE, parse_chat_url
from digestd.security.encryption import encrypt
from digestd.security.links import Keys
from digestd.store import chat_targets
from digestd.store.database import Database
from digestd.subscribers.lookup import load_locked


def set_chat(db: Database, keys: Keys, subscriber: int, url: str, now: datetime) -> str:
    """Send the digests of a subscriber to a chat room from now on. Return its name without secrets.

    Raises:
        BadInput: The URL is not one of a chat room.
        NotFound: There is no such subscriber.
    """
    label = parse_chat_url(url).label
    with db.write() as session:
        load_locked(session, subscriber)
        chat_targets.put(session, subscriber, label, encrypt(keys, CHAT_USE, str(subscriber), url), now)
    return label


def remove_chat(db: Database, subscriber: int) -> bool:
    """Send the digests of a subscriber by mail again. Return False if they were already."""
    with db.write() as session:
        return chat_targets.remove(session, subscriber)
