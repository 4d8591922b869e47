"""A shard: some hundreds of subscribers, ranked and composed together against one day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlmodel import Session

from digestd.compose import Ranked
from digestd.domain.interest import Kind
from digestd.domain.paper import Paper, PaperId
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
    """n subscribers ranked against m papers; (n, m) each:

    `open`: in the window; `fresh`: new since the last digest; `unseen`: not had yet; `own`: named by
    the subscriber as a seed, so known to them and its own best match.
    """

    subscribers: Sequence[Due]
    profiles: Sequence[Profile]
    scores: Scores
    open: Bools
    fresh: Bools
    unseen: Bools
    own: Bools

    @property
    def eligible(self) -> Bools:
        """(n, m): what each subscriber's scores are standardised over."""
        return self.open & self.unseen & ~self.own

    def ranked(self, i: int) -> Ranked:
        """The i-th subscriber's view of the pool."""
        return Ranked(
            profile=self.profiles[i],
            total=self.scores.total[i],
            relevance=self.scores.relevance[i],
            fresh=self.fresh[i],
            open=self.eligible[i] & self.scores.allowed[i],
        )


def rank(session: Session, day: Day, subscribers: Sequence[Due]) -> Shard:
    """Score the day's papers for each subscriber of a shard."""
    had = seen.of(session, [due.key for due in subscribers])
    windows = [day.window(due) for due in subscribers]
    shape = (len(subscribers), len(day.pool))
    is_open = np.array([inside for inside, _ in windows], dtype=np.bool_).reshape(shape)
    fresh = np.array([since for _, since in windows], dtype=np.bool_).reshape(shape)
    unseen = np.array([day.unseen(had.get(due.key)) for due in subscribers], dtype=np.bool_).reshape(shape)
    known = _seeds(session, subscribers)
    own = np.array([_own_seeds(day, due, known) for due in subscribers], dtype=np.bool_).reshape(shape)
    wants = [_wants(due, known) for due in subscribers]
    profiles = compile_profiles(wants, day.pool.model, day.pool)
    scores = score(day.pool, profiles, is_open & unseen & ~own)
    return Shard(subscribers, profiles, scores, is_open, fresh, unseen, own)


def _seeds(session: Session, subscribers: Sequence[Due]) -> Mapping[PaperId, Paper]:
    """The papers that any of these subscribers named, as far as they are known."""
    named = {name for due in subscribers for name in _names(due)}
    return papers.by_ids(session, sorted(named)) if named else {}


def _names(due: Due) -> list[PaperId]:
    return [PaperId(i.value) for i in due.interests if i.kind is Kind.PAPER]


def _wants(due: Due, known: Mapping[PaperId, Paper]) -> Wants:
    return Wants(due.interests, {name: _seed(known[name]) for name in _names(due) if name in known})


def _seed(paper: Paper) -> Seed:
    return Seed(paper.plain_title, paper.text, paper.words.authors)


def _own_seeds(day: Day, due: Due, known: Mapping[PaperId, Paper]) -> Bools:
    return np.isin(day.keys, [known[name].key for name in _names(due) if name in known])
