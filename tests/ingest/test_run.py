"""Asking sources, page by page, with a real server behind them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest

from digestd.domain.paper import PaperId
from digestd.ingest import Client, IngestReport, Limits, SourceReport, ingest, ingest_files
from digestd.shipped import sample
from digestd.sources import Pace, Page, Request, Source, parse_source, parse_sources
from digestd.store import fetches, papers
from digestd.store.database import Database
from tests.ingest.makers import everything, forget
from tests.ingest.site import Asked, Site, head, in_turn, says, site
from tests.sources.test_arxiv import entry, feed

QUERY = "/api/query?search_query=cat%3Acs.LG&sortBy=submittedDate&sortOrder=descending&start={}&max_results=500"
DAYS = "/api/daily_papers"


@dataclass(frozen=True)
class Here:
    """A real source whose host is the test's own server."""

    real: Source
    site: Site

    @property
    def name(self) -> str:
        return self.real.name

    @property
    def pace(self) -> Pace:
        return Pace(self.real.pace.host, 0.01)

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        request = self.real.requests(since, cursor)
        if request is None:
            return None
        parts = urlsplit(request.url)
        query = f"?{parts.query}" if parts.query else ""
        return Request(self.site.url(parts.path + query), request.headers, request.fresh)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        return self.real.parse(body, cursor)


@pytest.fixture
async def web() -> AsyncIterator[Site]:
    async with site() as served:
        yield served


@dataclass
class Desk:
    """Ingest with everything it needs."""

    db: Database
    web: Site
    clock: Callable[[], datetime]

    async def ask(self, *specs: str, since: datetime | None = None) -> Sequence[SourceReport]:
        sources = [Here(parse_source(spec), self.web) for spec in specs]
        client = Client("https://digest.example.org", limits=Limits(seconds=5, backoff=0.01, attempts=2))
        report: IngestReport = await ingest(self.db, sources, client, self.clock, since)
        return report.sources

    def count(self) -> int:
        with self.db.read() as session:
            return papers.count(session)


@pytest.fixture
def desk(db: Database, web: Site, now: datetime) -> Desk:
    began = monotonic()
    return Desk(db, web, lambda: now + timedelta(seconds=monotonic() - began))


def days(*numbers: str, upvotes: int = 1) -> bytes:
    records = [
        {"paper": {"id": n, "title": f"P {n}", "summary": "s", "authors": [], "upvotes": upvotes,
                   "publishedAt": "2026-11-20T00:00:00Z"}, "publishedAt": "2026-11-23T00:00:00Z"}
        for n in numbers
    ]  # fmt: skip
    return json.dumps(records).encode()


async def test_a_result_is_read_page_by_page_to_its_end(desk: Desk) -> None:
    desk.web.paths[QUERY.format(0)] = says(feed(3, 0, entry("2611.00001v1"), entry("2611.00002v1")))
    desk.web.paths[QUERY.format(2)] = says(feed(3, 2, entry("2611.00003v1")))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, report.fetched, report.new, report.error) == ("fresh", 3, 3, None)
    assert desk.count() == 3


async def test_an_empty_page_in_mid_result_is_asked_for_again(desk: Desk) -> None:
    desk.web.paths[QUERY.format(0)] = says(feed(2, 0, entry("2611.00001v1")))
    desk.web.paths[QUERY.format(1)] = in_turn(says(feed(2, 1)), says(feed(2, 1, entry("2611.00002v1"))))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, report.new) == ("fresh", 2)


async def test_pages_that_stay_empty_break_the_source_and_keep_what_came(desk: Desk) -> None:
    desk.web.paths[QUERY.format(0)] = says(feed(2, 0, entry("2611.00001v1")))
    desk.web.paths[QUERY.format(1)] = says(feed(2, 1))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, report.new) == ("broken", 1)
    assert "does not move on" in str(report.error)
    assert len(desk.web.asked) == 4
    assert desk.count() == 1


