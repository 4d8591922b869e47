"""Test incomplete answers.

What came is stored, what is missing is reported and fetched later.
"""

import json
from datetime import timedelta
from urllib.parse import urlsplit

from digestd.sources import parse_source
from digestd.store import sources as kept
from tests.papers.desk import Desk
from tests.papers.makers import everything
from tests.papers.site import in_turn, says
from tests.sources.test_arxiv import entry, feed

QUERY = "/api/query?search_query=cat%3Acs.LG&sortBy=submittedDate&sortOrder=descending&start={}&max_results=500"


async def test_ingest_retries_empty_page_in_mid_result(desk: Desk) -> None:
    desk.web.paths[QUERY.format(0)] = says(feed(2, 0, entry("2611.00001v1")))
    desk.web.paths[QUERY.format(1)] = in_turn(says(feed(2, 1)), says(feed(2, 1, entry("2611.00002v1"))))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, report.new) == ("fresh", 2)


async def test_ingest_keeps_pages_before_a_stall(desk: Desk) -> None:
    desk.web.paths[QUERY.format(0)] = says(feed(2, 0, entry("2611.00001v1")))
    desk.web.paths[QUERY.format(1)] = says(feed(2, 1))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, report.new) == ("partial", 1)
    assert "does not move on" in str(report.error)
    assert len(desk.web.asked) == 4
    assert desk.count() == 1


async def test_ingest_stops_answer_without_progress(desk: Desk) -> None:
    desk.web.paths["/api/query"] = says(feed(900, 0, entry("2611.00001v1")))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert report.state == "partial"
    assert "does not move on" in str(report.error)
    assert len(desk.web.asked) == 4


async def test_ingest_next_run_completes_partial_one(desk: Desk) -> None:
    desk.web.paths[QUERY.format(0)] = says(feed(2, 0, entry("2611.00001v1")), ETag='"1"')
    desk.web.paths[QUERY.format(1)] = says(status=404)
    assert [r.state for r in await desk.ask("arxiv:cs.LG")] == ["partial"]
    assert desk.states("arxiv:cs.LG")["2026-11-24"] == "partial"
    desk.web.paths[QUERY.format(1)] = says(feed(2, 1, entry("2611.00002v1")))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, report.new, report.unchanged) == ("fresh", 1, 1)
    assert desk.web.asked[2].headers.get("if-none-match") is None
    assert desk.states("arxiv:cs.LG")["2026-11-24"] == "fresh"


async def test_ingest_refuses_answer_without_usual_fields(desk: Desk) -> None:
    full = [entry(f"2611.{n:05}v1", title=f"T {n}") for n in range(30)]
    bare = [one.replace("<summary>S</summary>", "") for one in full]
    desk.web.paths["/api/query"] = in_turn(says(feed(30, 0, *full)), says(feed(30, 0, *bare)))
    assert [r.state for r in await desk.ask("arxiv:cs.LG")] == ["fresh"]
    before = everything(desk.db)
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, report.fetched) == ("broken", 0)
    assert "30 of 30 records have no abstract" in str(report.error)
    assert everything(desk.db) == before
    assert desk.states("arxiv:cs.LG")["2026-11-24"] == "fresh", "the last good is kept"


async def test_ingest_stores_rejects_until_next_run(desk: Desk) -> None:
    some = [entry(f"2611.{n:05}v1") for n in range(8)]
    bad = entry("2611.00009v1", published="soon")
    desk.web.paths["/api/query"] = in_turn(says(feed(9, 0, *some, bad)), says(feed(8, 0, *some)))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, report.rejected) == ("partial", 1)
    assert desk.days("arxiv:cs.LG")["2026-11-24"].note == "1 of 9 records could not be read"
    with desk.db.read() as session:
        assert [(one.where, one.field) for one in kept.rejected(session, "arxiv:cs.LG")] == [
            ("http://arxiv.org/abs/2611.00009v1", "published")
        ]
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, desk.states("arxiv:cs.LG")["2026-11-24"]) == ("quiet", "fresh")
    with desk.db.read() as session:
        assert kept.rejected(session, "arxiv:cs.LG") == []


async def test_ingest_reports_overstated_total(desk: Desk) -> None:
    post = {"doi": "10.1101/2026.11.24.000001", "title": "T", "authors": "Li, B.", "date": "2026-11-24",
            "version": "1", "category": "ecology", "abstract": "A", "published": "NA"}  # fmt: skip
    first = {"messages": [{"status": "ok", "count": 1, "total": "9"}], "collection": [post]}
    none: dict[str, object] = {"messages": [{"status": "no posts found"}], "collection": []}
    asked = parse_source("biorxiv").requests(desk.clock() - timedelta(days=3), None)
    assert asked is not None
    path = urlsplit(asked.url).path
    desk.web.paths[path] = says(json.dumps(first).encode())
    desk.web.paths[path.replace("/0/json", "/1/json")] = says(json.dumps(none).encode())
    (report,) = await desk.ask("biorxiv")
    assert (report.state, report.new) == ("partial", 1)
    assert desk.days("biorxiv")["2026-11-24"].note == "the source speaks of 9 records and gave 1"
