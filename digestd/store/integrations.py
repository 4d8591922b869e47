"""Other programs: webhooks for events, API tokens, chat rooms for digests.

Webhooks have an outbox: one row per event and URL, in the event's own transaction; claimed by compare-and-set. A claim
moves `not_before` on, so that a post whose sender died becomes due again. Events are delivered at least once, with the
same number.

Of each API token only a hash is stored. A chat room takes a subscriber's digests instead of their mailbox, as the
operator set it.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, exists, func, insert, literal_column, select, update
from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.domain.subscriber import SUBSCRIBED
from digestd.domain.webhook import WebhookEvent, WebhookPost, WebhookPostState
from digestd.security.tokens import Scope
from digestd.store import core
from digestd.store.bulk import KeyLookup
from digestd.store.database import Database
from digestd.store.preferences import read_status
from digestd.store.timestamps import from_us, to_us

POST_LEASE = timedelta(minutes=2)
POST_ERROR_MAX = 200
POST_BLOCK = 500
_H, _P, _S = core.webhook.c, core.webhook_post.c, core.subscriber.c
_WAITING = _P.state == literal_column(f"'{WebhookPostState.WAITING}'")
"""Written like the condition of the partial index; SQLite does not match a parameter to it."""


def configure_webhooks(db: Database, urls: Sequence[str]) -> None:
    """Set the URLs that receive events; write nothing if they are the same."""
    with db.read() as session:
        if set(webhook_urls(session).values()) == set(urls):
            return
    with db.write() as session:
        known = set(session.connection().execute(select(_H.url)).scalars())
        session.connection().execute(update(core.webhook).values(is_set=_H.url.in_(urls)))
        if new := [{"url": url, "is_set": True} for url in urls if url not in known]:
            session.connection().execute(insert(core.webhook), new)


def webhook_urls(session: Session) -> dict[int, str]:
    return {row.id: row.url for row in session.connection().execute(select(_H.id, _H.url).where(_H.is_set))}


def enqueue_events(session: Session, events: Iterable[tuple[int, WebhookEvent, str]], at_us: int) -> None:
    """Enqueue events (subscriber, event, detail) in the caller's transaction."""
    events = list(events)
    hooks = webhook_urls(session) if events else {}
    rows = [
        {
            "webhook_id": hook,
            "subscriber_id": subscriber,
            "event": what,
            "detail": detail,
            "at_us": at_us,
            "state": WebhookPostState.WAITING,
            "not_before_us": at_us,
            "attempts": 0,
            "error": "",
        }
        for subscriber, what, detail in events
        for hook in hooks
    ]
    core.execute_many(session, insert(core.webhook_post), rows)


def claim_post(session: Session, hook: int, now: datetime) -> WebhookPost | None:
    """Claim the next due post for a URL; return None if there is none or a race is lost."""
    due = (_P.webhook_id == hook, _WAITING, _P.not_before_us <= to_us(now))
    row = session.connection().execute(_POSTS.where(*due).order_by(_P.not_before_us, _P.id).limit(1)).first()
    if row is None:
        return None
    unclaimed = (_P.id == row.id, _P.state == WebhookPostState.WAITING, _P.not_before_us == row.not_before_us)
    change = {"not_before_us": to_us(now + POST_LEASE), "attempts": _P.attempts + 1}
    done = session.connection().execute(
        update(core.webhook_post).where(*unclaimed).values(change).returning(_P.attempts)
    )
    claimed = done.first()
    return None if claimed is None else _post(row, claimed.attempts)


def finish_post(session: Session, post: WebhookPost, state: WebhookPostState, error: str = "") -> None:
    """Mark a post as taken or given up; no effect if a later attempt overtook it."""
    _record(session, post, {"state": state, "error": error[:POST_ERROR_MAX]})


def postpone_post(session: Session, post: WebhookPost, until: datetime, error: str) -> None:
    _record(session, post, {"not_before_us": to_us(until), "error": error[:POST_ERROR_MAX]})


def retry_posts(session: Session, number: int | None, now: datetime) -> int:
    """Retry posts that were given up, all or one; return how many."""
    query = update(core.webhook_post).where(_P.state == WebhookPostState.GIVEN_UP)
    if number is not None:
        query = query.where(_P.id == number)
    change = query.values(state=WebhookPostState.WAITING, not_before_us=to_us(now), attempts=0).returning(_P.id)
    return len(session.connection().execute(change).all())


