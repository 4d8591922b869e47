"""Score the candidates of each judgment as planning would on its day.

Diversity and exploration are left out.

Judgments of one day share one candidate set, as subscribers do in planning.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from digestd.domain.interest import Kind
from digestd.domain.paper import Paper, PaperId, votes
from digestd.evaluation.dense import Vectors
from digestd.evaluation.judgments import EPOCH, NO_LIKES, Judgment, Library, OtherLikes
from digestd.evaluation.metrics import rank_ids, ranking_metrics
from digestd.ranking.arrays import Bools, Floats, Ints
from digestd.ranking.candidates import CandidateSet, build_candidates, weighted_votes
from digestd.ranking.compiler import ProfileInput
from digestd.ranking.fusion import WEIGHTS, Weights, relevance, signal_values, signal_weight
from digestd.ranking.kernel_ridge import build_negative_prior
from digestd.ranking.model import TextModel
from digestd.ranking.profile import Profile, compile_profiles
from digestd.ranking.seeds import Seed
from digestd.ranking.signals import SIGNALS

BLOCK = 10_000_000
"""Maximum number of values in memory: signals × subscribers × papers."""
DAY_LENGTH = timedelta(days=1)
"""Judgments are ranked at the end of their day."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """The n-th judgment with the signal values of its c candidates.

    Attributes:
        values: (s, c) weighted values of each signal, before the signal's weight.
        likes: number of liked papers that are known.
        allowed: (c,) True if the paper is not muted.
        relevance: (c,) as in `Scores`.
        seed: orders papers with equal scores, the same for every ranker.
    """

    n: int
    user: str
    relevant: Mapping[str, float]
    names: tuple[str, ...]
    values: Floats
    likes: int
    allowed: Bools
    relevance: Floats
    seed: int = 0


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The n-th judgment after ranking.

    Scores of its candidates and measures of the ranking.
    """

    n: int
    user: str
    scores: Mapping[str, float]
    measures: Mapping[str, float]


def evaluate(
    library: Library,
    judgments: Sequence[Judgment],
    model: TextModel,
    advance: Callable[[int], None] = lambda _: None,
    dense: Vectors = Vectors(),
    others: OtherLikes = NO_LIKES,
) -> list[CaseResult]:
    """Return the result of every judgment with a relevant paper, in order."""
    found = [evaluate_case(case) for case in judged_cases(library, judgments, model, advance, dense, others)]
    return sorted(found, key=lambda done: done.n)


def judged_cases(
    library: Library,
    judgments: Sequence[Judgment],
    model: TextModel,
    advance: Callable[[int], None] = lambda _: None,
    dense: Vectors = Vectors(),
    others: OtherLikes = NO_LIKES,
) -> Iterator[Case]:
    """Yield the signals of every judgment with a relevant paper, day by day."""
    numbers = [n for n, judgment in enumerate(judgments) if judgment.relevant]
    for case in build_cases(library, [judgments[n] for n in numbers], model, advance, dense, others):
        yield replace(case, n=numbers[case.n])


def build_cases(
    library: Library,
    judgments: Sequence[Judgment],
    model: TextModel,
    advance: Callable[[int], None] = lambda _: None,
    dense: Vectors = Vectors(),
    others: OtherLikes = NO_LIKES,
) -> Iterator[Case]:
    """Yield the signals of every judgment, day by day."""
    days: defaultdict[datetime | None, list[int]] = defaultdict(list)
    for n, judgment in enumerate(judgments):
        days[judgment.day].append(n)
    negative_prior = build_negative_prior(model.negative_prior)
    heard = weighted_votes(list(library.values())).tolist()
    for day, numbers in days.items():
        candidates = {n: _candidates(library, judgments[n]) for n in numbers}
        wanted = frozenset().union(*candidates.values())
        papers = [_without_age(paper, day) for name, paper in library.items() if name in wanted]
        vectors = dense.rows([paper.id for paper in papers])
        pool = build_candidates(papers, model, (day or EPOCH) + DAY_LENGTH, negative_prior, dense.space, vectors)
        yield from _cases_of_day(_Corpus(library, dense, others), judgments, candidates, pool.with_archive_votes(heard))
        advance(len(numbers))


