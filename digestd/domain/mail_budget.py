"""Limit the mails that other people can cause: every mail that is sent because somebody asked for it.

Each such mail is counted four ways, and must fit every limit:

    recipient   the address it goes to
    causer      who asked with a token: a subscriber, an API token, or unproven mail as a whole
    network     the client's network, as a keyed hash
    pool        all mails of one kind of proof together

A mail of STRANGER counts in two more pools, by keyed hashes of other things than the address:

    MAILBOX     the address without its tag: name+1@ and name+2@ are one mailbox
    DOMAIN      the domain of the address, if it is none of a large provider; each domain has a pool of its own

The pools are separate, so that what strangers can do never uses up what the owner of a mailbox needs:

    STRANGER    somebody typed the address: sign-up, resend, settings link, new address of a move, API, mail
    ASK_BACK    a mail without proof held commands for a subscriber, who is asked whether they are theirs
    OWNER       asked with a link from a mail to that very address
    RENEWAL     asked with such a link to make all of them void: someone with a leaked link must not use this up, so
                each mail with a link to renew (valid 48 hours) still counts when the next may be requested
    OPERATOR    asked on the command line or by an import: counted for the recipient, never refused for others

A full pool delays mails up to POOL_DELAY_MAX instead of refusing them, because many visitors at once are no attack. In
DOMAIN counts what nobody has confirmed: so visitors who confirm, as all staff of a university may on one day, make room
for the next. Every request counts there, even if no mail follows: else its room would tell whose address is known.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Pool(StrEnum):
    """The proof with which a mail was asked for."""

    STRANGER = "stranger"
    ASK_BACK = "ask_back"
    OWNER = "owner"
    RENEWAL = "renewal"
    OPERATOR = "operator"
    MAILBOX = "mailbox"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` mails within `span`."""

    most: int
    span: timedelta


@dataclass(frozen=True, slots=True)
class Budget:
    """One mail that is about to be caused.

    Args:
        recipient: keyed hash of the address it goes to, or of its mailbox or domain.
        causer: `subscriber:N`, `token:N` or BY_MAIL; empty if nobody is known.
        network: keyed hash of the client's network; None if there is none.
    """

    pool: Pool
    recipient: bytes
    causer: str = ""
    network: bytes | None = None


BY_MAIL = "mail"
"""The causer of all requests by unproven mail: a mail has no network that could be counted."""
HOUR, DAY, MONTH = timedelta(hours=1), timedelta(days=1), timedelta(days=30)

