"""Measure by feedback how well the ranker separates liked picks from others.

auc       probability that a liked pick scores higher than another pick of the same digest, ties counting half (Mann
          & Whitney 1947): the mean over subscribers with both kinds.
accuracy  share of verdicts predicted from earlier verdicts: "liked" if the score is nearer to the mean score of
          liked picks than to that of the others. Scores are z-scores among the candidates of the digest. A mean
          over subscribers.
ece       expected calibration error of the probabilities that digests gave their picks, for digests with feedback;
          no verdict counts as not liked.

Exploration picks were drawn with a known probability p, so they estimate the quality of papers that ranking would not
have chosen. By self-normalised inverse propensity (Hájek 1971), Σ liked/p over Σ 1/p is the share of those papers
that would be liked. It is compared with the same share of ranked picks in the same digests; picks without a verdict
count as not liked in both. The 95 % intervals are bootstraps over subscribers.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.domain.interest import POSITIVE_VERDICTS
from digestd.evaluation.calibration_error import BINS, Predictions
from digestd.evaluation.feedback_replay import RerankedDigest
from digestd.evaluation.metrics import Estimate, bootstrap, mean_estimate
from digestd.evaluation.scoring import totals
from digestd.ranking.arrays import Doubles
from digestd.ranking.fusion import WEIGHTS
from digestd.store.ledger.sent_digests import SentDigest

PICKS_PER_BIN = 20
"""Minimum number of picks in a bin."""


@dataclass(frozen=True, slots=True)
class DigestVerdicts:
    """The verdicts on the picks of one digest with their scores, in order of time."""

    user: str
    scored: tuple[tuple[float, float, bool], ...]
    """Time in seconds, score, and True if liked, of each verdict."""

    def scores(self, liked: bool) -> Doubles:
        return np.array([score for _, score, was in self.scored if was is liked])


@dataclass(frozen=True, slots=True)
class Exploration:
    """The liked share of exploration picks and of ranked picks.

    Their difference is the gain of ranking.
    """

    picks: int
    liked: Estimate
    chosen: Estimate
    gain: Estimate


def digest_verdicts(done: RerankedDigest) -> DigestVerdicts:
    """Return the verdicts on a replayed digest.

    Papers that no longer exist are left out.
    """
    if not done.case.names:
        return DigestVerdicts(done.case.user, ())
    total = totals(done.case, WEIGHTS).astype(np.float64)
    scores = dict(zip(done.case.names, (total - total.mean()) / (total.std() or 1.0), strict=True))
    verdicts = zip(done.names, done.digest.verdicts, done.digest.verdict_times, strict=True)
    scored = [
        (at.timestamp(), scores[name], verdict in POSITIVE_VERDICTS)
        for name, verdict, at in verdicts
        if name in scores and verdict is not None and at is not None
    ]
    return DigestVerdicts(done.case.user, tuple(sorted(scored)))


def auc(given: Iterable[DigestVerdicts]) -> tuple[Estimate, int]:
    """Return the area under the ROC curve, and the number of subscribers it is measured on."""
    pairs: defaultdict[str, list[float]] = defaultdict(list)
    for one in given:
        more, less = one.scores(True)[:, None], one.scores(False)[None, :]
        pairs[one.user] += ((more > less) + 0.5 * (more == less)).ravel().tolist()
    return _over_users(pairs)


def accuracy(given: Iterable[DigestVerdicts]) -> tuple[Estimate, int]:
    """Return the share of correctly predicted verdicts, and the number of subscribers."""
    order = sorted((at, one.user, score, liked) for one in given for at, score, liked in one.scored)
    right: defaultdict[str, list[float]] = defaultdict(list)
    seen = {True: [0.0, 0.0], False: [0.0, 0.0]}
    for _, user, score, liked in order:
        right[user].append(float(_predicts_like(seen, score) is liked))
        seen[liked][0] += 1
        seen[liked][1] += score
    return _over_users(right)


def pick_predictions(shown: Iterable[SentDigest]) -> list[Predictions]:
    """Return the probabilities and labels of the picks of each digest with feedback."""
    return [(str(one.subscriber), *_chances(one)) for one in shown if any(one.verdicts)]


def bin_count(given: Sequence[Predictions]) -> int:
    """Return the number of bins: fewer for few picks, as small bins have errors by chance."""
    return max(1, min(BINS, sum(len(chances) for _, chances, _ in given) // PICKS_PER_BIN))


def measure_exploration(shown: Iterable[SentDigest]) -> Exploration | None:
    """Compare exploration picks with ranked picks; None if there are no exploration picks."""
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


def _predicts_like(seen: Mapping[bool, Sequence[float]], score: float) -> bool:
    """Return True if a score is nearer to the mean of the liked picks than to that of the others.

    Returns True if nothing was disliked so far, else False if nothing was liked: most verdicts are likes.
    """
    if not seen[False][0] or not seen[True][0]:
        return not seen[False][0]
    more, less = (seen[liked][1] / seen[liked][0] for liked in (True, False))
    return (score - (more + less) / 2) * (more - less) >= 0


def _over_users(values: Mapping[str, Sequence[float]]) -> tuple[Estimate, int]:
    means = [float(np.mean(values[user])) for user in sorted(values) if values[user]]
    return mean_estimate(np.array(means)), len(means)


def _chances(shown: SentDigest) -> tuple[Doubles, Doubles]:
    pairs = [
        (pick.probability, float(verdict in POSITIVE_VERDICTS))
        for pick, verdict in zip(shown.picks, shown.verdicts, strict=True)
        if pick.probability is not None
    ]
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _explored(picks: int, rows: Doubles) -> Exploration:
    """Return the estimates from one row per subscriber.

    Σ liked/p, Σ 1/p, likes and count of ranked picks.
    """
    sample, draws = _rates(rows[None])[0], bootstrap(rows, _rates)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    liked, chosen, gain = (Estimate(*map(float, part)) for part in zip(sample, low, high, strict=True))
    return Exploration(picks, liked, chosen, gain)


def _rates(rows: Doubles) -> Doubles:
    """Map (draws, users, 4) to (draws, 3).

    Liked share of exploration, of ranking, and the difference.
    """
    won, weight, hits, count = np.moveaxis(rows.sum(axis=1), -1, 0)
    drawn, chosen = won / np.maximum(weight, 1e-9), hits / np.maximum(count, 1e-9)
    return np.stack([drawn, chosen, chosen - drawn], axis=-1)