def posts(session: Session, limit: int, state: WebhookPostState | None = None) -> list[WebhookPost]:
    query = _POSTS.order_by(_P.id.desc()).limit(limit)
    rows = session.connection().execute(query if state is None else query.where(_P.state == state))
    return [_post(row, row.attempts) for row in rows]


def post_by_key(session: Session, number: int) -> WebhookPost | None:
    row = session.connection().execute(_POSTS.where(_P.id == number)).first()
    return None if row is None else _post(row, row.attempts)


def count_posts(session: Session) -> dict[WebhookPostState, int]:
    rows = session.connection().execute(select(_P.state, func.count()).group_by(_P.state))
    return dict.fromkeys(WebhookPostState, 0) | {WebhookPostState(row[0]): row[1] for row in rows}


def delete_posts_before(db: Database, before: datetime) -> None:
    """Delete posts of events before a time; write nothing if there are none.

    Rows are in the order of time, so only the first are looked at.
    """
    first = select(_P.id, _P.at_us).order_by(_P.id).limit(POST_BLOCK)
    while True:
        with db.read() as session:
            old = [row.id for row in session.connection().execute(first) if row.at_us < to_us(before)]
        if not old:
            return
        with db.write() as session:
            session.connection().execute(delete(core.webhook_post).where(_P.id.in_(old)))


_POSTS = select(core.webhook_post, _H.url, _S.address, _S.status).select_from(
    core.webhook_post.join(core.webhook, _H.id == _P.webhook_id).join(core.subscriber, _S.id == _P.subscriber_id)
)


def _record(session: Session, post: WebhookPost, change: dict[str, object]) -> None:
    own = (_P.id == post.key, _P.state == WebhookPostState.WAITING, _P.attempts == post.attempts)
    session.connection().execute(update(core.webhook_post).where(*own).values(change))


def _post(row: core.Record, attempts: int) -> WebhookPost:
    return WebhookPost(
        key=row.id,
        url=row.url,
        event=WebhookEvent(row.event),
        subscriber=row.subscriber_id,
        address=row.address,
        status=read_status(row.status),
        detail=row.detail,
        at=from_us(row.at_us),
        state=WebhookPostState(row.state),
        attempts=attempts,
        not_before=from_us(row.not_before_us),
        error=row.error,
    )


