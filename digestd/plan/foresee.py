"""What a digest would hold for somebody who is not a subscriber yet: ranked as planning ranks, nothing stored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlmodel import Session

from digestd.domain.digest import Reason
from digestd.domain.interest import Interest
from digestd.domain.paper import Paper, PaperId
from digestd.domain.subscriber import Timing
from digestd.plan.day import Day
from digestd.plan.picking import picks_of
from digestd.plan.profiles import compile_new
from digestd.plan.seeds import Readings
from digestd.plan.shard import rank
from digestd.store.due import DueSubscriber
from digestd.store.profiles import StoredProfile

STRANGER = 0
"""No subscriber has this key."""
FIRST = "first"
"""The period of a digest that is not planned: between equals the same are shown to everybody."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Papers in the order of the digest, each with its reason; `considered`: the new papers they were chosen from.

    `unknown`: named papers that are not in the store; they count from the day they are.
    """

    papers: tuple[tuple[Paper, Reason], ...]
    considered: int
    unknown: tuple[PaperId, ...]


def foresee(session: Session, day: Day, interests: Sequence[Interest], size: int) -> Foreseen:
    """The first digest of somebody who wants this, were it planned on this day: up to `size` papers, none at random.

    The day may be shared: what is read for it here is not kept.
    """
    day = replace(day, readings=Readings(day.pool.model, day.pool.space), trial=None)
    kept, unknown = compile_new(session, day, tuple(interests))
    shard = rank(session, day, [_stranger(size, kept)])
    picks = picks_of(day, shard, [FIRST], explore=False).of(0)
    papers = tuple((day.pool.papers[day.places[pick.paper]], pick.reason) for pick in picks)
    return Foreseen(papers, int((shard.open & shard.ranked.fresh).sum()), unknown)


def _stranger(size: int, kept: StoredProfile) -> DueSubscriber:
    return DueSubscriber(
        key=STRANGER,
        version=0,
        timing=Timing(),
        size=size,
        last_date=None,
        last_planned=None,
        horizon=None,
        wants=kept.wants,
        profile=kept,
        had=np.zeros(0, dtype=np.uint32),
        mark=(0, 0, None),
        explore=False,
    )
