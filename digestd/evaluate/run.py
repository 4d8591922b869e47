"""Score the candidates of each judgment as planning would on its day, before diversity and exploration.

Judgments of one day share one pool, built once: planning, too, reads the day's papers once for all.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from digestd.domain.interest import Kind
from digestd.domain.paper import Paper, PaperId
from digestd.evaluate.cases import EPOCH, Judgment, Library
from digestd.evaluate.metrics import measures, ranked
from digestd.ranking.arrays import Bools, Floats
from digestd.ranking.fusion import score
from digestd.ranking.model import TextModel
from digestd.ranking.pool import build_pool
from digestd.ranking.profile import Wants, compile_profiles
from digestd.ranking.seeds import Seed

BLOCK = 2_000_000
"""Scores held at a time: subscribers × papers."""
EVENING = timedelta(days=1)
"""A judgment's day is ranked when it is over."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the n-th judgment: its candidates' scores and the measures of the ranking."""

    n: int
    user: str
    scores: Mapping[str, float]
    measures: Mapping[str, float]


def evaluate(
    library: Library,
    judgments: Sequence[Judgment],
    model: TextModel,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Outcome]:
    """Every judgment with something relevant in it, in order."""
    days: defaultdict[datetime | None, list[int]] = defaultdict(list)
    for n, judgment in enumerate(judgments):
        if judgment.relevant:
            days[judgment.day].append(n)
    found: list[Outcome] = []
    for day, numbers in days.items():
        found.extend(_day(library, judgments, numbers, model, day))
        advance(len(numbers))
    return sorted(found, key=lambda outcome: outcome.n)


def _day(
    library: Library, judgments: Sequence[Judgment], numbers: Sequence[int], model: TextModel, day: datetime | None
) -> Iterator[Outcome]:
    candidates = {n: _candidates(library, judgments[n]) for n in numbers}
    wanted = frozenset().union(*candidates.values())
    names = [name for name in library if name in wanted]
    now = (day or EPOCH) + EVENING
    pool = build_pool([_seen(library[name], day) for name in names], model, now)
    size = max(1, BLOCK // max(1, len(names)))
    for start in range(0, len(numbers), size):
        block = numbers[start : start + size]
        eligible = np.array([[name in candidates[n] for name in names] for n in block], dtype=np.bool_)
        profiles = compile_profiles([_wants(library, judgments[n]) for n in block], model, pool)
        scores = score(pool, profiles, eligible)
        for i, n in enumerate(block):
            total = _shown(scores.total[i], scores.allowed[i])
            yield _outcome(n, judgments[n], {names[j]: float(total[j]) for j in np.flatnonzero(eligible[i])})


def _candidates(library: Library, judgment: Judgment) -> frozenset[str]:
    offered = library.keys() if judgment.candidates is None else judgment.candidates
    return frozenset(name for name in offered if name in library) - judgment.seeds


def _seen(paper: Paper, day: datetime | None) -> Paper:
    """Where time plays no part, every paper is as new as any other."""
    return replace(paper, first_seen=EPOCH) if day is None else paper


def _wants(library: Library, judgment: Judgment) -> Wants:
    named = [i.value for i in judgment.interests if i.kind is Kind.PAPER and i.value in library]
    seeds = {PaperId(name): _seed(library[name]) for name in named}
    return Wants(judgment.interests, seeds)


def _seed(paper: Paper) -> Seed:
    return Seed(paper.plain_title, paper.text, paper.words.authors)


def _shown(total: Floats, allowed: Bools) -> Floats:
    """What planning would never show comes after all it might."""
    low = total.min(initial=0.0) - np.float32(1)
    kept: Floats = np.where(allowed, total, low).astype(np.float32)
    return kept


def _outcome(n: int, judgment: Judgment, scores: Mapping[str, float]) -> Outcome:
    return Outcome(n, judgment.user, scores, measures(ranked(scores), judgment.relevant))
