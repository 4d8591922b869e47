"""Read the recent past of the service, for the plots of the operators' page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from digestd.app import App
from digestd.domain.bounce import BounceKind
from digestd.domain.coverage import Coverage
from digestd.domain.subscriber import Status
from digestd.store import monitoring, subscribers
from digestd.store.papers import sources

HOURS, BOUNCE_DAYS, GROWTH_DAYS, COVERAGE_DAYS, FEEDBACK_WEEKS = 48, 30, 90, 14, 12


@dataclass(frozen=True, slots=True)
class ServiceHistory:
    """The recent past, without gaps, oldest first. Days are UTC.

    Attributes:
        sent: mails accepted by relays, by hour.
        bounces: bounces by day and kind.
        active: active subscribers at the end of each day.
        coverage: the days of each source, newest last; None where nothing is known of a day.
        verdicts: positive verdicts and all verdicts of subscribers, by the Monday of the week.
    """

    sent: Sequence[tuple[datetime, int]]
    bounces: Sequence[tuple[date, Mapping[BounceKind, int]]]
    active: Sequence[tuple[date, int]]
    coverage: Mapping[str, Sequence[tuple[date, Coverage | None]]]
    verdicts: Sequence[tuple[date, tuple[int, int]]]


def read_history(app: App) -> ServiceHistory:
    """Return the recent past as of now."""
    now = app.clock()
    hour, today = now.replace(minute=0, second=0, microsecond=0), now.date()
    midnight = hour.replace(hour=0)
    first_hour, monday = hour - timedelta(hours=HOURS - 1), today - timedelta(days=today.weekday())
    with app.db.read() as session:
        sent = monitoring.sent_per_hour(session, first_hour)
        bounced = monitoring.bounces_per_day(session, midnight - timedelta(days=BOUNCE_DAYS - 1))
        changes = monitoring.active_changes_per_day(session, midnight - timedelta(days=GROWTH_DAYS - 1))
        active = subscribers.count(session).get(Status.ACTIVE, 0)
        days = sources.recent_coverage(session, today - timedelta(days=COVERAGE_DAYS - 1))
        first_monday = midnight - timedelta(days=today.weekday() + 7 * (FEEDBACK_WEEKS - 1))
        verdicts = monitoring.verdicts_per_week(session, first_monday)
    mondays = [monday - timedelta(weeks=back) for back in reversed(range(FEEDBACK_WEEKS))]
    hours = [first_hour + timedelta(hours=n) for n in range(HOURS)]
    return ServiceHistory(
        sent=[(one, sent.get(one, 0)) for one in hours],
        bounces=[(day, bounced.get(day, Counter())) for day in _days(today, BOUNCE_DAYS)],
        active=_backwards(active, changes, _days(today, GROWTH_DAYS)),
        coverage=_by_source(days, _days(today, COVERAGE_DAYS)),
        verdicts=[(one, verdicts.get(one, (0, 0))) for one in mondays],
    )


def _days(today: date, count: int) -> list[date]:
    return [today - timedelta(days=back) for back in reversed(range(count))]


def _backwards(active: int, changes: Mapping[date, int], days: Sequence[date]) -> list[tuple[date, int]]:
    """Return how many were active at the end of each day, from those of today and the changes since."""
    found = []
    for day in reversed(days):
        found.append((day, active))
        active -= changes.get(day, 0)
    return found[::-1]


def _by_source(rows: Sequence[Coverage], days: Sequence[date]) -> dict[str, list[tuple[date, Coverage | None]]]:
    known = {(row.source, row.day): row for row in rows}
    return {
        source: [(day, known.get((source, day))) for day in days] for source in sorted({row.source for row in rows})
    }
