"""Judge the state of each day of a source from what a run observed. Pure.

fresh     everything that the source has of the day was read
quiet     nothing was expected, or the source itself states that there is nothing
partial   pages or records are missing, far fewer came than usual, or it was not fetched in time
late      papers are due and the source does not have them yet
stale     the source still answers with older papers after the grace period
broken    there was no usable answer, and nothing of the day is stored

Every run that knows more judges a day again. A complete day stays complete.

`ExpectedSchedule` predicts when a day's papers are due and how many, from a calendar or from past weeks.

`refuse_format_change` detects that a source has changed its format: fields that were always there are gone. arXiv
changed links and authors of its feed in January 2024 without notice (github.com/arXiv/arxiv-feed#39). Such an answer
would overwrite good texts with empty ones, so it is refused as a whole.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from statistics import median_low

from digestd.domain.coverage import COMPLETE, Coverage, CoverageState
from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed

HISTORY_SPAN = timedelta(weeks=8)
"""Past weeks from which numbers of papers are learnt."""
ANNOUNCEMENTS_MIN = 3
"""So many announcements say how large one is."""
WEEKDAYS_MIN = 4
"""So many days say what their weekday brings: a month of them, so that one holiday misleads nobody."""
CALENDAR_GRACE = timedelta(hours=3)
"""Delay of an announcement after which the source is stale and other interfaces are tried."""
LEARNED_GRACE = timedelta(days=1)
"""The same for a source whose hour is not known."""
AnnouncementTime = Callable[[date], datetime | None]
USUAL_MIN = 8
"""The usual number of papers from which few are suspicious.

If 8 are usual (Poisson), fewer than a quarter of them come on 3 days in 1,000."""
FEW_DIVISOR = 4
"""Fewer than the usual number divided by this are too few to be complete."""
CHECKED_NOTE = "read by another interface of the source too"
_DAY = timedelta(days=1)
_Verdict = tuple[CoverageState, str]
FORMAT_MEMORY = timedelta(days=14)
"""A format that lasts this long is accepted as the new one: by then no older record counts."""
FORMAT_HISTORY_MIN = 20
FORMAT_ANSWER_MIN = 5
"""Records in the past and in an answer from which a format is judged."""
FIELD_ALWAYS_SHARE = 0.9
"""A field is required if at least this share of past records has it."""
FIELD_GONE_SHARE = 0.5
"""A field counts as gone if fewer than this share of an answer's records have it."""
_FORMAT_FIELDS: Mapping[str, Callable[[Sighting], object]] = {
    "abstract": lambda sighting: sighting.words.abstract,
    "authors": lambda sighting: sighting.words.authors,
    "categories": lambda sighting: sighting.words.categories,
    "published": lambda sighting: sighting.published,
}


@dataclass(frozen=True, slots=True)
class ExpectedSchedule:
    """The expected schedule of one source. `known`: its days so far; `announcement_time`: its calendar, if any."""

    known: Sequence[Coverage] = ()
    announcement_time: AnnouncementTime | None = None

    @property
    def grace(self) -> timedelta:
        """Return how long after `due` the papers of a day may still come."""
        return CALENDAR_GRACE if self.announcement_time else LEARNED_GRACE

    def due(self, day: date) -> datetime | None:
        """Return when the papers of a day should be here (without a calendar at its end), or None if it brings none."""
        if self.announcement_time:
            return self.announcement_time(day)
        if self.expected(day) == 0:
            return None
        return datetime.combine(day + timedelta(days=1), time(), UTC)

    def expected(self, day: date) -> int | None:
        """Return the expected number of papers: the median of the weekday over eight weeks.

        None if too little is known. With a calendar three announcements suffice, of that
        weekday or else of any; without one, four days of that weekday are needed.
        """
        if self.announcement_time is None:
            return _median(self._complete(day, {day.weekday()}), WEEKDAYS_MIN)
        if self.announcement_time(day) is None:
            return 0
        alike = _median(self._complete(day, {day.weekday()}), ANNOUNCEMENTS_MIN)
        return _median(self._complete(day, set(range(7))), ANNOUNCEMENTS_MIN) if alike is None else alike

    def _complete(self, before: date, weekdays: set[int]) -> list[int]:
        """Return the number of papers on each complete day of these weekdays.

        Only days that had an announcement count.
        """
        return [
            row.items
            for row in self.known
            if before - HISTORY_SPAN <= row.day < before
            and row.state in COMPLETE
            and row.day.weekday() in weekdays
            and (self.announcement_time is None or self.announcement_time(row.day))
        ]


