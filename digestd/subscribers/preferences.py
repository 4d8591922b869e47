"""The link to the preferences: in every mail, and a fresh one for whoever asks by address.

It is the right to change everything of one subscriber but what `requests` confirms by mail: it is valid for 30
days, and void once a later one was asked to be the only one, the address has changed, or nobody is behind it.
"""

from datetime import datetime, timedelta

from digestd.domain.delivery import MailKind
from digestd.domain.subscriber import Cause, ConsentAction, Status, Subscriber
from digestd.errors import BadInput, NotFound
from digestd.security.links import Keys, Purpose, address_key, issued, read, token
from digestd.store import mail_budgets, subscribers, suppressions
from digestd.store.database import Database
from digestd.subscribers.notices import Notice, NoticeContext, plan_notice
from digestd.subscribers.signup import stranger_budget

VALID = timedelta(days=30)
LINK_LIFE = timedelta(days=2)
"""How long the mail with a fresh link may wait for the relay."""
_MAY_OPEN = frozenset({Status.ACTIVE, Status.PAUSED, Status.UNSUBSCRIBED})


class PreferencesLinkExpired(BadInput):
    """This link to the preferences was ours and counts no more."""


def open_preferences(db: Database, keys: Keys, link: str, now: datetime) -> Subscriber:
    """Whose preferences a token opens. Raises BadToken for what is none of ours, Void for one that is too old."""
    key, _, at = read(keys, Purpose.PREFERENCES, link, now)
    with db.read() as session:
        known = subscribers.by_key(session, key)
    if known is None or known.status is Status.ERASED:
        raise NotFound("this link no longer belongs to a subscriber")
    if is_expired(known, at, now):
        raise PreferencesLinkExpired("this link has expired; request a new one")
    return known


def is_expired(known: Subscriber, issued: datetime, now: datetime) -> bool:
    """True if what a mail to a subscriber carried at this time opens their settings no more."""
    return now - issued > VALID or (known.links_from is not None and issued < known.links_from.replace(microsecond=0))


def link_for(keys: Keys, subscriber: int, now: datetime) -> str:
    """A token that opens the preferences from now on."""
    return token(keys, Purpose.PREFERENCES, subscriber, now)


def request_link(
    db: Database, notices: NoticeContext, address: str, now: datetime, by: ConsentAction = ConsentAction(Cause.WEB)
) -> None:
    """Have a fresh link mailed to an address, if a subscriber is there; nothing tells whether one is.

    It counts with confirmations: one mail a day and address. Raises BadRecord for what is no address.
    """
    key = address_key(notices.keys, address)
    with db.write() as session:
        known = subscribers.by_address_key(session, key, lock=True)
        if known is None or known.status not in _MAY_OPEN or suppressions.reason_for(session, key) is not None:
            return
        leaves = mail_budgets.take(session, [stranger_budget(key, by)], now)
        if leaves is not None:
            kind, life = MailKind.SETTINGS, leaves + LINK_LIFE
            mail = Notice(known.key, kind, str(issued(now)), known.version, life, not_before=leaves)
            plan_notice(session, notices, mail, now)
