"""Double opt-in: asking for the digest, confirming it by the link in a mail, and taking the request back.

Nothing here tells whoever asks what is known of an address, and nothing that they ask for changes anything before
the owner of the mailbox confirms: it is kept as a pending request, one for each confirmation mail, and applied when
that very mail is confirmed. Of an unknown address only the address and a language are stored meanwhile, for at most
a week. How many such mails there can be is in domain/mail_budget.
"""

from datetime import datetime, timedelta

from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.domain.mail_budget import BY_MAIL, Budget, Pool
from digestd.domain.mail_budget import subscriber_causer as of_subscriber
from digestd.domain.subscriber import Cause, ConsentAction, Status, Subscriber
from digestd.domain.subscriber import to_action as act_of
from digestd.domain.suppression import LIFTED_BY_CONSENT
from digestd.errors import BadInput
from digestd.security.links import BadToken, Keys, Purpose, address_key, read
from digestd.store import consent, erasure, mail_budgets, pending_requests, subscribers, suppressions
from digestd.store.database import Database
from digestd.store.pending_requests import PendingRequest
from digestd.subscribers.notices import Notice, NoticeContext, plan_notice
from digestd.subscribers.subscriber_record import SubscriberRecord, parse, record_fields

CONFIRM_WITHIN = timedelta(hours=48)
PURGE_AFTER = timedelta(days=7)
"""An address that nobody confirmed is deleted after so long."""
PURGE_BLOCK = 100
CONFIRMED = "signed up again and confirmed"
_ASKABLE = frozenset({Status.PENDING, Status.UNSUBSCRIBED, Status.SUPPRESSED})
"""Statuses whose address gets a confirmation mail if a sign-up names it."""


class LinkExpired(BadInput):
    """This confirmation link no longer counts."""


def request_signup(
    db: Database,
    post: NoticeContext,
    record: SubscriberRecord,
    now: datetime,
    by: ConsentAction = ConsentAction(Cause.WEB),
    causer: str = "",
) -> None:
    """Ask for the digest in somebody's name; they get a mail to confirm it, if they may get one.

    The caller learns nothing: the subscribed, the suppressed and the unknown all look the same from here.
    """
    with db.write() as session:
        request_signup_in_session(session, post, record, by, now, causer)


def request_signup_in_session(
    session: Session,
    post: NoticeContext,
    record: SubscriberRecord,
    by: Cause | ConsentAction,
    now: datetime,
    causer: str = "",
) -> bool:
    """Ask with a checked record, in the caller's write transaction; True if a confirmation mail was planned.

    `causer` is who asks, if that is known: see domain/mail_budget.
    """
    key = address_key(post.keys, record.address)
    known = subscribers.by_address_key(session, key, lock=True)
    if not _may_be_asked(session, key, known):
        return False
    leaves = mail_budgets.take(session, [stranger_budget(key, by, causer)], now)
    if leaves is None:
        return False
    whose = (known.key, known.version) if known else _store_bare(session, key, record, by, now)
    if whose is None:
        return False  # another transaction stored them just now, and asks them
    plan_confirmation(session, post, whose, (record, by), leaves, now)
    return True


def _may_be_asked(session: Session, key: bytes, known: Subscriber | None) -> bool:
    """True if a confirmation mail may go to an address: a bounce does not stand against it, anybody's will does."""
    if known is not None and known.status not in _ASKABLE:
        return False
    reason = suppressions.reason_for(session, key)
    return reason is None or reason in LIFTED_BY_CONSENT


def stranger_budget(key: bytes, by: Cause | ConsentAction, causer: str = "") -> Budget:
    """Return the budget of a mail to an address (by keyed hash) that anybody could have named."""
    how = act_of(by)
    if how.cause in {Cause.CLI, Cause.IMPORT}:
        return Budget(Pool.OPERATOR, key)
    return Budget(Pool.STRANGER, key, causer or (BY_MAIL if how.cause is Cause.MAIL else ""), how.network)


def _store_bare(
    session: Session, key: bytes, record: SubscriberRecord, by: Cause | ConsentAction, now: datetime
) -> tuple[int, int] | None:
    """Store an unknown address as pending, with a language and nothing else; None if another transaction was first."""
    bare = new_subscriber(SubscriberRecord(record.address, language=record.language), key, Status.PENDING)
    stored = subscribers.insert_many(session, [bare], by, now)
    return (stored[key], 1) if key in stored else None


