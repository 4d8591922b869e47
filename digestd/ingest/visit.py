"""One visit to a source: gather what is known, ask, look elsewhere for what is missing, judge the days, note it all."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol, runtime_checkable

from digestd.domain.coverage import Coverage
from digestd.domain.paper import Paper
from digestd.errors import DigestdError
from digestd.ingest import backfill
from digestd.ingest.coverage import Seen, judge, span
from digestd.ingest.drift import REMEMBERED_FOR, required
from digestd.ingest.reading import Desk, Haul, Visit, counted, read
from digestd.ingest.report import SourceReport
from digestd.ingest.rhythm import LEARNED_FROM, Rhythm
from digestd.sources import Announcing, Backfilled, Enriching, Source
from digestd.sources.arxiv_calendar import days
from digestd.store import coverage, fetches, papers
from digestd.store import sources as kept
from digestd.store.database import Database
from digestd.store.fetches import FetchRecord
from digestd.store.sources import RejectedRecord

FIRST_LOOK = timedelta(days=3)
LOOK_BACK_MAX = timedelta(days=7)
RECENT = timedelta(days=14)
PAGES_MAX = 150
"""bioRxiv gives 30 papers a page, so a week of it is about seventy pages."""
PAGES_MAX_SINCE = 400
"""The same where an operator asked for a time further back."""
ENRICHED_MAX = 500
"""So many papers, the newest, are asked about in one run."""

_FLEETING = "nobody asked in time, and the source shows only its newest papers"
_NOT_ASKED = "not asked for, as it was too long ago; `digestd ingest --since` fetches it"
_UNMOVED = "it gives the papers of an earlier announcement under a new date"


@runtime_checkable
class Advising(Protocol):
    """A source that may know of something for an operator to see to."""

    def warning(self, day: date) -> str | None:
        """What to see to on this day, one line."""


async def visit_source(desk: Desk, source: Source, since: datetime | None) -> SourceReport:
    """Ask one source, since it last answered or since `since`. Its own trouble is in the report, never raised."""
    begun = desk.clock()
    report = SourceReport(source.name)
    if isinstance(source, Advising) and (warning := source.warning(begun.date())):
        report.add_note(warning)
    try:
        start = await asyncio.to_thread(_gather, desk.db, source, since, begun)
    except DigestdError as error:
        report.error = str(error)
        report.conclude(None, [])
        return report
    visit = Visit(
        desk=desk,
        name=source.name,
        report=report,
        pages_left=PAGES_MAX_SINCE if since else PAGES_MAX,
        before=start.before,
        required=start.required,
        here=frozenset(row.day for row in start.known if row.items),
        old_before=_old_before(source, start, begun),
    )
    if isinstance(source, Enriching):
        await _enrich(visit, source, start, begun)
    else:
        await _announce(visit, source, start, begun)
    return report


@dataclass(frozen=True, slots=True)
class _Start:
    """What is known of a source before it is asked. `asked_for`: the first day that an operator wants."""

    since: datetime
    asked_for: date | None
    last: datetime | None
    before: dict[str, FetchRecord]
    known: list[Coverage]
    required: frozenset[str]
    papers: Sequence[Paper]


def _old_before(source: Source, start: _Start, now: datetime) -> datetime | None:
    """Papers without a day of their own that were published before this are no news.

    What a source gives at the first look is its archive, and the news of the last days; a search gives
    a year. A file is what an operator put there.
    """
    is_first = start.last is None and start.asked_for is None
    return now - RECENT if is_first and source.pace.host else None


def _gather(db: Database, source: Source, since: datetime | None, now: datetime) -> _Start:
    learned_from = (now - LEARNED_FROM - LOOK_BACK_MAX).date()
    with db.read() as session:
        last = fetches.newest_success(session, source.name)
        start = since or max(last or now - FIRST_LOOK, now - LOOK_BACK_MAX)
        is_enriching = isinstance(source, Enriching)
        return _Start(
            since=start,
            asked_for=since.date() if since else None,
            last=last,
            before=fetches.of_source(session, source.name),
            known=coverage.of_source(session, source.name, min(start.date(), learned_from)),
            required=required(coverage.latest_records(session, source.name, now - REMEMBERED_FOR)),
            papers=papers.candidates(session, now - LOOK_BACK_MAX, now)[-ENRICHED_MAX:] if is_enriching else (),
        )


async def _enrich(visit: Visit, source: Enriching, start: _Start, begun: datetime) -> None:
    """Ask about the candidates of the week; such a source announces nothing, so it has no days."""
    if not start.papers:
        return
    haul, failed = await _ask(visit, source.about(start.papers), start.since)
    visit.report.conclude(None, [])
    await asyncio.to_thread(_note, visit, haul, failed, [], begun)


async def _announce(visit: Visit, source: Source, start: _Start, begun: datetime) -> None:
    haul, failed = await _ask(visit, source, start.since)
    now = visit.desk.clock()
    seen = _seen(source, haul, start, visit.report.error, now)
    rhythm = Rhythm(start.known, source.announced if isinstance(source, Announcing) else None)
    window = span(start.known, _first(seen, start, now), now.date(), LOOK_BACK_MAX)
    found = judge(visit.name, rhythm, seen, window, now)
    if isinstance(source, Backfilled):
        since = start.asked_for or (now - LOOK_BACK_MAX).date()
        missing = backfill.missed(_standing(start.known, found), rhythm, since, now)
        seen = await backfill.fill(visit, source, seen, missing)
        found = judge(visit.name, rhythm, seen, window, now)
    standing = _standing(start.known, found)
    visit.report.conclude(max(standing, key=lambda row: row.day, default=None), found)
    await asyncio.to_thread(_note, visit, haul, failed, found, begun)


async def _ask(visit: Visit, source: Source, since: datetime) -> tuple[Haul, FetchRecord | None]:
    """What came, and how it failed if it did."""
    haul = Haul()
    visit.report.error = error = await read(visit, source, since, haul)
    failed = FetchRecord(visit.name, visit.url, visit.desk.clock(), visit.report.fetched, error=error)
    return haul, failed if error else None


def _seen(source: Source, haul: Haul, start: _Start, error: str | None, now: datetime) -> Seen:
    today = now.date()
    named = frozenset(day for day in haul.named if day <= today)
    items: dict[date, int] = {}
    for day, count in counted(haul, haul.items).items():
        items[min(day, today)] = items.get(min(day, today), 0) + count
    if haul.undated is not None:
        so_far = next((row.items for row in start.known if row.day == today), 0)
        items[today] = items.get(today, 0) + so_far + haul.undated
    return Seen(
        items=items,
        whole=_whole(source, haul, start, today),
        named=named,
        newest=max((*items, *named), default=None),
        flaw=haul.flaw if haul.moved else _UNMOVED,
        error=error or "",
        gap=_FLEETING if _is_fleeting(source, haul, start.since) else _NOT_ASKED,
    )


def _whole(source: Source, haul: Haul, start: _Start, today: date) -> frozenset[date]:
    """The days of which all that the source has was read.

    What shows only its newest papers has shown all since the last time if some of them were known.
    """
    if not haul.ended or isinstance(source, Backfilled):
        return frozenset(haul.named if haul.ended else ())
    if start.last and not haul.known and _is_fleeting(source, haul, start.since):
        return frozenset({today, *haul.named})
    return frozenset({*days(start.since.date(), today), *haul.named})


def _is_fleeting(source: Source, haul: Haul, since: datetime) -> bool:
    """Whether the source shows only its newest papers: one page, asked for in the same way whatever is wanted."""
    if isinstance(source, Backfilled):
        return True
    return haul.pages == 1 and source.requests(since, None) == source.requests(since - LEARNED_FROM, None)


def _first(seen: Seen, start: _Start, now: datetime) -> date:
    """The first day that this run should say something of: a source that is new has no days before it was read."""
    if start.asked_for or start.known:
        return start.since.date()
    return max(min((*seen.whole, now.date())), (now - LOOK_BACK_MAX).date())


def _standing(known: Iterable[Coverage], found: Iterable[Coverage]) -> list[Coverage]:
    """The days as they are now, with what was found in place of what was known."""
    return list({row.day: row for row in (*known, *found)}.values())


def _note(visit: Visit, haul: Haul, failed: FetchRecord | None, found: Sequence[Coverage], begun: datetime) -> None:
    """Keep how it went; after a whole run, forget the addresses that were not asked for again."""
    now = visit.desk.clock()
    with visit.desk.db.write() as session:
        fetches.upsert(session, [failed] if failed else visit.asked)
        if failed is None:
            fetches.delete_before(session, visit.name, begun)
        if haul.pages:
            rejects = (RejectedRecord(one.where, one.field, one.message, now) for one in visit.rejects)
            kept.replace_rejected(session, visit.name, rejects)
        coverage.upsert(session, found, now)
