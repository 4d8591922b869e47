"""Test ingest page by page against a real server."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestd.fetching.fetch import Client
from digestd.papers.ingest import ingest
from digestd.sources import parse_source
from digestd.sources.source import Request
from digestd.store import papers
from digestd.store.papers import sources as stored_sources
from tests.papers.http_server import ReceivedRequest, head, in_turn, says
from tests.papers.ingester import Ingester, LocalSource, redirect
from tests.papers.makers import everything, forget
from tests.sources.test_arxiv import entry, feed

pytestmark = pytest.mark.slow

QUERY = "/api/query?search_query=cat%3Acs.LG&sortBy=submittedDate&sortOrder=descending&start={}&max_results=500"
DAYS = "/api/daily_papers"


def days(*numbers: str, upvotes: int = 1) -> bytes:
    records = [
        {"paper": {"id": n, "title": f"P {n}", "summary": "s", "authors": [], "upvotes": upvotes,
                   "publishedAt": "2026-11-20T00:00:00Z"}, "publishedAt": "2026-11-23T00:00:00Z"}
        for n in numbers
    ]  # fmt: skip
    return json.dumps(records).encode()


async def test_ingest_reads_all_pages(ingester: Ingester) -> None:
    ingester.web.paths[QUERY.format(0)] = says(feed(3, 0, entry("2611.00001v1"), entry("2611.00002v1")))
    ingester.web.paths[QUERY.format(2)] = says(feed(3, 2, entry("2611.00003v1")))
    (report,) = await ingester.ingest("arxiv:cs.LG")
    assert (report.state, report.fetched, report.new, report.error) == ("fresh", 3, 3, None)
    assert ingester.count() == 3


async def test_ingest_second_run_is_conditional_and_quiet(ingester: Ingester) -> None:
    async def answer(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        if request.headers.get("if-none-match") == '"1"':
            writer.write(head(304))
        else:
            body = feed(1, 0, entry("2611.00001v1"))
            writer.write(head(200, ETag='"1"', Content_Length=len(body)) + body)

    ingester.web.paths["/api/query"] = answer
    assert [r.state for _ in range(3) for r in await ingester.ingest("arxiv:cs.LG")] == ["fresh", "quiet", "quiet"]
    assert [request.headers.get("if-none-match") for request in ingester.web.requests] == [None, '"1"', '"1"']


async def test_ingest_broken_source_stops_no_other(ingester: Ingester) -> None:
    ingester.web.paths["/atom/cs.LG"] = says(b"<html><body>maintenance</body></html>")
    ingester.web.paths["/atom/cs.CL"] = says(status=503)
    ingester.web.paths[DAYS] = says(days("2611.00001"))
    reports = await ingester.ingest("arxiv-rss:cs.LG", "arxiv-rss:cs.CL", "hf-daily")
    assert [r.state for r in reports] == ["broken", "broken", "fresh"]
    assert "a feed was expected" in str(reports[0].error)
    assert all("\n" not in str(r.error) for r in reports)
    with ingester.db.read() as session:
        last = stored_sources.latest_fetches(session)
    assert last["arxiv-rss:cs.LG"].error == reports[0].error
    assert last["hf-daily"].error is None


async def test_ingest_unexpected_error_breaks_one_source(ingester: Ingester) -> None:
    class Odd(LocalSource):
        def requests(self, since: datetime, cursor: str | None) -> Request | None:
            raise KeyError(since, cursor)

    ingester.web.paths[DAYS] = says(days("2611.00001"))
    sources = [Odd(parse_source("hf-daily"), ingester.web), redirect(parse_source("hf-daily"), ingester.web)]
    report = await ingest(ingester.db, sources, Client("https://x.example.org"), ingester.clock)
    assert [r.state for r in report.sources] == ["broken", "fresh"]
    assert report.broken


async def test_ingest_requests_votes_of_earlier_days_again(ingester: Ingester, now: datetime) -> None:
    ingester.web.paths[DAYS] = says(b"[]")
    ingester.web.paths[f"{DAYS}?limit=100"] = in_turn(says(days("2611.00001")), says(days("2611.00001", upvotes=9)))
    await ingester.ingest("hf-daily")
    (report,) = await ingester.ingest("hf-daily")
    assert (report.state, report.new, report.updated) == ("fresh", 0, 1)
    asked = [one.path.partition("date=")[2] for one in ingester.web.requests]
    assert asked[:4] == ["", "2026-11-22", "2026-11-21", "2026-11-20"]


async def test_ingest_merges_paper_of_three_sources(ingester: Ingester, now: datetime) -> None:
    ingester.web.paths["/api/query"] = says(feed(1, 0, entry("2611.10001v1", title="Freezing lakes faster")))
    ingester.web.paths["/atom/cs.LG"] = says((Path(__file__).parents[1] / "sources/samples/arxiv-rss.xml").read_bytes())
    ingester.web.paths[DAYS] = says(b"[]")
    ingester.web.paths[f"{DAYS}?limit=100"] = says(days("2611.10001", upvotes=5))
    specs = ["arxiv:cs.LG", "arxiv-rss:cs.LG", "hf-daily"]
    await ingester.ingest(*specs)
    with ingester.db.read() as session:
        (news,) = papers.candidates(session, now - timedelta(days=1), now + timedelta(days=1))
        assert papers.count(session) == 2
    assert news.words.authors == ("Zoë Ångström", "Bo Li")
    assert news.signals == {"upvotes": 5}
    texts = [row.partition("made_us")[0] for row in everything(ingester.db)["paper"]]
    forget(ingester.db)
    ingester.web.requests.clear()
    await ingester.ingest(*reversed(specs))
    with ingester.db.read() as session:
        (again,) = papers.candidates(session, now - timedelta(days=1), now + timedelta(days=1))
    assert (again.id, again.words, again.url, again.links) == (news.id, news.words, news.url, news.links)
    assert len(texts) == 2


async def test_ingest_since_is_last_answer_at_most_a_week(ingester: Ingester, now: datetime) -> None:
    asked: list[datetime] = []

    class Watched(LocalSource):
        def requests(self, since: datetime, cursor: str | None) -> Request | None:
            asked.append(since)
            return super().requests(since, cursor) if cursor is None else None

    ingester.web.paths[DAYS] = says(days("2611.00001"))
    source = Watched(parse_source("hf-daily"), ingester.web)
    begun = []
    for moment, since in [(now, None), (now + timedelta(hours=1), None), (now + timedelta(days=60), None), (now, now)]:
        asked.clear()
        await ingest(ingester.db, [source], Client("https://x.example.org"), lambda at=moment: at, since)  # type: ignore[misc]  # bound now
        begun.append(asked[0])
    assert begun == [now - timedelta(days=3), now, now + timedelta(days=53), now]


async def test_ingest_enrichment_runs_last_for_new_papers(ingester: Ingester, now: datetime) -> None:
    (record,) = json.loads(days("2611.00001"))
    record["paper"]["githubRepo"] = "https://github.com/example/lakes"
    ingester.web.paths[DAYS] = says(b"[]")
    ingester.web.paths[f"{DAYS}?limit=100"] = says(json.dumps([record]).encode())
    ingester.web.paths["/repos/example/lakes"] = says(b'{"stargazers_count": 41}')
    hf, stars = await ingester.ingest("github-stars", "hf-daily")
    assert (hf.source, stars.source, stars.requests, stars.updated, stars.error) == (
        "hf-daily", "github-stars", 1, 1, None,
    )  # fmt: skip
    with ingester.db.read() as session:
        (news,) = papers.candidates(session, now - timedelta(days=1), now + timedelta(days=1))
    assert news.signals["stars"] == 41
    assert ingester.states("github-stars") == {}, "it announces nothing"
