"""Fetch one source page by page and store each page.

Each page is committed completely before the next. Meanwhile at most one further page is fetched and parsed.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from digestd.domain.paper import PaperId, Sighting
from digestd.errors import DigestdError, SourceFailed, SourceUnavailable
from digestd.fetching.answer_parser import AnswerParser
from digestd.fetching.fetch import Answer, Fetcher, Validators, fetch_file
from digestd.papers.coverage import refuse_format_change
from digestd.papers.ingest_report import SourceReport
from digestd.papers.merge import ARCHIVE, CONFERENCE, NEWS, SIGNALS, Decision
from digestd.papers.page_store import store_page
from digestd.sources.source import AnnouncementSource, Page, Reject, Request, Source
from digestd.store.database import Database
from digestd.store.papers import sources
from digestd.store.papers.sources import FetchRecord

STALLS_MAX = 2
"""Maximum number of retries of an empty page in the middle of a result."""
REJECTS_KEPT = 100
REJECTED_MAX = 0.1
"""Share of rejected records above which a day is incomplete."""
WHOLE_ANSWER = "the answer"
"""Place of a reject about the whole answer: truncated or too long."""
UNMOVED = 0.9
UNMOVED_MIN = 5
"""An announcement of at least UNMOVED_MIN papers of which this share is stored is an old one under a new date."""
AGAIN = "; the next ingest tries again"


@dataclass(frozen=True, slots=True)
class IngestContext:
    """Context shared by all sources of a run. `on_page` is called with the number of records of each page."""

    db: Database
    fetcher: Fetcher
    parser: AnswerParser
    clock: Callable[[], datetime]
    on_page: Callable[[int], None]


@dataclass(slots=True)
class SourceVisit:
    """One run over a source.

    Attributes:
        name: the name that everything is stored under.
        required: fields that nearly all its records had so far.
        here: days for which papers are stored.
        old_before: papers published earlier are not news, if set.
        is_conference: it lists the papers of a conference, none of which is news.
    """

    context: IngestContext
    name: str
    report: SourceReport
    pages_left: int
    before: Mapping[str, FetchRecord] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    here: frozenset[date] = frozenset()
    old_before: datetime | None = None
    is_conference: bool = False
    asked: list[FetchRecord] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    url: str = ""


@dataclass(slots=True)
class FetchResult:
    """Result of reading a source once.

    Attributes:
        undated: number of new papers on pages without days, or None if there was no such page.
        known: True if any paper was already stored.
        moved: False if an earlier announcement came again under a new date.
        ended: True if the source was read to its end.
    """

    items: dict[date, set[PaperId]] = field(default_factory=dict)
    named: set[date] = field(default_factory=set)
    undated: int | None = None
    pages: int = 0
    records: int = 0
    rejected: int = 0
    known: bool = False
    moved: bool = True
    ended: bool = False
    flaw: str = ""

    def count(self, page: Page, decision: Decision) -> None:
        """Add a page."""
        self.records += len(page.sightings) + len(page.rejects)
        self.rejected += len(page.rejects)
        self.known |= decision.updated + decision.unchanged > 0
        dated = [sighting for sighting in page.sightings if sighting.day]
        if len(dated) < len(page.sightings):
            self.undated = (self.undated or 0) + decision.new
        for sighting in dated:
            self.items.setdefault(sighting.day or date.min, set()).add(sighting.ids[0])
        if page.day:
            self.named.add(page.day)
        self.flaw = self.flaw or next((one.message for one in page.rejects if one.where == WHOLE_ANSWER), "")

    def end(self, total: int | None) -> None:
        """Note the end of the source. `total`: how many records it claims to have."""
        self.ended = True
        if total and total > self.records:
            self.flaw = self.flaw or f"the source announced {total} records but returned {self.records}"
        elif self.rejected > REJECTED_MAX * self.records:
            self.flaw = self.flaw or f"{self.rejected} of {self.records} records could not be read"


async def read_source(visit: SourceVisit, source: Source, since: datetime, result: FetchResult) -> str | None:
    """Read a source to its end; return the error that stopped it, if any.

    Pages before the error are stored and counted in `result`.
    """
    try:
        await _pages(visit, source, since, result)
    except DigestdError as error:
        return f"{error}{AGAIN if error.retry else ''}"
    except Exception as error:  # what nobody foresaw in one source must not stop the others
        return f"unexpected {type(error).__name__}{AGAIN}"
    return None


def count_by_day(result: FetchResult, days: Iterable[date]) -> dict[date, int]:
    return {day: len(result.items.get(day, ())) for day in days if day in result.items}


async def _pages(visit: SourceVisit, source: Source, since: datetime, result: FetchResult) -> None:
    storing: asyncio.Task[None] | None = None
    try:
        cursor: str | None = None
        stalls = 0
        while (request := source.requests(since, cursor)) is not None:
            answer = await _fetch_page(visit, source, request)
            if answer.body is None:
                visit.asked.append(_fetched(visit, request, answer, 0))
                break
            page = await visit.context.parser.parse(source, answer.body, cursor)
            refuse_format_change([one for one in page.sightings if one.announced != "signals"], visit.required)
            if storing is not None:
                await storing
            storing = asyncio.create_task(asyncio.to_thread(_store, visit, source, page, result))
            visit.asked.append(_fetched(visit, request, answer, len(page.sightings)))
            if page.next is None:
                await storing
                _end(source, result, page.total)
                return
            stalls = stalls + 1 if page.next == (cursor or "0") else 0
            if stalls > STALLS_MAX:
                raise SourceUnavailable("returned the same page three times")
            cursor = page.next
    finally:
        if storing is not None:
            await storing
    result.end(None)


def _end(source: Source, result: FetchResult, total: int | None) -> None:
    """Finish a read. For a file, store the valid lines and report the others.

    Raises SourceFailed if most lines of a file were refused.
    """
    is_file, refused = (
        not source.rate_limit.host,
        f"{result.rejected} of {result.records} records were refused; correct the file",
    )
    if is_file and result.rejected == result.records > 0:
        raise SourceFailed(refused)
    result.end(total)
    if is_file and result.rejected * 2 > result.records:
        raise SourceFailed(refused)


async def _fetch_page(visit: SourceVisit, source: Source, request: Request) -> Answer:
    if visit.pages_left <= 0:
        raise SourceFailed("has more pages than the limit of one run; the next ingest fetches the rest")
    visit.pages_left -= 1
    visit.report.requests += 1
    visit.url = request.url
    before = visit.before.get(request.url)
    is_unconditional = request.fresh or request.body is not None or before is None or before.error is not None
    known = Validators() if is_unconditional or before is None else Validators(before.etag, before.last_modified)
    if request.url.startswith("file:"):
        return await asyncio.to_thread(fetch_file, request.url, known)
    answer = await visit.context.fetcher.fetch(request, source.rate_limit, known)
    if answer.body is None and not (answer.validators.etag or answer.validators.last_modified):
        return Answer(None, known)
    return answer


def _fetched(visit: SourceVisit, request: Request, answer: Answer, items: int) -> FetchRecord:
    valid = answer.validators
    return FetchRecord(visit.name, request.url, visit.context.clock(), items, valid.etag, valid.last_modified)


def _store(visit: SourceVisit, source: Source, page: Page, result: FetchResult) -> None:
    is_old = _is_old(visit, source, page)
    sightings = [_as_announced(visit, one) for one in page.sightings]
    decision = store_page(visit.context.db, visit.name, sightings, visit.context.clock())
    refused = tuple(Reject(one.ids[0], "record", f"cannot be stored ({kind})") for one, kind in decision.refused)
    page = replace(page, rejects=page.rejects + refused, sightings=_without(page.sightings, decision))
    visit.report.count(page, decision)
    visit.rejects += page.rejects[: REJECTS_KEPT - len(visit.rejects)]
    result.pages += 1
    if is_old:
        result.moved = False
    else:
        result.count(page, decision)
    visit.context.on_page(len(page.sightings))


def _without(sightings: tuple[Sighting, ...], decision: Decision) -> tuple[Sighting, ...]:
    refused = {one.ids[0] for one, _ in decision.refused}
    return tuple(one for one in sightings if one.ids[0] not in refused)


def _as_announced(visit: SourceVisit, sighting: Sighting) -> Sighting:
    if visit.is_conference and sighting.announced != SIGNALS:
        return replace(sighting, announced=CONFERENCE)
    is_news = sighting.announced in NEWS and sighting.day is None
    is_old = visit.old_before and sighting.published and sighting.published < visit.old_before
    return replace(sighting, announced=ARCHIVE) if is_news and is_old else sighting


def _is_old(visit: SourceVisit, source: Source, page: Page) -> bool:
    """Return True for an earlier announcement under a new date.

    A feed was seen to give one for a whole day (github.com/ZJU-REAL/Polaris#414).
    """
    if not isinstance(source, AnnouncementSource) or page.day is None or page.day in visit.here:
        return False
    news = {sighting.ids[0] for sighting in page.sightings if sighting.announced in NEWS}
    if len(news) < UNMOVED_MIN:
        return False
    with visit.context.db.read() as session:
        return sources.count_known(session, visit.name, news) >= UNMOVED * len(news)
