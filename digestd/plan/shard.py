"""A shard: some hundreds of subscribers, ranked and composed together against one day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from sqlmodel import Session

from digestd.compose import Ranked
from digestd.domain.digest import Reason
from digestd.plan.day import Day
from digestd.plan.profiles import compiled
from digestd.ranking.arrays import Bools, Cells, Floats
from digestd.ranking.calibration import CALIBRATION, level, liked
from digestd.ranking.fusion import Scores, score
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.reasons import reasons
from digestd.ranking.weights import parse
from digestd.store.due import Due
from digestd.store.profiles import Kept


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """n subscribers ranked against m papers; (n, m) each:

    `open`: in the window; `fresh`: new since the last digest; `unseen`: not had yet; `own`: named by
    the subscriber as a seed, so known to them and its own best match; `eligible`: what each
    subscriber's scores are standardised over; `odds`: the log odds of a like. `rivals`: for whoever takes
    part in a trial, the totals (m,) of the weights on trial. `compiled`: profiles made anew, by subscriber.
    """

    subscribers: Sequence[Due]
    profiles: Profiles
    scores: Scores
    open: Bools
    fresh: Bools
    unseen: Bools
    own: Bools
    eligible: Bools
    odds: Floats
    rivals: Mapping[int, Floats]
    compiled: Mapping[int, Kept]

    def ranked(self, i: int) -> Ranked:
        """The i-th subscriber's view of the pool."""
        return Ranked(
            profile=self.profiles[i],
            total=self.scores.total[i],
            relevance=self.scores.relevance[i],
            fresh=self.fresh[i],
            open=self.eligible[i] & self.scores.allowed[i],
            odds=self.odds[i],
        )

    def reasons(self, pool: Pool, chosen: Mapping[int, Sequence[int]]) -> dict[int, list[Reason]]:
        """Why each of the papers chosen for some subscribers: all of a shard at once."""
        places = Cells(
            np.repeat(np.array(list(chosen), dtype=np.intp), [len(papers) for papers in chosen.values()]),
            np.array([j for papers in chosen.values() for j in papers], dtype=np.intp),
        )
        said = iter(reasons(pool, self.profiles, places))
        return {i: list(islice(said, len(papers))) for i, papers in chosen.items()}

    def rival(self, i: int) -> Ranked | None:
        """The same by the weights on trial; None for who takes no part in one."""
        return replace(self.ranked(i), total=self.rivals[i]) if i in self.rivals else None


def rank(session: Session, day: Day, subscribers: Sequence[Due]) -> Shard:
    """Score the day's papers for each subscriber of a shard."""
    found = compiled(session, day, subscribers)
    is_open, fresh = day.windows(subscribers)
    unseen = day.unseen([due.had for due in subscribers])
    own = day.among([[named.key for named in each] for each in found.named])
    eligible = is_open & unseen & ~own
    scores = score(day.pool, found.profiles, eligible)
    return Shard(
        subscribers=subscribers,
        profiles=found.profiles,
        scores=scores,
        open=is_open,
        fresh=fresh,
        unseen=unseen,
        own=own,
        eligible=eligible,
        odds=_odds(found.profiles, scores, eligible),
        rivals=_rivals(day, subscribers, found.profiles, eligible),
        compiled=found.made,
    )


def _odds(profiles: Profiles, scores: Scores, eligible: Bools) -> Floats:
    likes = profiles.tastes.likes.sizes.astype(np.float32)
    marked = CALIBRATION.odds(scores.total, scores.relevance, level(scores.relevance, eligible), likes)
    return liked(marked, scores.relevance)


def _rivals(day: Day, subscribers: Sequence[Due], profiles: Profiles, eligible: Bools) -> dict[int, Floats]:
    if day.trial is None:
        return {}
    some = [i for i, due in enumerate(subscribers) if day.trial.includes(due.key)]
    scores = score(day.pool, [profiles[i] for i in some], eligible[some], parse(day.trial.weights))
    return dict(zip(some, scores.total, strict=True))
