"""Find a subscriber by address or number, or fail with a message that says what to do."""

from sqlmodel import Session

from digestd.domain.subscriber import Status, Subscriber
from digestd.errors import NotFound
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.store import subscribers


def find(session: Session, keys: Keys, address: str, *, lock: bool = False) -> Subscriber:
    """Return the subscriber with an address.

    Args:
        lock: lock the row until the transaction ends.

    Raises:
        BadRecord: `address` is not a valid address.
        NotFound: no subscriber has it.
    """
    known = subscribers.by_address_key(session, address_key(keys, address), lock=lock)
    if known is None or known.status is Status.ERASED:
        raise NotFound(f"there is no subscriber {address.strip()[:80]!r}; `digestd subscriber list` shows all")
    return known


def load_locked(session: Session, subscriber: int) -> Subscriber:
    """Return the subscriber with a number and lock the row. Raises NotFound."""
    known = subscribers.by_key(session, subscriber, lock=True)
    if known is None:
        raise NotFound(f"there is no subscriber number {subscriber}")
    return known
