"""Sign subscribers up by double opt-in: request, confirmation by a mailed link, decline.

No answer reveals whether an address is known. A request changes nothing until the owner of the mailbox confirms it:
it is stored as a pending request, one per confirmation mail, and applied when that mail is confirmed. Until then only
the address and the language of an unknown address are stored, for a week at most. domain/mail_budget limits the mails
that requests can cause.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from digestd.domain.delivery import LIFTED_BY_CONSENT, MailKind
from digestd.domain.mail_budget import BY_MAIL, LARGE_PROVIDERS, SHARED, Budget, Pool, subscriber_causer
from digestd.domain.subscriber import Cause, ConsentAction, Preferences, Status, Subscriber, to_action
from digestd.errors import BadInput
from digestd.security.addresses import address_key, canonical_address, domain_key, mailbox_key
from digestd.security.keys import Keys
from digestd.security.tokens import BadToken, Purpose, read_token
from digestd.store import consent, personal_data, rate_limits, subscribers, suppressions
from digestd.store.consent import PendingRequest
from digestd.store.database import Database
from digestd.store.ledger.create import Notice
from digestd.subscribers.notices import NoticeContext, plan_notice
from digestd.subscribers.subscriber_record import SubscriberRecord, parse, record_fields

CONFIRM_WITHIN = timedelta(hours=48)
PURGE_AFTER = timedelta(days=7)
"""An address that nobody confirmed is deleted after this time."""
_PURGE_BLOCK = 100
_LIFTED_WHY = "signed up again and confirmed"
_CONFIRMABLE = frozenset({Status.PENDING, Status.UNSUBSCRIBED, Status.SUPPRESSED})
"""Statuses in which a sign-up for the address sends a confirmation mail."""


class LinkExpired(BadInput):
    """A link that was valid once: too old, used or replaced."""


def request_signup(
    db: Database,
    notices: NoticeContext,
    record: SubscriberRecord,
    now: datetime,
    by: ConsentAction = ConsentAction(Cause.WEB),
    causer: str = "",
) -> None:
    """Request a subscription for an address.

    It gets a confirmation mail if it may get one.

    Subscribed, suppressed and unknown addresses look the same to the caller.

    Args:
        by: how the request was made.
        causer: who made it, for the mail budget (domain/mail_budget); empty if unknown.
    """
    with db.write() as session:
        request_signup_in_session(session, notices, record, by, now, causer)


def request_signup_in_session(
    session: Session,
    notices: NoticeContext,
    record: SubscriberRecord,
    by: Cause | ConsentAction,
    now: datetime,
    causer: str = "",
) -> bool:
    """Do as `request_signup` in the caller's write transaction.

    Returns:
        True if a confirmation mail was planned.
    """
    key = address_key(notices.keys, record.address)
    known = subscribers.by_address_key(session, key, lock=True)
    if not _may_get_confirmation(session, key, known):
        rate_limits.take_mails(session, domain_budget(notices.keys, record.address), now)
        return False
    not_before = rate_limits.take_mails(session, stranger_budgets(notices.keys, record.address, by, causer), now)
    if not_before is None:
        return False
    subscriber_version = (known.key, known.version) if known else _store_pending(session, key, record, by, now)
    if subscriber_version is None:
        return False  # another transaction has just stored the address and sends the mail
    plan_confirmation(session, notices, subscriber_version, (record, by), not_before, now)
    return True


def _may_get_confirmation(session: Session, key: bytes, known: Subscriber | None) -> bool:
    """Return True if a confirmation mail may go to an address.

    A suppression after bounces does not prevent it; a complaint or a request never to write does.
    """
    if known is not None and known.status not in _CONFIRMABLE:
        return False
    reason = suppressions.reason_for(session, key)
    return reason is None or reason in LIFTED_BY_CONSENT


def stranger_budgets(keys: Keys, address: str, by: Cause | ConsentAction, causer: str = "") -> list[Budget]:
    """Return the budgets of a mail that anybody could have caused, or that the operator sends."""
    key, action = address_key(keys, address), to_action(by)
    if action.cause in {Cause.CLI, Cause.IMPORT}:
        return [Budget(Pool.OPERATOR, key)]
    causer = causer or (BY_MAIL if action.cause is Cause.MAIL else "")
    mailbox = Budget(Pool.MAILBOX, mailbox_key(keys, address))
    return [Budget(Pool.STRANGER, key, causer, action.network), mailbox, *domain_budget(keys, address)]


def domain_budget(keys: Keys, address: str) -> list[Budget]:
    """Return the budget of the domain that a request is about; none for large providers."""
    domain = canonical_address(address).rpartition("@")[2]
    return [] if domain in LARGE_PROVIDERS else [Budget(Pool.DOMAIN, domain_key(keys, domain))]


def _store_pending(
    session: Session, key: bytes, record: SubscriberRecord, by: Cause | ConsentAction, now: datetime
) -> tuple[int, int] | None:
    """Store an unknown address as pending, with nothing but its language.

    Returns:
        Its number and consent version, or None if another transaction stored it first.
    """
    minimal = Preferences(language=record.preferences.language)
    pending = Subscriber(0, record.address, Status.PENDING, 1, minimal)
    stored = subscribers.insert_many(session, {key: pending}, by, now)
    return (stored[key], 1) if key in stored else None


def add_pending(
    session: Session, notices: NoticeContext, record: SubscriberRecord, by: Cause | ConsentAction, now: datetime
) -> bool:
    """Store a new subscriber as pending for the operator, and send a confirmation mail.

    Returns:
        False if another transaction stored the address first.
    """
    key = address_key(notices.keys, record.address)
    subscriber_version = _store_pending(session, key, record, by, now)
    if subscriber_version is None:
        return False
    rate_limits.count_mails(session, stranger_budgets(notices.keys, record.address, by), now)
    plan_confirmation(session, notices, subscriber_version, (record, by), now, now)
    return True


def resend_confirmation(
    db: Database, notices: NoticeContext, address: str, now: datetime, by: ConsentAction = ConsentAction(Cause.WEB)
) -> None:
    """Send another confirmation mail to a pending address, if it may get one.

    It confirms the newest request from the same network, else the newest of all. Nothing reveals whether a mail was
    sent. Raises BadRecord for an invalid address.
    """
    key = address_key(notices.keys, address)
    with db.write() as session:
        known = subscribers.by_address_key(session, key, lock=True)
        if known is None or known.status is not Status.PENDING or not _may_get_confirmation(session, key, known):
            rate_limits.take_mails(session, domain_budget(notices.keys, address), now)
            return
        pending = consent.valid_requests(session, known.key, known.version)
        same_network = [one for one in pending if one.act.network is not None and one.act.network == by.network]
        chosen = next(iter((*same_network, *pending)), None)
        budgets = stranger_budgets(notices.keys, address, by)
        send_confirmation(session, notices, known, (_record(known, chosen), by), budgets, now)


SignupRequest = tuple[SubscriberRecord | None, Cause | ConsentAction]
"""The requested settings (None keeps the present ones), and how the request was made."""


def send_confirmation(
    session: Session,
    notices: NoticeContext,
    known: Subscriber,
    request: SignupRequest,
    budgets: Sequence[Budget],
    now: datetime,
) -> bool:
    """Send a known subscriber a confirmation mail for a request.

    Nothing changes until they confirm.

    Returns:
        False if the mail budget refuses the mail.
    """
    not_before = rate_limits.take_mails(session, budgets, now)
    if not_before is None:
        return False
    plan_confirmation(session, notices, (known.key, known.version), request, not_before, now)
    return True


def send_owner_confirmation(
    session: Session,
    notices: NoticeContext,
    known: Subscriber,
    request: SignupRequest,
    now: datetime,
    pool: Pool = Pool.OWNER,
) -> bool:
    """Do as `send_confirmation` for a request by one of the subscriber's own links.

    Args:
        pool: OWNER, or STRANGER for links that travel with every forwarded digest.
    """
    key = subscribers.address_key_of(session, known.key)
    causer = "" if pool is Pool.OWNER else subscriber_causer(known.key)
    return send_confirmation(
        session, notices, known, request, [Budget(pool, key, causer, to_action(request[1]).network)], now
    )


def resend_expired(
    session: Session, notices: NoticeContext, named: tuple[int, int], by: Cause | ConsentAction, now: datetime
) -> bool:
    """Send a fresh link for an expired request, if the subscriber is still pending.

    Args:
        named: the numbers of the subscriber and of the request.
    """
    known, request = _named(session, named)
    if known.status is not Status.PENDING or known.version != request.version:
        return False
    return send_owner_confirmation(session, notices, known, (_record(known, request), by), now)


def plan_confirmation(
    session: Session,
    notices: NoticeContext,
    subscriber_version: tuple[int, int],
    request: SignupRequest,
    not_before: datetime,
    now: datetime,
) -> None:
    """Store a request and plan the mail that asks to confirm it.

    Args:
        subscriber_version: the subscriber's number and consent version.
        not_before: when the mail may be sent.
    """
    record, by = request
    fields = None if record is None else record_fields(record)
    stored = consent.add_request(session, subscriber_version, fields, to_action(by), now)
    key, version = subscriber_version
    notice = Notice(key, MailKind.CONFIRM, str(stored.n), version, now + CONFIRM_WITHIN, not_before=not_before)
    plan_notice(session, notices, notice, now)


def preview_request(session: Session, known: Subscriber, n: int, now: datetime) -> Subscriber | None:
    """Return the subscriber as they would be after confirming request `n`. None if it expired."""
    request = consent.pending_request(session, known.key, n)
    if request is None or known.version != request.version or now - request.at > CONFIRM_WITHIN:
        return None
    record = _record(known, request)
    return known if record is None else record.apply_to(known)


def _record(known: Subscriber, request: PendingRequest | None) -> SubscriberRecord | None:
    if request is None or request.record is None:
        return None
    return parse({"email": known.address, **request.record})


def confirm(
    db: Database, keys: Keys, token: str, now: datetime, by: ConsentAction = ConsentAction(Cause.CONFIRM)
) -> Subscriber:
    """Confirm the request of a confirmation link, and return the subscriber, now active.

    Confirming again changes nothing.

    Raises:
        BadToken: the link is invalid.
        LinkExpired: it is older than 48 hours, or consent has changed since in another way.
    """
    key, n, _ = read_token(keys, Purpose.CONFIRM, token, now)
    with db.write() as session:
        return confirm_in_session(session, keys, (key, n), by, now)


def confirm_in_session(
    session: Session, keys: Keys, named: tuple[int, int], by: Cause | ConsentAction, now: datetime
) -> Subscriber:
    """Do as `confirm` in the caller's write transaction.

    Args:
        named: the numbers of the subscriber and of the request.
    """
    known, request = _named(session, named)
    if known.status is Status.ACTIVE and known.version > request.version:
        return known
    if known.version != request.version:
        raise LinkExpired("this link was used before or taken back; sign up again to come back")
    if now - request.at > CONFIRM_WITHIN:
        raise LinkExpired("this link is older than 48 hours; sign up again")
    address = subscribers.address_key_of(session, known.key)
    if not _may_get_confirmation(session, address, known):
        raise LinkExpired("this address asked us never to write to it; contact us to come back")
    suppressions.lift_by_consent(session, address, _LIFTED_WHY, now)
    for pool in SHARED[Pool.STRANGER]:  # the owner wanted those mails, and may sign up again today
        rate_limits.clear_mails(session, address, pool)
    if known.address:
        rate_limits.clear_mails(session, mailbox_key(keys, known.address), Pool.MAILBOX)
        for budget in domain_budget(keys, known.address):
            rate_limits.forget_mail(session, budget.recipient, budget.pool)
    return _apply(session, known, request, by, now)


def _named(session: Session, named: tuple[int, int]) -> tuple[Subscriber, PendingRequest]:
    key, n = named
    known, request = subscribers.by_key(session, key, lock=True), consent.pending_request(session, key, n)
    if known is None or request is None:
        raise BadToken("this link leads to no subscription; sign up again")
    return known, request


def _apply(
    session: Session, known: Subscriber, request: PendingRequest, by: Cause | ConsentAction, now: datetime
) -> Subscriber:
    """Apply a request's settings and make the subscriber active. Their other requests become void."""
    record = _record(known, request)
    if record is not None:
        subscribers.update_many(session, [record.apply_to(known)], now)
    if not _is_recorded(session, known, request):
        subscribers.change_status(session, known.key, Status.PENDING, request.act, request.at)
    active = subscribers.change_status(session, known.key, Status.ACTIVE, by, now)
    consent.erase_requests(session, known.key)
    return active


