"""Preview a subscriber's digest, and explain why a paper is in it or not.

Nothing is stored.

`preview` and `explain` run what planning would do at `now`. Of past digests, the picks were stored with their reasons;
why another paper is not among them is computed again.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
from sqlmodel import Session

from digestd.digests.picks import (
    digest_occasions,
    digest_options,
    most_read,
    select_picks,
    unpicked,
    with_group,
)
from digestd.digests.planning_day import PlanningDay, RankingOptions, read_planning_day
from digestd.digests.resource_limits import single_blas_thread
from digestd.digests.saved_news import ShardNews
from digestd.digests.selection import CARRY_OVER_PROBABILITY, DigestOptions, Selections, select
from digestd.digests.shard import Shard, rank_shard
from digestd.domain.delivery import UNSENT, State
from digestd.domain.digest import DigestFacts, Pick, Reason, Section
from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import Paper, PaperId
from digestd.domain.schedule import current_period, end_of_day, local_date, period_date, period_on
from digestd.domain.subscriber import MinScore
from digestd.errors import BadInput, Damaged, NotFound
from digestd.ranking.arrays import Cells
from digestd.ranking.calibration import MIN_SCORES, NEAR_SCORES
from digestd.ranking.compiler import ProfileInput
from digestd.ranking.fusion import SignalContribution, score_breakdown
from digestd.ranking.profile import compile_profiles
from digestd.ranking.reasons import near_reasons, reason
from digestd.store import due as due_subscribers
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.due import DueSubscriber
from digestd.store.interests import for_ranking
from digestd.store.ledger import queries
from digestd.store.ledger.queries import DeliveryView

SIMILAR_COSINE = 0.5
"""LSA cosine from which one paper counts as similar to another."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A digest that is not in the ledger."""

    period: str
    picks: tuple[Pick, ...]
    facts: DigestFacts