def add_pending(
    session: Session, post: NoticeContext, record: SubscriberRecord, by: Cause | ConsentAction, now: datetime
) -> bool:
    """Store someone new as pending for the operator, with a mail to confirm; False if another was first."""
    key = address_key(post.keys, record.address)
    whose = _store_bare(session, key, record, by, now)
    if whose is None:
        return False
    mail_budgets.count(session, [stranger_budget(key, by)], now)
    plan_confirmation(session, post, whose, (record, by), now, now)
    return True


def resend_confirmation(
    db: Database, post: NoticeContext, address: str, now: datetime, by: ConsentAction = ConsentAction(Cause.WEB)
) -> None:
    """Send a confirmation once more to an address that waits for it, if it may get one; says nothing, as `ask`.

    It asks for what was asked before: by the same network if it did, else most recently. Raises BadRecord for what
    cannot be an address.
    """
    key = address_key(post.keys, address)
    with db.write() as session:
        known = subscribers.by_address_key(session, key, lock=True)
        if known is None or known.status is not Status.PENDING or not _may_be_asked(session, key, known):
            return
        made = pending_requests.valid(session, known.key, known.version)
        mine = [one for one in made if one.act.network is not None and one.act.network == by.network]
        chosen = next(iter((*mine, *made)), None)
        send_confirmation(session, post, known, (_record(known, chosen), by), stranger_budget(key, by), now)


def new_subscriber(record: SubscriberRecord, key: bytes, status: Status) -> subscribers.NewSubscriber:
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
        min_score=wanted.min_score,
        explore=wanted.explore,
        only_categories=wanted.only_categories,
    )


SignupRequest = tuple[SubscriberRecord | None, Cause | ConsentAction]
"""The record that is asked for (None keeps the settings as they are), and how it was asked."""


def send_confirmation(
    session: Session, post: NoticeContext, known: Subscriber, asked: SignupRequest, budget: Budget, now: datetime
) -> bool:
    """Mail a known subscriber a confirmation of this request; False if the budget refuses it.

    Nothing of theirs changes until they confirm.
    """
    leaves = mail_budgets.take(session, [budget], now)
    if leaves is None:
        return False
    plan_confirmation(session, post, (known.key, known.version), asked, leaves, now)
    return True


def send_owner_confirmation(
    session: Session,
    post: NoticeContext,
    known: Subscriber,
    asked: SignupRequest,
    now: datetime,
    pool: Pool = Pool.OWNER,
) -> bool:
    """Do the same for whoever asks with a link of their own; in the STRANGER pool for links that travel."""
    key = subscribers.address_key_of(session, known.key)
    causer = "" if pool is Pool.OWNER else of_subscriber(known.key)
    return send_confirmation(session, post, known, asked, Budget(pool, key, causer, act_of(asked[1]).network), now)


def resend_expired(
    session: Session, post: NoticeContext, named: tuple[int, int], by: Cause | ConsentAction, now: datetime
) -> bool:
    """Mail whoever still waits a fresh link for the request of a token that is too old; False if they do not wait."""
    known, asked = _named(session, named)
    if known.status is not Status.PENDING or known.version != asked.version:
        return False
    return send_owner_confirmation(session, post, known, (_record(known, asked), by), now)


def plan_confirmation(
    session: Session, post: NoticeContext, whose: tuple[int, int], asked: SignupRequest, leaves: datetime, now: datetime
) -> None:
    """Keep a request of a subscriber at a consent version (`whose`), and plan the mail that asks to confirm it."""
    record, by = asked
    said = None if record is None else record_fields(record)
    request = pending_requests.add(session, whose, said, act_of(by), now)
    key, version = whose
    mail = Notice(key, MailKind.CONFIRM, str(request.n), version, now + CONFIRM_WITHIN, not_before=leaves)
    plan_notice(session, post, mail, now)


def preview_request(session: Session, known: Subscriber, n: int, now: datetime) -> Subscriber | None:
    """Return the subscriber as confirming their request number `n` would make them; None if it counts no more."""
    asked = pending_requests.of(session, known.key, n)
    if asked is None or known.version != asked.version or now - asked.at > CONFIRM_WITHIN:
        return None
    record = _record(known, asked)
    return known if record is None else record.of(known)


def _record(known: Subscriber, request: PendingRequest | None) -> SubscriberRecord | None:
    if request is None or request.said is None:
        return None
    return parse({"email": known.address, **request.said})


def confirm(
    db: Database, keys: Keys, token: str, now: datetime, by: ConsentAction = ConsentAction(Cause.CONFIRM)
) -> Subscriber:
    """Act on the button behind the link of a confirmation mail; the subscriber, now active.

    The same link again changes nothing. Raises BadToken for what is no link of ours, TooOld for one that no longer
    counts: after 48 hours, or once consent has changed in any other way.
    """
    key, n, _ = read(keys, Purpose.CONFIRM, token, now)
    with db.write() as session:
        return confirm_in_session(session, (key, n), by, now)


