"""What the install learns of chances from its own feedback, refitted when enough more was said.

A verdict counts whole: more and saved are likes, less and dismissed are not. A pick without one
counts as not liked by PASSED_OVER where something was said of another pick of the same digest: who judges
one has read the others and let them be, which says little, but not nothing. A digest of which nothing was
said may never have been read, and says nothing. No subscriber counts for more than HEARD verdicts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import numpy as np
from sqlmodel import Session

from digestd.domain.feedback import LIKING
from digestd.ranking.calibration import Own, fit_own, logit
from digestd.store import calibrations, feedback
from digestd.store.calibrations import Learnt
from digestd.store.database import Database
from digestd.store.ledger import shown
from digestd.store.ledger.shown import Shown

EVENTS = 50
"""Verdicts below which nothing is learnt."""
GROWTH = 1.25
REFIT_AFTER = timedelta(days=7)
LOOK_BACK = timedelta(days=365)
PASSED_OVER = 0.25
HEARD = 50.0
Row = tuple[float, float, float]


def learnt(session: Session, at: datetime) -> Own:
    """What was in force at a time."""
    found = calibrations.newest(session, at)
    return Own() if found is None else Own(**found.data)


def refit(db: Database, now: datetime) -> None:
    """Learn anew where there are a quarter more verdicts than last time, or any more after a week."""
    with db.read() as session:
        count, last = feedback.count(session), calibrations.newest(session, now)
        if count < EVENTS or not (last is None or _outgrown(last, count, now)):
            return
        own = own_of(shown.digests(session, now - LOOK_BACK))
    with db.write() as session:
        calibrations.keep(session, Learnt(now, count, {"shift": own.shift, "slope": own.slope}))


def own_of(digests: Iterable[Shown]) -> Own:
    """What these digests and the verdicts on them teach."""
    said: defaultdict[int, list[Row]] = defaultdict(list)
    for one in digests:
        if any(one.verdicts):
            said[one.subscriber] += _rows(one)
    rows = np.array([row for theirs in said.values() for row in _heard(theirs)]).reshape(-1, 3)
    return fit_own(rows[:, 0], rows[:, 1], rows[:, 2])


def _outgrown(last: Learnt, count: int, now: datetime) -> bool:
    return count >= last.events * GROWTH or (count != last.events and now - last.fitted > REFIT_AFTER)


def _rows(one: Shown) -> Iterator[Row]:
    """(log odds, liked, weight) of each pick whose chance was kept."""
    for pick, verdict in zip(one.picks, one.verdicts, strict=True):
        if pick.prior is not None:
            yield logit(pick.prior), float(verdict in LIKING), PASSED_OVER if verdict is None else 1.0


def _heard(rows: list[Row]) -> list[Row]:
    share = min(1.0, HEARD / max(sum(weight for _, _, weight in rows), 1e-9))
    return [(odds, liked, weight * share) for odds, liked, weight in rows]
