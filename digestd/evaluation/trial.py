"""Count which of two rankings subscribers prefer in a trial.

Each pick of a team scores a point for it if the subscriber liked or saved it, and a point against it if they wanted
less or hid it. The team with more points wins the digest. A coin decides for each digest which team picks first, so
equally good rankings win equally often. The preference over digests holds for the subscribers who took part; the
preference over subscribers, one vote each by the digests they decided, predicts what others would prefer.

The preference is the share p of decided digests that team B wins; ties are left out. With a uniform prior, p after w
wins and l losses is Beta(w + 1, l + 1): reported are its mean, its central 95 %, and P(p > ½).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scipy.special import betainc, betaincinv

from digestd.domain.interest import POSITIVE_VERDICTS, Verdict
from digestd.domain.trial import Team, Trial
from digestd.store.database import Database
from digestd.store.ledger.sent_digests import SentDigest, digests

MIN_DECIDED = 20
"""Minimum number of decided digests for a conclusion: seven to three may still be chance."""


@dataclass(frozen=True, slots=True)
class PreferenceCount:
    """The number of wins, losses and ties of team B."""

    wins: int = 0
    losses: int = 0
    ties: int = 0

    @property
    def decided(self) -> int:
        """Return the number of wins and losses."""
        return self.wins + self.losses

    def with_margin(self, margin: int) -> "PreferenceCount":
        """Return the count with one more digest, which B won by this margin."""
        return PreferenceCount(self.wins + (margin > 0), self.losses + (margin < 0), self.ties + (margin == 0))


@dataclass(frozen=True, slots=True)
class Preference:
    """The posterior of team B's share: mean, 95 % credible interval, and probability that B is better."""

    value: float
    low: float
    high: float
    better: float


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The counts of a trial: over digests, over subscribers, and of each subscriber."""

    digests: PreferenceCount
    subscribers: PreferenceCount
    each: Mapping[int, PreferenceCount]

    @property
    def verdict(self) -> str:
        """Return the conclusion in words."""
        found = preference(self.digests)
        if self.digests.decided < MIN_DECIDED:
            return f"too early: {self.digests.decided} digests are decided, wait for {MIN_DECIDED} at least"
        if found.low > 0.5:
            return "the weights on trial are better"
        if found.high < 0.5:
            return "the weights in force are better"
        return "undecided: the interval holds one half, let it run on or call it a draw"


def trial_result(db: Database, trial: Trial) -> TrialResult:
    """Count the feedback on the digests that a trial drafted; change nothing."""
    with db.read() as session:
        return count_preferences(shown for shown in digests(session, trial.started) if _belongs_to(trial, shown))


def count_preferences(drafted: Iterable[SentDigest]) -> TrialResult:
    """Count the digests of one trial.

    Digests whose drafted picks got no feedback are left out.
    """
    each: dict[int, PreferenceCount] = {}
    for shown in drafted:
        if any(verdict and pick.team for pick, verdict in zip(shown.picks, shown.verdicts, strict=True)):
            each[shown.subscriber] = each.get(shown.subscriber, PreferenceCount()).with_margin(margin(shown))
    total = PreferenceCount(
        *(sum(part) for part in zip(*((s.wins, s.losses, s.ties) for s in each.values()), strict=True))
    )
    voices = PreferenceCount()
    for score in each.values():
        voices = voices.with_margin(score.wins - score.losses)
    return TrialResult(total, voices, each)


def margin(shown: SentDigest) -> int:
    """Return the points of team B minus those of team A."""
    points: Counter[str] = Counter()
    for pick, verdict in zip(shown.picks, shown.verdicts, strict=True):
        points[pick.team] += _points(verdict)
    return points[Team.B] - points[Team.A]


def preference(score: PreferenceCount) -> Preference:
    """Return the posterior of the share of decided digests that B wins."""
    a, b = score.wins + 1, score.losses + 1
    low, high = betaincinv(a, b, [0.025, 0.975])
    return Preference(a / (a + b), float(low), float(high), float(1 - betainc(a, b, 0.5)))


def _points(verdict: Verdict | None) -> int:
    if verdict is None:
        return 0
    return 1 if verdict in POSITIVE_VERDICTS else -1


def _belongs_to(trial: Trial, shown: SentDigest) -> bool:
    during = trial.started <= shown.planned and (trial.stopped is None or shown.planned < trial.stopped)
    return during and any(pick.team for pick in shown.picks)
