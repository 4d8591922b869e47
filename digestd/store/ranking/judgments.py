"""Judgments by a language model, by the keys of topic and paper; nothing tells whose topic it is.

A row without a grade is a paper that the model was asked about and that stays unjudged. Requests are counted apart, so
that what is deleted does not give a day more of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import case, delete, func, insert, literal_column, select, tuple_, union_all, update
from sqlmodel import Session

from digestd.domain.digest import FIRST_WINDOW, WINDOW
from digestd.domain.interest import Kind, Stance, topic_key
from digestd.domain.subscriber import Cadence, Status
from digestd.store import core
from digestd.store.bulk import chunks
from digestd.store.database import Database
from digestd.store.timestamps import from_us, to_us
from digestd.text.refusals import split_refusals

_J, _R, _S, _I = core.judgment.c, core.judge_request.c, core.subscriber.c, core.interest.c
_ACTIVE = _S.status == literal_column(f"'{Status.ACTIVE}'")
"""Written like the condition of the partial index of who is due."""
KEPT = WINDOW + timedelta(days=2)
"""Longer than any paper stays a candidate."""
TOPICS_MAX = 10
"""Topics of a subscriber, or of a group, that are judged."""
_HOUR_US = 3_600_000_000
_PRIME = 2**31 - 1
"""A prime number whose square fits into 64 bits."""
Pair = tuple[bytes, bytes]
"""The keys of a topic and of a paper."""


class RequestOutcome(StrEnum):
    """What became of a request."""

    OK = "ok"
    LATE = "late"  # no answer in the time that planning had
    FAILED = "failed"


class WantedTopic(NamedTuple):
    """A topic that digests are due for, and since when papers are new to those who have it."""

    text: str
    since: datetime


def due_topics(session: Session, now: datetime, until: datetime, limit: int) -> list[WantedTopic]:
    """Return topics of active subscribers who are due by `until`, each with the times since which papers are new.

    First come the topics that subscribers named first, so that one with many topics takes no place from others; of a
    subscriber, at most TOPICS_MAX. Among these a lottery of subscribers decides, which is drawn anew every day: no text
    comes before another, and what many have has more chances.
    """
    own, shared, member = _I, core.group_interest.c, core.group_member.c
    is_due = (_ACTIVE, _S.next_due_us <= to_us(until))
    first = case((_S.cadence == Cadence.WEEKLY, to_us(now - WINDOW)), else_=to_us(now - FIRST_WINDOW))
    hour = (func.coalesce(_S.last_planned_us, first) // _HOUR_US).label("hour")
    ticket = ((_S.id % _PRIME) * _factor(now) % _PRIME).label("ticket")
    every = union_all(
        select(own.value, own.position, hour, ticket)
        .join_from(core.subscriber, core.interest, own.subscriber_id == _S.id)
        .where(*is_due, own.kind == Kind.TOPIC, own.stance == Stance.LIKED, own.position < TOPICS_MAX),
        select(shared.value, shared.position, hour, ticket)
        .join_from(core.subscriber, core.group_member, member.subscriber_id == _S.id)
        .join(core.group_interest, shared.group_id == member.group_id)
        .where(*is_due, shared.kind == Kind.TOPIC, shared.stance == Stance.LIKED)
        .where(shared.position < TOPICS_MAX),
    ).subquery()
    query = (
        select(every.c.value, every.c.hour)
        .group_by(every.c.value, every.c.hour)
        .order_by(func.min(every.c.position), func.min(every.c.ticket), every.c.value, every.c.hour)
        .limit(limit)
    )
    return [
        WantedTopic(topic, from_us(hours * _HOUR_US))
        for value, hours in session.connection().execute(query)
        if (topic := _wanted(value))
    ]


def _wanted(value: object) -> str:
    """Return what a stored topic asks for; "" if it is a refusal, which is nobody's wish."""
    return split_refusals(value, stored=True)[0] if isinstance(value, str) else ""


def _factor(now: datetime) -> int:
    """Return the number that mixes the tickets of a day: multiplied by it, 1 … _PRIME - 1 are a permutation."""
    return int.from_bytes(blake2b(f"{now:%Y-%m-%d}".encode(), digest_size=8).digest()) % (_PRIME - 1) + 1


def asked(session: Session) -> set[Pair]:
    """Return what the model was asked about, answered or not."""
    return {(topic, paper) for topic, paper in session.connection().execute(select(_J.topic, _J.paper))}


