"""Less mail, or none: unsubscribing, pausing and resuming, suppressing and taking that back, erasing.

Each takes effect when it commits: no mail passes the gate of delivery after that.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from digestd.domain.subscriber import Act, Cause, Status, Subscriber
from digestd.domain.suppression import SuppressionReason
from digestd.errors import BadInput, DigestdError, NotFound
from digestd.security.links import Keys, address_key
from digestd.store import bounce_surge, consent, erasure, subscribers, suppressions
from digestd.store.database import Database
from digestd.store.suppressions import SuppressionFilter

_LONGEST_PAUSE = timedelta(days=366)
REGRET = timedelta(hours=1)
_BLOCK = 500
_LEAVABLE = frozenset({Status.PENDING, Status.ACTIVE, Status.PAUSED, Status.SUPPRESSED})
By = tuple[Cause | Act, datetime]


@dataclass(frozen=True, slots=True)
class Restored:
    """A suppression that was taken back: `address` and `status` of its subscriber, None where there is none."""

    address: str | None
    reason: SuppressionReason
    at: datetime
    status: Status | None


class NoConsent(DigestdError):
    """The subscriber's own wish stands against this."""


def find(session: Session, keys: Keys, address: str, *, lock: bool = False) -> Subscriber:
    """The subscriber of an address. Raises BadRecord for what is no address, NotFound where nobody has it."""
    known = subscribers.by_address_key(session, address_key(keys, address), lock=lock)
    if known is None or known.status is Status.ERASED:
        raise NotFound(f"there is no subscriber {address.strip()[:80]!r}; `digestd subscriber list` shows all")
    return known


def unsubscribe(db: Database, subscriber: int, by: Cause | Act, now: datetime) -> bool:
    """End a subscription; False where it had ended before. Raises NotFound.

    That of a suppressed subscriber ends too: undoing a suppression gives back the status from before.
    """
    with db.write() as session:
        known = _locked(session, subscriber)
        return known.status in _LEAVABLE and _step(session, known, Status.UNSUBSCRIBED, (by, now))


def pause(db: Database, subscriber: int, by: Cause | Act, now: datetime, until: datetime | None = None) -> bool:
    """Stop the digest until then, or until `resume`; False where it is paused already, until then from now on.

    Raises NoConsent unless active, BadInput for an end that has passed or is more than a year away.
    """
    if until is not None:
        refuse_end(until, now)
    with db.write() as session:
        changed = _switched(session, subscriber, (Status.ACTIVE, Status.PAUSED), (by, now))
        subscribers.set_pause_end(session, subscriber, until)
        return changed


def pause_end(subscriber: Subscriber, day: date) -> datetime:
    """When a pause ends that lasts until a day: as that day begins where the subscriber lives. Raises BadInput."""
    try:
        return datetime.combine(day, time(), tzinfo=ZoneInfo(subscriber.timing.timezone)).astimezone(UTC)
    except OverflowError:  # the first day of the calendar, which has begun before it elsewhere
        raise BadInput(_DAY_TO_COME) from None


def refuse_end(until: datetime, now: datetime) -> None:
    """Raises BadInput for an end of a pause that has passed or is more than a year away."""
    if not now < until <= now + _LONGEST_PAUSE:
        raise BadInput(_DAY_TO_COME)


_DAY_TO_COME = "a pause ends on a day to come, within a year; choose another day"


def resume(db: Database, subscriber: int, by: Cause | Act, now: datetime) -> bool:
    """Go on after a pause; False where it is active already. Raises NoConsent for whoever left or never confirmed."""
    with db.write() as session:
        return _switched(session, subscriber, (Status.PAUSED, Status.ACTIVE), (by, now))


def come_back(db: Database, subscriber: int, act: Act, now: datetime) -> bool:
    """Take an unsubscribing back that was not meant, within an hour of it; False where it is too late for that.

    After that hour a link in an old mail, which others may hold by now, is not enough: they are asked by mail.
    """
    with db.write() as session:
        known = _locked(session, subscriber)
        events = consent.history(session, subscriber)
        if known.status is not Status.UNSUBSCRIBED or now - events[-1].at > REGRET:
            return known.status is Status.ACTIVE
        if suppressions.reason_for(session, subscribers.address_key_of(session, subscriber)) is not None:
            return False
        before = events[-2].status if len(events) > 1 else Status.PENDING
        if before not in {Status.ACTIVE, Status.PAUSED}:
            return False
        subscribers.change_status(session, subscriber, Status.ACTIVE, act, now)
        return True


def _switched(session: Session, subscriber: int, step: tuple[Status, Status], by: By) -> bool:
    known = _locked(session, subscriber)
    if known.status not in step:
        raise NoConsent(f"the subscriber is {known.status}, not {step[0]}; only they can sign up again")
    return _step(session, known, step[1], by)


def _step(session: Session, known: Subscriber, to: Status, by: By) -> bool:
    return subscribers.change_status(session, known.key, to, *by).version > known.version


def _locked(session: Session, subscriber: int) -> Subscriber:
    known = subscribers.by_key(session, subscriber, lock=True)
    if known is None:
        raise NotFound(f"there is no subscriber number {subscriber}")
    return known


def suppress(db: Database, keys: Keys, address: str, reason: SuppressionReason, now: datetime) -> None:
    """Never write to an address again, whether it has subscribed or not. Raises BadRecord."""
    with db.write() as session:
        suppressions.suppress(session, address_key(keys, address), reason, now)


def unsuppress(db: Database, keys: Keys, address: str, why: str, now: datetime) -> Status | None:
    """Take a suppression back, and keep why; the status of the subscriber then, None where nobody has the address.

    After a bounce it is the status from before; after a complaint or a request, their will stands
    until they sign up anew. Raises NotFound where the address is not suppressed, or erased.
    """
    if not why.strip():
        raise BadInput("say why, with --why: it is stored with the address")
    with db.write() as session:
        return suppressions.undo(session, address_key(keys, address), why.strip(), Cause.CLI, now)


def unsuppress_wave(
    db: Database, wave: SuppressionFilter, why: str, now: datetime, dry_run: bool = False
) -> list[Restored]:
    """Take back all suppressions of one time, in blocks; each as `unsuppress` does it. `dry_run` changes nothing."""
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
    """Suppress every address whose hard bounces are held: the operator says that the mailboxes are gone. How many."""
    with db.read() if dry_run else db.write() as session:
        keys = bounce_surge.held_addresses(session, now, since)
        for key in () if dry_run else keys:
            suppressions.suppress(session, key, SuppressionReason.HARD_BOUNCE, now)
        if keys and not dry_run:
            bounce_surge.release(session, keys)
    return len(keys)


def erase(db: Database, keys: Keys, address: str, now: datetime) -> None:
    """Forget the person of an address. Raises NotFound."""
    with db.read() as session:
        key = find(session, keys, address).key
    forget(db, key, now)


def forget(db: Database, subscriber: int, now: datetime) -> None:
    """Forget a person: only the keyed hash of the address stays, as a suppression. Raises NotFound."""
    with db.write() as session:
        known = _locked(session, subscriber)
        address_key = subscribers.address_key_of(session, known.key)
        suppressions.record(session, address_key, SuppressionReason.ERASED, now)
        suppressions.erase_notes(session, address_key)
        erasure.erase(session, known.key, now)
    erasure.scrub(db)
