"""Anonymous preview: compute the digest that a new subscriber would get.

Nothing is stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlmodel import Session

from digestd.digests.picks import select_picks
from digestd.digests.planning_day import PlanningDay
from digestd.digests.seed_reader import SeedReader
from digestd.digests.shard import NO_SUBSCRIBER, rank_alone
from digestd.domain.digest import Reason, Section
from digestd.domain.interest import Interest
from digestd.domain.paper import Paper, PaperId
from digestd.domain.reference import Reference
from digestd.domain.subscriber import Preferences
from digestd.store.due import DueSubscriber
from digestd.store.references import StoredReference

PERIOD = "first"
"""A period that is never planned; with it ties have the same order for everybody."""


@dataclass(frozen=True, slots=True)
class AnonymousPreview:
    """Papers in digest order, each with its reason.

    `near`: the number of those, the last ones, that are only near the interests.

    `considered`: the number of new papers.

    `unknown`: papers named by the interests that are not in the store yet.
    """

    papers: tuple[tuple[Paper, Reason], ...]
    near: int
    considered: int
    unknown: tuple[PaperId, ...]


def preview_anonymous(
    session: Session,
    day: PlanningDay,
    interests: Sequence[Interest],
    preferences: Preferences,
    own: Sequence[Reference] = (),
) -> AnonymousPreview:
    """Return the first digest for these interests.

    `day` may be shared and stays unchanged. `own`: papers that the interests name, as references that are not stored.
    """
    day = replace(day, seed_reader=SeedReader(day.candidates.model, day.candidates.space), trial=None)
    references = {one.name: StoredReference(one, day.now, None, None, None) for one in own}
    shard, unknown = rank_alone(session, day, _anonymous_subscriber(preferences), tuple(interests), references)
    picks = select_picks(day, shard, [PERIOD], explore=False)[0]
    papers = tuple((day.candidates.papers[day.places[pick.paper]], pick.reason) for pick in picks)
    near = sum(pick.section is Section.NEAR for pick in picks)
    return AnonymousPreview(papers, near, int((shard.open & shard.ranked.fresh).sum()), unknown)


def _anonymous_subscriber(preferences: Preferences) -> DueSubscriber:
    return DueSubscriber(
        key=NO_SUBSCRIBER,
        version=0,
        preferences=preferences,
        last_date=None,
        last_planned=None,
        horizon=None,
        wants=0,
        had=np.zeros(0, dtype=np.uint32),
        mark=(0, 0, None),
    )