@dataclass(frozen=True, slots=True)
class Observation:
    """Observations of one run over a source.

    Attributes:
        items: papers by day.
        complete_days: days that were read completely.
        named: days that an answer names, even if it is empty.
        checked: days that another interface was asked about.
        newest: the newest day of the answers.
        flaw: what is wrong with the records.
        error: why not everything was read.
        gap: why an earlier day may not have been read at all.
    """

    items: Mapping[date, int] = field(default_factory=dict)
    complete_days: frozenset[date] = frozenset()
    named: frozenset[date] = frozenset()
    checked: frozenset[date] = frozenset()
    newest: date | None = None
    flaw: str = ""
    error: str = ""
    gap: str = "not fetched in time"


def judge_days(
    source: str, schedule: ExpectedSchedule, seen: Observation, days: Sequence[date], now: datetime
) -> list[Coverage]:
    """Return the days of a span whose state changed. Days that cannot be judged yet are left out."""
    held = {row.day: row for row in schedule.known}
    found = (_row(source, _Case(day, held.get(day), schedule, seen, now)) for day in days)
    return [row for row in found if row is not None]


def days_to_judge(known: Iterable[Coverage], first: date, today: date, look_back: timedelta) -> list[date]:
    """Return the days to judge: from `first` on, those since the last known one, and the look-back again.

    They are at most eight weeks, for an installation that was off for years.
    """
    kept = [row.day for row in known if row.day <= today]
    start = min(first, max(kept) + _DAY, max(min(kept), today - look_back)) if kept else first
    start = max(start, min(first, today - 8 * 7 * _DAY))
    return [start + number * _DAY for number in range((today - start).days + 1)]


