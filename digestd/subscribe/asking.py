"""Double opt-in: asking for the digest, and confirming by the link in a mail.

Nothing here tells whoever asks what is known of an address, and every road that can make a
confirmation mail goes through `invite`, which is the limiter: whoever types addresses of
others into a form gets each of them at most one mail a day.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.domain.interest import Interest, Wish, values
from digestd.domain.subscriber import WEEKDAYS, Act, Cause, Status, Subscriber, Timing
from digestd.domain.suppression import LIFTED_BY_CONSENT
from digestd.errors import BadInput
from digestd.links import BadToken, Keys, Purpose, address_key, read
from digestd.store import consent, invitations, subscribers, suppressions
from digestd.store.database import Database
from digestd.subscribe.notices import Mail, Post, plan
from digestd.subscribe.record import LISTS, Record, parse

CONFIRM_WITHIN = timedelta(hours=48)
INVITATIONS = ((timedelta(hours=24), 1), (timedelta(days=30), 3))
"""At most so many mails that anybody who types an address can cause, in each span."""


ASKED_ANEW = "signed up anew"


class TooOld(BadInput):
    """This confirmation link no longer counts."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What someone asked for who may not be who they say they are."""

    address: str
    timing: Timing = field(default_factory=Timing)
    interests: tuple[Interest, ...] = ()
    language: str = "en"
    size: int = 10

    def record(self) -> Record:
        """The same, checked. Raises BadRecord."""
        timing = self.timing
        lists = {name: values(self.interests, *slot) for name, slot in LISTS.items() if slot[1] is Wish.LIKED}
        return parse(
            {
                "email": self.address,
                "timezone": timing.timezone,
                "hour": timing.hour,
                "cadence": timing.cadence,
                "weekday": WEEKDAYS[timing.weekday],
                "language": self.language,
                "size": self.size,
                **{name: items for name, items in lists.items() if items},
            }
        )


def ask(db: Database, post: Post, asked: Asked, now: datetime, by: Act = Act(Cause.WEB)) -> None:
    """Ask for the digest in somebody's name; they get a mail to confirm it, if they may get one.

    Raises BadRecord for what cannot be an address or a setting, and says nothing else: the
    subscribed, the suppressed and the unknown all look the same from here.
    """
    record = asked.record()
    with db.write() as session:
        ask_here(session, post, record, by, now)


def ask_here(session: Session, post: Post, record: Record, by: Cause | Act, now: datetime) -> None:
    """The same for a checked record, in the caller's write transaction."""
    key = address_key(post.keys, record.address)
    known = subscribers.by_address_key(session, key, lock=True)
    reason = suppressions.is_suppressed(session, key)
    if reason is not None and reason not in LIFTED_BY_CONSENT:
        return
    if known is None:
        if not greet(session, post, record, by, now):
            ask_here(session, post, record, by, now)  # by now they are known
    elif known.status in _MAY_ASK and invite(session, post, known, by, now):
        suppressions.lift(session, key, ASKED_ANEW, now)
        subscribers.update_many(session, [record.of(known)], now)
    elif known.status is Status.PENDING:
        subscribers.update_many(session, [record.of(known)], now)


def remind(db: Database, post: Post, address: str, now: datetime, by: Act = Act(Cause.WEB)) -> None:
    """Send the confirmation once more to an address that waits for it, if it may get one; says nothing, as `ask`.

    What was asked for stays as it is. Raises BadRecord for what cannot be an address.
    """
    key = address_key(post.keys, address)
    with db.write() as session:
        known = subscribers.by_address_key(session, key, lock=True)
        if known is None or known.status is not Status.PENDING:
            return
        reason = suppressions.is_suppressed(session, key)
        if reason is not None and reason not in LIFTED_BY_CONSENT:
            return
        invite(session, post, known, by, now)


_MAY_ASK = frozenset({Status.PENDING, Status.UNSUBSCRIBED, Status.SUPPRESSED})


