"""Run ingest with real sources whose hosts are a local server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit

from digestd.domain.coverage import Coverage
from digestd.domain.paper import Paper
from digestd.fetching.fetch import Client, Limits
from digestd.papers.ingest import IngestOptions, ingest
from digestd.papers.ingest_report import IngestReport, SourceReport
from digestd.papers.source_runner import WarningSource
from digestd.sources import parse_source
from digestd.sources.source import (
    AnnouncementSource,
    BackfillSource,
    EnrichmentSource,
    Page,
    RateLimit,
    Request,
    Source,
)
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.papers import sources as stored_sources
from tests.papers.http_server import AT_ONCE, HttpServer

CLIENT = Client("https://digest.example.org", limits=Limits(seconds=30, backoff=AT_ONCE, attempts=2))


@dataclass(frozen=True)
class LocalSource:
    """A real source redirected to a local server, without its rate limit."""

    real: Source
    site: HttpServer

    @property
    def name(self) -> str:
        return self.real.name

    @property
    def rate_limit(self) -> RateLimit:
        return RateLimit(self.real.rate_limit.host, 0.01)

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        request = self.real.requests(since, cursor)
        if request is None or request.url.startswith("file:"):
            return request
        parts = urlsplit(request.url)
        query = f"?{parts.query}" if parts.query else ""
        return replace(request, url=self.site.url(parts.path + query))

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        return self.real.parse(body, cursor)

    def __reduce__(self) -> Any:
        """Pickle only the real source, for the parser process."""
        return itemgetter(0), ((self.real,),)


class LocalAnnouncingSource(LocalSource):
    """A redirected source with a calendar."""

    def announcement_time(self, day: date) -> datetime | None:
        assert isinstance(self.real, AnnouncementSource)
        return self.real.announcement_time(day)

    def warning(self, day: date) -> str | None:
        return self.real.warning(day) if isinstance(self.real, WarningSource) else None


class LocalBackfillSource(LocalAnnouncingSource):
    """A redirected source with another interface for earlier days."""

    def backfill(self, first: date, last: date) -> Source:
        assert isinstance(self.real, BackfillSource)
        return redirect(self.real.backfill(first, last), self.site)


class LocalEnrichingSource(LocalSource):
    """A redirected source that adds signals to stored papers."""

    def for_papers(self, papers: Sequence[Paper]) -> Source:
        assert isinstance(self.real, EnrichmentSource)
        return LocalSource(self.real.for_papers(papers), self.site)


def redirect(real: Source, site: HttpServer) -> Source:
    """Return the source redirected to this server."""
    if isinstance(real, BackfillSource):
        return LocalBackfillSource(real, site)
    if isinstance(real, AnnouncementSource):
        return LocalAnnouncingSource(real, site)
    return LocalEnrichingSource(real, site) if isinstance(real, EnrichmentSource) else LocalSource(real, site)


@dataclass
class Ingester:
    """Ingest with a database, a server and a clock."""

    db: Database
    web: HttpServer
    clock: Callable[[], datetime]

    async def ingest(
        self, *sources: str | Source, since: datetime | None = None, via: IngestOptions | None = None
    ) -> Any:
        """Ingest from these sources and return their reports."""
        real = [parse_source(source) if isinstance(source, str) else source for source in sources]
        listed = [one if isinstance(one, LocalSource) else redirect(one, self.web) for one in real]
        report: IngestReport = await ingest(self.db, listed, CLIENT, self.clock, since, via)
        reports: Sequence[SourceReport] = report.sources
        return reports

    def count(self) -> int:
        """Return the number of stored papers."""
        with self.db.read() as session:
            return papers.count(session)

    def days(self, source: str, since: date = date(2026, 1, 1)) -> dict[str, Coverage]:
        """Return the stored coverage of a source by day."""
        with self.db.read() as session:
            return {row.day.isoformat(): row for row in stored_sources.coverage_of(session, source, since)}

    def states(self, source: str, since: date = date(2026, 1, 1)) -> dict[str, str]:
        """Return the stored states of a source by day."""
        return {day: str(row.state) for day, row in self.days(source, since).items()}
