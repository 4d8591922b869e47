"""Apply the record of opt-outs to a database that was restored, so that whoever left stays away."""

from collections.abc import Mapping, Sequence

from sqlmodel import Session

from digestd.domain.delivery import SuppressionReason
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.store import consent, personal_data, subscribers, suppressions
from digestd.store.database import Database
from digestd.store.opt_outs import SUPPRESSIONS, Event, OptOut, last_words
from digestd.store.timestamps import from_us, to_us

_BATCH = 200
_LEAVING = frozenset({Status.ACTIVE, Status.PAUSED, Status.PENDING})


def apply_opt_outs(db: Database, entries: Sequence[OptOut]) -> int:
    """Let everybody leave who left by the record and not by the database; return how many changes that took."""
    words = last_words(entries)
    keys, applied = list(words), 0
    for begin in range(0, len(keys), _BATCH):
        with db.write() as session:
            for key in keys[begin : begin + _BATCH]:
                applied += sum(_apply(session, key, entry) for entry in _entries(words, key))
    personal_data.scrub(db)
    return applied


def _entries(words: Mapping[bytes, Sequence[OptOut]], key: bytes, depth: int = 3) -> Sequence[OptOut]:
    """Return what counts of an address, with what happened to the address that the subscriber changed to."""
    found: list[OptOut] = []
    for entry in words.get(key, ()):
        if entry.event is not Event.MOVED:
            found.append(entry)
        elif depth and entry.other != key:
            found += _entries(words, entry.other, depth - 1)
    return found


def _apply(session: Session, key: bytes, entry: OptOut) -> bool:
    known = subscribers.by_address_key(session, key, lock=True)
    if (reason := SUPPRESSIONS.get(entry.event)) is not None:
        return _suppress(session, key, reason, known, entry)
    if known is None or to_us(consent.history(session, known.key)[-1].at) >= entry.at_us:
        return False
    if entry.event is Event.UNSUBSCRIBED and known.status in _LEAVING:
        subscribers.change_status(session, known.key, Status.UNSUBSCRIBED, Cause.CLI, from_us(entry.at_us))
        return True
    if entry.event is Event.PAUSED and known.status is Status.ACTIVE:
        subscribers.change_status(session, known.key, Status.PAUSED, Cause.CLI, from_us(entry.at_us))
        subscribers.set_pause_end(session, known.key, from_us(entry.until_us) if entry.until_us else None)
        return True
    return False


def _suppress(session: Session, key: bytes, reason: SuppressionReason, known: Subscriber | None, entry: OptOut) -> bool:
    """Suppress an address unless it came back since; erase its subscriber if they were erased."""
    if suppressions.reason_for(session, key) is not None:
        return False
    if known is not None and to_us(consent.history(session, known.key)[-1].at) >= entry.at_us:
        return False
    at = from_us(entry.at_us)
    if reason is SuppressionReason.ERASED and known is not None:
        suppressions.record(session, key, reason, at)
        suppressions.erase_notes(session, key)
        personal_data.erase(session, known.key, at)
    else:
        suppressions.suppress(session, key, reason, at)
    return True