def required_fields(records: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """Return the fields that nearly all recent records of a source have; None if there are too few records."""
    if len(records) < FORMAT_HISTORY_MIN:
        return frozenset()
    return frozenset(
        name
        for name in _FORMAT_FIELDS
        if sum(name in record for record in records) >= FIELD_ALWAYS_SHARE * len(records)
    )


def refuse_format_change(sightings: Sequence[Sighting], parts: frozenset[str]) -> None:
    """Raise SourceFailed if required fields are gone from an answer."""
    if len(sightings) < FORMAT_ANSWER_MIN:
        return
    for name in sorted(parts):
        there = sum(bool(_FORMAT_FIELDS[name](sighting)) for sighting in sightings)
        if there < FIELD_GONE_SHARE * len(sightings):
            raise SourceFailed(
                f"{len(sightings) - there} of {len(sightings)} records have no {name}, which nearly all had before: "
                "the source has changed its format, so the response was ignored; run `digestd source check`"
            )


def _median(counts: Sequence[int], enough: int) -> int | None:
    return median_low(counts) if len(counts) >= enough else None


@dataclass(frozen=True, slots=True)
class _Case:
    """One day with the evidence about it."""

    day: date
    was: Coverage | None
    schedule: ExpectedSchedule
    seen: Observation
    now: datetime

    @property
    def items(self) -> int:
        return max(self.seen.items.get(self.day, 0), self.was.items if self.was else 0)

    @property
    def expected(self) -> int | None:
        return self.schedule.expected(self.day)

    @property
    def due(self) -> datetime | None:
        return self.schedule.due(self.day)

    @property
    def is_due(self) -> bool:
        return self.due is not None and self.now >= self.due

    @property
    def was_complete(self) -> bool:
        return self.was is not None and self.was.state in COMPLETE

    @property
    def is_checked(self) -> bool:
        return self.day in self.seen.checked or (self.was is not None and self.was.note == CHECKED_NOTE)

    @property
    def is_too_few(self) -> bool:
        """Return True if chance does not explain the small number."""
        usual = self.expected or 0
        return self.is_due and usual >= USUAL_MIN and self.items * FEW_DIVISOR < usual and not self.is_checked

    @property
    def few(self) -> str:
        return f"{self.items} where about {self.expected} are usual"


def _row(source: str, case: _Case) -> Coverage | None:
    verdict = _verdict(case)
    if verdict is None:
        return None
    state, note = verdict
    if case.was and (state, note, case.items) == (case.was.state, case.was.note, case.was.items):
        return None
    return Coverage(source, case.day, state, case.items, case.expected, note)


def _verdict(case: _Case) -> _Verdict | None:
    if case.items:
        return _judge_day_with_papers(case)
    if case.due is None:
        return CoverageState.QUIET, ""
    return _judge_empty_day(case) if case.day in case.seen.complete_days else _judge_unread_day(case)


def _judge_day_with_papers(case: _Case) -> _Verdict | None:
    """Judge a day with papers."""
    seen, is_complete = case.seen, case.day in case.seen.complete_days
    if case.was and (not is_complete if case.was_complete else case.day not in seen.items):
        return case.was.state, case.was.note
    if not is_complete:
        return CoverageState.PARTIAL, seen.error or seen.flaw or "read only in part"
    if seen.flaw and case.day in seen.items and not case.is_checked:
        return CoverageState.PARTIAL, seen.flaw
    if case.is_too_few:
        return CoverageState.PARTIAL, case.few
    return CoverageState.FRESH, CHECKED_NOTE if case.is_checked else ""


def _judge_empty_day(case: _Case) -> _Verdict | None:
    """Judge a day without papers although everything was read."""
    if case.seen.error and case.day in case.seen.items:
        return CoverageState.PARTIAL, case.seen.error
    if case.seen.newest and case.seen.newest > case.day:
        if case.is_too_few:
            return CoverageState.PARTIAL, case.few
        return CoverageState.QUIET, CHECKED_NOTE if case.is_checked else ""
    if not case.is_due:
        return (CoverageState.QUIET, "nothing yet") if case.was else None
    if _is_awaited(case):
        return _late_or_stale(case)
    if case.schedule.announcement_time and case.day not in case.seen.named and not _is_overdue(case):
        return None
    return CoverageState.QUIET, CHECKED_NOTE if case.is_checked else ""


def _is_awaited(case: _Case) -> bool:
    """Return True if papers must be on their way.

    That is, many are usual, or an announcement is due and nothing says that it is empty.
    """
    if case.expected is None:
        return case.schedule.announcement_time is not None and case.day not in case.seen.named
    return case.expected >= USUAL_MIN


def _judge_unread_day(case: _Case) -> _Verdict | None:
    """Judge a day without papers for which this run found no reason."""
    if case.was and (case.was_complete or case.was.state is CoverageState.PARTIAL):
        return case.was.state, case.was.note
    if case.seen.error:
        is_early = case.schedule.announcement_time is not None and not case.is_due
        return None if is_early else (CoverageState.BROKEN, case.seen.error)
    if not case.is_due:
        return None
    if case.schedule.announcement_time and (case.seen.newest is None or case.seen.newest < case.day):
        return _late_or_stale(case)
    return CoverageState.PARTIAL, case.seen.gap


def _late_or_stale(case: _Case) -> _Verdict:
    state = CoverageState.STALE if _is_overdue(case) else CoverageState.LATE
    notes = [f"due since {case.due:%Y-%m-%d %H:%M} UTC", case.seen.flaw]
    if case.seen.newest:
        notes.append(f"the source answers with {case.seen.newest}")
    return state, "; ".join(note for note in notes if note)


def _is_overdue(case: _Case) -> bool:
    return case.due is not None and case.now >= case.due + case.schedule.grace
