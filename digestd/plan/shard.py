"""A shard: some hundreds of subscribers, ranked and composed together against one day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlmodel import Session

from digestd.compose import Ranked
from digestd.domain.interest import Kind
from digestd.domain.paper import PaperId
from digestd.plan.day import Day
from digestd.plan.seeds import Named
from digestd.ranking.arrays import Bools, Floats
from digestd.ranking.calibration import CALIBRATION, level, liked
from digestd.ranking.fusion import Scores, score
from digestd.ranking.profile import Profile, Wants, compile_profiles
from digestd.ranking.weights import parse
from digestd.store.due import Due
from digestd.store.ledger import seen


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """n subscribers ranked against m papers; (n, m) each:

    `open`: in the window; `fresh`: new since the last digest; `unseen`: not had yet; `own`: named by
    the subscriber as a seed, so known to them and its own best match; `eligible`: what each
    subscriber's scores are standardised over; `odds`: the log odds of a like. `rivals`: for whoever takes
    part in a trial, the totals (m,) of the weights on trial.
    """

    subscribers: Sequence[Due]
    profiles: Sequence[Profile]
    scores: Scores
    open: Bools
    fresh: Bools
    unseen: Bools
    own: Bools
    eligible: Bools
    odds: Floats
    rivals: Mapping[int, Floats]

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

    def rival(self, i: int) -> Ranked | None:
        """The same by the weights on trial; None for who takes no part in one."""
        return replace(self.ranked(i), total=self.rivals[i]) if i in self.rivals else None


def rank(session: Session, day: Day, subscribers: Sequence[Due]) -> Shard:
    """Score the day's papers for each subscriber of a shard."""
    had = seen.of(session, [due.key for due in subscribers])
    windows = [day.window(due) for due in subscribers]
    shape = (len(subscribers), len(day.pool))
    is_open = np.array([inside for inside, _ in windows], dtype=np.bool_).reshape(shape)
    fresh = np.array([since for _, since in windows], dtype=np.bool_).reshape(shape)
    unseen = np.array([day.unseen(had.get(due.key)) for due in subscribers], dtype=np.bool_).reshape(shape)
    known = day.readings.of(session, day.pool.space, (name for due in subscribers for name in _names(due)))
    own = np.array([_own_seeds(day, due, known) for due in subscribers], dtype=np.bool_).reshape(shape)
    wants = [_wants(due, known) for due in subscribers]
    profiles = compile_profiles(wants, day.pool.model, day.pool)
    eligible = is_open & unseen & ~own
    scores = score(day.pool, profiles, eligible)
    odds = _odds(profiles, scores, eligible)
    rivals = _rivals(day, subscribers, profiles, eligible)
    return Shard(subscribers, profiles, scores, is_open, fresh, unseen, own, eligible, odds, rivals)


def _odds(profiles: Sequence[Profile], scores: Scores, eligible: Bools) -> Floats:
    likes = np.array([profile.likes for profile in profiles], dtype=np.float32)
    marked = CALIBRATION.odds(scores.total, scores.relevance, level(scores.relevance, eligible), likes)
    return liked(marked, scores.relevance)


def _rivals(day: Day, subscribers: Sequence[Due], profiles: Sequence[Profile], eligible: Bools) -> dict[int, Floats]:
    if day.trial is None:
        return {}
    some = [i for i, due in enumerate(subscribers) if day.trial.includes(due.key)]
    scores = score(day.pool, [profiles[i] for i in some], eligible[some], parse(day.trial.weights))
    return dict(zip(some, scores.total, strict=True))


def _names(due: Due) -> list[PaperId]:
    return [PaperId(i.value) for i in due.interests if i.kind is Kind.PAPER]


def _wants(due: Due, known: Mapping[PaperId, Named]) -> Wants:
    return Wants(due.interests, {name: known[name].seed for name in _names(due) if name in known})


def _own_seeds(day: Day, due: Due, known: Mapping[PaperId, Named]) -> Bools:
    keys = {known[name].key for name in _names(due) if name in known}
    own = np.zeros(len(day.pool), dtype=np.bool_)
    own[[day.places[key] for key in keys & day.places.keys()]] = True
    return own
