"""Picks for tests, in the form in which planning passes them to the ledger."""

from collections.abc import Sequence

import numpy as np

from digestd.domain.digest import Pick
from digestd.domain.picks import SECTIONS, TEAMS, PickTable
from digestd.store.packing import Packed, pack_picks


def pick_table(*digests: Sequence[Pick]) -> PickTable:
    """Return the picks of several digests."""
    picks = [pick for digest in digests for pick in digest]
    reasons = list(dict.fromkeys(pick.reason for pick in picks))
    return PickTable(
        sizes=np.array([len(digest) for digest in digests], dtype=np.int64),
        paper=np.array([pick.paper for pick in picks], dtype=np.int64),
        revision=np.array([pick.revision for pick in picks], dtype=np.int64),
        score=np.array([pick.score for pick in picks], dtype=np.float32),
        section=np.array([SECTIONS.index(pick.section) for pick in picks], dtype=np.int64),
        reason=np.array([reasons.index(pick.reason) for pick in picks], dtype=np.int64),
        rank=np.array([pick.rank or 0 for pick in picks], dtype=np.int64),
        probability=np.array([pick.probability for pick in picks], dtype=np.float64),
        prior=np.array([pick.prior for pick in picks], dtype=np.float64),
        propensity=np.array([pick.propensity for pick in picks], dtype=np.float64),
        team=np.array([TEAMS.index(pick.team) for pick in picks], dtype=np.int64),
        reasons=reasons,
    )


def pack_digest(picks: Sequence[Pick]) -> Packed:
    """Return the packed picks of one digest."""
    return pack_picks(pick_table(picks))[0]