@dataclass(frozen=True, slots=True)
class Explanation:
    """The ranking of one paper for one subscriber.

    The contributions of `parts` sum to the score.

    Attributes:
        relevance, parts: Unknown for a pick of a past digest.
        probability: Probability of a like; None for subscribers without interests.
        min_score: The minimum probability; None if the paper needs none, or for a pick of a past digest.
        rank: Rank among the candidates by score, from 1; None if the paper is not a candidate.
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


def preview(db: Database, subscriber: int, now: datetime, ranking: RankingOptions = RankingOptions()) -> Preview:
    """Rank and select as planning would at `now`, due or not."""
    day, shard = _rank_one(db, subscriber, now, ranking)
    return _preview(day, shard, _period(day, shard), ranking)


def preview_on(
    db: Database, subscriber: int, day: date, now: datetime, ranking: RankingOptions = RankingOptions()
) -> Preview:
    """Return the digest that a subscriber got, or would have got, at their hour on a date.

    The digest of that date or week if one with papers was planned. Otherwise the papers known then are ranked by
    today's interests, votes and text model, without those of earlier digests; those known by the end of that day if an
    empty digest was planned.

    Raises:
        BadInput: their hour on that date is still to come, or its papers are no longer candidates of any digest.
    """
    with db.read() as session:
        due = due_subscribers.by_key(session, subscriber)
        period = period_on(due.preferences.timing, day)
        if period.due > now:
            raise BadInput(f"--date: {day} at their hour is still to come; leave the option out for a digest now")
        planned = _digest(queries.digests(session, subscriber), period.key)
        is_empty = planned is not None and planned.state is State.EMPTY
        if planned is not None and planned.state not in (State.EMPTY, *UNSENT):
            return _planned(session, planned.key)
    then = min(now, end_of_day(due.preferences.timing, period.due)) if is_empty else period.due
    past, shard = _rank_past(db, due, period.key, then, ranking)
    return _preview(past, shard, period.key, ranking)


def _digest(digests: Iterable[DeliveryView], period: str) -> DeliveryView | None:
    return next((digest for digest in digests if digest.period == period), None)


def _rank_past(
    db: Database, due: DueSubscriber, period: str, then: datetime, ranking: RankingOptions
) -> tuple[PlanningDay, Shard]:
    """Rank the papers known then for the digest of a period, as if it and all later ones had not been planned."""
    timing = due.preferences.timing
    with db.read() as session:
        earlier = [
            digest
            for digest in queries.digests(session, due.key)
            if digest.state not in (State.EMPTY, *UNSENT)
            and digest.period != period
            and period_date(digest.period) < local_date(timing, then)
        ]
        had = {pick.paper for digest in earlier for pick in queries.picks(session, digest.key)}
    past = read_planning_day(db, then, ranking, until=then)
    reader = due._replace(
        last_planned=max((digest.planned for digest in earlier), default=None),
        horizon=None,
        had=np.array(sorted(had), dtype=np.uint32),
        was_empty=False,
    )
    with single_blas_thread(), db.read() as session:
        return past, replace(rank_shard(session, past, [reader]), news=ShardNews())


def _planned(session: Session, delivery: int) -> Preview:
    claim = queries.as_claim(session, delivery)
    if claim is None or not (claim.picks or claim.facts.news):
        raise Damaged(f"the picks of delivery {delivery} cannot be read; run `digestd fsck`")
    return Preview(claim.period, claim.picks, claim.facts._replace(coverage=claim.facts.coverage or {}))


def _preview(day: PlanningDay, shard: Shard, period: str, ranking: RankingOptions) -> Preview:
    considered = int((shard.open & shard.ranked.fresh).sum())
    [picks] = select_picks(day, shard, [period])
    occasions = digest_occasions(shard.subscribers[0], picks, day, shard.unanswered)
    read = unpicked(day, shard, 0, picks, most_read(day) if ranking.most_read else None)
    due = shard.subscribers[0]
    news = shard.news.of(due.key, is_sent=bool(picks) or due.preferences.when_empty)
    facts = DigestFacts(considered, day.coverage, frozenset(occasions), read, news)
    return Preview(period, picks, facts)


def explain(
    db: Database,
    subscriber: int,
    paper_id: PaperId,
    now: datetime,
    ranking: RankingOptions = RankingOptions(),
    period: str = "",
) -> Explanation:
    """Explain one paper for the digest of a period.

    By default that is the next one, or the one that the paper was new for if it no longer competes.

    Raises:
        NotFound: it is unknown or was no candidate, or there is no such digest.
    """
    paper = find_paper(db, paper_id)
    with db.read() as session:
        digests = queries.digests(session, subscriber)
    if period:
        if (digest := _digest(digests, period)) is None:
            near = sorted({one.period for one in digests}, key=lambda key: abs(period_date(key) - period_date(period)))
            raise NotFound(
                f"there is no digest of {period}" + (f"; the nearest: {', '.join(near[:5])}" if near else "")
            )
        return _explain_past(db, paper, digest, ranking)
    day, shard = _rank_one(db, subscriber, now, ranking)
    if paper.key not in day.places:
        with db.read() as session:
            other = period_of_pick(session, subscriber, {paper.key})
        raise NotFound(
            f"{paper_id} is older than seven days or archived, so it is no longer a candidate"
            + (f"; it was in the digest of {other}, see --period {other}" if other else "")
        )
    with db.read() as session:
        explained = ExplainedPaper(session, day, shard, day.places[paper.key])
        found = _explanation(explained, _period(day, shard))
        is_past = found.rank is None and _exclusion(explained) is None
    sent = (one for one in digests if one.state not in UNSENT and one.planned >= found.paper.first_seen)
    if is_past and (digest := next(sent, None)):
        return _explain_past(db, paper, digest, ranking)
    digest = _digest(digests, found.period)
    is_for_next = found.rank is not None and digest is not None and digest.state is not State.EMPTY
    return replace(found, verdict=f"for the next digest: {found.verdict}") if is_for_next else found


def _explain_past(db: Database, paper: Paper, digest: DeliveryView, ranking: RankingOptions) -> Explanation:
    """Explain a paper for a past digest: a pick as stored, another paper as computed again."""
    with db.read() as session:
        due = due_subscribers.by_key(session, digest.subscriber)
        names = {paper.key, *papers.former_keys(session, [paper.key]).get(paper.key, ())}
        claim = queries.as_claim(session, digest.key)
        pick = next((pick for pick in claim.picks if pick.paper in names), None) if claim else None
        if claim and pick:
            return Explanation(
                paper=papers.revisions(session, [pick.revision])[pick.revision],
                period=digest.period,
                score=pick.score,
                relevance=None,
                probability=pick.probability,
                min_score=None,
                rank=pick.rank,
                candidates=claim.facts.considered,
                verdict=describe_pick(pick),
                reason=pick.reason,
            )
        other = period_of_pick(session, digest.subscriber, names)
    day, shard = _rank_past(db, due, digest.period, digest.planned, ranking)
    if paper.key not in day.places:
        raise NotFound(
            f"{paper.id} was no candidate for the digest of {digest.period}: "
            f"first seen {paper.first_seen:%Y-%m-%d %H:%M}Z" + (f"; it was in that of {other}" if other else "")
        )
    with db.read() as session:
        explained = ExplainedPaper(session, day, shard, day.places[paper.key])
        found = _explanation(explained, digest.period)
    return replace(found, verdict=f"not in {describe_digest(digest)}; computed again now: {found.verdict}")


def find_paper(db: Database, paper_id: PaperId) -> Paper:
    """Return the paper with this identifier. Raises NotFound."""
    with db.read() as session:
        paper = papers.find(session, paper_id)
    if paper is None:
        raise NotFound(f"there is no paper {paper_id}; `digestd paper list` lists all")
    return paper


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedPaper:
    """One paper, by position among the candidates, for one subscriber."""

    session: Session
    day: PlanningDay
    shard: Shard
    place: int


def explain_outcome(
    explained: ExplainedPaper, options: DigestOptions, selections: Selections, picks_by_paper: Mapping[int, Pick]
) -> str:
    """Return whether the paper is picked, and why.

    `picks_by_paper`: the digest's picks by row number.
    """
    pick = picks_by_paper.get(int(explained.day.keys[explained.place]))
    if pick is None:
        return _exclusion(explained) or _rejection(explained, options, selections, len(picks_by_paper))
    if pick.section is not Section.NEAR:
        return describe_pick(pick)
    return f"{describe_pick(pick)}: {describe_chance(pick.probability or 0, MIN_SCORES[options.min_score])}"


def describe_digest(digest: DeliveryView) -> str:
    """Name a digest and say what became of it: `the digest of 2026-11-24 (7 papers, sent 2026-11-24 06:00Z)`."""
    count = f"{digest.picks} paper" + ("" if digest.picks == 1 else "s")
    became = "sent" if digest.state is State.ACCEPTED else digest.state
    at = digest.history[-1].at if digest.history else digest.due
    return f"the digest of {digest.period} ({count}, {became} {at:%Y-%m-%d %H:%M}Z)"


def describe_pick(pick: Pick) -> str:
    if pick.propensity is not None:
        return f"drawn at random for this digest, probability 1 in {round(1 / pick.propensity)}"
    picked = "picked as near" if pick.section is Section.NEAR else "picked"
    return f"{picked}, ranked {ordinal(pick.rank)}" if pick.rank else picked


def describe_chance(probability: float, needed: float) -> str:
    """Return the chance that a paper has, and the one that it needs: `chance .12, needed .35`."""
    return f"chance {_short(probability)}, needed {_short(needed)}"


def _short(probability: float) -> str:
    return f"{probability:.2f}".removeprefix("0")


def period_of_pick(session: Session, subscriber: int, papers: Set[int]) -> str | None:
    """Return the period of the digest that held one of these row numbers, if any."""
    return next(
        (p.period for p in queries.digests(session, subscriber) if papers & _picked_papers(session, p.key)), None
    )


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, …, 11th, …"""
    last = {1: "st", 2: "nd", 3: "rd"} if number % 100 not in (11, 12, 13) else {}
    return f"{number}{last.get(number % 10, 'th')}"


