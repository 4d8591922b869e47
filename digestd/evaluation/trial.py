"""What a trial has shown so far: whom its digests spoke for.

Credit: each pick of a team is a point for it where the subscriber wanted more like it or saved it, and a
point against it where they wanted less or put it aside. A digest is won by the team with more points.
The digests of one subscriber are tosses of their own, for a coin of its own decided who chose first: where
both rankings are equally good, each is won as often as lost. So the preference over digests holds for the
subscribers who took part; that over subscribers, each one voice by the digests they decided, says
what others would prefer.

The preference is the share p of what team B wins among all that was decided; ties are left out. Under a
uniform prior, p after w wins and l losses is Beta(w + 1, l + 1): its mean, the 95 % that lie in the
middle, and P(p > ½).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scipy.special import betainc, betaincinv

from digestd.domain.feedback import POSITIVE_VERDICTS, Verdict
from digestd.domain.trial import Team, Trial
from digestd.store.database import Database
from digestd.store.ledger.sent_digests import SentDigest, digests

ENOUGH = 20
"""Digests to be decided before a preference is worth reading: seven to three is no more than luck."""


@dataclass(frozen=True, slots=True)
class Score:
    """How often team B won, lost, and neither."""

    wins: int = 0
    losses: int = 0
    ties: int = 0

    @property
    def decided(self) -> int:
        """How often either won."""
        return self.wins + self.losses

    def plus(self, margin: int) -> "Score":
        """With one more, that B won by this margin."""
        return Score(self.wins + (margin > 0), self.losses + (margin < 0), self.ties + (margin == 0))


@dataclass(frozen=True, slots=True)
class Preference:
    """For team B: the posterior mean, the 95 % credible interval, and the probability that B is better."""

    value: float
    low: float
    high: float
    better: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What a trial has shown: digests drafted for subscribers who say what they think, and what each prefers."""

    digests: Score
    subscribers: Score
    each: Mapping[int, Score]

    @property
    def verdict(self) -> str:
        """What may be concluded, in words."""
        found = preference(self.digests)
        if self.digests.decided < ENOUGH:
            return f"too early: {self.digests.decided} digests are decided, wait for {ENOUGH} at least"
        if found.low > 0.5:
            return "the weights on trial are better"
        if found.high < 0.5:
            return "the weights in force are better"
        return "undecided: the interval holds one half, let it run on or call it a draw"


def standing(db: Database, trial: Trial) -> Standing:
    """Read what subscribers said of the digests that a trial drafted; changes nothing."""
    with db.read() as session:
        return tally(shown for shown in digests(session, trial.started) if _is_of(trial, shown))


def tally(drafted: Iterable[SentDigest]) -> Standing:
    """Count digests of one trial. One whose drafted picks nothing was said of decides nothing and is left out."""
    each: dict[int, Score] = {}
    for shown in drafted:
        if any(verdict and pick.team for pick, verdict in zip(shown.picks, shown.verdicts, strict=True)):
            each[shown.subscriber] = each.get(shown.subscriber, Score()).plus(margin(shown))
    total = Score(*(sum(part) for part in zip(*((s.wins, s.losses, s.ties) for s in each.values()), strict=True)))
    voices = Score()
    for score in each.values():
        voices = voices.plus(score.wins - score.losses)
    return Standing(total, voices, each)


def margin(shown: SentDigest) -> int:
    """By how many points team B won a digest; less than 0 where A did."""
    points: Counter[str] = Counter()
    for pick, verdict in zip(shown.picks, shown.verdicts, strict=True):
        points[pick.team] += _points(verdict)
    return points[Team.B] - points[Team.A]


def preference(score: Score) -> Preference:
    """The posterior of the share that B wins."""
    a, b = score.wins + 1, score.losses + 1
    low, high = betaincinv(a, b, [0.025, 0.975])
    return Preference(a / (a + b), float(low), float(high), float(1 - betainc(a, b, 0.5)))


def _points(verdict: Verdict | None) -> int:
    if verdict is None:
        return 0
    return 1 if verdict in POSITIVE_VERDICTS else -1


def _is_of(trial: Trial, shown: SentDigest) -> bool:
    during = trial.started <= shown.planned and (trial.stopped is None or shown.planned < trial.stopped)
    return during and any(pick.team for pick in shown.picks)
