"""Saved papers and recent picks of a subscriber.

Also the version of the secret link to both.
"""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.domain.digest import Pick
from digestd.domain.feedback import Verdict
from digestd.domain.paper import Paper
from digestd.store import core
from digestd.store.ledger.sent_digests import SENT
from digestd.store.packing import planned_us, readable_picks
from digestd.store.papers import by_keys
from digestd.store.timestamps import from_us

SAVED_MAX = 2_000
DIGESTS_MAX = 30
_D, _F, _E = core.delivery.c, core.feedback.c, core.saved_list_link.c


def saved(session: Session, subscriber: int, limit: int = SAVED_MAX) -> list[tuple[Paper, datetime]]:
    """Return the saved papers with their time, newest first, each once."""
    query = (
        select(_F.paper, _F.at_us)
        .where(_F.subscriber_id == subscriber, _F.verdict == Verdict.SAVED, _F.undone_us.is_(None))
        .order_by(_F.id.desc())
        .limit(limit)
    )
    rows = session.connection().execute(query).all()
    papers = by_keys(session, {row.paper for row in rows})
    found: dict[int, tuple[Paper, datetime]] = {}
    for row in rows:
        if paper := papers.get(row.paper):
            found.setdefault(paper.key, (paper, from_us(row.at_us)))
    return list(found.values())


def recent_picks(session: Session, subscriber: int) -> list[tuple[Paper, Pick, datetime]]:
    """Return the picks of the newest sent digests with the time of planning."""
    query = (
        select(_D.picks, _D.history)
        .where(_D.subscriber_id == subscriber, _D.kind == MailKind.DIGEST, _D.state.in_(SENT))
        .order_by(_D.id.desc())
        .limit(DIGESTS_MAX)
    )
    digests = [
        (readable_picks(row.picks), from_us(planned_us(row.history))) for row in session.connection().execute(query)
    ]
    papers = by_keys(session, {pick.paper for picks, _ in digests for pick in picks})
    return [(papers[pick.paper], pick, at) for picks, at in digests for pick in picks if pick.paper in papers]


def link_version(session: Session, subscriber: int) -> int:
    """Return how often the secret link was renewed."""
    query = select(_E.version).where(_E.subscriber_id == subscriber)
    return int(session.connection().execute(query).scalar() or 0)


def renew_link(session: Session, subscriber: int) -> int:
    """Invalidate all secret links so far and return the new version."""
    session.connection().execute(
        select(core.subscriber.c.id).where(core.subscriber.c.id == subscriber).with_for_update()
    )
    now = link_version(session, subscriber) + 1
    row = {"subscriber_id": subscriber, "version": now}
    if now == 1:
        session.connection().execute(insert(core.saved_list_link).values(row))
    else:
        session.connection().execute(update(core.saved_list_link).where(_E.subscriber_id == subscriber).values(row))
    return now