def _rank_one(db: Database, subscriber: int, now: datetime, ranking: RankingOptions) -> tuple[PlanningDay, Shard]:
    day = read_planning_day(db, now, ranking)
    with single_blas_thread(), db.read() as session:
        return day, rank_shard(session, day, [due_subscribers.by_key(session, subscriber)])


def _period(day: PlanningDay, shard: Shard) -> str:
    return current_period(shard.subscribers[0].preferences.timing, day.now).key


def _explanation(paper: ExplainedPaper, period: str) -> Explanation:
    day, shard, j = paper.day, paper.shard, paper.place
    ranked = shard.ranked
    options = digest_options(shard, 0, period)
    selections = select(day.candidates, ranked, [options], day.calibration)
    picks_by_paper = {pick.paper: pick for pick in select_picks(day, shard, [period])[0]}
    profile, subscriber = ranked.profiles[0], shard.subscribers[0].key
    why = reason(day.candidates, profile, j)
    probability = day.calibration.probability(float(ranked.log_odds[0, j]))
    needs_none = profile.without_interests or (
        selections.above_minimum[0, j] and probability < MIN_SCORES[options.min_score]
    )
    if not selections.above_minimum[0, j]:
        [why] = near_reasons(profile.among, Cells(np.array([0]), np.array([j])), [why])
    return Explanation(
        paper=day.candidates.papers[j],
        period=period,
        score=float(ranked.total[0, j]),
        relevance=float(ranked.relevance[0, j]),
        probability=None if profile.without_interests else probability,
        min_score=None if needs_none else MIN_SCORES[options.min_score],
        rank=selections.rank(0, j),
        candidates=int(selections.counts[0]),
        verdict=explain_outcome(paper, options, selections, picks_by_paper),
        reason=with_group(
            why,
            shard.shared.get(subscriber, ()),
            int(day.keys[j]) in shard.recommended.get(subscriber, ()),
        ),
        parts=tuple(score_breakdown(day.candidates, profile, j, shard.eligible[0])),
    )


