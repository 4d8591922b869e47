"""What the install learns of chances from its own feedback, refitted when enough more was said.

A verdict counts whole: more and saved are likes, less and dismissed are not. A pick without one
counts as not liked by PASSED_OVER where something was said of another pick of the same digest: who judges
one has read the others and let them be, which says little, but not nothing. A digest of which nothing was
said may never have been read, and says nothing.

Learn nothing from fewer than PEOPLE subscribers, and let none count for more than the median subscriber does (nor
for more than HEARD verdicts): one account, or a few fake ones, must not empty or fill the digests of the others.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from statistics import median

import numpy as np
from sqlmodel import Session

from digestd.domain.feedback import LIKING
from digestd.ranking.calibration import LocalCalibration, fit_local, logit
from digestd.store import calibrations, feedback
from digestd.store.calibrations import Learnt
from digestd.store.database import Database
from digestd.store.ledger import shown
from digestd.store.ledger.shown import Shown

EVENTS = 50
"""Verdicts below which nothing is learnt."""
PEOPLE = 10
"""Subscribers with verdicts below which nothing is learnt."""
GROWTH = 1.25
REFIT_AFTER = timedelta(days=7)
LOOK_BACK = timedelta(days=365)
PASSED_OVER = 0.25
HEARD = 50.0
Row = tuple[float, float, float]


def learnt(session: Session, at: datetime) -> LocalCalibration:
    """What was in force at a time."""
    found = calibrations.newest(session, at)
    return LocalCalibration() if found is None else LocalCalibration(**found.data)


def refit(db: Database, now: datetime) -> None:
    """Learn anew where there are a quarter more verdicts than last time, or any more after a week."""
    with db.read() as session:
        count, last = feedback.count(session), calibrations.newest(session, now)
        if count < EVENTS or not (last is None or _outgrown(last, count, now)):
            return
        own = fit_from_digests(shown.digests(session, now - LOOK_BACK))
    with db.write() as session:
        calibrations.keep(session, Learnt(now, count, {"shift": own.shift, "slope": own.slope}))


def fit_from_digests(digests: Iterable[Shown]) -> LocalCalibration:
    """Fit the chances to these digests and the verdicts on them; the package's own where too few people spoke."""
    said: defaultdict[int, list[Row]] = defaultdict(list)
    for one in digests:
        if any(one.verdicts):
            said[one.subscriber] += _rows(one)
    if len(said) < PEOPLE:
        return LocalCalibration()
    most = min(HEARD, median(map(_weight, said.values())))
    rows = np.array([row for theirs in said.values() for row in _capped(theirs, most)]).reshape(-1, 3)
    return fit_local(rows[:, 0], rows[:, 1], rows[:, 2])


def _outgrown(last: Learnt, count: int, now: datetime) -> bool:
    return count >= last.events * GROWTH or (count != last.events and now - last.fitted > REFIT_AFTER)


def _rows(one: Shown) -> Iterator[Row]:
    """(log odds, liked, weight) of each pick whose chance was kept."""
    for pick, verdict in zip(one.picks, one.verdicts, strict=True):
        if pick.prior is not None:
            yield logit(pick.prior), float(verdict in LIKING), PASSED_OVER if verdict is None else 1.0


def _weight(rows: list[Row]) -> float:
    return sum(weight for _, _, weight in rows)


def _capped(rows: list[Row], most: float) -> list[Row]:
    """Scale the weights of one subscriber's rows down to a sum of at most `most`."""
    share = min(1.0, most / max(_weight(rows), 1e-9))
    return [(log_odds, liked, weight * share) for log_odds, liked, weight in rows]
