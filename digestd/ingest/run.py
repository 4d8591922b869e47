"""Ingest: ask every source, page by page, and put what it says into the store.

Each source stands alone: one that is broken is reported and the others go on. A page is
committed whole before the next is asked for. Validators are kept only when a source was read to
its end, so that a failure half-way is made good by the next run.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from digestd.errors import DigestdError, SourceFailed
from digestd.ingest.fetch import Answer, Client, Fetcher, Validators
from digestd.ingest.merge import Decision
from digestd.ingest.pages import take_in
from digestd.sources import Jsonl, Page, Reject, Request, Source
from digestd.store import fetches
from digestd.store.database import Database
from digestd.store.fetches import Fetched

FIRST_LOOK = timedelta(days=3)
LOOK_BACK_MAX = timedelta(days=7)
PAGES_MAX = 40
STALLS_MAX = 2
"""How often a page that leads back to itself (an empty one in mid-result) is asked for again."""
FILE_MAX = 200_000_000


@dataclass(slots=True)
class SourceReport:
    """What came of one source. `state`: fresh (something new or changed), quiet (nothing), broken."""

    source: str
    state: str = "quiet"
    fetched: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    error: str | None = None
    rejects: list[Reject] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, object]:
        """What came of it, without the rejects themselves."""
        return {name: value for name, value in asdict(self).items() if name != "rejects" and value is not None}

    def count(self, page: Page, decision: Decision) -> None:
        """Add one page."""
        self.fetched += len(page.sightings) + len(page.rejects)
        self.new += decision.new
        self.updated += decision.updated
        self.unchanged += decision.unchanged
        self.rejected += len(page.rejects)
        self.rejects += page.rejects[: 20 - len(self.rejects)]
        if self.new or self.updated:
            self.state = "fresh"


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What came of every source."""

    sources: tuple[SourceReport, ...]

    @property
    def broken(self) -> bool:
        """Whether any source gave no usable answer."""
        return any(report.state == "broken" for report in self.sources)

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {"sources": [asdict(report) for report in self.sources]}


async def ingest(
    db: Database,
    sources: Iterable[Source],
    client: Client,
    clock: Callable[[], datetime],
    since: datetime | None = None,
) -> IngestReport:
    """Ask every source for what is new since it last answered (at most 7 days), or since `since`.

    One at a time: arXiv allows one connection, and no source is in a hurry.
    """
    async with Fetcher(db, client, clock) as fetcher:
        return IngestReport(tuple([await _ingest(_Run(db, source, fetcher, clock), since) for source in sources]))


def ingest_files(db: Database, files: Sequence[tuple[str, Path]], now: datetime) -> IngestReport:
    """Take in files of JSON lines as sources of these names: a sample day, without any network."""
    reports = []
    for name, path in files:
        report = SourceReport(name)
        page = Jsonl(path).parse(_read(path))
        report.count(page, take_in(db, name, page.sightings, now))
        reports.append(report)
    return IngestReport(tuple(reports))


@dataclass(slots=True)
class _Run:
    """One source's turn."""

    db: Database
    source: Source
    fetcher: Fetcher
    clock: Callable[[], datetime]
    asked: list[Fetched] = field(default_factory=list)
    url: str = ""


async def _ingest(run: _Run, since: datetime | None) -> SourceReport:
    report = SourceReport(run.source.name)
    begun = run.clock()
    try:
        before, start = await asyncio.to_thread(_gather, run, begun)
        await _pages(run, since or start, before, report)
    except DigestdError as error:
        report.state, report.error = "broken", str(error)
        failed = Fetched(run.source.name, run.url, run.clock(), report.fetched, error=str(error))
        await asyncio.to_thread(_note, run, [failed], None)
        return report
    except Exception as error:  # what nobody foresaw in one source must not stop the others
        report.state, report.error = "broken", f"unexpected {type(error).__name__}; the next ingest tries again"
        return report
    await asyncio.to_thread(_note, run, run.asked, begun)
    return report


def _gather(run: _Run, now: datetime) -> tuple[dict[str, Fetched], datetime]:
    with run.db.read() as session:
        before = fetches.of(session, run.source.name)
        last = fetches.newest_success(session, run.source.name)
    return before, max(last or now - FIRST_LOOK, now - LOOK_BACK_MAX)


async def _pages(run: _Run, since: datetime, before: dict[str, Fetched], report: SourceReport) -> None:
    cursor: str | None = None
    stalls = 0
    for _page in range(PAGES_MAX):
        request = run.source.requests(since, cursor)
        if request is None:
            return
        run.url = request.url
        answer = await _fetch(run, request, before.get(request.url))
        if answer.body is None:
            run.asked.append(_kept(run, answer, 0))
            return
        page = await asyncio.to_thread(_parse, run.source, answer.body, cursor)
        decision = await asyncio.to_thread(take_in, run.db, run.source.name, page.sightings, run.clock())
        report.count(page, decision)
        run.asked.append(_kept(run, answer, len(page.sightings)))
        if page.next is None:
            return
        stalls = stalls + 1 if page.next == (cursor or "0") else 0
        if stalls > STALLS_MAX:
            raise SourceFailed("does not move on in the middle of its result; the next ingest tries again")
        cursor = page.next
    raise SourceFailed(f"has more than {PAGES_MAX} pages; the rest is left for the next ingest")


def _parse(source: Source, body: bytes, cursor: str | None) -> Page:
    """Read an answer. What a parser did not foresee breaks this source only."""
    try:
        return source.parse(body, cursor)
    except DigestdError:
        raise
    except Exception as error:
        raise SourceFailed(f"the answer cannot be read ({type(error).__name__}: {str(error)[:100]})") from error


def _kept(run: _Run, answer: Answer, items: int) -> Fetched:
    valid = answer.validators
    return Fetched(run.source.name, run.url, run.clock(), items, valid.etag, valid.last_modified)


async def _fetch(run: _Run, request: Request, before: Fetched | None) -> Answer:
    known = Validators() if before is None or before.error or request.fresh else _validators(before)
    if request.url.startswith("file:"):
        return await asyncio.to_thread(_from_file, Path(unquote(urlsplit(request.url).path)), known)
    answer = await run.fetcher.fetch(request, run.source.pace, known)
    if answer.body is None and not (answer.validators.etag or answer.validators.last_modified):
        return Answer(None, known)
    return answer


def _validators(before: Fetched) -> Validators:
    return Validators(before.etag, before.last_modified)


def _from_file(path: Path, known: Validators) -> Answer:
    """A file's time and size are its validator."""
    try:
        state = path.stat()
    except OSError as error:
        raise SourceFailed(f"cannot read {path}: {error.strerror}") from error
    now = Validators(etag=f"{state.st_mtime_ns}-{state.st_size}")
    return Answer(None, now) if now == known else Answer(_read(path), now)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_MAX:
            raise SourceFailed(f"{path} is larger than {FILE_MAX // 1_000_000} MB; use `digestd paper import`")
        return path.read_bytes()
    except OSError as error:
        raise SourceFailed(f"cannot read {path}: {error.strerror}") from error


def _note(run: _Run, asked: Sequence[Fetched], begun: datetime | None) -> None:
    """Keep how it went; after a whole run, forget the addresses that were not asked for again."""
    with run.db.write() as session:
        fetches.keep(session, asked)
        if begun is not None:
            fetches.forget_before(session, run.source.name, begun)
