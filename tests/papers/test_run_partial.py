"""Test incomplete answers.

What came is stored, what is missing is reported and fetched later.
"""

import json
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from digestd.sources import parse_source
from digestd.store.papers import sources as kept
from tests.papers.http_server import in_turn, says
from tests.papers.ingester import Ingester
from tests.papers.makers import everything
from tests.sources.test_arxiv import entry, feed

QUERY = "/api/query?search_query=cat%3Acs.LG&sortBy=submittedDate&sortOrder=descending&start={}&max_results=500"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Return a database of one kind: an ingest on each is in test_run."""
    return sqlite_url


async def test_ingest_retries_empty_page_in_mid_result(ingester: Ingester) -> None:
    ingester.web.paths[QUERY.format(0)] = says(feed(2, 0, entry("2611.00001v1")))
    ingester.web.paths[QUERY.format(1)] = in_turn(says(feed(2, 1)), says(feed(2, 1, entry("2611.00002v1"))))
    (report,) = await ingester.ingest("arxiv:cs.LG")
    assert (report.state, report.new) == ("fresh", 2)


async def test_ingest_keeps_pages_before_a_stall(ingester: Ingester) -> None:
    ingester.web.paths[QUERY.format(0)] = says(feed(2, 0, entry("2611.00001v1")))
    ingester.web.paths[QUERY.format(1)] = says(feed(2, 1))
    (report,) = await ingester.ingest("arxiv:cs.LG")
    assert (report.state, report.new) == ("partial", 1)
    assert "returned the same page three times" in str(report.error)
    assert len(ingester.web.requests) == 4
    assert ingester.count() == 1


async def test_ingest_stops_answer_without_progress(ingester: Ingester) -> None:
    ingester.web.paths["/api/query"] = says(feed(900, 0, entry("2611.00001v1")))
    (report,) = await ingester.ingest("arxiv:cs.LG")
    assert report.state == "partial"
    assert "returned the same page three times" in str(report.error)
    assert len(ingester.web.requests) == 4


async def test_ingest_next_run_completes_partial_one(ingester: Ingester) -> None:
    ingester.web.paths[QUERY.format(0)] = says(feed(2, 0, entry("2611.00001v1")), ETag='"1"')
    ingester.web.paths[QUERY.format(1)] = says(status=404)
    assert [r.state for r in await ingester.ingest("arxiv:cs.LG")] == ["partial"]
    assert ingester.states("arxiv:cs.LG")["2026-11-24"] == "partial"
    ingester.web.paths[QUERY.format(1)] = says(feed(2, 1, entry("2611.00002v1")))
    (report,) = await ingester.ingest("arxiv:cs.LG")
    assert (report.state, report.new, report.unchanged) == ("fresh", 1, 1)
    assert ingester.web.requests[2].headers.get("if-none-match") is None
    assert ingester.states("arxiv:cs.LG")["2026-11-24"] == "fresh"


async def test_ingest_refuses_answer_without_usual_fields(ingester: Ingester) -> None:
    full = [entry(f"2611.{n:05}v1", title=f"T {n}") for n in range(30)]
    bare = [one.replace("<summary>S</summary>", "") for one in full]
    ingester.web.paths["/api/query"] = in_turn(says(feed(30, 0, *full)), says(feed(30, 0, *bare)))
    assert [r.state for r in await ingester.ingest("arxiv:cs.LG")] == ["fresh"]
    before = everything(ingester.db)
    (report,) = await ingester.ingest("arxiv:cs.LG")
    assert (report.state, report.fetched) == ("broken", 0)
    assert "30 of 30 records have no abstract" in str(report.error)
    assert everything(ingester.db) == before
    assert ingester.states("arxiv:cs.LG")["2026-11-24"] == "fresh", "the last good is kept"


async def test_ingest_stores_rejects_until_next_run(ingester: Ingester) -> None:
    some = [entry(f"2611.{n:05}v1") for n in range(8)]
    bad = entry("2611.00009v1", published="soon")
    ingester.web.paths["/api/query"] = in_turn(says(feed(9, 0, *some, bad)), says(feed(8, 0, *some)))
    (report,) = await ingester.ingest("arxiv:cs.LG")
    assert (report.state, report.rejected) == ("partial", 1)
    assert ingester.days("arxiv:cs.LG")["2026-11-24"].note == "1 of 9 records could not be read"
    with ingester.db.read() as session:
        assert [(one.where, one.field) for one in kept.rejected(session, "arxiv:cs.LG")] == [
            ("http://arxiv.org/abs/2611.00009v1", "published")
        ]
    (report,) = await ingester.ingest("arxiv:cs.LG")
    assert (report.state, ingester.states("arxiv:cs.LG")["2026-11-24"]) == ("quiet", "fresh")
    with ingester.db.read() as session:
        assert kept.rejected(session, "arxiv:cs.LG") == []


async def test_ingest_reports_overstated_total(ingester: Ingester) -> None:
    post = {"doi": "10.1101/2026.11.24.000001", "title": "T", "authors": "Li, B.", "date": "2026-11-24",
            "version": "1", "category": "ecology", "abstract": "A", "published": "NA"}  # fmt: skip
    first = {"messages": [{"status": "ok", "count": 1, "total": "9"}], "collection": [post]}
    none: dict[str, object] = {"messages": [{"status": "no posts found"}], "collection": []}
    asked = parse_source("biorxiv").requests(ingester.clock() - timedelta(days=3), None)
    assert asked is not None
    path = urlsplit(asked.url).path
    ingester.web.paths[path] = says(json.dumps(first).encode())
    ingester.web.paths[path.replace("/0/json", "/1/json")] = says(json.dumps(none).encode())
    (report,) = await ingester.ingest("biorxiv")
    assert (report.state, report.new) == ("partial", 1)
    assert ingester.days("biorxiv")["2026-11-24"].note == "the source announced 9 records but returned 1"
