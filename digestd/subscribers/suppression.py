"""Suppress addresses, and lift suppressions, on the operator's behalf.

A suppressed address gets no mail, whether it has a subscriber or not. A change takes effect when it commits: no mail
passes the commit point after that.
"""

from dataclasses import dataclass
from datetime import datetime

from digestd.domain.delivery import SuppressionReason
from digestd.domain.subscriber import Cause, Status
from digestd.errors import BadInput
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.store import bounces, suppressions
from digestd.store.database import Database
from digestd.store.suppressions import SuppressionFilter

_BLOCK = 500


@dataclass(frozen=True, slots=True)
class Restored:
    """A lifted suppression. `address` and `status` are the subscriber's, or None if the address has none."""

    address: str | None
    reason: SuppressionReason
    at: datetime
    status: Status | None


def suppress(db: Database, keys: Keys, address: str, reason: SuppressionReason, now: datetime) -> None:
    """Suppress an address, subscribed or not. Raises BadRecord for an invalid address."""
    with db.write() as session:
        suppressions.suppress(session, address_key(keys, address), reason, now)


def unsuppress(db: Database, keys: Keys, address: str, why: str, now: datetime) -> Status | None:
    """Lift the suppression of an address.

    After a bounce the subscriber gets back the status from before. After a complaint or a request they stay
    unsubscribed until they sign up again.

    Args:
        why: the operator's reason, which is stored with the address.

    Returns:
        The subscriber's status afterwards, or None if nobody has the address.

    Raises:
        BadInput: `why` is empty.
        NotFound: the address is not suppressed, or was erased.
    """
    if not why.strip():
        raise BadInput("say why, with --why: it is stored with the address")
    with db.write() as session:
        return suppressions.undo(session, address_key(keys, address), why.strip(), Cause.CLI, now)


def unsuppress_wave(
    db: Database, wave: SuppressionFilter, why: str, now: datetime, dry_run: bool = False
) -> list[Restored]:
    """Lift all suppressions that a filter selects, in blocks, each like `unsuppress`.

    Args:
        dry_run: return what would be lifted, and change nothing.

    Raises:
        BadInput: `why` is empty, or the filter selects erased addresses.
    """
    if not why.strip():
        raise BadInput("say why, with --why: it is stored with the addresses")
    if SuppressionReason.ERASED in wave.reasons:
        raise BadInput("leave out --reason erased: only a new sign-up by its owner ends such a suppression")
    restored: list[Restored] = []
    after, more = b"", True
    while more:
        with db.read() if dry_run else db.write() as session:
            block = suppressions.matching(session, wave, after, _BLOCK)
            for one in block:
                status = None if dry_run else suppressions.undo(session, one.address_key, why.strip(), Cause.CLI, now)
                restored.append(Restored(one.address, one.reason, one.at, status))
        more, after = len(block) == _BLOCK, block[-1].address_key if block else b""
    return restored


def suppress_held(db: Database, since: datetime | None, now: datetime, dry_run: bool = False) -> int:
    """Suppress every address whose hard bounces are on hold, and return how many.

    Bounces are held when too many arrive at once (domain/bounce); the operator confirms that these mailboxes
    do not exist.

    Args:
        since: only bounces from this time on; None for all.
        dry_run: count, and change nothing.
    """
    with db.read() if dry_run else db.write() as session:
        keys = bounces.held_addresses(session, now, since)
        for key in () if dry_run else keys:
            suppressions.suppress(session, key, SuppressionReason.HARD_BOUNCE, now)
        if keys and not dry_run:
            bounces.release(session, keys)
    return len(keys)
