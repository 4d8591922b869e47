"""What planning would do for one subscriber now, and why: changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from digestd import compose
from digestd.domain.coverage import CoverageState
from digestd.domain.digest import Pick, Reason
from digestd.domain.paper import Paper, PaperId
from digestd.errors import NotFound
from digestd.plan.day import Day, gather_day
from digestd.plan.picking import picks_of
from digestd.plan.shard import Shard, rank
from digestd.ranking.dense import Encoder, Silent
from digestd.ranking.fusion import Part, account
from digestd.ranking.reasons import reason
from digestd.schedule import newest_due
from digestd.store import due as waiting
from digestd.store import papers
from digestd.store.database import Database


@dataclass(frozen=True, slots=True)
class Preview:
    """The picks that a digest planned now would hold, out of how many new papers, and which sources are not whole."""

    picks: tuple[Pick, ...]
    considered: int
    coverage: Mapping[str, CoverageState]


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one paper fares for one subscriber. `rank` counts from 1 among `candidates`; None if it may not be picked."""

    paper: Paper
    score: float
    relevance: float
    bar: float
    rank: int | None
    candidates: int
    verdict: str
    reason: Reason
    parts: tuple[Part, ...]


def preview(db: Database, subscriber: int, now: datetime, encoder: Encoder = Silent()) -> Preview:
    """Rank and compose as planning would at `now`, due or not."""
    day, shard = _alone(db, subscriber, now, encoder)
    period = newest_due(shard.subscribers[0].timing, now).key
    considered = int((shard.open[0] & shard.fresh[0]).sum())
    return Preview(picks_of(day, shard, 0, period), considered, day.coverage)


def explain(
    db: Database, subscriber: int, paper_id: PaperId, now: datetime, encoder: Encoder = Silent()
) -> Explanation:
    """The account of one paper. Raises NotFound for a paper unknown or no candidate any more."""
    with db.read() as session:
        paper = papers.find(session, paper_id)
    if paper is None:
        raise NotFound(f"{paper_id}: no such paper; `digestd paper list` shows what is there")
    day, shard = _alone(db, subscriber, now, encoder)
    places = [j for j, key in enumerate(day.keys) if key == paper.key]
    if not places:
        raise NotFound(f"{paper_id} is older than seven days or archived, so it is no candidate any more")
    return _explanation(day, shard, places[0])


def _alone(db: Database, subscriber: int, now: datetime, encoder: Encoder) -> tuple[Day, Shard]:
    day = gather_day(db, now, encoder)
    with db.read() as session:
        return day, rank(session, day, [waiting.by_key(session, subscriber)])


def _explanation(day: Day, shard: Shard, j: int) -> Explanation:
    ranked = shard.ranked(0)
    chosen = compose.choose(day.pool, ranked, shard.subscribers[0].size)
    is_open = bool(ranked.open[j])
    return Explanation(
        paper=day.pool.papers[j],
        score=float(ranked.total[j]),
        relevance=float(ranked.relevance[j]),
        bar=compose.bar(ranked.profile),
        rank=ranked.rank(j) if is_open else None,
        candidates=int(ranked.open.sum()),
        verdict="picked" if j in chosen else _why_not(shard, ranked, j),
        reason=reason(day.pool, ranked.profile, j),
        parts=tuple(account(day.pool, ranked.profile, j, shard.eligible[0])),
    )


def _why_not(shard: Shard, ranked: compose.Ranked, j: int) -> str:
    if not shard.scores.allowed[0, j]:
        return "not picked: it meets something muted"
    if not shard.unseen[0, j]:
        return "not picked: it was in an earlier digest"
    if shard.own[0, j]:
        return "not picked: it is one of the subscriber's own seed papers"
    if not shard.open[0, j]:
        return "not picked: it is older than a digest looks back"
    if ranked.relevance[j] <= 0:
        return "not picked: it meets none of the interests"
    if not ranked.fresh[j] and ranked.relevance[j] < compose.GOOD:
        return f"not picked: it is not new, and an older one needs a relevance of {compose.GOOD:.2f}"
    if ranked.relevance[j] < compose.bar(ranked.profile):
        return "not picked: its relevance is below the bar"
    return "not picked: others ranked higher or are too like it"
