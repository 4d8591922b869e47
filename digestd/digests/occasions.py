"""Occasions: what makes a digest special, and so worth a sentence to its reader."""

from collections.abc import Iterator, Set
from datetime import timedelta

from digestd.digests.planning_day import PlanningDay
from digestd.domain.digest import Occasion
from digestd.domain.subscriber import Cadence
from digestd.store.due import DueSubscriber

THIN_FROM = 20
"""With fewer new papers, a short digest says little about the day."""
_GAPS = {Cadence.DAILY: timedelta(days=8), Cadence.WEEKDAYS: timedelta(days=10), Cadence.WEEKLY: timedelta(days=15)}
"""Time since the last digest after which there are days that no digest covers."""


def digest_occasions(
    due: DueSubscriber, count: int, considered: int, day: PlanningDay, unanswered: Set[int]
) -> Iterator[Occasion]:
    """Yield what is special about a digest of `count` papers, chosen from `considered` of a day.

    `unanswered`: subscribers whose digest before is empty because no source answered.
    """
    if day.is_unanswered if count == 0 else due.key in unanswered:
        yield Occasion.UNANSWERED
    if count == 0:
        yield Occasion.EMPTY
        return
    if due.last_planned is None:
        yield Occasion.FIRST
    elif day.now - due.last_planned > _GAPS[due.preferences.timing.cadence]:
        yield Occasion.AFTER_GAP
    if count * 3 <= due.preferences.size and considered >= THIN_FROM:
        yield Occasion.THIN