_TOKEN = core.api_token.c


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as listed; its secret is not stored.

    `subscriber`: the only one that it opens; None for a token of the operator.
    """

    key: int
    name: str
    scopes: frozenset[Scope]
    created: datetime
    revoked: datetime | None
    subscriber: int | None = None


def add_token(
    session: Session, name: str, secret: str, scopes: Collection[Scope], now: datetime, subscriber: int | None = None
) -> int:
    """Store the hash of a new token and return its number."""
    row = {
        "name": name,
        "hash": _hash(secret, is_reader=subscriber is not None),
        "scopes": " ".join(sorted(scopes)),
        "created_us": to_us(now),
        "revoked_us": None,
        "subscriber_id": subscriber,
    }
    return int(session.connection().execute(insert(core.api_token).values(row).returning(_TOKEN.id)).scalar_one())


def authenticate(session: Session, number: int, secret: str, *, is_reader: bool = False) -> ApiToken | None:
    """Return the token with this secret, if it is valid: the operator's, or that of a subscriber.

    The latter is not valid while they get no digests, or once they have renewed their links.
    """
    is_open = _S.status.in_(SUBSCRIBED), _TOKEN.created_us >= _S.links_from_us
    theirs = exists().where(_S.id == _TOKEN.subscriber_id, *is_open)
    query = select(core.api_token).where(_TOKEN.id == number, theirs if is_reader else _TOKEN.subscriber_id.is_(None))
    row = session.connection().execute(query).first()
    hashed = _hash(secret, is_reader=is_reader)
    is_same = hmac.compare_digest(hashed, bytes(32) if row is None else bytes(row.hash))
    return _token(row) if row is not None and is_same and row.revoked_us is None else None


def is_any_token_valid(session: Session) -> bool:
    return bool(session.connection().execute(select(func.count()).where(_TOKEN.revoked_us.is_(None))).scalar_one())


def tokens(session: Session) -> list[ApiToken]:
    return [_token(row) for row in session.connection().execute(select(core.api_token).order_by(_TOKEN.id))]


def revoke_token(session: Session, number: int, now: datetime) -> bool:
    """Revoke a token; return False if there is no valid one of this number."""
    change = (
        update(core.api_token).where(_TOKEN.id == number, _TOKEN.revoked_us.is_(None)).values(revoked_us=to_us(now))
    )
    return session.connection().execute(change.returning(_TOKEN.id)).first() is not None


def revoke_tokens_of(session: Session, subscriber: int, at_us: int) -> None:
    """Revoke the tokens of a subscriber, who left: none comes back when they do."""
    theirs = _TOKEN.subscriber_id == subscriber, _TOKEN.revoked_us.is_(None)
    session.connection().execute(update(core.api_token).where(*theirs).values(revoked_us=at_us))


def _hash(secret: str, *, is_reader: bool) -> bytes:
    """Return a plain hash; secrets are 32 random bytes, so nobody can guess them.

    That of a subscriber's token differs: processes of the release before must not take it for the operator's.
    """
    words = secret.encode()
    return hmac.digest(b"reader", words, "sha256") if is_reader else hashlib.sha256(words).digest()


def _token(row: core.Record) -> ApiToken:
    return ApiToken(
        key=row.id,
        name=row.name,
        scopes=frozenset(Scope(scope) for scope in row.scopes.split()),
        created=from_us(row.created_us),
        revoked=None if row.revoked_us is None else from_us(row.revoked_us),
        subscriber=row.subscriber_id,
    )


CHAT_FAILURES_MAX = 3
"""Digests in a row that a room may miss. After that it is left alone until the operator sets or tests it again."""
_C, _D = core.chat_target.c, core.delivery.c
_REQUEST_VALID = timedelta(hours=48)
"""Validity of the link by which a subscriber confirmed a room, in the first release."""


class ChatTarget(NamedTuple):
    """The chat room of a subscriber.

    Attributes:
        label: Its name without secrets.
        sealed: Its encrypted URL.
        set_at: When it was set.
        failures: Digests in a row that it did not take.
        problem: Why it did not take the last one, or None.
    """

    subscriber: int
    label: str
    sealed: bytes
    set_at: datetime
    failures: int
    problem: str | None

    @property
    def is_used(self) -> bool:
        """Return True unless it failed so often that digests go by mail."""
        return self.failures < CHAT_FAILURES_MAX


def put_chat_target(session: Session, subscriber: int, label: str, sealed: bytes, now: datetime) -> None:
    """Set the chat room of a subscriber. `label`: its name without secrets; `sealed`: the encrypted URL."""
    remove_chat_target(session, subscriber)
    row = {"subscriber_id": subscriber, "label": label, "sealed": sealed, "set_us": to_us(now)}
    session.connection().execute(insert(core.chat_target).values(row))


def chat_target(session: Session, subscriber: int) -> ChatTarget | None:
    return next(map(_target, _TARGETS.rows(session, [subscriber])), None)


_TARGETS = KeyLookup(select(core.chat_target), _C.subscriber_id)


def chat_targets(session: Session, *, failing: bool = False) -> Sequence[ChatTarget]:
    """Return all targets, or those that did not take the last digest, by subscriber."""
    query = select(core.chat_target).order_by(_C.subscriber_id)
    rows = session.connection().execute(query.where(_C.failures > 0) if failing else query)
    return [_target(row) for row in rows]


def record_chat_attempt(session: Session, subscriber: int, problem: str | None, failures: int = 1) -> None:
    """Record that a room took a digest, or why it did not; that counts as so many `failures`."""
    values = {"failures": 0 if problem is None else _C.failures + failures, "problem": problem}
    session.connection().execute(update(core.chat_target).where(_C.subscriber_id == subscriber).values(values))


def remove_chat_target(session: Session, subscriber: int) -> bool:
    """Delete the target of a subscriber. Return False if there was none."""
    return bool(session.connection().execute(delete(core.chat_target).where(_C.subscriber_id == subscriber)).rowcount)


def was_confirmed_by_mail(session: Session, target: ChatTarget) -> bool:
    """Return True if the subscriber was mailed a link that set this room, as earlier versions did."""
    sent = exists().where(
        _D.subscriber_id == target.subscriber,
        _D.kind == MailKind.CHAT,
        _D.due_us.between(to_us(target.set_at - _REQUEST_VALID), to_us(target.set_at)),
    )
    return bool(session.connection().execute(select(sent)).scalar())


def _target(row: core.Record) -> ChatTarget:
    return ChatTarget(row.subscriber_id, row.label, bytes(row.sealed), from_us(row.set_us), row.failures, row.problem)
