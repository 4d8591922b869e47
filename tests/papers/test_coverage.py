"""Test the state of a source's day, case by case."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from digestd.domain.coverage import Coverage, CoverageState, incomplete_states
from digestd.papers.backfill import group_days, missed_days
from digestd.papers.coverage import CHECKED_NOTE, ExpectedSchedule, Observation, days_to_judge, judge_days
from digestd.sources.arxiv.rss import ArxivRss

RSS = ArxivRss(("cs.LG",))
TUE = date(2026, 11, 24)
DAY = timedelta(days=1)
FRESH, QUIET, PARTIAL = CoverageState.FRESH, CoverageState.QUIET, CoverageState.PARTIAL
LATE, STALE, BROKEN = CoverageState.LATE, CoverageState.STALE, CoverageState.BROKEN


def at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def row(day: date, items: int = 0, state: CoverageState = FRESH, note: str = "") -> Coverage:
    return Coverage("s", day, state, items, note=note)


def announcements(items: int, weeks: int = 2) -> list[Coverage]:
    """Return arXiv's announcements on the working days before TUE."""
    before = (TUE - number * DAY for number in range(1, weeks * 7 + 1))
    return [
        row(day, items if RSS.announcement_time(day) else 0, FRESH if RSS.announcement_time(day) else QUIET)
        for day in before
    ]


def weeks(weekday: date, items: int, number: int = 4) -> list[Coverage]:
    return [row(weekday - n * 7 * DAY, items, FRESH if items else QUIET) for n in range(1, number + 1)]


def of(
    observation: Observation, known: Iterable[Coverage], now: datetime, day: date = TUE, calendar: bool = True
) -> Coverage | None:
    rhythm = ExpectedSchedule(list(known), RSS.announcement_time if calendar else None)
    return next(iter(judge_days("s", rhythm, observation, [day], now)), None)


def state(found: Coverage | None) -> CoverageState | None:
    return found.state if found else None


def observation(day: date = TUE, items: int = 0, **more: object) -> Observation:
    """Return the observation of a source read to its end that names this day."""
    told: dict[str, object] = {"items": {day: items} if items else {}, "complete_days": frozenset({day}), "newest": day}
    return Observation(**{**told, "named": frozenset({day}), **more})  # type: ignore[arg-type]  # parts by name


def test_judge_days_announcement_is_fresh() -> None:
    found = of(observation(items=90), announcements(100), at(TUE, 7))
    assert found == Coverage("s", TUE, FRESH, 90, 100)


def test_judge_days_weekend_and_holiday_are_quiet() -> None:
    for day in (date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 27)):
        known = [one for one in announcements(100) if one.day < day]
        assert state(of(observation(day), known, at(day, 12), day)) is QUIET
        assert state(of(Observation(error="down"), known, at(day, 12), day)) is QUIET


def test_judge_days_is_silent_before_the_due_hour() -> None:
    monday = observation(TUE - DAY, 100)
    assert of(monday, announcements(100), at(TUE, 5)) is None
    assert of(Observation(error="down"), announcements(100), at(TUE, 5)) is None


def test_judge_days_older_day_is_late_then_stale() -> None:
    monday = observation(TUE - DAY, 100)
    assert state(of(monday, announcements(100), at(TUE, 6))) is LATE
    stale = of(monday, announcements(100), at(TUE, 9))
    assert stale is not None
    assert (stale.state, stale.note) == (
        STALE,
        "due since 2026-11-24 05:30 UTC; the source answers with 2026-11-23",
    )


def test_judge_days_unchanged_answer_is_late_then_stale() -> None:
    assert state(of(Observation(), announcements(100), at(TUE, 6))) is LATE
    assert state(of(Observation(), announcements(100), at(TUE, 9))) is STALE


def test_judge_days_empty_day_is_quiet_if_few_are_usual() -> None:
    assert state(of(observation(), announcements(2), at(TUE, 6))) is QUIET
    assert state(of(observation(), [], at(TUE, 6))) is QUIET, "it says itself that it is of this day"
    assert state(of(observation(), announcements(100), at(TUE, 6))) is LATE
    assert state(of(observation(), announcements(100), at(TUE, 9))) is STALE


@pytest.mark.parametrize(
    ("items", "usual", "is_partial"), [(24, 100, True), (25, 100, False), (1, 8, True), (1, 7, False)]
)
def test_judge_days_under_a_quarter_of_usual_is_partial(items: int, usual: int, is_partial: bool) -> None:
    found = of(observation(items=items), announcements(usual), at(TUE, 7))
    assert found is not None
    assert found.state is (PARTIAL if is_partial else FRESH)
    assert found.note == (f"{items} where about {usual} are usual" if is_partial else "")


def test_judge_days_few_confirmed_by_backfill_are_complete() -> None:
    checked = of(observation(items=3, checked=frozenset({TUE})), announcements(100), at(TUE, 9))
    assert checked is not None
    assert (checked.state, checked.note) == (FRESH, CHECKED_NOTE)
    assert of(observation(items=3), [*announcements(100), checked], at(TUE, 10)) in {None, checked}


