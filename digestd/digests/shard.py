"""Rank a shard: a few hundred subscribers together, for one day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlmodel import Session

from digestd.digests.planning_day import PlanningDay
from digestd.digests.profiles import read_shard_profiles
from digestd.digests.selection_options import RankedCandidates
from digestd.ranking.arrays import Bools, Floats
from digestd.ranking.calibration import CALIBRATION, like_log_odds, mean_relevance
from digestd.ranking.fusion import Scores, score
from digestd.ranking.profile import Profiles
from digestd.ranking.weights import parse
from digestd.store.due import DueSubscriber
from digestd.store.profiles import StoredProfile


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """n subscribers × m papers; all arrays are (n, m).

    Attributes:
        open: In the window.
        unseen: Not in an earlier digest.
        own: Named by the subscriber, so they know it already.
        eligible: Papers over which z-scores are computed.
        allowed: Not muted.
        in_categories: In a chosen category, for subscribers who want no other.
        trial_totals: Subscriber → scores (m,) by the weights on trial.
        compiled: Newly compiled profiles, by subscriber.
    """

    subscribers: Sequence[DueSubscriber]
    ranked: RankedCandidates
    open: Bools
    unseen: Bools
    own: Bools
    eligible: Bools
    allowed: Bools
    in_categories: Bools
    trial_totals: Mapping[int, Floats]
    compiled: Mapping[int, StoredProfile]

    @property
    def trial_ranking(self) -> RankedCandidates:
        """Return the ranking by the weights on trial, for subscribers who take part."""
        total = self.ranked.total.copy()
        for i, theirs in self.trial_totals.items():
            total[i] = theirs
        return replace(self.ranked, total=total)


def rank_shard(session: Session, day: PlanningDay, subscribers: Sequence[DueSubscriber]) -> Shard:
    """Score the day's papers for each subscriber of a shard."""
    found = read_shard_profiles(session, day, subscribers)
    is_open, fresh = day.windows(subscribers)
    unseen = day.unseen([due.had for due in subscribers])
    own = day.among([[named.key for named in each] for each in found.named])
    eligible = is_open & unseen & ~own
    scores = score(day.candidates, found.profiles, eligible)
    in_categories = _in_categories(found.profiles, [due.only_categories for due in subscribers], len(day.candidates))
    return Shard(
        subscribers=subscribers,
        ranked=RankedCandidates(
            profiles=found.profiles,
            total=scores.total,
            relevance=scores.relevance,
            fresh=fresh,
            open=eligible & scores.allowed & in_categories,
            log_odds=_odds(found.profiles, scores, eligible),
        ),
        open=is_open,
        unseen=unseen,
        own=own,
        eligible=eligible,
        allowed=scores.allowed,
        in_categories=in_categories,
        trial_totals=_trial_totals(day, subscribers, found.profiles, eligible),
        compiled=found.made,
    )


def _in_categories(profiles: Profiles, only: Sequence[bool], papers: int) -> Bools:
    """Return papers in chosen categories or by followed authors, for subscribers who want no others."""
    restricted = np.array(only, dtype=np.bool_)
    found = np.repeat(~restricted[:, None], papers, axis=1)
    if restricted.any():
        for named in (profiles.categories, profiles.authors):
            found[named.cells.rows, named.cells.columns] = True
    return found


def _odds(profiles: Profiles, scores: Scores, eligible: Bools) -> Floats:
    likes = profiles.feedback.likes.sizes.astype(np.float32)
    marked = CALIBRATION.log_odds(scores.total, scores.relevance, mean_relevance(scores.relevance, eligible), likes)
    return like_log_odds(marked, scores.relevance)


def _trial_totals(
    day: PlanningDay, subscribers: Sequence[DueSubscriber], profiles: Profiles, eligible: Bools
) -> dict[int, Floats]:
    if day.trial is None:
        return {}
    some = [i for i, due in enumerate(subscribers) if day.trial.includes(due.key)]
    scores = score(day.candidates, [profiles[i] for i in some], eligible[some], parse(day.trial.weights))
    return dict(zip(some, scores.total, strict=True))
