"""Fit the probability of relevance to the install's own feedback.

A verdict has weight 1: more and saved are likes, less and dismissed are not. Most picks that are right get no verdict,
so a pick without one counts with weight NO_VERDICT_WEIGHT as liked with the probability that it was shown with, if
another pick of the same digest has one: if silence counted as a dislike, feedback would empty the digests of others.
Digests without any verdict may never have been read and are ignored.

At least MIN_SUBSCRIBERS are needed, and no subscriber weighs more than the median one (or MAX_WEIGHT verdicts), so that
a few fake accounts cannot empty or fill the digests of others.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from statistics import median

import numpy as np
from sqlmodel import Session

from digestd.domain.interest import POSITIVE_VERDICTS
from digestd.ranking.calibration import LocalCalibration, fit_local, logit
from digestd.store import feedback
from digestd.store.database import Database
from digestd.store.ledger import sent_digests
from digestd.store.ledger.sent_digests import SentDigest
from digestd.store.ranking import calibrations
from digestd.store.ranking.calibrations import StoredCalibration

MIN_VERDICTS = 50
"""Minimum number of verdicts."""
MIN_SUBSCRIBERS = 10
"""Minimum number of subscribers with verdicts."""
GROWTH = 1.25
REFIT_AFTER = timedelta(days=7)
LOOK_BACK = timedelta(days=365)
NO_VERDICT_WEIGHT = 0.25
MAX_WEIGHT = 50.0
Row = tuple[float, float, float]


def calibration_at(session: Session, at: datetime) -> LocalCalibration:
    found = calibrations.newest_calibration(session, at)
    return LocalCalibration() if found is None else LocalCalibration(**found.data)


def refit_calibration(db: Database, now: datetime) -> None:
    """Refit if there are 25 % more verdicts than last time, or any more after a week."""
    with db.read() as session:
        count, last = feedback.count(session), calibrations.newest_calibration(session, now)
        if count < MIN_VERDICTS or not (last is None or _outgrown(last, count, now)):
            return
        fitted = fit_from_digests(sent_digests.digests(session, now - LOOK_BACK))
    with db.write() as session:
        calibrations.add_calibration(
            session, StoredCalibration(now, count, {"shift": fitted.shift, "slope": fitted.slope})
        )


def fit_from_digests(digests: Iterable[SentDigest]) -> LocalCalibration:
    """Fit a calibration to these digests and their verdicts; the default if too few subscribers gave any."""
    rows_by_subscriber: defaultdict[int, list[Row]] = defaultdict(list)
    for digest in digests:
        if any(digest.verdicts):
            rows_by_subscriber[digest.subscriber] += _rows(digest)
    if len(rows_by_subscriber) < MIN_SUBSCRIBERS:
        return LocalCalibration()
    limit = min(MAX_WEIGHT, median(map(_weight, rows_by_subscriber.values())))
    rows = np.array([row for own_rows in rows_by_subscriber.values() for row in _capped(own_rows, limit)]).reshape(
        -1, 3
    )
    return fit_local(rows[:, 0], rows[:, 1], rows[:, 2])


def _outgrown(last: StoredCalibration, count: int, now: datetime) -> bool:
    return count >= last.events * GROWTH or (count != last.events and now - last.fitted > REFIT_AFTER)


def _rows(digest: SentDigest) -> Iterator[Row]:
    """Yield (log odds, liked, weight) of each pick with a stored probability."""
    for pick, verdict in zip(digest.picks, digest.verdicts, strict=True):
        if pick.prior is not None:
            if verdict is None:
                yield logit(pick.prior), pick.prior, NO_VERDICT_WEIGHT
            else:
                yield logit(pick.prior), float(verdict in POSITIVE_VERDICTS), 1.0


def _weight(rows: list[Row]) -> float:
    return sum(weight for _, _, weight in rows)


def _capped(rows: list[Row], limit: float) -> list[Row]:
    share = min(1.0, limit / max(_weight(rows), 1e-9))
    return [(log_odds, liked, weight * share) for log_odds, liked, weight in rows]