def test_judge_days_defective_answer_is_partial() -> None:
    found = of(observation(items=90, flaw="12 of 102 records could not be read"), announcements(100), at(TUE, 7))
    assert found == Coverage("s", TUE, PARTIAL, 90, 100, "12 of 102 records could not be read")


def test_judge_days_partial_day_is_completed_by_next_run() -> None:
    half = Observation(items={TUE: 50}, newest=TUE, error="answers 503")
    found = of(half, announcements(100), at(TUE, 7))
    assert found is not None
    assert (found.state, found.items, found.note) == (PARTIAL, 50, "answers 503")
    healed = of(observation(items=100), [*announcements(100), found], at(TUE, 8))
    assert healed == Coverage("s", TUE, FRESH, 100, 100)


def test_judge_days_failure_is_broken_only_if_day_is_missing() -> None:
    down = Observation(error="no answer within 60 s")
    found = of(down, announcements(100), at(TUE, 7))
    assert found == Coverage("s", TUE, BROKEN, 0, 100, "no answer within 60 s")
    assert of(down, [*announcements(100), row(TUE, 80)], at(TUE, 9)) is None
    assert state(of(down, [*announcements(100), row(TUE, 0, LATE)], at(TUE, 9))) is BROKEN


def test_judge_days_missed_announcement_is_partial() -> None:
    tuesday = observation(TUE, 100, gap="not fetched in time")
    found = of(tuesday, announcements(100)[1:], at(TUE, 7), TUE - DAY)
    assert found is not None
    assert (found.state, found.note) == (PARTIAL, "not fetched in time")
    fetched = observation(TUE - DAY, 95, checked=frozenset({TUE - DAY}), newest=TUE)
    assert state(of(fetched, [found], at(TUE, 7), TUE - DAY)) is FRESH


def test_judge_days_unannounced_day_is_quiet_after_newer_one() -> None:
    monday = TUE - DAY
    both = Observation(complete_days=frozenset({monday, TUE}), checked=frozenset({monday}), newest=TUE, items={TUE: 90})
    assert state(of(both, announcements(100)[1:], at(TUE, 7), monday)) is QUIET
    assert (
        state(of(Observation(complete_days=both.complete_days, newest=TUE), announcements(100)[1:], at(TUE, 7), monday))
        is PARTIAL
    )


def test_judge_days_keeps_state_without_new_evidence() -> None:
    for known in (row(TUE - DAY, 80), row(TUE - DAY, 20, PARTIAL, "cut short"), row(TUE - DAY, 0, PARTIAL, "gap")):
        assert of(observation(TUE, 90), [known], at(TUE, 7), TUE - DAY) is None


def test_judge_days_item_count_never_decreases() -> None:
    assert of(observation(items=90), [row(TUE, 80)], at(TUE, 9)) == Coverage("s", TUE, FRESH, 90)
    assert of(observation(items=70), [row(TUE, 80)], at(TUE, 9)) is None


def test_schedule_learns_weekdays_from_four_weeks() -> None:
    assert ExpectedSchedule(weeks(TUE, 30, 3)).expected(TUE) is None
    assert ExpectedSchedule(weeks(TUE, 30)).expected(TUE) == 30
    assert ExpectedSchedule([*weeks(TUE, 30), row(TUE - 35 * DAY, 900), row(TUE - 63 * DAY, 900)]).expected(TUE) == 30
    assert ExpectedSchedule([row(one.day, 30, LATE) for one in weeks(TUE, 30)]).expected(TUE) is None
    saturday = TUE + 4 * DAY
    assert ExpectedSchedule(weeks(saturday, 0)).expected(saturday) == 0
    assert ExpectedSchedule(weeks(saturday, 0)).due(saturday) is None


def test_schedule_with_calendar_needs_three_announcements() -> None:
    few = [row(date(2026, 11, 23), 100), row(date(2026, 11, 20), 60), row(date(2026, 11, 19), 80)]
    assert ExpectedSchedule(few, RSS.announcement_time).expected(TUE) == 80
    assert ExpectedSchedule(few[1:], RSS.announcement_time).expected(TUE) is None
    assert ExpectedSchedule([*few, *weeks(TUE, 200, 3)], RSS.announcement_time).expected(TUE) == 200
    assert ExpectedSchedule(few, RSS.announcement_time).expected(date(2026, 11, 27)) == 0


def test_judge_days_empty_weekday_is_late_then_stale() -> None:
    nothing = Observation(complete_days=frozenset({TUE}))
    assert of(nothing, weeks(TUE, 30), at(TUE, 23), calendar=False) is None, "it may come yet"
    assert state(of(nothing, weeks(TUE, 30), at(TUE + DAY, 1), calendar=False)) is LATE
    assert state(of(nothing, weeks(TUE, 30), at(TUE + 2 * DAY, 1), calendar=False)) is STALE
    assert state(of(nothing, weeks(TUE, 3), at(TUE + DAY, 1), calendar=False)) is QUIET
    assert state(of(nothing, [], at(TUE + DAY, 1), calendar=False)) is QUIET, "nothing is known of its weeks"