def judged(session: Session) -> Iterator[core.Record]:
    """Yield every judgment: topic, paper, grade."""
    query = select(_J.topic, _J.paper, _J.grade).where(_J.grade.is_not(None))
    yield from session.connection().execute(query)


def count_asked(session: Session, since: datetime) -> int:
    """Return the number of papers that the model was asked about since then."""
    query = select(func.coalesce(func.sum(_R.papers), 0)).where(_R.at_us > to_us(since))
    return int(session.connection().execute(query).scalar_one())


def has_failed(session: Session, since: datetime, outcomes: Sequence[RequestOutcome]) -> bool:
    """Return True if a request since then had one of these outcomes."""
    query = select(_R.id).where(_R.at_us > to_us(since), _R.outcome.in_(outcomes)).limit(1)
    return session.connection().execute(query).first() is not None


def claim(session: Session, pairs: Sequence[Pair], now: datetime) -> tuple[int, set[Pair]]:
    """Note what the model is asked about now, so that no other process asks the same.

    Returns:
        The number of the request, and those of the pairs that nobody has claimed.
    """
    rows = [{"topic": topic, "paper": paper, "at_us": to_us(now)} for topic, paper in sorted(pairs)]  # or deadlock
    statement = core.upsert(session, core.judgment).values(rows).on_conflict_do_nothing().returning(_J.topic, _J.paper)
    claimed = {(row.topic, row.paper) for row in session.connection().execute(statement)}
    counted = insert(core.judge_request).values(at_us=to_us(now), papers=len(claimed), outcome=RequestOutcome.OK)
    return int(session.connection().execute(counted.returning(_R.id)).scalar_one()), claimed


def record(session: Session, grades: Mapping[Pair, int]) -> None:
    for (topic, paper), grade in grades.items():
        judged = update(core.judgment).where(_J.topic == topic, _J.paper == paper).values(grade=grade)
        session.connection().execute(judged)


def release(session: Session, request: int, pairs: Sequence[Pair], outcome: RequestOutcome) -> None:
    """Note that a request failed, so that the model has a pause, and is asked about these pairs later."""
    session.connection().execute(delete(core.judgment).where(tuple_(_J.topic, _J.paper).in_(pairs)))
    session.connection().execute(update(core.judge_request).where(_R.id == request).values(outcome=outcome))


def note_failure(session: Session, now: datetime) -> None:
    """Note that the model gets a pause, though it answered."""
    failed = insert(core.judge_request).values(at_us=to_us(now), papers=0, outcome=RequestOutcome.FAILED)
    session.connection().execute(failed)


def forget_topics_of(session: Session, subscriber: int) -> None:
    """Delete the judgments of a subscriber's topics that nobody else has."""
    own = _TOPICS.where(_I.subscriber_id == subscriber)
    others = _TOPICS.where(_I.subscriber_id != subscriber, _I.value.in_(own))
    shared = _GROUP_TOPICS.where(core.group_interest.c.value.in_(own))
    _forget(session, _keys(session, own) - _keys(session, others) - _keys(session, shared))


def prune(db: Database, now: datetime) -> None:
    """Delete what is older than any candidate, and the judgments of topics that nobody has any more."""
    with db.read() as session:
        left = set(session.connection().execute(select(_J.topic).distinct()).scalars())
        if left:
            left -= _keys(session, _TOPICS.distinct()) | _keys(session, _GROUP_TOPICS)
    with db.write() as session:
        _forget(session, left)
        for table in (core.judgment, core.judge_request):
            session.connection().execute(delete(table).where(table.c.at_us < to_us(now - KEPT)))


_TOPICS = select(_I.value).where(_I.kind == Kind.TOPIC)
_GROUP_TOPICS = select(core.group_interest.c.value).where(core.group_interest.c.kind == Kind.TOPIC)


def _keys(session: Session, topics: core.Query) -> set[bytes]:
    rows = session.connection().execute(topics.execution_options(yield_per=1_000)).scalars()
    return {topic_key(topic) for value in rows for topic in {value, _wanted(value)} if isinstance(topic, str)}


def _forget(session: Session, topics: Iterable[bytes]) -> None:
    for some in chunks(topics):
        session.connection().execute(delete(core.judgment).where(_J.topic.in_(some)))