def confirm_in_session(
    session: Session, named: tuple[int, int], by: Cause | ConsentAction, now: datetime
) -> Subscriber:
    """Confirm the request of a subscriber (`named`: both numbers), in the caller's write transaction."""
    known, asked = _named(session, named)
    if known.status is Status.ACTIVE and known.version > asked.version:
        return known
    if known.version != asked.version:
        raise LinkExpired("this link was used before or taken back; sign up again to come back")
    if now - asked.at > CONFIRM_WITHIN:
        raise LinkExpired("this link is older than 48 hours; sign up again")
    address = subscribers.address_key_of(session, known.key)
    if not _may_be_asked(session, address, known):
        raise LinkExpired("this address asked us never to write to it; contact us to come back")
    suppressions.lift_by_consent(session, address, CONFIRMED, now)
    return _apply(session, known, asked, by, now)


def _named(session: Session, named: tuple[int, int]) -> tuple[Subscriber, PendingRequest]:
    key, n = named
    known, asked = subscribers.by_key(session, key, lock=True), pending_requests.of(session, key, n)
    if known is None or asked is None:
        raise BadToken("this link leads to no subscription; sign up again")
    return known, asked


def _apply(
    session: Session, known: Subscriber, asked: PendingRequest, by: Cause | ConsentAction, now: datetime
) -> Subscriber:
    """Make a subscriber active with what this request asked for; the others are void from now on."""
    record = _record(known, asked)
    if record is not None:
        subscribers.update_many(session, [record.of(known)], now)
    if not _is_on_record(session, known, asked):
        subscribers.change_status(session, known.key, Status.PENDING, asked.act, asked.at)
    active = subscribers.change_status(session, known.key, Status.ACTIVE, by, now)
    pending_requests.erase_content(session, known.key)
    return active


def _is_on_record(session: Session, known: Subscriber, asked: PendingRequest) -> bool:
    """True if the consent event in force tells of this very way of asking."""
    event = consent.event(session, known.key, known.version)
    if event is None or event.status is not Status.PENDING:
        return False
    return ConsentAction(event.cause, event.network, event.wording) == asked.act


def decline(db: Database, keys: Keys, token: str, now: datetime) -> bool:
    """Act on "this was not me": erase an address that was never confirmed, or take this request back.

    Returns:
        True if the address was erased; False for a subscriber who is known otherwise, and stays as they are.

    Raises BadToken for what is no link of ours.
    """
    key, n, _ = read(keys, Purpose.CONFIRM, token, now)
    with db.write() as session:
        erased = decline_in_session(session, (key, n), now)
    if erased:
        erasure.scrub(db)
    return erased


def decline_in_session(session: Session, named: tuple[int, int], now: datetime) -> bool:
    """Decline the request of a subscriber (`named`: both numbers), in the caller's write transaction."""
    known, asked = _named(session, named)
    if known.status is not Status.PENDING or known.version != asked.version:
        pending_requests.withdraw(session, known.key, asked.n)
        return known.status is Status.ERASED
    return _drop(session, known, Cause.ERASE, now)


def purge_unconfirmed(db: Database, now: datetime) -> int:
    """Delete the addresses that nobody confirmed within a week; how many.

    A sign-up whose link still counts is left until it does not. The record of consent stays, as after an erasure.
    """
    purged = 0
    while keys := _unconfirmed(db, now):
        with db.write() as session:
            for key in keys:
                known = subscribers.by_key(session, key, lock=True)
                if known is not None and known.status is Status.PENDING:
                    _drop(session, known, Cause.UNCONFIRMED, now)
                    purged += 1
    if purged:
        erasure.scrub(db)
    return purged


def _unconfirmed(db: Database, now: datetime) -> list[int]:
    with db.read() as session:
        return pending_requests.unconfirmed(session, now - PURGE_AFTER, now - CONFIRM_WITHIN, PURGE_BLOCK)


def _drop(session: Session, known: Subscriber, cause: Cause, now: datetime) -> bool:
    """Erase a pending subscriber, or let them be unsubscribed if they were; True if they were erased."""
    past = [event.status for event in consent.history(session, known.key) if event.status is not Status.PENDING]
    if past and past[-1] is not Status.ERASED:
        subscribers.change_status(session, known.key, Status.UNSUBSCRIBED, cause, now)
        pending_requests.erase_content(session, known.key)
        return False
    erasure.erase(session, known.key, now, cause)
    return True
