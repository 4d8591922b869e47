"""Less mail, or none: unsubscribing, pausing and resuming, suppressing and taking that back, erasing.

Each takes effect when it commits: no mail passes the gate of delivery after that.
"""

from datetime import datetime

from sqlmodel import Session

from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.domain.suppression import HEALED_BY_CONSENT, SuppressionReason
from digestd.errors import BadInput, DigestdError, NotFound
from digestd.links import Keys, address_key
from digestd.store import consent, subscribers, suppressions
from digestd.store.database import Database


class NoConsent(DigestdError):
    """The subscriber's own wish stands against this."""


def find(session: Session, keys: Keys, address: str, *, lock: bool = False) -> Subscriber:
    """The subscriber of an address. Raises BadRecord for what is no address, NotFound where nobody has it."""
    known = subscribers.by_address_key(session, address_key(keys, address), lock=lock)
    if known is None or known.status is Status.ERASED:
        raise NotFound(f"there is no subscriber {address.strip()[:80]!r}; `digestd subscriber list` shows all")
    return known


def unsubscribe(db: Database, subscriber: int, cause: Cause, now: datetime) -> bool:
    """End a subscription; False where it had ended before. Raises NotFound."""
    return _change(db, subscriber, {Status.PENDING, Status.ACTIVE, Status.PAUSED}, Status.UNSUBSCRIBED, (cause, now))


def pause(db: Database, subscriber: int, cause: Cause, now: datetime) -> bool:
    """Stop the digest until `resume`; False where it is paused already. Raises NoConsent unless active."""
    return _switch(db, subscriber, (Status.ACTIVE, Status.PAUSED), (cause, now))


def resume(db: Database, subscriber: int, cause: Cause, now: datetime) -> bool:
    """Go on after a pause; False where it is active already. Raises NoConsent for whoever left or never confirmed."""
    return _switch(db, subscriber, (Status.PAUSED, Status.ACTIVE), (cause, now))


def _switch(db: Database, subscriber: int, step: tuple[Status, Status], by: tuple[Cause, datetime]) -> bool:
    with db.write() as session:
        known = _locked(session, subscriber)
        if known.status not in step:
            raise NoConsent(f"the subscriber is {known.status}, not {step[0]}; only they can sign up anew")
        return _step(session, known, step[1], by)


def _change(db: Database, subscriber: int, since: set[Status], to: Status, by: tuple[Cause, datetime]) -> bool:
    with db.write() as session:
        known = _locked(session, subscriber)
        return known.status in since and _step(session, known, to, by)


def _step(session: Session, known: Subscriber, to: Status, by: tuple[Cause, datetime]) -> bool:
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
        raise BadInput("say why, with --why: it is kept with the address")
    key = address_key(keys, address)
    with db.write() as session:
        known = subscribers.by_address_key(session, key, lock=True)
        reason = suppressions.lift(session, key, why.strip(), now)
        if reason is None:
            raise NotFound("this address is not suppressed, or it was erased, which is for ever")
        if known is None or known.status is not Status.SUPPRESSED:
            return None if known is None else known.status
        status = _before(session, known.key) if reason in HEALED_BY_CONSENT else Status.UNSUBSCRIBED
        return subscribers.change_status(session, known.key, status, Cause.CLI, now).status


def _before(session: Session, subscriber: int) -> Status:
    """What they had consented to before they were suppressed."""
    past = [event.status for event in consent.history(session, subscriber) if event.status is not Status.SUPPRESSED]
    return past[-1] if past and past[-1] in {Status.ACTIVE, Status.PAUSED} else Status.UNSUBSCRIBED


def erase(db: Database, keys: Keys, address: str, now: datetime) -> None:
    """Forget a person: only the keyed hash of the address stays, as a suppression. Raises NotFound."""
    with db.write() as session:
        known = find(session, keys, address, lock=True)
        suppressions.note(session, address_key(keys, address), SuppressionReason.ERASED, now)
        suppressions.forget_why(session, address_key(keys, address))
        subscribers.erase(session, known.key, now)
    subscribers.scrub(db)