def _picked_papers(session: Session, delivery: int) -> set[int]:
    return {pick.paper for pick in queries.picks(session, delivery)}


def _exclusion(explained: ExplainedPaper) -> str | None:
    """Return why the paper is not selectable, whatever its score; None if it is."""
    shard, j = explained.shard, explained.place
    if not shard.allowed[0, j]:
        return f"muted: {_muted_by(explained)}"
    if not shard.in_categories[0, j]:
        return "is in none of the subscriber's categories, and they want no others"
    if not shard.unseen[0, j]:
        period = period_of_pick(explained.session, shard.subscribers[0].key, _names(explained))
        return f"was in the digest of {period}" if period else "was in an earlier digest"
    if shard.own[0, j]:
        return "is one of the subscriber's own papers"
    if not shard.open[0, j]:
        return f"is older than a digest looks back: first seen {explained.day.candidates.papers[j].first_seen:%Y-%m-%d}"
    return None


def _names(explained: ExplainedPaper) -> set[int]:
    """Return the current and former row numbers of the paper."""
    former = explained.day.former
    return {int(explained.day.keys[explained.place]), *former[former[:, 1] == explained.place, 0].tolist()}


def _muted_by(explained: ExplainedPaper) -> str:
    """Describe the first muted interest that matches the paper."""
    due, candidates = explained.shard.subscribers[0], explained.day.candidates
    interests = for_ranking(explained.session, [due.key]).get(due.key, ())
    muted = [interest for interest in interests if interest.stance is Stance.MUTED]
    named = explained.day.seed_reader.of(explained.session, [PaperId(i.value) for i in muted if i.kind is Kind.PAPER])
    seeds = {name: found.seed for name, found in named.items()}
    profiles = compile_profiles([ProfileInput((interest,), seeds) for interest in muted], candidates.model, candidates)
    matching = (interest for interest, profile in zip(muted, profiles, strict=True) if explained.place in profile.muted)
    return _describe_muting(next(matching, None))


def _describe_muting(interest: Interest | None) -> str:
    if interest is None:
        return "by something that the subscriber muted"
    return "the subscriber does not like it" if interest.kind is Kind.PAPER else f"{interest.kind} {interest.value}"


def _rejection(explained: ExplainedPaper, options: DigestOptions, selections: Selections, places: int) -> str:
    """Return why a selectable paper was not picked."""
    ranked, j = explained.shard.ranked, explained.place
    probability = explained.day.calibration.probability(float(ranked.log_odds[0, j]))
    if selections.rank(0, j) is None:
        return (
            f"was new for an earlier digest; to compete again: {describe_chance(probability, CARRY_OVER_PROBABILITY)}"
        )
    if not selections.above_minimum[0, j]:
        return _distance(probability, options.min_score)
    order = selections.ranking(0)
    matching = order[selections.above_minimum[0, order]].tolist()
    where = f"ranked {ordinal(matching.index(j) + 1)} of {len(matching)} that match"
    if all(matching.index(k) < matching.index(j) for k in selections.chosen_by(0)):
        return f"cut by size: {where}, the digest holds {places}"
    return _displaced(explained, selections, where)


def _distance(probability: float, min_score: MinScore) -> str:
    """Return how far a paper below the minimum score is from it."""
    floor = NEAR_SCORES[min_score]
    if probability >= floor:
        return f"near: {describe_chance(probability, MIN_SCORES[min_score])}"
    return f"far: chance {_short(probability)}, below the near floor of {_short(floor)}"


def _displaced(explained: ExplainedPaper, selections: Selections, where: str) -> str:
    """Return why lower-ranked papers were chosen instead."""
    vectors, chosen = explained.day.candidates.encoded.dense, selections.chosen_by(0)
    cosine = vectors[chosen] @ vectors[explained.place]
    nearest = int(np.argmax(cosine))
    if cosine[nearest] < SIMILAR_COSINE:
        return f"left out for papers that match other interests or are by followed authors: {where}"
    return f"left out as too similar to «{explained.day.candidates.papers[chosen[nearest]].plain_title}»: {where}"