def _is_recorded(session: Session, known: Subscriber, request: PendingRequest) -> bool:
    """Return True if the current consent event records this very request."""
    event = consent.event(session, known.key, known.version)
    if event is None or event.status is not Status.PENDING:
        return False
    return ConsentAction(event.cause, event.network, event.wording) == request.act


def decline(db: Database, keys: Keys, token: str, now: datetime) -> bool:
    """Decline a request ("this was not me").

    An address that was never confirmed is erased. Any other subscriber stays as they are; only the request is
    withdrawn.

    Returns:
        True if the address was erased.

    Raises:
        BadToken: the link is invalid.
    """
    key, n, _ = read_token(keys, Purpose.CONFIRM, token, now)
    with db.write() as session:
        erased = decline_in_session(session, (key, n), now)
    if erased:
        personal_data.scrub(db)
    return erased


def decline_in_session(session: Session, named: tuple[int, int], now: datetime) -> bool:
    """Do as `decline` in the caller's write transaction.

    Args:
        named: the numbers of the subscriber and of the request.
    """
    known, request = _named(session, named)
    if known.status is not Status.PENDING or known.version != request.version:
        consent.withdraw_request(session, known.key, request.n)
        return known.status is Status.ERASED
    return _forget_unconfirmed(session, known, Cause.ERASE, now)


