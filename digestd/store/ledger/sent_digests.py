"""Sent digests with the active verdict on each pick."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session

from digestd.domain.delivery import MailKind, State
from digestd.domain.digest import Pick
from digestd.domain.interest import Verdict
from digestd.store import core
from digestd.store.bulk import readable
from digestd.store.ledger.packing import planned_us, readable_picks
from digestd.store.papers import merged_into
from digestd.store.timestamps import from_us, to_us

BLOCK = 500
SENT = (State.ACCEPTED, State.UNCERTAIN)
_D, _F = core.delivery.c, core.feedback.c
_PLANNED = func.substr(_D.history, 3, 13)
"""The time of the first step: hexadecimal digits, which are ordered as the numbers are."""


@dataclass(frozen=True, slots=True)
class SentDigest:
    """A digest that was sent. For each pick: the row number of the paper it is now, what was said of it, and when."""

    key: int
    subscriber: int
    planned: datetime
    picks: tuple[Pick, ...]
    papers: tuple[int, ...]
    verdicts: tuple[Verdict | None, ...]
    verdict_times: tuple[datetime | None, ...]
    is_weekly: bool = False


def digests(session: Session, since: datetime | None = None) -> Iterator[SentDigest]:
    """Yield every digest sent to subscribers who gave feedback, in planning order. Streamed, a block at a time."""
    has_feedback = select(_F.subscriber_id).where(_F.subscriber_id == _D.subscriber_id).exists()
    query = (
        select(_D.id, _D.subscriber_id, _D.picks, _D.history, _D.key)
        .where(_D.kind == MailKind.DIGEST, _D.state.in_(SENT), has_feedback)
        .order_by(_D.id)
        .execution_options(yield_per=BLOCK)
    )
    if since is not None:
        query = query.where(f"{to_us(since):013x}" <= _PLANNED)
    for rows in session.connection().execute(query).partitions():
        yield from _shown(session, rows)


def _shown(session: Session, rows: Sequence[core.Record]) -> Iterator[SentDigest]:
    newest_verdicts = _newest_verdicts(session, {row.subscriber_id for row in rows})
    held = {row.id: readable_picks(row.picks) for row in rows}
    named = {pick.paper for picks in held.values() for pick in picks} | {paper for _, paper in newest_verdicts}
    now_known_as = merged_into(session, named)
    known = {(who, now_known_as.get(paper, paper)): verdict for (who, paper), verdict in newest_verdicts.items()}
    for row in rows:
        papers = tuple(now_known_as.get(pick.paper, pick.paper) for pick in held[row.id])
        verdicts = [known.get((row.subscriber_id, paper), (None, None)) for paper in papers]
        yield SentDigest(
            key=row.id,
            subscriber=row.subscriber_id,
            planned=from_us(planned_us(row.history)),
            picks=held[row.id],
            papers=papers,
            verdicts=tuple(verdict for verdict, _ in verdicts),
            verdict_times=tuple(at for _, at in verdicts),
            is_weekly="-W" in row.key,
        )


def _newest_verdicts(session: Session, subscribers: set[int]) -> dict[tuple[int, int], tuple[Verdict, datetime]]:
    """Return (subscriber, paper) → newest active verdict and its time, oldest first."""
    newest = (
        select(func.max(_F.id))
        .where(_F.subscriber_id.in_(subscribers), _F.undone_us.is_(None))
        .group_by(_F.subscriber_id, _F.paper)
    )
    query = select(_F.subscriber_id, _F.paper, _F.verdict, _F.at_us).where(_F.id.in_(newest)).order_by(_F.id)
    rows = session.connection().execute(query)
    return dict(
        readable(rows, lambda row: ((row.subscriber_id, row.paper), (Verdict(row.verdict), from_us(row.at_us))))
    )