def evaluate_case(case: Case, weights: Weights = WEIGHTS) -> CaseResult:
    total = _muted_last(totals(case, weights), case.allowed)
    return case_result(case, dict(zip(case.names, map(float, total), strict=True)))


def case_result(case: Case, scores: Mapping[str, float]) -> CaseResult:
    return CaseResult(case.n, case.user, scores, ranking_metrics(rank_ids(scores, (case.seed, case.n)), case.relevant))


def totals(case: Case, weights: Weights) -> Floats:
    """Return the scores (c,), summed as in planning."""
    total = np.zeros(len(case.names), dtype=np.float32)
    for signal, row in zip(SIGNALS, case.values, strict=True):
        total += signal_weight(signal, np.array([case.likes], dtype=np.float32), weights) * row
    return total


@dataclass(frozen=True, slots=True, eq=False)
class _Corpus:
    """The papers, dense vectors and likes of all days."""

    library: Library
    dense: Vectors
    others: OtherLikes


@dataclass(frozen=True, slots=True, eq=False)
class _CandidateSignals:
    """Signal values (s, c) and relevance (c,) of c candidates.

    They are at these positions of the set.
    """

    positions: Ints
    values: Floats
    relevance: Floats


def _cases_of_day(
    known: _Corpus, judgments: Sequence[Judgment], candidates: Mapping[int, frozenset[str]], pool: CandidateSet
) -> Iterator[Case]:
    names, numbers = [paper.id for paper in pool.papers], list(candidates)
    # whose own likes are left out differs by user
    size = 1 if len(known.others) else max(1, BLOCK // max(1, len(names) * len(SIGNALS)))
    for start in range(0, len(numbers), size):
        block = numbers[start : start + size]
        if len(known.others):
            judged = judgments[block[0]]
            pool = pool.with_likes(*known.others.known_to(judged.user, judged.day))
        eligible = np.array([[name in candidates[n] for name in names] for n in block], dtype=np.bool_)
        profiles = compile_profiles([_profile_input(known, judgments[n]) for n in block], pool.model, pool)
        z = np.array([entering for _, entering in signal_values(pool, profiles, eligible)])
        matched = relevance(pool, profiles)
        for i, n in enumerate(block):
            where = np.flatnonzero(eligible[i])
            yield _case(n, judgments[n], profiles[i], pool, _CandidateSignals(where, z[:, i, where], matched[i, where]))


def _case(n: int, judgment: Judgment, profile: Profile, pool: CandidateSet, signals: _CandidateSignals) -> Case:
    return Case(
        n=n,
        user=judgment.user,
        relevant=judgment.relevant,
        names=tuple(pool.papers[j].id for j in signals.positions),
        values=signals.values,
        likes=profile.likes,
        allowed=~np.isin(signals.positions, profile.muted),
        relevance=signals.relevance,
    )


def _candidates(library: Library, judgment: Judgment) -> frozenset[str]:
    offered = library.keys() if judgment.candidates is None else judgment.candidates
    return frozenset(name for name in offered if name in library) - judgment.seeds


def _without_age(paper: Paper, day: datetime | None) -> Paper:
    """Return the paper as old as all others if time plays no part."""
    return replace(paper, first_seen=EPOCH) if day is None else paper


def _profile_input(known: _Corpus, judgment: Judgment) -> ProfileInput:
    named = [i.value for i in judgment.interests if i.kind is Kind.PAPER and i.value in known.library]
    seeds = {PaperId(name): _seed(known.library[name], known.dense.by_id.get(name)) for name in named}
    return ProfileInput(judgment.interests, seeds)


def _seed(paper: Paper, vector: Floats | None) -> Seed:
    return Seed(paper.plain_title, paper.text, paper.words.authors, votes(paper.signals), vector, paper=paper.key)


def _muted_last(total: Floats, allowed: Bools) -> Floats:
    """Return scores with every muted paper below all others.

    Planning never shows muted papers.
    """
    low = total.min(initial=0.0) - np.float32(1)
    kept: Floats = np.where(allowed, total, low).astype(np.float32)
    return kept
