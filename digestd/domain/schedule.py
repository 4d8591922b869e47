"""When a digest is due: local hour, time zone, cadence. Pure; the caller brings `now`.

A period is named by the subscriber's local date or ISO week, so that clocks set back, DST and
restarts can never make two of one. Local wall time that a spring gap skips is shifted forward
by the gap, unless that were the next date; of an hour that comes twice in autumn, the first counts (PEP 495, fold=0).
"""

from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from digestd.domain.digest import Period
from digestd.domain.subscriber import Cadence, Timing
from digestd.errors import BadRecord

_WEEK = 7
_HORIZON_DAYS = 9
"""Longer than any cadence's gap, plus a day that a zone may skip altogether."""

DAILY_LIFE = timedelta(hours=18)
WEEKLY_LIFE = timedelta(days=3)


def check_timezone(name: str) -> str:
    """Return the name if it is an IANA time zone. Raises BadRecord, which suggests a similar one."""
    if name in _zones():
        return name
    near = _similar_zone(name[:40])
    remedy = f"did you mean {near!r}?" if near else "write it like Europe/Berlin or UTC"
    raise BadRecord("timezone", f"invalid time zone {name[:60]!r}: {remedy}")


def newest_due(timing: Timing, now: datetime) -> Period:
    """The newest period whose hour has come at `now`; there always is one."""
    today = local_date(timing, now)
    for back in range(-1, _HORIZON_DAYS):
        day = today - timedelta(days=back)
        if _mails_on(timing, day) and (due := _instant(timing, day)) <= now:
            return Period(key=_key(timing, day), date=day, due=due)
    raise AssertionError("every cadence has a day within the horizon")


def next_due(timing: Timing, now: datetime) -> datetime:
    """The first instant after `now` at which a period falls due."""
    today = local_date(timing, now)
    for ahead in range(-1, _HORIZON_DAYS):
        day = today + timedelta(days=ahead)
        if _mails_on(timing, day) and (due := _instant(timing, day)) > now:
            return due
    raise AssertionError("every cadence has a day within the horizon")


def due_period(timing: Timing, last_date: str | None, now: datetime) -> Period | None:
    """The period to plan a digest for at `now`, or None.

    `last_date` is the local date on which the newest digest was planned: never two digests on one
    local date, whatever was changed in between. A daily digest is late only on its own date (after
    midnight the next one covers it, at the hour the subscriber chose); a weekly one for three days.
    """
    today = local_date(timing, now)
    period = newest_due(timing, now)
    if last_date is not None and min(today, period.date).isoformat() <= last_date:
        return None
    late = now >= expires(timing, period.due) if timing.cadence is Cadence.WEEKLY else today != period.date
    return None if late else period


def first_due(timing: Timing, now: datetime, last_date: str | None = None) -> datetime:
    """Since or from when a subscriber who becomes active at `now`, or changes timing, is due.

    Since today's hour if today is a day of theirs, that hour has passed and no digest came today,
    so that the first digest follows the confirmation; else from the next hour of theirs.
    """
    period = due_period(timing, last_date, now)
    if period is not None and period.date == local_date(timing, now):
        return period.due
    return next_due(timing, now)


def local_date(timing: Timing, now: datetime) -> date:
    """The subscriber's date at `now`."""
    return now.astimezone(_zone(timing.timezone)).date()


def covers_from(timing: Timing, last_planned: datetime | None, period: Period) -> str:
    """The key of the oldest period that a digest for `period` covers (its own, unless days were missed).

    `last_planned`: when the newest digest that was sent, or still may be, was planned. A digest
    looks back a week, so it never claims more.
    """
    if last_planned is None:
        return period.key
    day = max(local_date(timing, last_planned) + timedelta(days=1), period.date - timedelta(days=_WEEK - 1))
    while day < period.date:
        if _mails_on(timing, day):
            return _key(timing, day)
        day += timedelta(days=1)
    return period.key


def period_date(key: str) -> date:
    """The date a period's key names; of a week, its Monday."""
    if "W" in key:
        year, week = key.split("-W")
        return date.fromisocalendar(int(year), int(week), 1)
    return date.fromisoformat(key)


def expires(timing: Timing, due: datetime) -> datetime:
    """When a digest is too late to be of use: 18 hours, 3 days if weekly."""
    return due + (WEEKLY_LIFE if timing.cadence is Cadence.WEEKLY else DAILY_LIFE)


def _mails_on(timing: Timing, day: date) -> bool:
    if timing.cadence is Cadence.WEEKLY:
        return day.weekday() == timing.weekday
    return timing.cadence is Cadence.DAILY or day.weekday() < _WEEK - 2


def _instant(timing: Timing, day: date) -> datetime:
    """The hour on that day. Where the gap would shift it beyond midnight (Nuuk, 23:00), it comes before the gap."""
    zone = _zone(timing.timezone)
    wall = datetime.combine(day, time(timing.hour), tzinfo=zone)
    instant = wall.astimezone(UTC)
    return instant if instant.astimezone(zone).date() == day else wall.replace(fold=1).astimezone(UTC)


def _key(timing: Timing, day: date) -> str:
    if timing.cadence is Cadence.WEEKLY:
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return day.isoformat()


@lru_cache(maxsize=700)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _similar_zone(name: str) -> str | None:
    """Return the zone whose name or city is most similar, ignoring case."""
    zones = sorted(_zones())
    names = {zone.rpartition("/")[2].lower(): zone for zone in zones} | {zone.lower(): zone for zone in zones}
    near = get_close_matches(name.lower().replace(" ", "_"), names, n=1, cutoff=0.75)
    return names[near[0]] if near else None
