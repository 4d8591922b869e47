"""Judge the state of each day of a source from what a run observed. Pure.

fresh     everything that the source has of the day was read
quiet     nothing was expected, or the source itself states that there is nothing
partial   pages or records are missing, far fewer came than usual, or nobody asked in time
late      papers are due and the source does not have them yet
stale     the source still answers with older papers after the grace period
broken    there was no usable answer, and nothing of the day is stored

Every run that knows more judges a day again. A complete day stays complete.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from digestd.domain.coverage import COMPLETE, Coverage, CoverageState
from digestd.papers.expected_schedule import ExpectedSchedule

USUAL_MIN = 8
"""The usual number of papers from which few are suspicious.

If 8 are usual (Poisson), fewer than a quarter of them come on 3 days in 1,000."""
FEW = 4
"""Fewer than the usual number divided by this are too few to be complete."""
CHECKED = "read by another interface of the source too"

_DAY = timedelta(days=1)
_Verdict = tuple[CoverageState, str]


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
    gap: str = "nobody asked in time"


def judge_days(
    source: str, schedule: ExpectedSchedule, seen: Observation, days: Sequence[date], now: datetime
) -> list[Coverage]:
    """Return the days of a span whose state changed; days that cannot be judged yet are left out."""
    held = {row.day: row for row in schedule.known}
    found = (_row(source, _Case(day, held.get(day), schedule, seen, now)) for day in days)
    return [row for row in found if row is not None]


def days_to_judge(known: Iterable[Coverage], first: date, today: date, look_back: timedelta) -> list[date]:
    """Return the days to judge: those since the last known one, the look-back again, and from `first` on.

    At most eight weeks, for an installation that was off for years.
    """
    kept = [row.day for row in known if row.day <= today]
    start = min(first, max(kept) + _DAY, max(min(kept), today - look_back)) if kept else first
    start = max(start, min(first, today - 8 * 7 * _DAY))
    return [start + number * _DAY for number in range((today - start).days + 1)]


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
        return self.day in self.seen.checked or (self.was is not None and self.was.note == CHECKED)

    @property
    def is_too_few(self) -> bool:
        """Return True if chance does not explain the small number."""
        usual = self.expected or 0
        return self.is_due and usual >= USUAL_MIN and self.items * FEW < usual and not self.is_checked

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
        return _of_some(case)
    if case.due is None:
        return CoverageState.QUIET, ""
    return _of_none(case) if case.day in case.seen.complete_days else _of_unseen(case)


def _of_some(case: _Case) -> _Verdict | None:
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
    return CoverageState.FRESH, CHECKED if case.is_checked else ""


def _of_none(case: _Case) -> _Verdict | None:
    """Judge a day without papers although everything was read."""
    if case.seen.error and case.day in case.seen.items:
        return CoverageState.PARTIAL, case.seen.error
    if case.seen.newest and case.seen.newest > case.day:
        if case.is_too_few:
            return CoverageState.PARTIAL, case.few
        return CoverageState.QUIET, CHECKED if case.is_checked else ""
    if not case.is_due:
        return (CoverageState.QUIET, "nothing yet") if case.was else None
    if _is_awaited(case):
        return _waiting(case)
    if case.schedule.announcement_time and case.day not in case.seen.named and not _is_overdue(case):
        return None
    return CoverageState.QUIET, CHECKED if case.is_checked else ""


def _is_awaited(case: _Case) -> bool:
    """Return True if papers must be on their way.

    That is, many are usual, or an announcement is due and nothing says that it is empty.
    """
    if case.expected is None:
        return case.schedule.announcement_time is not None and case.day not in case.seen.named
    return case.expected >= USUAL_MIN


def _of_unseen(case: _Case) -> _Verdict | None:
    """Judge a day without papers for which this run found no reason."""
    if case.was and (case.was_complete or case.was.state is CoverageState.PARTIAL):
        return case.was.state, case.was.note
    if case.seen.error:
        is_early = case.schedule.announcement_time is not None and not case.is_due
        return None if is_early else (CoverageState.BROKEN, case.seen.error)
    if not case.is_due:
        return None
    if case.schedule.announcement_time and (case.seen.newest is None or case.seen.newest < case.day):
        return _waiting(case)
    return CoverageState.PARTIAL, case.seen.gap


def _waiting(case: _Case) -> _Verdict:
    state = CoverageState.STALE if _is_overdue(case) else CoverageState.LATE
    notes = [f"due since {case.due:%Y-%m-%d %H:%M} UTC", case.seen.flaw]
    if case.seen.newest:
        notes.append(f"the source answers with {case.seen.newest}")
    return state, "; ".join(note for note in notes if note)


def _is_overdue(case: _Case) -> bool:
    return case.due is not None and case.now >= case.due + case.schedule.grace
