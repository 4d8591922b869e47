"""Compare the vectorised selection with a slow one, for one subscriber at a time."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.digests.selection import (
    CARRY_OVER_PROBABILITY,
    CARRY_OVER_VOTES,
    NEAR_UP_TO,
    DigestOptions,
    RankedCandidates,
    select,
)
from digestd.domain.interest import Kind
from digestd.domain.subscriber import MinScore
from digestd.ranking.arrays import Bools, Ints
from digestd.ranking.calibration import MIN_SCORES, NEAR_SCORES, LocalCalibration
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.diversity import CROWD, SPREAD, TOP, TWIN, PaperSimilarity, rebalance
from digestd.ranking.profile import Profiles, compile_profiles
from digestd.ranking.subjects import ABOUT_LOG_ODDS
from tests.ranking.library import FIELDS, candidates, likes, paper, papers, wants


class Selection(NamedTuple):
    """The selected papers of one subscriber."""

    order: Ints
    above_minimum: Bools
    chosen: list[int]
    near: Sequence[int] = ()
    trending: Sequence[int] = ()


class Reader:
    """One subscriber of a shard."""

    def __init__(
        self,
        candidates: CandidateSet,
        ranked: RankedCandidates,
        row: int,
        options: DigestOptions,
        own: LocalCalibration,
    ) -> None:
        self.candidates, self.profiles, self.row, self.options, self.own = (
            candidates,
            ranked.profiles,
            row,
            options,
            own,
        )
        self.total, self.relevance, self.log_odds = (a[row] for a in (ranked.total, ranked.relevance, ranked.log_odds))
        self.fresh, self.open = ranked.fresh[row], ranked.open[row]
        self.without_interests = bool(self.profiles.without_interests[row])
        if self.without_interests:
            self.total = -candidates.trending_ranks

    def choice(self) -> Selection:
        """Return the selection."""
        order, matching = self.order(), self.matching()
        named = set(self.profiles.collections.cells.of(self.row).tolist())
        fitting = [j for j in order.tolist() if matching[j]]
        others = [j for j in order.tolist() if j in named and not matching[j]]
        chosen = self.spread(fitting, self.options.size)
        chosen += self.spread(others, self.options.size - len(chosen))
        near = self.near(order, [*fitting, *others], len(chosen))
        above_minimum = matching.copy()
        above_minimum[list(named)] = True
        return Selection(order, above_minimum, chosen, near, self.trending([*chosen, *near]))

    def trending(self, taken: Sequence[int]) -> list[int]:
        """Return what is trending of the other papers."""
        if not self.profiles.named_nothing[self.row]:
            return []
        papers = self.candidates.papers
        free = [j for j in self.competing() if j not in taken]
        free.sort(key=lambda j: (-papers[j].signals.get("upvotes", 0), self.candidates.trending_ranks[j]))
        return free[: self.options.size - len(taken)]

    def competing(self) -> list[int]:
        """Return the new papers, and the good older ones."""
        good = self.log_odds >= np.float32(self.own.log_odds_for(CARRY_OVER_PROBABILITY))
        if self.without_interests:
            good = self.candidates.weighted_votes >= CARRY_OVER_VOTES
        found: list[int] = np.flatnonzero(self.open & (self.fresh | good) & ~np.isnan(self.total)).tolist()
        return found

    def near(self, order: Ints, above: Sequence[int], chosen: int) -> list[int]:
        """Return the near papers beside so many chosen ones."""
        floor = np.float32(self.own.log_odds_for(NEAR_SCORES[self.options.min_score]))
        below = [j for j in order.tolist() if j not in above]
        below = sorted(below, key=lambda j: -self.log_odds[j])
        near = [j for j in below if self.log_odds[j] >= floor]
        found = below[:1] if self.options.is_first and not near and not chosen else near
        places = min(NEAR_UP_TO, self.options.size) - chosen
        return [] if self.without_interests else found[: max(places, 0)]

    def order(self) -> Ints:
        """Return the candidates, best first; ties are shuffled."""
        candidates = np.array(self.competing(), dtype=np.intp)
        order: Ints = candidates[np.argsort(-self.total[candidates], kind="stable")]
        if len(set(self.total[order].tolist())) == len(order):
            return order
        shuffled = np.random.default_rng(int(self.options.seed * 2**48)).permutation(candidates)
        lucky: Ints = shuffled[np.argsort(-self.total[shuffled], kind="stable")]
        return lucky

    def matching(self) -> Bools:
        """Return which papers match an interest."""
        enough: Bools = self.log_odds >= np.float32(self.own.log_odds_for(MIN_SCORES[self.options.min_score]))
        for kind in (self.profiles.authors, self.profiles.phrases):
            enough[kind.cells.of(self.row)] = True
        matching: Bools = enough & (self.relevance > 0) & (not self.without_interests)
        return matching

    def spread(self, above: Sequence[int], size: int) -> list[int]:
        """Diversify the papers above the minimum score."""
        mine = self.profiles.authors.cells.of(self.row).tolist()
        followed = [j for j in above if j in mine][:size]
        chosen = followed + self.varied([j for j in above if j not in followed], size - len(followed))
        order = np.array(above, dtype=np.intp)
        return rebalance(chosen, order, self.met()[:, order], len(followed))

    def varied(self, papers: Sequence[int], size: int) -> list[int]:
        """Select by maximal marginal relevance, one paper at a time."""
        left = list(papers[: max(TOP, size)])
        low, high = min(self.total[left], default=0), max(self.total[left], default=0)
        worth = {j: SPREAD * (self.total[j] - low) / ((high - low) or 1) for j in left}
        cosine = self.candidates.encoded.dense @ self.candidates.encoded.dense.T
        chosen: list[int] = []
        while left and len(chosen) < size:
            near = {j: [float(cosine[j, k]) for k in chosen] for j in left}
            crowded = {j: sum(cosine > TWIN for cosine in near[j]) >= CROWD for j in left}
            gain = [worth[j] - 2 * crowded[j] - (1 - SPREAD) * max([0.0, *near[j]]) for j in left]
            chosen.append(left.pop(int(np.argmax(gain))))
        return chosen

    def met(self) -> Bools:
        """Return which papers match which interests."""
        topics = self.profiles.topics
        start = int(topics.of.starts[self.row])
        own = range(start, start + int(topics.of.sizes[self.row]))
        rows = [topics.log_odds[topic] >= ABOUT_LOG_ODDS for topic in own]
        for kind in (self.profiles.phrases, self.profiles.authors, self.profiles.collections):
            named = np.flatnonzero(kind.owner == self.row).tolist()
            rows += [np.isin(np.arange(len(self.candidates)), kind.found.of(thing)) for thing in named]
        return np.array(rows, dtype=np.bool_).reshape(len(rows), len(self.candidates))


TERMS = st.lists(
    st.builds(
        DigestOptions,
        st.integers(1, 50),
        st.sampled_from(MinScore),
        st.floats(0, 1, exclude_max=True),
        st.booleans(),
    ),
    min_size=8,
    max_size=8,
)


@cache
def day() -> CandidateSet:
    """Return candidates that include pairs of similar, but not equal, papers."""
    texts = [text.split("|") for group in FIELDS.values() for text in group]
    fields = list(FIELDS)
    mixed = [
        paper(16 + 16 * a + b, fields[b // 4], f"{one[0]} {other[0]}", f"{one[1]} {other[1]}")
        for a, one in enumerate(texts)
        for b, other in enumerate(texts)
    ]
    made = candidates([*papers(), *mixed])
    # coarse enough that products of them are exact, in whatever order they are summed up: equals stay equal
    coarse = np.round(made.encoded.dense * 64) / np.float32(64)
    return replace(made, encoded=replace(made.encoded, dense=coarse), similarity=PaperSimilarity(coarse))


@cache
def people() -> Profiles:
    """Return eight profiles with none to several interests."""
    wishes = [
        (),
        likes((Kind.TOPIC, "honeybee foragers")),
        likes((Kind.TOPIC, "quantum error correction"), (Kind.TOPIC, "meltwater"), (Kind.TOPIC, "coin hoards")),
        likes((Kind.AUTHOR, "Jane Smith"), (Kind.CATEGORY, "bio"), (Kind.PHRASE, "harbour toll")),
        likes((Kind.AUTHOR, "Ana García Márquez")),
        likes((Kind.PAPER, "made:0"), (Kind.PAPER, "made:8"), (Kind.TOPIC, "swarming"), (Kind.TOPIC, "tweezers")),
        likes((Kind.PAPER, "made:5"), (Kind.AUTHOR, "P. van der Berg"), (Kind.CATEGORY, "geo.ice")),
        likes((Kind.CATEGORY, "hist"), (Kind.CATEGORY, "phys"), (Kind.CATEGORY, "geo"), (Kind.PHRASE, "ice cores")),
    ]
    return compile_profiles([wants(*wish) for wish in wishes], day().model, day())


def random_ranking(seed: int, share: float, grain: float) -> RankedCandidates:
    """Return random scores: a `share` of papers is open.

    Scores are multiples of `grain` if it is not 0.
    """
    rng = np.random.default_rng(seed)
    shape = (len(people()), len(day()))
    total = rng.normal(0, 3, shape).astype(np.float32)
    total = np.round(total / np.float32(grain)) * np.float32(grain) if grain else total
    total[rng.random(shape) < 0.01] = np.nan
    relevance = np.where(rng.random(shape) < 0.3, 0, rng.random(shape)).astype(np.float32)
    log_odds = rng.normal(-3, 2, shape).astype(np.float32)
    return RankedCandidates(people(), total, relevance, rng.random(shape) < 0.7, rng.random(shape) < share, log_odds)


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.02, 0.3, 1.0]), st.sampled_from([0.0, 0.5]), TERMS)
def test_select_equals_selecting_one_by_one(
    seed: int, share: float, grain: float, options: list[DigestOptions]
) -> None:
    ranked, own = random_ranking(seed, share, grain), LocalCalibration(0.3, 0.9)
    found = select(day(), ranked, options, own)
    for row, each in enumerate(options):
        wanted = Reader(day(), ranked, row, each, own).choice()
        assert found.ranking(row).tolist() == wanted.order.tolist()
        assert found.above_minimum[row].tolist() == wanted.above_minimum.tolist()
        assert found.chosen_by(row) == wanted.chosen
        assert [j for j in found.near[row].tolist() if j >= 0] == list(wanted.near)
        assert [j for j in found.trending[row].tolist() if j >= 0] == list(wanted.trending)
