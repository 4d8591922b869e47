"""Tastes drift: what a subscriber said long before they said anything else weighs less.

Recency is measured from the newest thing said, not from today: who was silent for a year still means
what they said last, and a profile stays as it is until something new is said.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from digestd.ranking.arrays import Doubles

HALF_LIFE = timedelta(days=365)
"""Measured in nDCG@10 against no drift, on HF submitters and authors: one year +.007 and −.001, two years +.003
and −.001, four +.002 and +.001, none clearly beyond noise; three months −.003 on authors."""
FLOOR = 0.25
"""No like is forgotten altogether."""


def recency(said: Sequence[datetime | None]) -> Doubles:
    """The weight (k,) in [FLOOR, 1] of each like by when it was said; 1 for the newest, and where that is unknown."""
    known = [when for when in said if when is not None]
    newest = max(known, default=None)
    ages = [0.0 if when is None or newest is None else (newest - when) / HALF_LIFE for when in said]
    return np.maximum(np.exp2(-np.array(ages, dtype=np.float64)), FLOOR)