def purge_unconfirmed(db: Database, now: datetime) -> int:
    """Delete the addresses that nobody confirmed within a week, and return how many.

    An address with a link that is still valid stays until the link expires. The consent history is kept, as after an
    erasure.
    """
    purged = 0
    while keys := _unconfirmed(db, now):
        with db.write() as session:
            for key in keys:
                known = subscribers.by_key(session, key, lock=True)
                if known is not None and known.status is Status.PENDING:
                    _forget_unconfirmed(session, known, Cause.UNCONFIRMED, now)
                    purged += 1
    if purged:
        personal_data.scrub(db)
    return purged


def _unconfirmed(db: Database, now: datetime) -> list[int]:
    with db.read() as session:
        return consent.unconfirmed(session, now - PURGE_AFTER, now - CONFIRM_WITHIN, _PURGE_BLOCK)


def _forget_unconfirmed(session: Session, known: Subscriber, cause: Cause, now: datetime) -> bool:
    """Erase a pending subscriber, or set them back to unsubscribed if they were subscribed before.

    Returns:
        True if they were erased.
    """
    past = [event.status for event in consent.history(session, known.key) if event.status is not Status.PENDING]
    if past and past[-1] is not Status.ERASED:
        subscribers.change_status(session, known.key, Status.UNSUBSCRIBED, cause, now)
        consent.erase_requests(session, known.key)
        return False
    personal_data.erase(session, known.key, now, cause)
    return True