PER_RECIPIENT: Mapping[Pool, tuple[Limit, ...]] = {
    Pool.STRANGER: (Limit(1, DAY), Limit(3, MONTH)),
    Pool.OPERATOR: (Limit(1, DAY), Limit(3, MONTH)),
    Pool.ASK_BACK: (Limit(1, DAY), Limit(3, MONTH)),
    Pool.OWNER: (Limit(3, DAY), Limit(10, MONTH)),
    Pool.RENEWAL: (Limit(2, DAY),),
    Pool.MAILBOX: (Limit(1, DAY), Limit(3, MONTH)),
    Pool.DOMAIN: (),
}
SHARED: Mapping[Pool, frozenset[Pool]] = {
    Pool.STRANGER: frozenset({Pool.STRANGER, Pool.OPERATOR}),
    Pool.OPERATOR: frozenset({Pool.STRANGER, Pool.OPERATOR}),
    Pool.ASK_BACK: frozenset({Pool.ASK_BACK}),
    Pool.OWNER: frozenset({Pool.OWNER}),
    Pool.RENEWAL: frozenset({Pool.RENEWAL}),
    Pool.MAILBOX: frozenset({Pool.MAILBOX}),
    Pool.DOMAIN: frozenset({Pool.DOMAIN}),
}
"""The pools whose mails count together for one recipient, causer or network."""
PER_CAUSER: Mapping[str, tuple[Limit, ...]] = {
    "subscriber": (Limit(2, DAY), Limit(5, MONTH)),
    "token": (Limit(300, HOUR),),
    BY_MAIL: (Limit(300, HOUR),),
}
"""Limits by the prefix of the causer; a subscriber's limit applies in each pool."""
PER_NETWORK: tuple[Limit, ...] = (Limit(30, HOUR), Limit(100, DAY))
"""A small part of what all networks together may: one network cannot close sign-up for the others."""
PER_POOL: Mapping[Pool, Limit | None] = {
    Pool.STRANGER: Limit(1_000, HOUR),
    Pool.ASK_BACK: Limit(300, HOUR),
    Pool.OWNER: Limit(1_000, HOUR),
    Pool.RENEWAL: Limit(1_000, HOUR),
    Pool.OPERATOR: None,
    Pool.MAILBOX: None,
    Pool.DOMAIN: Limit(100, HOUR),
}
_LARGE_PROVIDERS = """
gmail.com googlemail.com outlook.com hotmail.com live.com msn.com hotmail.co.uk hotmail.fr
outlook.fr live.fr hotmail.de outlook.de live.de yahoo.com yahoo.co.uk yahoo.co.jp yahoo.fr
yahoo.de yahoo.co.in ymail.com aol.com icloud.com me.com mac.com proton.me protonmail.com pm.me
gmx.de gmx.net gmx.com gmx.at gmx.ch web.de t-online.de freenet.de mail.com zoho.com fastmail.com
hey.com tutanota.com posteo.de mailbox.org yandex.ru yandex.com mail.ru qq.com foxmail.com 163.com
126.com sina.com naver.com hanmail.net daum.net orange.fr free.fr laposte.net sfr.fr wanadoo.fr
libero.it bol.com.br uol.com.br terra.com.br rediffmail.com docomo.ne.jp ezweb.ne.jp comcast.net
"""
LARGE_PROVIDERS = frozenset(_LARGE_PROVIDERS.split())
"""Domains with so many mailboxes that a few people could use up a budget of theirs for all others."""
POOL_DELAY_MAX = timedelta(hours=6)
"""Mails that would wait longer for their pool are refused: confirmation links are valid for two days."""
NETWORKS_KEPT = DAY
"""The longest span of PER_NETWORK: networks are deleted after it."""
KEPT = MONTH


def subscriber_causer(key: int) -> str:
    """Return the causer's name of a subscriber."""
    return f"subscriber:{key}"


def token_causer(key: int) -> str:
    """Return the causer's name of an API token."""
    return f"token:{key}"


def causer_limits(causer: str) -> tuple[Limit, ...]:
    """Return the limits on one causer; none if nobody is known."""
    return PER_CAUSER.get(causer.partition(":")[0], ())


@dataclass(frozen=True, slots=True)
class Check:
    """A limit on the mails of some pools that have the same recipient, causer or network."""

    pools: Collection[Pool]
    field: str
    value: bytes | str
    limit: Limit


def leave_time(
    budgets: Sequence[Budget],
    count: Callable[[Check], int],
    before: Callable[[Budget, Limit], datetime | None],
    now: datetime,
) -> datetime | None:
    """Return when these mails may leave; None if a limit refuses one of them.

    Args:
        count: returns the number of mails within the span of a limit.
        before: returns when the mail left that is `most` places before the next one of a budget's pool, if it was
            within `span`. Each domain has a pool of its own.
    """
    if any(count(check) >= check.limit.most for budget in budgets for check in _checks(budget)):
        return None
    leaves = now
    for budget in budgets:
        limit = PER_POOL[budget.pool]
        if limit is not None and (left := before(budget, limit)) is not None:
            leaves = max(leaves, left + limit.span)
    return leaves if leaves <= now + POOL_DELAY_MAX else None


def _checks(budget: Budget) -> Iterator[Check]:
    shared = SHARED[budget.pool]
    for limit in PER_RECIPIENT[budget.pool]:
        yield Check(shared, "recipient", budget.recipient, limit)
    for limit in causer_limits(budget.causer):
        yield Check(shared, "causer", budget.causer, limit)
    if budget.network is not None:
        for limit in PER_NETWORK:
            yield Check(shared, "network", budget.network, limit)
