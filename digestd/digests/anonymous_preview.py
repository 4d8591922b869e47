"""Previews for pages: the digest that a new subscriber would get, or a subscriber with other settings.

Nothing is stored.
"""

from collections.abc import Mapping, Sequence
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
from digestd.store import due as due_subscribers
from digestd.store import groups
from digestd.store.due import DueSubscriber
from digestd.store.interests import for_ranking
from digestd.store.references import StoredReference, of_interests

_NOTHING = np.zeros(0, dtype=np.uint32)
PERIOD = "first"
"""A period that is never planned; with it ties have the same order for everybody."""


@dataclass(frozen=True, slots=True)
class DigestPreview:
    """Papers in digest order, each with its reason.

    `near`: the number of those, the last ones, that are only near the interests.

    `considered`: the number of new papers.

    `unknown`: papers named by the interests that are not in the store yet.

    `is_again`: nothing is new since the subscriber's last digest, so papers that they had are among these.
    """

    papers: tuple[tuple[Paper, Reason], ...]
    near: int
    considered: int
    unknown: tuple[PaperId, ...]
    is_again: bool = False


def preview_anonymous(
    session: Session,
    day: PlanningDay,
    interests: Sequence[Interest],
    preferences: Preferences,
    own: Sequence[Reference] = (),
) -> DigestPreview:
    """Return the first digest for these interests.

    `day` may be shared and stays unchanged. `own`: papers that the interests name, as references that are not stored.
    """
    references = {one.name: StoredReference(one, day.now, None, None, None) for one in own}
    return _preview(session, day, _anonymous_subscriber(preferences), tuple(interests), references, {})


def preview_changed(
    session: Session, day: PlanningDay, subscriber: int, interests: Sequence[Interest], preferences: Preferences
) -> DigestPreview:
    """Return the next digest of a subscriber, had they stated these interests and preferences.

    Their feedback and groups count as stored. `day` may be shared and stays unchanged.

    Raises:
        Damaged: what is stored of them cannot be read.
    """
    due = due_subscribers.by_key(session, subscriber)._replace(preferences=preferences)
    changed = {due.key: tuple(interests)}
    wanted, shared = for_ranking(session, [due.key], changed)[due.key], groups.interests(session, [due.key], changed)
    own = of_interests(session, [due.key]).get(due.key, {})
    found = _preview(session, day, due, wanted, own, shared)
    if found.papers:
        return found
    again = due._replace(last_planned=None, horizon=None, had=_NOTHING)
    return replace(_preview(session, day, again, wanted, own, shared), is_again=True)


def _preview(
    session: Session,
    day: PlanningDay,
    due: DueSubscriber,
    interests: tuple[Interest, ...],
    own: Mapping[PaperId, StoredReference],
    shared: Mapping[int, Sequence[groups.SharedInterest]],
) -> DigestPreview:
    day = replace(day, seed_reader=SeedReader(day.candidates.model, day.candidates.space))
    shard, unknown = rank_alone(session, day, due, interests, own)
    picks = select_picks(day, replace(shard, shared=shared), [PERIOD])[0]
    papers = tuple((day.candidates.papers[day.places[pick.paper]], pick.reason) for pick in picks)
    near = sum(pick.section is Section.NEAR for pick in picks)
    return DigestPreview(papers, near, int((shard.open & shard.ranked.fresh).sum()), unknown)


def _anonymous_subscriber(preferences: Preferences) -> DueSubscriber:
    return DueSubscriber(
        key=NO_SUBSCRIBER,
        version=0,
        preferences=preferences,
        last_date=None,
        last_planned=None,
        horizon=None,
        wants=0,
        had=_NOTHING,
        mark=(0, 0, None),
    )
