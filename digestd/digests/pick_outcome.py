"""Explain in one sentence why a paper is in a digest or not."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np
from sqlmodel import Session

from digestd.digests.planning_day import PlanningDay
from digestd.digests.selection import CARRY_OVER_PROBABILITY
from digestd.digests.selection_options import DigestOptions, Selection
from digestd.digests.shard import Shard
from digestd.domain.digest import Pick
from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import PaperId
from digestd.ranking.calibration import MIN_SCORES
from digestd.ranking.profile import ProfileInput, compile_profiles
from digestd.store.interests import for_ranking
from digestd.store.ledger import queries

SIMILAR = 0.5
"""LSA cosine from which one paper counts as similar to another."""


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedPaper:
    """One paper, by position among the candidates, for one subscriber."""

    session: Session
    day: PlanningDay
    shard: Shard
    place: int


def explain_outcome(
    explained: ExplainedPaper, options: DigestOptions, selection: Selection, picks_by_paper: Mapping[int, Pick]
) -> str:
    """Return whether the paper is picked, and why.

    `picks_by_paper`: the digest's picks by row number.
    """
    pick = picks_by_paper.get(int(explained.day.keys[explained.place]))
    if pick is None:
        return _exclusion(explained) or _rejection(explained, options, selection, len(picks_by_paper))
    return describe_pick(pick)


def describe_pick(pick: Pick) -> str:
    """Return how a pick got into its digest."""
    if pick.propensity is not None:
        return f"drawn at random for this digest, probability 1 in {round(1 / pick.propensity)}"
    return f"picked, ranked {ordinal(pick.rank)}" if pick.rank else "picked"


def period_of_pick(session: Session, subscriber: int, papers: Set[int]) -> str | None:
    """Return the period of the digest that held one of these row numbers, if any."""
    return next(
        (p.period for p in queries.digests(session, subscriber) if papers & _picked_papers(session, p.key)), None
    )


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, …, 11th, …"""
    last = {1: "st", 2: "nd", 3: "rd"} if number % 100 not in (11, 12, 13) else {}
    return f"{number}{last.get(number % 10, 'th')}"


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
    met = (interest for interest, profile in zip(muted, profiles, strict=True) if explained.place in profile.muted)
    return _describe_muting(next(met, None))


def _describe_muting(interest: Interest | None) -> str:
    if interest is None:
        return "by something that the subscriber muted"
    return "the subscriber does not like it" if interest.kind is Kind.PAPER else f"{interest.kind} {interest.value}"


def _rejection(explained: ExplainedPaper, options: DigestOptions, selection: Selection, places: int) -> str:
    """Return why a selectable paper was not picked."""
    ranked, j = explained.shard.ranked, explained.place
    if ranked.relevance[0, j] <= 0:
        return "matches none of the interests"
    probability, rank = explained.day.calibration.probability(float(ranked.log_odds[0, j])), selection.rank(j)
    if rank is None:
        needed = CARRY_OVER_PROBABILITY
        return f"is not new, and an older paper needs a probability of {needed:.2f}; it has {probability:.2f}"
    where = f"ranked {ordinal(rank)} of {len(selection.order)}"
    if not selection.above_minimum[j]:
        needed = MIN_SCORES[options.min_score]
        return f"{where}; its probability of {probability:.2f} is below the minimum score of {needed:.2f}"
    if all((selection.rank(k) or 0) < rank for k in selection.chosen):
        return f"cut by size: {where}, the digest holds {places}"
    return _displaced(explained, selection, where)


def _displaced(explained: ExplainedPaper, selection: Selection, where: str) -> str:
    """Return why lower-ranked papers were chosen instead."""
    vectors, chosen = explained.day.candidates.encoded.dense, list(selection.chosen)
    cosine = vectors[chosen] @ vectors[explained.place]
    nearest = int(np.argmax(cosine))
    if cosine[nearest] < SIMILAR:
        return f"left out for papers that match other interests or are by followed authors: {where}"
    return f"left out as too similar to «{explained.day.candidates.papers[chosen[nearest]].plain_title}»: {where}"