def test_judge_days_failure_without_calendar_is_broken_today() -> None:
    found = of(Observation(error="down"), weeks(TUE, 30), at(TUE, 7), calendar=False)
    assert state(found) is BROKEN
    assert found is not None
    back = of(Observation(complete_days=frozenset({TUE})), [*weeks(TUE, 30), found], at(TUE, 8), calendar=False)
    assert back == Coverage("s", TUE, QUIET, 0, 30, "nothing yet")


def test_judge_days_few_papers_are_fine_before_evening() -> None:
    morning = of(observation(items=2), weeks(TUE, 30), at(TUE, 7), calendar=False)
    assert state(morning) is FRESH
    assert morning is not None
    assert state(of(observation(items=2), [*weeks(TUE, 30), morning], at(TUE + DAY, 1), calendar=False)) is PARTIAL


def test_days_to_judge_covers_every_day_since_the_last() -> None:
    assert days_to_judge([], TUE, TUE, 7 * DAY) == [TUE]
    known = [row(TUE - 40 * DAY), row(TUE - 2 * DAY)]
    assert days_to_judge(known, TUE, TUE, 7 * DAY)[0] == TUE - 7 * DAY, "a week is looked at again"
    assert days_to_judge([row(TUE - 2 * DAY)], TUE, TUE, 7 * DAY)[0] == TUE - 2 * DAY, "nothing before the first"
    assert days_to_judge([row(TUE - 20 * DAY)], TUE, TUE, 7 * DAY)[0] == TUE - 19 * DAY, "a house shut for long"
    assert days_to_judge([row(TUE - 900 * DAY)], TUE, TUE, 7 * DAY)[0] == TUE - 56 * DAY
    assert days_to_judge(known, TUE - 100 * DAY, TUE, 7 * DAY)[0] == TUE - 100 * DAY, "as the operator wants"


def test_missed_days_returns_overdue_days_only() -> None:
    rows = [row(TUE, 0, LATE), row(TUE - DAY, 0, STALE), row(TUE - 2 * DAY, 0, QUIET), row(TUE - 4 * DAY, 9, PARTIAL)]
    rhythm = ExpectedSchedule(rows, RSS.announcement_time)
    assert missed_days(rows, rhythm, TUE - 7 * DAY, at(TUE, 6)) == [TUE - DAY, TUE - 4 * DAY]
    assert missed_days(rows, rhythm, TUE - 3 * DAY, at(TUE, 6)) == [TUE - DAY]


def test_group_days_merges_ranges_newest_first() -> None:
    days = [date(2026, 11, number) for number in (4, 16, 17, 18, 19, 20, 23, 24)]
    assert group_days(days) == [
        (date(2026, 11, 18), date(2026, 11, 24)),
        (date(2026, 11, 16), date(2026, 11, 17)),
        (date(2026, 11, 4), date(2026, 11, 4)),
    ]
    assert group_days([]) == []


def test_source_report_takes_state_of_newest_day() -> None:
    rows = [
        Coverage("a", TUE, FRESH),
        Coverage("a", TUE - DAY, BROKEN),
        Coverage("b", TUE - DAY, STALE),
        Coverage("c", TUE, LATE),
        Coverage("c", TUE + DAY, FRESH),
        Coverage("d", TUE, QUIET),
    ]
    assert incomplete_states(rows, TUE) == {"b": STALE, "c": LATE}


@given(
    some.dictionaries(some.sampled_from([TUE - number * DAY for number in range(9)]), some.integers(0, 200)),
    some.sampled_from(["", "answers 503"]),
    some.integers(0, 72),
)
def test_judge_days_incomplete_run_revokes_nothing(items: dict[date, int], error: str, hours: int) -> None:
    known = announcements(100)
    found = judge_days(
        "s", ExpectedSchedule(known, RSS.announcement_time),
        Observation(items, newest=max(items, default=None), error=error),
        [TUE - number * DAY for number in range(9)], at(TUE, 0) + timedelta(hours=hours),
    )  # fmt: skip
    before = {row.day: row for row in known}
    for after in found:
        if after.day in before:
            assert after.state is before[after.day].state or before[after.day].items == 0
            assert after.items >= before[after.day].items


@given(some.lists(some.sampled_from([TUE - number * DAY for number in range(60)])))
def test_group_days_covers_each_missing_day_once(days: list[date]) -> None:
    ranges = group_days(set(days))
    assert all(first <= last < first + 7 * DAY for first, last in ranges)
    assert all(sum(first <= day <= last for first, last in ranges) == 1 for day in days)
    assert ranges == sorted(ranges, reverse=True)
