"""Measure by feedback how well the ranker separates liked picks from others.

auc       probability that a liked pick scores higher than another pick of the same digest, ties counting half (Mann
          & Whitney 1947): the mean over subscribers with both kinds.
accuracy  share of verdicts predicted from earlier verdicts: "liked" if the score is nearer to the mean score of
          liked picks than to that of the others. Scores are z-scores among the candidates of the digest. A mean
          over subscribers.
ece       expected calibration error of the probabilities that digests gave their picks, for digests with feedback;
          no verdict counts as not liked.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.domain.interest import POSITIVE_VERDICTS
from digestd.evaluation.calibration_error import BINS, Predictions
from digestd.evaluation.feedback_replay import RerankedDigest
from digestd.evaluation.metrics import Estimate, mean_estimate
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
