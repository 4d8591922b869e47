"""Open the preferences by the link in every mail, or by a fresh one sent to an address.

The link allows every change except those that `confirmed_actions` confirms by mail. It is valid for 30 days, and
until the address changes, the subscriber is erased, or they make earlier links void.
"""

from datetime import datetime, timedelta

from digestd.domain.delivery import MailKind
from digestd.domain.subscriber import Cause, ConsentAction, Status, Subscriber
from digestd.errors import BadInput, NotFound
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.security.tokens import Purpose, issue_second, make_token, read_token
from digestd.store import rate_limits, subscribers, suppressions
from digestd.store.database import Database
from digestd.store.ledger.create import Notice
from digestd.subscribers.notices import NoticeContext, plan_notice
from digestd.subscribers.signup import domain_budget, stranger_budgets

VALID = timedelta(days=30)
LINK_LIFE = timedelta(days=2)
"""Time that the mail with a fresh link may wait for the relay."""
_MAY_OPEN = frozenset({Status.ACTIVE, Status.PAUSED, Status.UNSUBSCRIBED})


class PreferencesLinkExpired(BadInput):
    """A link to the preferences that is no longer valid."""


def open_preferences(db: Database, keys: Keys, link: str, now: datetime) -> Subscriber:
    """Return the subscriber whose preferences a link opens.

    Raises:
        BadToken: the link is invalid.
        PreferencesLinkExpired: it is too old or was made void.
        NotFound: the subscriber was erased.
    """
    key, _, at = read_token(keys, Purpose.PREFERENCES, link, now)
    with db.read() as session:
        known = subscribers.by_key(session, key)
    if known is None or known.status is Status.ERASED:
        raise NotFound("this link no longer belongs to a subscriber")
    if is_expired(known, at, now):
        raise PreferencesLinkExpired("this link has expired; request a new one")
    return known


def is_expired(known: Subscriber, issued: datetime, now: datetime) -> bool:
    """Return True if settings links in a mail from this time have expired."""
    return now - issued > VALID or (known.links_from is not None and issued < known.links_from.replace(microsecond=0))


def link_for(keys: Keys, subscriber: int, now: datetime) -> str:
    return make_token(keys, Purpose.PREFERENCES, subscriber, now)


def request_link(
    db: Database, notices: NoticeContext, address: str, now: datetime, by: ConsentAction = ConsentAction(Cause.WEB)
) -> None:
    """Mail a fresh link to an address if it has a subscriber.

    Nothing reveals whether it does.

    The mail counts with confirmations: one a day per address. Raises BadRecord for an invalid address.
    """
    key = address_key(notices.keys, address)
    with db.write() as session:
        known = subscribers.by_address_key(session, key, lock=True)
        if known is None or known.status not in _MAY_OPEN or suppressions.reason_for(session, key) is not None:
            rate_limits.take_mails(session, domain_budget(notices.keys, address), now)
            return
        not_before = rate_limits.take_mails(session, stranger_budgets(notices.keys, address, by), now)
        if not_before is not None:
            kind, life = MailKind.SETTINGS, not_before + LINK_LIFE
            mail = Notice(known.key, kind, str(issue_second(now)), known.version, life, not_before=not_before)
            plan_notice(session, notices, mail, now)
