"""Requests of sign-ups.

They are stored with their confirmation mails until those are confirmed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, insert, or_, select, update
from sqlmodel import Session

from digestd.domain.subscriber import Cause, ConsentAction, Status
from digestd.store import consent, core
from digestd.store.database import Database
from digestd.store.timestamps import from_us, to_us

EXPIRES_AFTER = timedelta(days=7)
"""Requests cannot be confirmed after this time, and their content is erased."""
_R, _W, _S, _E = core.pending_request.c, core.consent_wording.c, core.subscriber.c, core.consent_event.c
_VOID = 0
"""No consent version."""


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """One request for a subscription.

    Attributes:
        n: its number among the subscriber's requests; names the confirmation mail.
        version: the subscriber's consent version when it was made. It counts while that is still the same.
        record: settings and interests as an import line has them; None once applied or erased.
        act: Cause, network and wording of the request.
    """

    n: int
    version: int
    record: Mapping[str, object] | None
    act: ConsentAction
    at: datetime


def add(
    session: Session, whose: tuple[int, int], record: Mapping[str, object] | None, by: ConsentAction, now: datetime
) -> PendingRequest:
    """Store a request under a new number.

    `whose`: the subscriber and their consent version.
    """
    subscriber, version = whose
    last = session.connection().execute(select(func.max(_R.n)).where(_R.subscriber_id == subscriber)).scalar()
    request = PendingRequest((last or 0) + 1, version, record, by, now)
    row = {
        "subscriber_id": subscriber,
        "n": request.n,
        "version": version,
        "record": None if record is None else json.dumps(record, ensure_ascii=False),
        "cause": by.cause,
        "network": by.network,
        "wording": consent.store_wording(session, by.wording),
        "at_us": to_us(now),
    }
    session.connection().execute(insert(core.pending_request).values(row))
    return request


def of(session: Session, subscriber: int, n: int) -> PendingRequest | None:
    query = _REQUESTS.where(_R.subscriber_id == subscriber, _R.n == n)
    return next((_request(row) for row in session.connection().execute(query)), None)


def valid(session: Session, subscriber: int, version: int) -> list[PendingRequest]:
    """Return the requests made at a consent version, newest first."""
    query = _REQUESTS.where(_R.subscriber_id == subscriber, _R.version == version).order_by(_R.n.desc())
    return [_request(row) for row in session.connection().execute(query)]


_REQUESTS = select(core.pending_request, _W.text).select_from(
    core.pending_request.outerjoin(core.consent_wording, _W.hash == _R.wording)
)


def erase_content(session: Session, subscriber: int, n: int | None = None) -> None:
    change = update(core.pending_request).where(_R.subscriber_id == subscriber)
    change = change if n is None else change.where(_R.n == n)
    session.connection().execute(change.values(record=None, network=None))


def withdraw(session: Session, subscriber: int, n: int) -> None:
    """Take one request back: its link counts no more."""
    mine = (_R.subscriber_id == subscriber, _R.n == n)
    session.connection().execute(
        update(core.pending_request).where(*mine).values(version=_VOID, record=None, network=None)
    )


def unconfirmed(session: Session, pending_since: datetime, asked_since: datetime, limit: int) -> list[int]:
    """Return up to `limit` subscribers pending since before `pending_since`.

    Without requests after `asked_since`.
    """
    has_new_request = select(_R.n).where(_R.subscriber_id == _S.id, _R.at_us > to_us(asked_since)).exists()
    query = (
        select(_S.id)
        .select_from(core.subscriber.join(core.consent_event, (_E.subscriber_id == _S.id) & (_E.version == _S.version)))
        .where(_S.status == Status.PENDING, _E.at_us <= to_us(pending_since), ~has_new_request)
        .order_by(_S.id)
        .limit(limit)
    )
    return list(session.connection().execute(query).scalars())


def erase_expired(db: Database, now: datetime) -> None:
    """Erase the content of old requests. Write nothing if there are none."""
    old = (_R.at_us <= to_us(now - EXPIRES_AFTER)) & or_(_R.record.is_not(None), _R.network.is_not(None))
    with db.read() as session:
        if session.connection().execute(select(_R.n).where(old).limit(1)).first() is None:
            return
    with db.write() as session:
        session.connection().execute(update(core.pending_request).where(old).values(record=None, network=None))


def _request(row: core.Record) -> PendingRequest:
    record = None if row.record is None else json.loads(row.record)
    return PendingRequest(
        row.n, row.version, record, ConsentAction(Cause(row.cause), row.network, row.text or ""), from_us(row.at_us)
    )
