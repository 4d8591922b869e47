"""Feedback events: appended and taken back, never changed."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlmodel import Session

from digestd.domain.feedback import Feedback, Verdict, as_interest
from digestd.domain.interest import Interest
from digestd.domain.paper import PaperId
from digestd.store import core, profiles
from digestd.store.timestamps import from_us, to_us

_F, _P = core.feedback.c, core.paper.c
FEEDBACK_MAX = 500
"""So many papers of one subscriber count, the newest: older tastes have drifted."""


def add(session: Session, subscriber: int, paper: int, verdict: Verdict, now: datetime) -> int:
    """Store a verdict on a paper (row number) and return the number of the event."""
    row = {"subscriber_id": subscriber, "paper": paper, "verdict": verdict, "at_us": to_us(now)}
    profiles.invalidate(session, [subscriber])
    return int(session.connection().execute(insert(core.feedback).values(row).returning(_F.id)).scalar_one())


def undo(session: Session, subscriber: int, paper: int, now: datetime) -> Verdict | None:
    """Take back the newest active verdict on a paper; return None if there is none."""
    query = (
        select(_F.id, _F.verdict)
        .where(_F.subscriber_id == subscriber, _F.paper == paper, _F.undone_us.is_(None))
        .order_by(_F.id.desc())
        .limit(1)
    )
    found = session.connection().execute(query).first()
    if found is None:
        return None
    profiles.invalidate(session, [subscriber])
    session.connection().execute(update(core.feedback).where(_F.id == found.id).values(undone_us=to_us(now)))
    return Verdict(found.verdict)


def active_verdicts(session: Session, subscriber: int, papers: Collection[int]) -> tuple[Verdict, ...]:
    """Return the verdicts on a paper that were not taken back, oldest first.

    Under all its row numbers.
    """
    query = select(_F.verdict).where(_F.subscriber_id == subscriber, _F.paper.in_(papers), _F.undone_us.is_(None))
    return tuple(Verdict(verdict) for verdict in session.connection().execute(query.order_by(_F.id)).scalars())


def withdraw(session: Session, subscriber: int, papers: Collection[int], verdict: Verdict, now: datetime) -> None:
    """Take back one kind of verdict on a paper; other verdicts stay."""
    theirs = _F.subscriber_id == subscriber, _F.paper.in_(papers), _F.verdict == verdict, _F.undone_us.is_(None)
    profiles.invalidate(session, [subscriber])
    session.connection().execute(update(core.feedback).where(*theirs).values(undone_us=to_us(now)))


def count(session: Session) -> int:
    """Count the verdicts that were not taken back."""
    query = select(func.count()).select_from(core.feedback).where(_F.undone_us.is_(None))
    return int(session.connection().execute(query).scalar_one())


def history(session: Session, subscriber: int) -> list[Feedback]:
    """Return every event of a subscriber, oldest first."""
    query = (
        select(core.feedback, _P.paper_id)
        .join_from(core.feedback, core.paper, _P.id == _F.paper)
        .where(_F.subscriber_id == subscriber)
        .order_by(_F.id)
    )
    return [
        Feedback(
            key=row.id,
            paper=PaperId(row.paper_id),
            verdict=Verdict(row.verdict),
            at=from_us(row.at_us),
            undone=None if row.undone_us is None else from_us(row.undone_us),
        )
        for row in session.connection().execute(query)
    ]


def interests(session: Session, subscribers: Sequence[int]) -> dict[int, tuple[Interest, ...]]:
    """Return the newest active verdict on each paper as an interest, newest first."""
    newest = (
        select(func.max(_F.id).label("id"))
        .where(_F.subscriber_id.in_(subscribers), _F.undone_us.is_(None))
        .group_by(_F.subscriber_id, _F.paper)
        .subquery()
    )
    query = (
        select(_F.subscriber_id, _F.verdict, _F.at_us, _P.paper_id)
        .join_from(core.feedback, newest, newest.c.id == _F.id)
        .join(core.paper, _P.id == _F.paper)
        .order_by(_F.subscriber_id, _F.id.desc())
    )
    found: dict[int, list[Interest]] = {}
    for row in session.connection().execute(query):
        theirs = found.setdefault(row.subscriber_id, [])
        if len(theirs) < FEEDBACK_MAX:
            theirs.append(as_interest(PaperId(row.paper_id), Verdict(row.verdict), from_us(row.at_us)))
    return {key: tuple(interests) for key, interests in found.items()}
