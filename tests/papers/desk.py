"""Real sources whose hosts are the test's own server, and ingest with everything it needs."""

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
from digestd.papers.source_visit import WarningSource
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
from digestd.store import coverage, papers
from digestd.store.database import Database
from tests.papers.site import AT_ONCE, Site

CLIENT = Client("https://digest.example.org", limits=Limits(seconds=30, backoff=AT_ONCE, attempts=2))


@dataclass(frozen=True)
class Here:
    """A real source, asked on the test's own server, as often as one likes."""

    real: Source
    site: Site

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
        """In the process that reads answers there is only the real source."""
        return itemgetter(0), ((self.real,),)


class HereAnnouncing(Here):
    """One whose calendar is known."""

    def announcement_time(self, day: date) -> datetime | None:
        assert isinstance(self.real, AnnouncementSource)
        return self.real.announcement_time(day)

    def warning(self, day: date) -> str | None:
        return self.real.warning(day) if isinstance(self.real, WarningSource) else None


class HereBackfilled(HereAnnouncing):
    """One that another interface makes good."""

    def backfill(self, first: date, last: date) -> Source:
        assert isinstance(self.real, BackfillSource)
        return here(self.real.backfill(first, last), self.site)


class HereEnriching(Here):
    """One that adds to known papers."""

    def for_papers(self, papers: Sequence[Paper]) -> Source:
        assert isinstance(self.real, EnrichmentSource)
        return Here(self.real.for_papers(papers), self.site)


def here(real: Source, site: Site) -> Source:
    """The source on this server."""
    if isinstance(real, BackfillSource):
        return HereBackfilled(real, site)
    if isinstance(real, AnnouncementSource):
        return HereAnnouncing(real, site)
    return HereEnriching(real, site) if isinstance(real, EnrichmentSource) else Here(real, site)


@dataclass
class Desk:
    """Ingest on a database, at a server, with a clock."""

    db: Database
    web: Site
    clock: Callable[[], datetime]

    async def ask(self, *sources: str | Source, since: datetime | None = None, via: IngestOptions | None = None) -> Any:
        """The reports of these sources."""
        real = [parse_source(source) if isinstance(source, str) else source for source in sources]
        listed = [one if isinstance(one, Here) else here(one, self.web) for one in real]
        report: IngestReport = await ingest(self.db, listed, CLIENT, self.clock, since, via)
        reports: Sequence[SourceReport] = report.sources
        return reports

    def count(self) -> int:
        """How many papers are known."""
        with self.db.read() as session:
            return papers.count(session)

    def days(self, source: str, since: date = date(2026, 1, 1)) -> dict[str, Coverage]:
        """What is noted of the days of a source."""
        with self.db.read() as session:
            return {row.day.isoformat(): row for row in coverage.of_source(session, source, since)}

    def states(self, source: str, since: date = date(2026, 1, 1)) -> dict[str, str]:
        """The same, the states alone."""
        return {day: str(row.state) for day, row in self.days(source, since).items()}
