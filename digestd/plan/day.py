"""The day: every paper that may be picked at `now`, read and encoded once for all subscribers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from digestd.domain.coverage import CoverageState
from digestd.domain.digest import FIRST_WINDOW, WINDOW
from digestd.domain.subscriber import Cadence
from digestd.domain.trial import Trial
from digestd.plan.chances import learnt
from digestd.plan.coverage import not_whole
from digestd.plan.dense import read
from digestd.plan.model import text_model
from digestd.plan.seeds import Readings
from digestd.ranking.arrays import Bools
from digestd.ranking.calibration import Own
from digestd.ranking.dense import Encoder
from digestd.ranking.pool import Pool, build_pool
from digestd.store import papers, trials
from digestd.store.database import Database
from digestd.store.due import Due

SLACK = timedelta(days=1)
"""How much longer than a week may be since a weekly digest."""


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """m candidate papers; `keys` and `first_seen` (seconds since 1970), both (m,).

    `former`: (f, 2), row numbers from before a merge, and the position of the paper they are now.
    `coverage`: the sources that are not whole, by their names for people.
    `readings`: the papers that subscribers named. `places`: row number → position. `trial`: the one that runs.
    `own`: what the install learnt of chances.
    """

    pool: Pool
    keys: NDArray[np.int64]
    former: NDArray[np.int64]
    first_seen: NDArray[np.float64]
    now: datetime
    coverage: Mapping[str, CoverageState]
    readings: Readings
    places: Mapping[int, int]
    trial: Trial | None
    own: Own

    @property
    def horizon(self) -> int:
        """The highest row number among the candidates; what is stored later has a higher one."""
        return int(self.keys.max(initial=0))

    def window(self, due: Due) -> tuple[Bools, Bools]:
        """(open, fresh) for a subscriber, each (m,): inside the window; new since the last digest.

        New is what was stored after the last planning had read, whatever the clocks said then, and
        what became news since (an archived paper that was announced).
        """
        if due.last_planned is None:
            inside = self.first_seen > (self.now - FIRST_WINDOW).timestamp()
            return inside, inside
        inside = self.first_seen > self._since(due.timing.cadence, due.last_planned).timestamp()
        fresh = self.first_seen > due.last_planned.timestamp()
        if due.horizon is not None:
            fresh |= self.keys > due.horizon
        return inside, inside & fresh

    def _since(self, cadence: Cadence, last_planned: datetime) -> datetime:
        """How far back: a week, and for who reads weekly the whole of the time since, if it was a little more.

        The week in which the clocks go back has an hour more, and a planner may have been late.
        """
        week = self.now - WINDOW
        return max(min(week, last_planned), week - SLACK) if cadence is Cadence.WEEKLY else week

    def unseen(self, had: NDArray[np.uint32] | None) -> Bools:
        """(m,): the papers that are not among these row numbers, under their own or a former one."""
        if had is None:
            return np.ones(len(self.pool), dtype=np.bool_)
        mask: Bools = ~np.isin(self.keys, had)
        mask[self.former[np.isin(self.former[:, 0], had), 1]] = False
        return mask


def gather_day(db: Database, now: datetime, encoder: Encoder) -> Day:
    """Read the candidates of `now` and build the pool."""
    model = text_model(db, now)
    with db.read() as session:
        # Another process's clock may be ahead of ours: a paper that is known is a candidate.
        candidates = papers.candidates(session, now - WINDOW - SLACK, now + WINDOW)
        former = papers.former_keys(session, [paper.key for paper in candidates])
        coverage = not_whole(session, now)
        trial = trials.running(session, now)
        own = learnt(session, now)
    space, vectors = read(db, encoder, candidates)
    pairs = [(was, j) for j, paper in enumerate(candidates) for was in former.get(paper.key, ())]
    return Day(
        pool=build_pool(candidates, model, now, space=space, vectors=vectors),
        keys=np.array([paper.key for paper in candidates], dtype=np.int64),
        former=np.array(pairs, dtype=np.int64).reshape(-1, 2),
        first_seen=np.array([paper.first_seen.timestamp() for paper in candidates], dtype=np.float64),
        now=now,
        coverage=coverage,
        readings=Readings(),
        places={paper.key: j for j, paper in enumerate(candidates)},
        trial=trial,
        own=own,
    )