def greet(session: Session, post: Post, record: Record, by: Cause | Act, now: datetime) -> bool:
    """Store someone new as pending, with a mail to confirm; False if another transaction was first."""
    key = address_key(post.keys, record.address)
    stored = subscribers.insert_many(session, [new(record, key, Status.PENDING)], by, now)
    if key not in stored:
        return False
    suppressions.lift(session, key, ASKED_ANEW, now)
    mail_confirmation(session, post, stored[key], 1, now)
    return True


def new(record: Record, key: bytes, status: Status) -> subscribers.NewSubscriber:
    """What the store needs to take someone in for the first time."""
    wanted = record.new
    return subscribers.NewSubscriber(
        address=record.address,
        address_key=key,
        status=status,
        name=wanted.name,
        timing=wanted.timing,
        size=wanted.size,
        language=wanted.language,
        interests=wanted.interests,
        bar=wanted.bar,
        explore=wanted.explore,
        only_categories=wanted.only_categories,
    )


def invite(session: Session, post: Post, known: Subscriber, by: Cause | Act, now: datetime) -> bool:
    """Make a known subscriber pending, with a mail to confirm; False where they had enough of those lately."""
    if not may_be_asked(session, subscribers.address_key_of(session, known.key), now):
        return False
    pending = subscribers.change_status(session, known.key, Status.PENDING, by, now)
    mail_confirmation(session, post, pending.key, pending.version, now)
    return True


def may_be_asked(session: Session, address_key: bytes, now: datetime) -> bool:
    """Whether an address may get another mail that anybody who types it can cause; the one limiter of them all."""
    return not any(invitations.since(session, address_key, now - span) >= most for span, most in INVITATIONS)


def mail_confirmation(session: Session, post: Post, subscriber: int, version: int, now: datetime) -> None:
    """Put the mail that asks to confirm this very consent version into the ledger."""
    invitations.note(session, subscribers.address_key_of(session, subscriber), now)
    plan(session, post, Mail(subscriber, MailKind.CONFIRM, str(version), version, now + CONFIRM_WITHIN), now)


def confirm(db: Database, keys: Keys, token: str, now: datetime, by: Act = Act(Cause.CONFIRM)) -> Subscriber:
    """Act on the button behind the link of a confirmation mail; the subscriber, now active.

    The same link again changes nothing. Raises BadToken for what is no link of ours, TooOld for
    one that no longer counts: after 48 hours, once a newer mail is out, or after leaving again.
    """
    key, version, _ = read(keys, Purpose.CONFIRM, token, now)
    with db.write() as session:
        return confirm_here(session, (key, version), by, now)


def confirm_here(session: Session, named: tuple[int, int], by: Cause | Act, now: datetime) -> Subscriber:
    """The same for the subscriber and consent version of a token, in the caller's write transaction."""
    key, version = named
    known = subscribers.by_key(session, key, lock=True)
    asked = consent.event(session, key, version)
    if known is None or asked is None or asked.status is not Status.PENDING:
        raise BadToken("this link leads to no subscription; sign up again")
    if known.status is Status.ACTIVE and known.version > version:
        return known
    if known.status is not Status.PENDING:
        raise TooOld("this link was used before; sign up again to come back")
    if known.version != version:
        raise TooOld("a newer mail holds the link that counts; use the one in the newest")
    if now - asked.at > CONFIRM_WITHIN:
        raise TooOld("this link is older than 48 hours; sign up again")
    address = subscribers.address_key_of(session, key)
    reason = suppressions.is_suppressed(session, address)
    if reason is not None and reason not in LIFTED_BY_CONSENT:
        raise TooOld("this address asked never to be written to; write to us to come back")
    suppressions.lift_by_consent(session, address, ASKED_ANEW, now)
    return subscribers.change_status(session, key, Status.ACTIVE, by, now)
