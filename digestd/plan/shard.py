"""A shard: some hundreds of subscribers, ranked and composed together against one day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlmodel import Session

from digestd.compose import Ranked
from digestd.domain.interest import Kind
from digestd.domain.paper import PaperId
from digestd.plan.day import Day
from digestd.ranking.arrays import Bools
from digestd.ranking.fusion import Scores, score
from digestd.ranking.profile import Profile, Wants, compile_profiles
from digestd.ranking.seeds import Seed
from digestd.store import papers
from digestd.store.due import Due
from digestd.store.ledger import seen


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """n subscribers ranked against m papers. `open`, `fresh`, `unseen`: (n, m)."""

    subscribers: Sequence[Due]
    profiles: Sequence[Profile]
    scores: Scores
    open: Bools
    fresh: Bools
    unseen: Bools

    def ranked(self, i: int) -> Ranked:
        """The i-th subscriber's view of the pool."""
        return Ranked(
            profile=self.profiles[i],
            total=self.scores.total[i],
            relevance=self.scores.relevance[i],
            fresh=self.fresh[i],
            open=self.open[i] & self.unseen[i] & self.scores.allowed[i],
        )


def rank(session: Session, day: Day, subscribers: Sequence[Due]) -> Shard:
    """Score the day's papers for each subscriber of a shard."""
    had = seen.of(session, [due.key for due in subscribers])
    windows = [day.window(due) for due in subscribers]
    shape = (len(subscribers), len(day.pool))
    is_open = np.array([inside for inside, _ in windows], dtype=np.bool_).reshape(shape)
    fresh = np.array([since for _, since in windows], dtype=np.bool_).reshape(shape)
    unseen = np.array([day.unseen(had.get(due.key)) for due in subscribers], dtype=np.bool_).reshape(shape)
    profiles = compile_profiles(_wants(session, subscribers), day.pool.model, day.pool)
    return Shard(subscribers, profiles, score(day.pool, profiles, is_open & unseen), is_open, fresh, unseen)


def _wants(session: Session, subscribers: Sequence[Due]) -> list[Wants]:
    named = {PaperId(i.value) for due in subscribers for i in due.interests if i.kind is Kind.PAPER}
    known = papers.by_ids(session, sorted(named)) if named else {}
    seeds = {name: Seed(paper.plain_title, paper.text) for name, paper in known.items()}
    return [Wants(due.interests, _seeds_of(due, seeds)) for due in subscribers]


def _seeds_of(due: Due, seeds: Mapping[PaperId, Seed]) -> dict[PaperId, Seed]:
    names = [PaperId(i.value) for i in due.interests if i.kind is Kind.PAPER]
    return {name: seeds[name] for name in names if name in seeds}