async def test_an_answer_that_never_moves_on_has_an_end(desk: Desk) -> None:
    desk.web.paths["/api/query"] = says(feed(900, 0, entry("2611.00001v1")))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert report.state == "broken"
    assert "does not move on" in str(report.error)
    assert len(desk.web.asked) == 4


async def test_a_second_run_asks_conditionally_and_is_quiet(desk: Desk) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.headers.get("if-none-match") == '"1"':
            writer.write(head(304))
        else:
            body = feed(1, 0, entry("2611.00001v1"))
            writer.write(head(200, ETag='"1"', Content_Length=len(body)) + body)

    desk.web.paths["/api/query"] = answer
    assert [r.state for _ in range(3) for r in await desk.ask("arxiv:cs.LG")] == ["fresh", "quiet", "quiet"]
    assert [asked.headers.get("if-none-match") for asked in desk.web.asked] == [None, '"1"', '"1"']


async def test_a_failure_half_way_is_made_good_by_the_next_run(desk: Desk) -> None:
    desk.web.paths[QUERY.format(0)] = says(feed(2, 0, entry("2611.00001v1")), ETag='"1"')
    desk.web.paths[QUERY.format(1)] = says(status=404)
    assert [r.state for r in await desk.ask("arxiv:cs.LG")] == ["broken"]
    desk.web.paths[QUERY.format(1)] = says(feed(2, 1, entry("2611.00002v1")))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, report.new, report.unchanged) == ("fresh", 1, 1)
    assert desk.web.asked[2].headers.get("if-none-match") is None


async def test_one_broken_source_stops_no_other(desk: Desk) -> None:
    desk.web.paths["/atom/cs.LG"] = says(b"<html><body>maintenance</body></html>")
    desk.web.paths["/atom/cs.CL"] = says(status=503)
    desk.web.paths[DAYS] = says(days("2611.00001"))
    reports = await desk.ask("arxiv-rss:cs.LG", "arxiv-rss:cs.CL", "hf-daily")
    assert [r.state for r in reports] == ["broken", "broken", "fresh"]
    assert "a feed was expected" in str(reports[0].error)
    assert all("\n" not in str(r.error) for r in reports)
    with desk.db.read() as session:
        last = fetches.last(session)
    assert last["arxiv-rss:cs.LG"].error == reports[0].error
    assert last["hf-daily"].error is None


async def test_what_a_parser_did_not_foresee_breaks_its_source_only(desk: Desk) -> None:
    class Odd(Here):
        def parse(self, body: bytes, cursor: str | None = None) -> Page:
            raise KeyError(cursor, body)

    desk.web.paths[DAYS] = says(days("2611.00001"))
    sources = [Odd(parse_source("hf-daily"), desk.web), Here(parse_source("hf-daily"), desk.web)]
    report = await ingest(desk.db, sources, Client("https://x.example.org"), desk.clock)
    assert [r.state for r in report.sources] == ["broken", "fresh"]
    assert report.broken


async def test_votes_of_the_days_before_are_asked_for_again(desk: Desk, now: datetime) -> None:
    desk.web.paths[DAYS] = says(b"[]")
    desk.web.paths[f"{DAYS}?limit=100"] = in_turn(says(days("2611.00001")), says(days("2611.00001", upvotes=9)))
    await desk.ask("hf-daily")
    (report,) = await desk.ask("hf-daily")
    assert (report.state, report.new, report.updated) == ("fresh", 0, 1)
    asked = [one.path.partition("date=")[2] for one in desk.web.asked]
    assert asked[:4] == ["", "2026-11-22", "2026-11-21", "2026-11-20"]


