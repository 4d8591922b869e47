"""Run one source.

Fetch, back-fill missing days, judge coverage, record the outcome.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol, runtime_checkable

import structlog

from digestd.domain.coverage import Coverage
from digestd.domain.paper import Paper
from digestd.errors import DigestdError
from digestd.papers import backfill
from digestd.papers.coverage import (
    FORMAT_MEMORY,
    HISTORY_SPAN,
    ExpectedSchedule,
    Observation,
    days_to_judge,
    judge_days,
    required_fields,
)
from digestd.papers.ingest_report import SourceReport
from digestd.papers.page_reader import AGAIN, FetchResult, IngestContext, SourceVisit, count_by_day, read_source
from digestd.sources.arxiv.calendar import date_range
from digestd.sources.source import AnnouncementSource, BackfillSource, EnrichmentSource, Source
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.papers import conferences, sources
from digestd.store.papers.sources import FetchRecord, RejectedRecord

FIRST_LOOK = timedelta(days=3)
LOOK_BACK_MAX = timedelta(days=7)
FIRST_LIST = timedelta(days=730)
"""The span that is read at first of a conference, which is its whole list."""
RECENT = timedelta(days=14)
PAGES_MAX = 150
"""bioRxiv gives 30 papers a page, so a week of it is about seventy pages."""
PAGES_MAX_SINCE = 400
"""The same where an operator asked for a time further back."""
ENRICHED_MAX = 500
"""Maximum number of papers, the newest, to ask about in one run."""

_FLEETING = "not fetched in time, and the source shows only its newest papers"
_NOT_ASKED = "not fetched, as it was too long ago; `digestd ingest --since` fetches it"
_UNMOVED = "returned the papers of an earlier announcement under a new date"
log = structlog.get_logger(__name__)


@runtime_checkable
class WarningSource(Protocol):
    """A source that may have a warning for the operator."""

    def warning(self, day: date) -> str | None:
        """Return a warning for the operator on this day, in one line, or None."""


async def visit_source(context: IngestContext, source: Source, since: datetime | None) -> SourceReport:
    """Read one source since its last answer or since `since`. Errors go into the report, never raised."""
    report = SourceReport(source.name)
    try:
        await _visit(context, source, since, report)
    except DigestdError as error:
        report.error = str(error)
    except Exception as error:  # what nobody foresaw in one source must not stop the others
        log.exception("a source cannot be read", source=source.name, kind=type(error).__name__)
        report.error = f"unexpected {type(error).__name__}{AGAIN}"
    else:
        return report
    report.conclude(None, [])
    return report


async def _visit(context: IngestContext, source: Source, since: datetime | None, report: SourceReport) -> None:
    begun = context.clock()
    if isinstance(source, WarningSource) and (warning := source.warning(begun.date())):
        report.add_note(warning)
    start = await asyncio.to_thread(_gather, context.db, source, since, begun)
    visit = SourceVisit(
        context=context,
        name=source.name,
        report=report,
        pages_left=PAGES_MAX_SINCE if since else PAGES_MAX,
        before=start.before,
        required=start.required,
        here=frozenset(row.day for row in start.known if row.items),
        old_before=_old_before(source, start, begun),
        is_conference=start.is_conference,
    )
    if isinstance(source, EnrichmentSource):
        await _enrich(visit, source, start, begun)
    else:
        await _announce(visit, source, start, begun)


@dataclass(frozen=True, slots=True)
class _Start:
    """Stored state of a source before the run.

    `asked_for`: the operator's first day. `is_conference`: it lists the papers of a conference.
    """

    since: datetime
    asked_for: date | None
    last: datetime | None
    before: dict[str, FetchRecord]
    known: list[Coverage]
    required: frozenset[str]
    papers: Sequence[Paper]
    is_conference: bool


def _old_before(source: Source, start: _Start, now: datetime) -> datetime | None:
    """Return the publication time before which papers without an announcement day are not news, or None.

    On the first run a source gives its archive besides recent news; a search gives a year. A file is taken as it is.
    """
    is_first = start.last is None and start.asked_for is None
    return now - RECENT if is_first and source.rate_limit.host else None


def _gather(db: Database, source: Source, since: datetime | None, now: datetime) -> _Start:
    learned_from = (now - HISTORY_SPAN - LOOK_BACK_MAX).date()
    with db.read() as session:
        last = sources.newest_success(session, source.name)
        is_conference = source.name in conferences.names(session)
        is_new_list = is_conference and last is None
        recent = now - FIRST_LIST if is_new_list else max(last or now - FIRST_LOOK, now - LOOK_BACK_MAX)
        start = since or recent
        is_enriching = isinstance(source, EnrichmentSource)
        return _Start(
            since=start,
            asked_for=since.date() if since else None,
            last=last,
            before=sources.fetches_of(session, source.name),
            known=sources.coverage_of(session, source.name, min(start.date(), learned_from)),
            required=required_fields(sources.latest_records(session, source.name, now - FORMAT_MEMORY)),
            papers=papers.candidates(session, now - LOOK_BACK_MAX, now)[-ENRICHED_MAX:] if is_enriching else (),
            is_conference=is_conference,
        )


async def _enrich(visit: SourceVisit, source: EnrichmentSource, start: _Start, begun: datetime) -> None:
    """Fetch signals for the candidates of the week; such a source has no days."""
    if not start.papers:
        return
    result, failed = await _read(visit, source.for_papers(start.papers), start.since)
    visit.report.conclude(None, [])
    await asyncio.to_thread(_record_outcome, visit, result, failed, [], begun)


async def _announce(visit: SourceVisit, source: Source, start: _Start, begun: datetime) -> None:
    result, failed = await _read(visit, source, start.since)
    now = visit.context.clock()
    seen = _observe(source, result, start, visit.report.error, now)
    schedule = ExpectedSchedule(
        start.known, source.announcement_time if isinstance(source, AnnouncementSource) else None
    )
    window = days_to_judge(start.known, _first(seen, start, now), now.date(), LOOK_BACK_MAX)
    found = judge_days(visit.name, schedule, seen, window, now)
    if isinstance(source, BackfillSource):
        since = start.asked_for or (now - LOOK_BACK_MAX).date()
        missing = backfill.missed_days(_merged_days(start.known, found), schedule, since, now)
        seen = await backfill.fetch_missing(visit, source, seen, missing)
        found = judge_days(visit.name, schedule, seen, window, now)
    merged = _merged_days(start.known, found)
    visit.report.conclude(max(merged, key=lambda row: row.day, default=None), found)
    await asyncio.to_thread(_record_outcome, visit, result, failed, found, begun)


async def _read(visit: SourceVisit, source: Source, since: datetime) -> tuple[FetchResult, FetchRecord | None]:
    """Read a source; return what came, and the failure if there was one."""
    result = FetchResult()
    visit.report.error = error = await read_source(visit, source, since, result)
    failed = FetchRecord(visit.name, visit.url, visit.context.clock(), visit.report.fetched, error=error)
    return result, failed if error else None


def _observe(source: Source, result: FetchResult, start: _Start, error: str | None, now: datetime) -> Observation:
    today = now.date()
    named = frozenset(day for day in result.named if day <= today)
    items: dict[date, int] = {}
    for day, count in count_by_day(result, result.items).items():
        items[min(day, today)] = items.get(min(day, today), 0) + count
    if result.undated is not None:
        so_far = next((row.items for row in start.known if row.day == today), 0)
        items[today] = items.get(today, 0) + so_far + result.undated
    return Observation(
        items=items,
        complete_days=_complete_days(source, result, start, today),
        named=named,
        newest=max((*items, *named), default=None),
        flaw=result.flaw if result.moved else _UNMOVED,
        error=error or "",
        gap=_FLEETING if _is_fleeting(source, result, start.since) else _NOT_ASKED,
    )


def _complete_days(source: Source, result: FetchResult, start: _Start, today: date) -> frozenset[date]:
    """Return the days that were read completely.

    What shows only its newest papers has shown all since the last time if some of them were known.
    """
    if not result.ended or isinstance(source, BackfillSource):
        return frozenset(result.named if result.ended else ())
    if start.last and not result.known and _is_fleeting(source, result, start.since):
        return frozenset({today, *result.named})
    return frozenset({*date_range(start.since.date(), today), *result.named})


def _is_fleeting(source: Source, result: FetchResult, since: datetime) -> bool:
    """Return True if the source shows only its newest papers: one page, whatever is asked."""
    if isinstance(source, BackfillSource):
        return True
    return result.pages == 1 and source.requests(since, None) == source.requests(since - HISTORY_SPAN, None)


def _first(seen: Observation, start: _Start, now: datetime) -> date:
    """Return the first day to judge: a new source has no days before its first read."""
    if start.asked_for or start.known:
        return start.since.date()
    return max(min((*seen.complete_days, now.date())), (now - LOOK_BACK_MAX).date())


def _merged_days(known: Iterable[Coverage], found: Iterable[Coverage]) -> list[Coverage]:
    return list({row.day: row for row in (*known, *found)}.values())


def _record_outcome(
    visit: SourceVisit, result: FetchResult, failed: FetchRecord | None, found: Sequence[Coverage], begun: datetime
) -> None:
    """Record the outcome. After a complete run, forget addresses that were not asked again."""
    now = visit.context.clock()
    with visit.context.db.write() as session:
        sources.record_fetches(session, [failed] if failed else visit.asked)
        if failed is None:
            sources.delete_fetches_before(session, visit.name, begun)
        if result.pages:
            rejects = (RejectedRecord(one.where, one.field, one.message, now) for one in visit.rejects)
            sources.replace_rejected(session, visit.name, rejects)
        sources.store_coverage(session, found, now)
