"""Preview and explain what planning would do for one subscriber now.

Nothing is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from digestd.digests.pick_outcome import ExplainedPaper, explain_outcome, period_of_pick
from digestd.digests.pick_selection import digest_options, select_picks
from digestd.digests.planning_day import PlanningDay, read_planning_day
from digestd.digests.resource_limits import single_blas_thread
from digestd.digests.selection import select
from digestd.digests.shard import Shard, rank_shard
from digestd.domain.coverage import CoverageState
from digestd.domain.digest import Pick, Reason
from digestd.domain.paper import Paper, PaperId
from digestd.domain.schedule import newest_due
from digestd.errors import NotFound
from digestd.ranking.calibration import MIN_SCORES
from digestd.ranking.dense import Encoder, NoEncoder
from digestd.ranking.fusion import SignalContribution, score_breakdown
from digestd.ranking.reasons import reason
from digestd.store import due as due_subscribers
from digestd.store import papers
from digestd.store.database import Database


@dataclass(frozen=True, slots=True)
class Preview:
    """The picks of a digest planned now, papers considered, incomplete sources."""

    picks: tuple[Pick, ...]
    considered: int
    coverage: Mapping[str, CoverageState]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The ranking of one paper for one subscriber.

    The contributions of `parts` sum to the score.

    Attributes:
        relevance, parts: Unknown for a past digest.
        probability: Probability of a like; None for subscribers without interests.
        min_score: The minimum probability; None for subscribers without interests.
        rank: Rank among the candidates, from 1; None if the paper is not a candidate.
    """

    paper: Paper
    period: str
    score: float
    relevance: float | None
    probability: float | None
    min_score: float | None
    rank: int | None
    candidates: int
    verdict: str
    reason: Reason
    parts: tuple[SignalContribution, ...] = ()


def preview(
    db: Database, subscriber: int, now: datetime, encoder: Encoder = NoEncoder(), explore: bool = True
) -> Preview:
    """Rank and select as planning would at `now`, due or not.

    `explore`: the install's setting.
    """
    day, shard = _rank_one(db, subscriber, now, encoder)
    considered = int((shard.open & shard.ranked.fresh).sum())
    return Preview(select_picks(day, shard, [_period(day, shard)], explore).of(0), considered, day.coverage)


def explain(
    db: Database,
    subscriber: int,
    paper_id: PaperId,
    now: datetime,
    encoder: Encoder = NoEncoder(),
    explore: bool = True,
) -> Explanation:
    """Explain one paper. Raises NotFound if it is unknown or no longer a candidate."""
    paper = find_paper(db, paper_id)
    day, shard = _rank_one(db, subscriber, now, encoder)
    place = day.places.get(paper.key)
    if place is None:
        with db.read() as session:
            period = period_of_pick(session, subscriber, {paper.key})
        raise NotFound(
            f"{paper_id} is older than seven days or archived, so it is no longer a candidate"
            + (f"; it was in the digest of {period}, see --period {period}" if period else "")
        )
    with db.read() as session:
        return _explanation(ExplainedPaper(session, day, shard, place), explore)


def find_paper(db: Database, paper_id: PaperId) -> Paper:
    """Return the paper with this identifier. Raises NotFound."""
    with db.read() as session:
        paper = papers.find(session, paper_id)
    if paper is None:
        raise NotFound(f"{paper_id}: no such paper; list the known papers with `digestd paper list`")
    return paper


def _rank_one(db: Database, subscriber: int, now: datetime, encoder: Encoder) -> tuple[PlanningDay, Shard]:
    day = read_planning_day(db, now, encoder)
    with single_blas_thread(), db.read() as session:
        return day, rank_shard(session, day, [due_subscribers.by_key(session, subscriber)])


def _period(day: PlanningDay, shard: Shard) -> str:
    return newest_due(shard.subscribers[0].timing, day.now).key


def _explanation(paper: ExplainedPaper, explore: bool) -> Explanation:
    day, shard, j = paper.day, paper.shard, paper.place
    ranked, period = shard.ranked, _period(day, shard)
    options = digest_options(shard, 0, period, explore)
    selection = select(day.candidates, ranked, [options], day.calibration)[0]
    picks_by_paper = {pick.paper: pick for pick in select_picks(day, shard, [period], explore).of(0)}
    profile = ranked.profiles[0]
    return Explanation(
        paper=day.candidates.papers[j],
        period=period,
        score=float(ranked.total[0, j]),
        relevance=float(ranked.relevance[0, j]),
        probability=None if profile.without_interests else day.calibration.probability(float(ranked.log_odds[0, j])),
        min_score=None if profile.without_interests else MIN_SCORES[options.min_score],
        rank=selection.rank(j),
        candidates=len(selection.order),
        verdict=explain_outcome(paper, options, selection, picks_by_paper),
        reason=reason(day.candidates, profile, j),
        parts=tuple(score_breakdown(day.candidates, profile, j, shard.eligible[0])),
    )