async def test_one_paper_of_three_sources(desk: Desk, now: datetime) -> None:
    desk.web.paths["/api/query"] = says(feed(1, 0, entry("2611.10001v1", title="Freezing lakes faster")))
    desk.web.paths["/atom/cs.LG"] = says((Path(__file__).parents[1] / "sources/samples/arxiv-rss.xml").read_bytes())
    desk.web.paths[DAYS] = says(b"[]")
    desk.web.paths[f"{DAYS}?limit=100"] = says(days("2611.10001", upvotes=5))
    specs = ["arxiv:cs.LG", "arxiv-rss:cs.LG", "hf-daily"]
    await desk.ask(*specs)
    with desk.db.read() as session:
        (news,) = papers.candidates(session, now - timedelta(days=1), now + timedelta(days=1))
        assert papers.count(session) == 2
    assert news.words.authors == ("Zoë Ångström", "Bo Li")
    assert news.signals == {"upvotes": 5}
    texts = [row.partition("made_us")[0] for row in everything(desk.db)["paper"]]
    forget(desk.db)
    desk.web.asked.clear()
    await desk.ask(*reversed(specs))
    with desk.db.read() as session:
        (again,) = papers.candidates(session, now - timedelta(days=1), now + timedelta(days=1))
    assert (again.id, again.words, again.url, again.links) == (news.id, news.words, news.url, news.links)
    assert len(texts) == 2


async def test_since_is_the_last_answer_but_never_more_than_a_week(desk: Desk, now: datetime) -> None:
    asked: list[datetime] = []

    class Watched(Here):
        def requests(self, since: datetime, cursor: str | None) -> Request | None:
            asked.append(since)
            return super().requests(since, cursor) if cursor is None else None

    desk.web.paths[DAYS] = says(days("2611.00001"))
    source = Watched(parse_source("hf-daily"), desk.web)
    for moment, since in [(now, None), (now + timedelta(hours=1), None), (now + timedelta(days=60), None), (now, now)]:
        await ingest(desk.db, [source], Client("https://x.example.org"), lambda at=moment: at, since)  # type: ignore[misc]  # bound now
    assert asked[::2] == [now - timedelta(days=3), now, now + timedelta(days=53), now]


async def test_no_sources_opens_no_socket(db: Database, now: datetime) -> None:
    report = await ingest(db, parse_sources("none"), Client("https://x.example.org"), lambda: now)
    assert report.sources == ()
    assert not report.broken


async def test_a_file_is_a_source_and_read_again_only_when_changed(db: Database, now: datetime, tmp_path: Path) -> None:
    file = tmp_path / "my papers.jsonl"
    file.write_bytes(b'{"title": "One"}\n{"titel": "Two"}\n')
    sources, client = [parse_source(f"jsonl:{file}")], Client("https://x.example.org")
    (first,) = (await ingest(db, sources, client, lambda: now)).sources
    assert (first.state, first.new, first.rejected) == ("fresh", 1, 1)
    assert first.rejects[0].where == "line 2"
    (second,) = (await ingest(db, sources, client, lambda: now)).sources
    assert (second.state, second.fetched) == ("quiet", 0)
    file.write_bytes(b'{"title": "One"}\n{"title": "Two and more"}\n')
    (third,) = (await ingest(db, sources, client, lambda: now)).sources
    assert (third.state, third.new, third.unchanged) == ("fresh", 1, 1)


async def test_a_file_that_is_not_there_is_a_broken_source(db: Database, now: datetime) -> None:
    (report,) = (
        await ingest(db, [parse_source("jsonl:/no/such")], Client("https://x.example.org"), lambda: now)
    ).sources
    assert (report.state, report.error) == ("broken", "cannot read /no/such: No such file or directory")


def test_the_shipped_sample_day_is_good(db: Database, now: datetime) -> None:
    files = [(Path(name).stem, sample(name)) for name in ("preprints.jsonl", "community.jsonl")]
    report = ingest_files(db, files, now)
    assert [source.rejected for source in report.sources] == [0, 0]
    with db.read() as session:
        found = papers.candidates(session, now - timedelta(days=1), now)
    assert len(found) < sum(source.fetched for source in report.sources), "two sources name the same paper"
    assert any(paper.signals.get("upvotes") for paper in found)
    assert all(PaperId(paper.id) and paper.plain_title for paper in found)
