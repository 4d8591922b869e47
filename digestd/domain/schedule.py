"""Compute when a digest is due, by local hour, time zone and cadence.

A period is named by the subscriber's local date or ISO week, so that clock changes, DST and restarts never make two
digests of one period. A local time in a spring gap is shifted forward by the gap, unless that would be the next date;
of an hour that occurs twice in autumn, the first counts (PEP 495, fold=0).
"""

from datetime import UTC, date, datetime, time, timedelta

from digestd.domain.digest import Period
from digestd.domain.subscriber import Cadence, Status, Subscriber, Timing
from digestd.domain.time_zones import load_zone

_WEEK = 7
_HORIZON_DAYS = 9
"""Longer than the gap of any cadence, plus a day that a zone may skip."""

DAILY_LIFE = timedelta(hours=18)
WEEKLY_LIFE = timedelta(days=3)
PROGRAMME_LIFE = timedelta(days=7)


def newest_due(timing: Timing, now: datetime) -> Period:
    """Return the newest period that is due at `now`; there always is one."""
    today = local_date(timing, now)
    for back in range(-1, _HORIZON_DAYS):
        day = today - timedelta(days=back)
        if is_mail_day(timing, day) and (due := _instant(timing, day)) <= now:
            return Period(key=_key(timing, day), date=day, due=due)
    raise AssertionError("every cadence has a day within the horizon")


def current_period(timing: Timing, now: datetime) -> Period:
    """Return the period of the subscriber's date at `now`, due at once, whatever their hour and weekday."""
    today = local_date(timing, now)
    return Period(key=_key(timing, today), date=today, due=now)


def period_on(timing: Timing, day: date) -> Period:
    """Return the period of a date, due at the subscriber's hour on it, whatever their weekday."""
    return Period(key=_key(timing, day), date=day, due=_instant(timing, day))


def next_due(timing: Timing, now: datetime) -> datetime:
    """Return the first time after `now` when a period is due."""
    today = local_date(timing, now)
    for ahead in range(-1, _HORIZON_DAYS):
        day = today + timedelta(days=ahead)
        if is_mail_day(timing, day) and (due := _instant(timing, day)) > now:
            return due
    raise AssertionError("every cadence has a day within the horizon")


def due_period(timing: Timing, last_date: str | None, now: datetime) -> Period | None:
    """Return the period to plan a digest for at `now`, or None.

    A daily digest is late only on its own date (after midnight the next one covers it), a weekly one for three days.

    Args:
        last_date: the local date on which the newest digest was planned. There are never two digests on one local
        date, whatever was changed in between.
    """
    today = local_date(timing, now)
    period = newest_due(timing, now)
    if last_date is not None and min(today, period.date).isoformat() <= last_date:
        return None
    late = now >= expires(timing, period.due) if timing.cadence is Cadence.WEEKLY else today != period.date
    return None if late else period


def first_due(timing: Timing, now: datetime, last_date: str | None = None) -> datetime:
    """Return when a subscriber is first due who became active or changed their timing at `now`.

    That is today's hour, even if past, if today is one of their days and has had no digest, so that the first digest
    follows the confirmation at once; else their next hour.
    """
    period = due_period(timing, last_date, now)
    if period is not None and period.date == local_date(timing, now):
        return period.due
    return next_due(timing, now)


def next_digest(subscriber: Subscriber, due: datetime | None, now: datetime) -> datetime | None:
    """Return when a subscriber's next digest is due, in their time zone; `now` or earlier if it is being prepared.

    None if none is planned: they are not subscribed, paused without an end, or something of them is damaged.

    Args:
        due: when they are due by the store, as an active subscriber; None if it cannot be read.
    """
    if subscriber.damage or due is None:
        return None
    zone = load_zone(subscriber.timing.timezone)
    if subscriber.status is Status.ACTIVE:
        return due.astimezone(zone)
    if subscriber.status is Status.PAUSED and subscriber.paused_until is not None:
        resumed = max(subscriber.paused_until, now)
        return first_due(subscriber.timing, resumed, subscriber.last_date).astimezone(zone)
    return None


def local_date(timing: Timing, now: datetime) -> date:
    """Return the subscriber's date at `now`."""
    return now.astimezone(load_zone(timing.timezone)).date()


def end_of_day(timing: Timing, now: datetime) -> datetime:
    """Return when the subscriber's date at `now` ends."""
    tomorrow = local_date(timing, now) + timedelta(days=1)
    return datetime.combine(tomorrow, time(), tzinfo=load_zone(timing.timezone)).astimezone(UTC)


def covers_from(timing: Timing, last_planned: datetime | None, period: Period) -> str:
    """Return the key of the oldest period that a digest for `period` covers: its own unless days were missed.

    Args:
        last_planned: when the newest digest that was or may still be sent was planned. A digest covers a week at
            most.
    """
    if last_planned is None:
        return period.key
    day = max(local_date(timing, last_planned) + timedelta(days=1), period.date - timedelta(days=_WEEK - 1))
    while day < period.date:
        if is_mail_day(timing, day):
            return _key(timing, day)
        day += timedelta(days=1)
    return period.key


def period_date(key: str) -> date:
    """Return the date of a period's key; of a week, its Monday."""
    if "W" in key:
        year, week = key.split("-W")
        return date.fromisocalendar(int(year), int(week), 1)
    return date.fromisoformat(key)


def expires(timing: Timing, due: datetime) -> datetime:
    """Return when a digest is too late: after 18 hours, or 3 days if weekly."""
    return due + (WEEKLY_LIFE if timing.cadence is Cadence.WEEKLY else DAILY_LIFE)


def is_mail_day(timing: Timing, day: date) -> bool:
    """Return True if a digest is due on a date, by the cadence."""
    if timing.cadence is Cadence.WEEKLY:
        return day.weekday() == timing.weekday
    return timing.cadence is Cadence.DAILY or day.weekday() < _WEEK - 2


def _instant(timing: Timing, day: date) -> datetime:
    """Return the hour on that day.

    If the gap would shift it beyond midnight (Nuuk, 23:00), use the time before the gap.
    """
    zone = load_zone(timing.timezone)
    wall = datetime.combine(day, time(timing.hour), tzinfo=zone)
    instant = wall.astimezone(UTC)
    return instant if instant.astimezone(zone).date() == day else wall.replace(fold=1).astimezone(UTC)


def _key(timing: Timing, day: date) -> str:
    if timing.cadence is Cadence.WEEKLY:
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return day.isoformat()
