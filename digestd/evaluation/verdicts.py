"""How well the ranker tells what is liked from what is not, by what subscribers said of their picks.

auc       how often a pick that was liked scores above one of the same digest that was not, equals counting
          half (Mann & Whitney 1947): the mean over subscribers who said both.
accuracy  verdicts told beforehand: in the order in which they were given, each is told from those before it,
          as liked if the score is nearer to the mean of what was liked than to that of what was not. Scores are
          in deviations from the mean of the digest's candidates. A mean over subscribers.
ece       the expected calibration error of the chances that digests gave their picks, where something was said
          of the digest; no verdict counts as not liked.

Explored picks were drawn with a known probability p, so they tell of papers that nobody would have chosen.
By inverse propensity, self-normalised (Hájek 1971): Σ liked/p over Σ 1/p is the part of those papers that
would be liked. Beside it the same part of what was chosen in the same digests, and the difference. A pick of which
nothing was said counts as not liked, in both. The 95 % intervals are bootstraps over subscribers.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.domain.feedback import POSITIVE_VERDICTS
from digestd.evaluation.calibrate import BINS
from digestd.evaluation.feedback import Replayed
from digestd.evaluation.metrics import Estimate, interval, resampled
from digestd.evaluation.promises import Promise
from digestd.evaluation.run import totals
from digestd.ranking.arrays import Doubles
from digestd.ranking.weights import WEIGHTS
from digestd.store.ledger.sent_digests import SentDigest

FULL = 20
"""Picks in a bin."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was said of the picks of one digest: the scores of what was liked and what was not, in time order."""

    user: str
    told: tuple[tuple[float, float, bool], ...]
    """(when in seconds, score, liked) of each verdict."""

    def scores(self, liked: bool) -> Doubles:
        """Of what was liked, or of what was not."""
        return np.array([score for _, score, was in self.told if was is liked])


@dataclass(frozen=True, slots=True)
class Explored:
    """Of `picks` drawn at random: the part that would be liked, that of what was chosen, and what choosing gains."""

    picks: int
    liked: Estimate
    chosen: Estimate
    gain: Estimate


def verdicts(done: Replayed) -> Verdicts:
    """The verdicts on a digest that was ranked again; a paper that is gone tells nothing."""
    total = totals(done.case, WEIGHTS).astype(np.float64)
    scores = dict(zip(done.case.names, (total - total.mean()) / (total.std() or 1.0), strict=True))
    said = zip(done.names, done.shown.verdicts, done.shown.said, strict=True)
    told = [
        (at.timestamp(), scores[name], verdict in POSITIVE_VERDICTS)
        for name, verdict, at in said
        if name in scores and verdict is not None and at is not None
    ]
    return Verdicts(done.case.user, tuple(sorted(told)))


def auc(given: Iterable[Verdicts]) -> tuple[Estimate, int]:
    """The area under the curve, and of how many subscribers."""
    pairs: defaultdict[str, list[float]] = defaultdict(list)
    for one in given:
        more, less = one.scores(True)[:, None], one.scores(False)[None, :]
        pairs[one.user] += ((more > less) + 0.5 * (more == less)).ravel().tolist()
    return _over_users(pairs)


def accuracy(given: Iterable[Verdicts]) -> tuple[Estimate, int]:
    """The part of the verdicts that is told beforehand, and of how many subscribers."""
    order = sorted((at, one.user, score, liked) for one in given for at, score, liked in one.told)
    right: defaultdict[str, list[float]] = defaultdict(list)
    seen = {True: [0.0, 0.0], False: [0.0, 0.0]}
    for _, user, score, liked in order:
        right[user].append(float(_tells_liked(seen, score) is liked))
        seen[liked][0] += 1
        seen[liked][1] += score
    return _over_users(right)


def promises(shown: Iterable[SentDigest]) -> list[Promise]:
    """The chances that digests gave their picks, and what came of them, where something was said."""
    return [(str(one.subscriber), *_chances(one)) for one in shown if any(one.verdicts)]


def bins(given: Sequence[Promise]) -> int:
    """Few picks make few bins: in small ones chance alone is an error."""
    return max(1, min(BINS, sum(len(chances) for _, chances, _ in given) // FULL))


def explored(shown: Iterable[SentDigest]) -> Explored | None:
    """What the picks drawn at random tell; None where none was."""
    rows: defaultdict[int, Doubles] = defaultdict(lambda: np.zeros(4))
    picks = 0
    for one in shown:
        drawn = [pick.propensity for pick in one.picks]
        liked = [float(verdict in POSITIVE_VERDICTS) for verdict in one.verdicts]
        if weights := [1 / p for p in drawn if p]:
            picks += len(weights)
            won = sum(like / p for like, p in zip(liked, drawn, strict=True) if p)
            chosen = [like for like, p in zip(liked, drawn, strict=True) if p is None]
            rows[one.subscriber] += [won, sum(weights), sum(chosen), len(chosen)]
    return _explored(picks, np.array([rows[user] for user in sorted(rows)])) if picks else None


def _tells_liked(seen: Mapping[bool, Sequence[float]], score: float) -> bool:
    """Nearer to the mean of what was liked; so much is liked that this is said where one of them is unknown."""
    if not seen[False][0] or not seen[True][0]:
        return not seen[False][0]
    more, less = (seen[liked][1] / seen[liked][0] for liked in (True, False))
    return (score - (more + less) / 2) * (more - less) >= 0


def _over_users(values: Mapping[str, Sequence[float]]) -> tuple[Estimate, int]:
    means = [float(np.mean(values[user])) for user in sorted(values) if values[user]]
    return interval(np.array(means)), len(means)


def _chances(shown: SentDigest) -> tuple[Doubles, Doubles]:
    pairs = [
        (pick.probability, float(verdict in POSITIVE_VERDICTS))
        for pick, verdict in zip(shown.picks, shown.verdicts, strict=True)
        if pick.probability is not None
    ]
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _explored(picks: int, rows: Doubles) -> Explored:
    """From a row a subscriber: Σ liked/p, Σ 1/p, and of what was chosen how many were liked and how many there were."""
    whole, drawn = _rates(rows[None])[0], resampled(rows, _rates)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    liked, chosen, gain = (Estimate(*map(float, part)) for part in zip(whole, low, high, strict=True))
    return Explored(picks, liked, chosen, gain)


def _rates(rows: Doubles) -> Doubles:
    """(draws, users, 4) → (draws, 3): of what was drawn, of what was chosen, the difference."""
    won, weight, hits, count = np.moveaxis(rows.sum(axis=1), -1, 0)
    drawn, chosen = won / np.maximum(weight, 1e-9), hits / np.maximum(count, 1e-9)
    return np.stack([drawn, chosen, chosen - drawn], axis=-1)
