"""Which of the ranked papers make a subscriber's digest: pure, for one subscriber at a time.

What is chosen: papers whose chance reaches the subscriber's bar, spread over subjects and interests, and
where they let us, one drawn from outside the usual.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digestd.domain.digest import Pick, Reason, Section
from digestd.domain.subscriber import Bar
from digestd.ranking.arrays import Bools, Floats, Ints
from digestd.ranking.calibration import BARS, Own
from digestd.ranking.diversity import diversify, share_out
from digestd.ranking.interests import met
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile

GOOD = BARS[Bar.HIGH]
"""The chance of an older paper, that an earlier digest had no room for."""
POPULAR = 0.5
"""The relevance of one to who asked for nothing in particular."""
REACH = 1.5
"""Who has likes, beside which topics count for less, gets a place for what is among so many times the size."""
FIRST, LAST = 20, 100
"""Ranks outside the usual."""
ROOMY = 5
"""The size from which a digest has room for what is drawn."""
FLOOR = 0.02
"""The chance that a drawn paper needs."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """One subscriber's view of the pool's m papers; every array is (m,).

    `fresh`: first seen since the last digest. `open`: may be picked at all (in the window, not had, not muted).
    `odds`: the log odds of a like by the package's own knowledge.
    """

    profile: Profile
    total: Floats
    relevance: Floats
    fresh: Bools
    open: Bools
    odds: Floats


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a digest is composed: up to `size` papers above the bar, `own` being what the install learnt.

    `luck` in [0, 1) decides between equals, and what is drawn where `explore` allows it; see `luck`.
    """

    size: int
    bar: Bar = Bar.NORMAL
    explore: bool = False
    luck: float = 0.0
    own: Own = Own()  # noqa: RUF009  # frozen, so one for all


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What was chosen and from what.

    `order` (c,): positions of the candidates, best first. `worthy` (m,): reaches the bar. `chosen`: positions,
    best first; `drawn`: the one that was drawn, with the probability of that.
    """

    order: Ints
    worthy: Bools
    chosen: tuple[int, ...]
    drawn: int | None = None
    propensity: float | None = None

    @property
    def positions(self) -> tuple[int, ...]:
        """All that the digest holds, in its order."""
        return self.chosen if self.drawn is None else (*self.chosen, self.drawn)

    def rank(self, j: int) -> int | None:
        """The place of paper j among the candidates, from 1; None if it is none."""
        found = np.flatnonzero(self.order == j)
        return int(found[0]) + 1 if found.size else None


def luck(subscriber: int, period: str) -> float:
    """A number in [0, 1) of a digest's own: the same whenever it is composed."""
    digest = hashlib.blake2b(f"{subscriber}|{period}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


def choose(pool: Pool, ranked: Ranked, terms: Terms) -> Choice:
    """Up to `size` papers; none where nothing is of any relevance.

    Candidates are new papers and older good ones. With candidates of any relevance there is at least one
    pick; if it is not the only one, all reach the bar. Papers by followed authors come first, whatever the bar,
    and are never cut for diversity.
    """
    order = _by_score(ranked.open & (ranked.fresh | good(ranked, terms.own)), ranked.total, terms.luck)
    some = order[ranked.relevance[order] > 0]
    worthy = reaches(ranked, terms)
    above = some[worthy[some]]
    if not above.size:
        return Choice(order, worthy, tuple(int(j) for j in some[:1]))
    outside = _outside(ranked, order, terms)
    if outside.size:
        chosen = _chosen(pool, ranked, above, terms.size - 1)
        left = outside[~np.isin(outside, chosen)]
        if left.size:
            drawn = int(left[int(terms.luck * left.size)])
            return Choice(order, worthy, tuple(chosen), drawn, 1 / left.size)
    return Choice(order, worthy, tuple(_chosen(pool, ranked, above, terms.size)))


def good(ranked: Ranked, own: Own) -> Bools:
    """(m,): what an earlier digest had no room for, and competes again until it is stale."""
    popular: Bools = ranked.relevance >= POPULAR
    return popular if ranked.profile.plain else ranked.odds >= own.needs(GOOD)


def reaches(ranked: Ranked, terms: Terms) -> Bools:
    """(m,): the chance is that of the bar, or a followed author wrote it.

    Who asked for nothing has no bar, as the trend is their measure.
    """
    if ranked.profile.plain:
        return np.ones(len(ranked.odds), dtype=np.bool_)
    enough: Bools = ranked.odds >= terms.own.needs(BARS[terms.bar])
    for match in ranked.profile.authors:
        enough[match.papers] = True
    return enough


def picks(pool: Pool, ranked: Ranked, choice: Choice, own: Own, reasons: Sequence[Reason]) -> tuple[Pick, ...]:
    """The papers of a choice with score, section and their reasons."""
    section = Section.TRENDING if ranked.profile.plain else Section.FOR_YOU
    positions = list(choice.positions)
    places = np.zeros(len(pool), dtype=np.intp)
    places[choice.order] = np.arange(1, len(choice.order) + 1)
    odds = ranked.odds[positions]
    unknown: list[float | None] = [None] * len(positions)
    chances, priors = (unknown, unknown) if ranked.profile.plain else (own.chances(odds), Own().chances(odds))
    return tuple(
        Pick(
            paper=pool.papers[j].key,
            revision=pool.papers[j].revision,
            score=float(ranked.total[j]),
            section=Section.DRAWN if j == choice.drawn else section,
            reason=reason,
            rank=int(places[j]) or None,
            chance=chance,
            prior=prior,
            propensity=choice.propensity if j == choice.drawn else None,
        )
        for j, reason, chance, prior in zip(positions, reasons, chances, priors, strict=True)
    )


def _by_score(mask: Bools, total: Floats, luck: float) -> Ints:
    """The candidates from the best to the worst; equals are a matter of luck, and NaN is no score."""
    candidates = np.flatnonzero(mask & ~np.isnan(total))
    order: Ints = candidates[np.argsort(-total[candidates], kind="stable")]
    if not (total[order[1:]] == total[order[:-1]]).any():
        return order  # as nearly always, and shuffling takes its time
    shuffled = np.random.default_rng(int(luck * 2**48)).permutation(candidates)
    by_luck: Ints = shuffled[np.argsort(-total[shuffled], kind="stable")]
    return by_luck


def _chosen(pool: Pool, ranked: Ranked, above: Ints, size: int) -> list[int]:
    followed = [int(j) for j in above if ranked.profile.follows(pool, int(j))][:size] if ranked.profile.authors else []
    others = above[~np.isin(above, followed)] if followed else above
    chosen = followed + diversify(others, pool, ranked.total, size - len(followed))
    reach = int(REACH * size) if ranked.profile.likes else None
    return share_out(chosen, above, met(ranked.profile, above), len(followed), reach)


def _outside(ranked: Ranked, order: Ints, terms: Terms) -> Ints:
    """What may be drawn: new papers of the ranks outside the usual, above a floor."""
    if not terms.explore or terms.size < ROOMY or ranked.profile.plain:
        return order[:0]
    ranks = order[max(FIRST, terms.size + 1) - 1 : LAST]
    found: Ints = ranks[ranked.fresh[ranks] & (ranked.odds[ranks] >= terms.own.needs(FLOOR))]
    return found
