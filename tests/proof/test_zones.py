"""Every IANA zone: each local date of three years, or of eleven in a long run, has one due instant."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from zoneinfo import available_timezones

import pytest

from digestd.domain import schedule
from digestd.domain.subscriber import Timing
from tests.support.tiers import sized

FIRST, LAST = sized((date(2025, 1, 1), date(2027, 12, 31)), (date(2020, 1, 1), date(2030, 12, 31)))
DAYS = (LAST - FIRST).days + 1
SHORTEST, LONGEST = timedelta(hours=21), timedelta(hours=27)
NO_ZONES = {"Factory", "localtime"}


@cache
def zones_by_rules() -> dict[bytes, list[str]]:
    """Return the zones grouped by identical rules, so that each rule is tested once."""
    found: dict[bytes, list[str]] = {}
    for zone in sorted(available_timezones() - NO_ZONES):
        found.setdefault(files("tzdata.zoneinfo").joinpath(*zone.split("/")).read_bytes(), []).append(zone)
    return found


@pytest.mark.parametrize("hour", [2, 23])
def test_every_zone_has_one_due_instant_per_date(hour: int) -> None:
    for names in zones_by_rules().values():
        timing = Timing(names[0], hour=hour)
        instants = list(_instants(timing))
        dates = [schedule.local_date(timing, instant) for instant in instants]
        assert dates == [FIRST + timedelta(days=number) for number in range(DAYS)], names
        gaps = [later - earlier for earlier, later in pairwise(instants)]
        assert SHORTEST <= min(gaps) <= max(gaps) <= LONGEST, names
    assert sum(map(len, zones_by_rules().values())) > 590


def test_every_zone_period_lasts_until_midnight() -> None:
    """Check the days around each change of the clocks, and one day a month."""
    for names in zones_by_rules().values():
        timing = Timing(names[0], hour=3)
        for instant in _unusual_instants(timing):
            period = schedule.newest_due(timing, instant)
            assert (period.due, period.key) == (instant, schedule.local_date(timing, instant).isoformat()), names
            assert schedule.due_period(timing, None, instant) == period
            assert schedule.due_period(timing, period.key, instant) is None
            assert schedule.newest_due(timing, instant - timedelta(seconds=1)).key < period.key


def _instants(timing: Timing) -> "list[datetime]":
    found = [schedule.next_due(timing, datetime.combine(FIRST, time(), UTC) - timedelta(hours=26))]
    while schedule.local_date(timing, found[-1]) < FIRST:
        found = [schedule.next_due(timing, found[-1])]
    while len(found) < DAYS:
        found.append(schedule.next_due(timing, found[-1]))
    return found


def _unusual_instants(timing: Timing) -> "list[datetime]":
    instants = _instants(timing)
    strange = {i + near for i, (a, b) in enumerate(pairwise(instants)) if b - a != timedelta(days=1) for near in (0, 1)}
    return [instants[i] for i in sorted(strange | set(range(0, DAYS, 30)))]
