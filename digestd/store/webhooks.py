"""The outbox of webhooks.

One row per event and URL, in the event's own transaction; claimed by compare-and-set.

A claim moves `not_before` on, so that a post whose sender died becomes due again: a receiver may get an event twice,
under the same number, but never not at all.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, literal_column, select, update
from sqlmodel import Session

from digestd.domain.webhook import WebhookEvent, WebhookPost, WebhookPostState
from digestd.store import core
from digestd.store.database import Database
from digestd.store.stored_settings import read_status
from digestd.store.timestamps import from_us, to_us

LEASE = timedelta(minutes=2)
ERROR_MAX = 200
FORGET_BLOCK = 500
_H, _P, _S = core.webhook.c, core.webhook_post.c, core.subscriber.c
_WAITING = _P.state == literal_column(f"'{WebhookPostState.WAITING}'")
"""In the words of the index of what waits: SQLite takes it for no parameter."""


def configure(db: Database, urls: Sequence[str]) -> None:
    """Set the URLs that receive events; write nothing if they are the same."""
    with db.read() as session:
        if set(configured(session).values()) == set(urls):
            return
    with db.write() as session:
        known = set(session.connection().execute(select(_H.url)).scalars())
        session.connection().execute(update(core.webhook).values(is_set=_H.url.in_(urls)))
        if new := [{"url": url, "is_set": True} for url in urls if url not in known]:
            session.connection().execute(insert(core.webhook), new)


def configured(session: Session) -> dict[int, str]:
    return {row.id: row.url for row in session.connection().execute(select(_H.id, _H.url).where(_H.is_set))}


def enqueue(session: Session, events: Iterable[tuple[int, WebhookEvent, str]], at_us: int) -> None:
    """Enqueue events (subscriber, event, detail) in the caller's transaction."""
    events = list(events)
    hooks = configured(session) if events else {}
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


def claim(session: Session, hook: int, now: datetime) -> WebhookPost | None:
    """Claim the next due post for a URL.

    Return None if there is none or a race is lost.
    """
    due = (_P.webhook_id == hook, _WAITING, _P.not_before_us <= to_us(now))
    row = session.connection().execute(_POSTS.where(*due).order_by(_P.not_before_us, _P.id).limit(1)).first()
    if row is None:
        return None
    unclaimed = (_P.id == row.id, _P.state == WebhookPostState.WAITING, _P.not_before_us == row.not_before_us)
    change = {"not_before_us": to_us(now + LEASE), "attempts": _P.attempts + 1}
    done = session.connection().execute(
        update(core.webhook_post).where(*unclaimed).values(change).returning(_P.attempts)
    )
    claimed = done.first()
    return None if claimed is None else _post(row, claimed.attempts)


def finish(session: Session, post: WebhookPost, state: WebhookPostState, error: str = "") -> None:
    """Mark a post as taken or given up; no effect if a later attempt overtook it."""
    _record(session, post, {"state": state, "error": error[:ERROR_MAX]})


def postpone(session: Session, post: WebhookPost, until: datetime, error: str) -> None:
    """Postpone a post after a failure."""
    _record(session, post, {"not_before_us": to_us(until), "error": error[:ERROR_MAX]})


def retry(session: Session, number: int | None, now: datetime) -> int:
    """Retry posts that were given up, all or one; return how many."""
    query = update(core.webhook_post).where(_P.state == WebhookPostState.GIVEN_UP)
    if number is not None:
        query = query.where(_P.id == number)
    change = query.values(state=WebhookPostState.WAITING, not_before_us=to_us(now), attempts=0).returning(_P.id)
    return len(session.connection().execute(change).all())


def listing(session: Session, limit: int, state: WebhookPostState | None = None) -> list[WebhookPost]:
    """Return the newest posts first."""
    query = _POSTS.order_by(_P.id.desc()).limit(limit)
    rows = session.connection().execute(query if state is None else query.where(_P.state == state))
    return [_post(row, row.attempts) for row in rows]


def by_key(session: Session, number: int) -> WebhookPost | None:
    row = session.connection().execute(_POSTS.where(_P.id == number)).first()
    return None if row is None else _post(row, row.attempts)


def counts(session: Session) -> dict[WebhookPostState, int]:
    rows = session.connection().execute(select(_P.state, func.count()).group_by(_P.state))
    return dict.fromkeys(WebhookPostState, 0) | {WebhookPostState(row[0]): row[1] for row in rows}


def delete_before(db: Database, before: datetime) -> None:
    """Delete posts of events before a time; write nothing if there are none.

    Rows are in the order of time, so only the first are looked at.
    """
    first = select(_P.id, _P.at_us).order_by(_P.id).limit(FORGET_BLOCK)
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
