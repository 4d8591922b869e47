"""What a digest would hold for somebody who is not a subscriber yet: ranked as planning ranks, nothing stored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlmodel import Session

from digestd.domain.digest import Reason
from digestd.domain.interest import Interest
from digestd.domain.paper import Paper, PaperId
from digestd.domain.subscriber import Timing
from digestd.plan.pick_selection import select_picks
from digestd.plan.planning_day import PlanningDay
from digestd.plan.profiles import compile_new
from digestd.plan.seed_reader import SeedReader
from digestd.plan.shard import rank
from digestd.store.due import Due
from digestd.store.profiles import Kept

STRANGER = 0
"""No subscriber has this key."""
FIRST = "first"
"""The period of a digest that is not planned: between equals the same are shown to everybody."""


@dataclass(frozen=True, slots=True)
class AnonymousPreview:
    """Papers in the order of the digest, each with its reason; `considered`: the new papers they were chosen from.

    `unknown`: named papers that are not in the store; they count from the day they are.
    """

    papers: tuple[tuple[Paper, Reason], ...]
    considered: int
    unknown: tuple[PaperId, ...]


def preview_anonymous(session: Session, day: PlanningDay, interests: Sequence[Interest], size: int) -> AnonymousPreview:
    """The first digest of somebody who wants this, were it planned on this day: up to `size` papers, none at random.

    The day may be shared: what is read for it here is not kept.
    """
    day = replace(day, seed_reader=SeedReader(day.candidates.model, day.candidates.space), trial=None)
    kept, unknown = compile_new(session, day, tuple(interests))
    shard = rank(session, day, [_stranger(size, kept)])
    picks = select_picks(day, shard, [FIRST], explore=False).of(0)
    papers = tuple((day.candidates.papers[day.places[pick.paper]], pick.reason) for pick in picks)
    return AnonymousPreview(papers, int((shard.open & shard.ranked.fresh).sum()), unknown)


def _stranger(size: int, kept: Kept) -> Due:
    return Due(
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
