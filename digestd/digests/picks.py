"""Select picks, and say what is special about a digest."""

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import timedelta
from typing import TypeAlias

import numpy as np

from digestd.digests.planning_day import PlanningDay
from digestd.digests.selection import DigestOptions, build_picks, sampling_seed, select, selected_cells
from digestd.digests.shard import Shard
from digestd.domain.digest import INTEREST_KINDS, Occasion, Pick, Reason, ReasonKind
from digestd.domain.interest import Kind
from digestd.domain.subscriber import Cadence
from digestd.ranking.reasons import reasons
from digestd.store.due import DueSubscriber
from digestd.store.groups import SharedInterest

Picks: TypeAlias = list[tuple[Pick, ...]]
"""The picks of each digest of a shard."""
NEWS = timedelta(days=2)
UPVOTES_MIN, AHEAD = 30, 1.5
"""Age of a paper that everybody reads, its upvotes, and how many times those of any other new paper."""
_GAPS = {Cadence.DAILY: timedelta(days=8), Cadence.WEEKDAYS: timedelta(days=10), Cadence.WEEKLY: timedelta(days=15)}
"""Time since the last digest after which there are days that no digest covers."""
_WEAK = frozenset({ReasonKind.CO_LIKES, ReasonKind.TREND, ReasonKind.NEW})
"""Reasons that say less than the likes of colleagues."""


def select_picks(day: PlanningDay, shard: Shard, periods: Sequence[str]) -> Picks:
    """Return the picks of a shard, one period per subscriber."""
    options = [digest_options(shard, i, period) for i, period in enumerate(periods)]
    selections = select(day.candidates, shard.ranked, options, day.calibration)
    found = reasons(day.candidates, shard.ranked.profiles, selected_cells(selections))
    picks = build_picks(day.candidates, shard.ranked, selections, day.calibration, found)
    return _with_groups(picks, [due.key for due in shard.subscribers], shard.shared, shard.recommended)


def digest_occasions(
    due: DueSubscriber, picks: Sequence[Pick], day: PlanningDay, unanswered: Set[int]
) -> Iterator[Occasion]:
    """Yield what is special about a digest with these picks.

    `unanswered`: subscribers whose digest before is empty because no source answered.
    """
    if due.key in unanswered if picks else day.is_unanswered:
        yield Occasion.UNANSWERED
    if not picks:
        yield Occasion.EMPTY
        return
    if is_first(due):
        yield Occasion.FIRST
    elif due.last_planned and day.now - due.last_planned > _GAPS[due.preferences.timing.cadence]:
        yield Occasion.AFTER_GAP


def most_read(day: PlanningDay) -> int | None:
    """Return the position of the new paper that has by far the most upvotes; None if none stands out."""
    new = np.flatnonzero(day.first_seen > (day.now - NEWS).timestamp())
    upvotes = np.array([day.candidates.papers[j].signals.get("upvotes", 0.0) for j in new.tolist()])
    upvotes[~np.isfinite(upvotes)] = 0
    first, second = (*np.argsort(-upvotes, kind="stable")[:2].tolist(), None, None)[:2]
    if first is None or upvotes[first] < max(UPVOTES_MIN, AHEAD * (0 if second is None else upvotes[second])):
        return None
    return int(new[first])


def unpicked(day: PlanningDay, shard: Shard, i: int, picks: Sequence[Pick], j: int | None) -> int:
    """Return the revision of the j-th paper if it is new to a subscriber who may see it and has not; else 0."""
    if j is None or not picks or any(pick.paper == day.keys[j] for pick in picks):
        return 0
    is_news = shard.ranked.fresh[i, j] and shard.unseen[i, j] and not shard.own[i, j]
    return day.candidates.papers[j].revision if is_news and shard.allowed[i, j] and shard.in_categories[i, j] else 0


def is_first(due: DueSubscriber) -> bool:
    """Return True if a subscriber has had no paper in a digest yet."""
    return not len(due.had)


def digest_options(shard: Shard, i: int, period: str) -> DigestOptions:
    due = shard.subscribers[i]
    wanted = due.preferences
    return DigestOptions(wanted.size, wanted.min_score, sampling_seed(due.key, period), is_first(due))


def _with_groups(
    picks: Sequence[tuple[Pick, ...]],
    owners: Sequence[int],
    shared: Mapping[int, Sequence[SharedInterest]],
    recommended: Mapping[int, Set[int]],
) -> list[tuple[Pick, ...]]:
    """Return the picks of digests with the reasons that come from groups.

    Args:
        owners: The subscriber of each digest.
        shared: The interests that subscribers have by their groups.
        recommended: Row numbers of papers that colleagues liked, by subscriber.
    """
    named = list(picks)
    for i, owner in enumerate(owners):
        theirs, liked = shared.get(owner, ()), recommended.get(owner, frozenset())
        if theirs or liked:
            named[i] = tuple(
                pick._replace(reason=with_group(pick.reason, theirs, pick.paper in liked)) for pick in picks[i]
            )
    return named


def with_group(reason: Reason, shared: Sequence[SharedInterest], is_recommended: bool) -> Reason:
    """Return the reason with the group that follows what it names, or that colleagues liked the paper."""
    if is_recommended and reason.kind in _WEAK:
        return Reason(ReasonKind.GROUP_LIKES)
    kind, value = INTEREST_KINDS.get(reason.kind), reason.value.casefold()
    found = next((one for one in shared if (one.interest.kind, one.interest.value.casefold()) == (kind, value)), None)
    if found is None:
        return reason
    words = reason.words if kind is Kind.TOPIC else ()
    return Reason(ReasonKind.GROUP, found.group, (found.interest.value, *words))
