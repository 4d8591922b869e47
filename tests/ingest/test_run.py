"""Asking sources, page by page, with a real server behind them."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest

from digestd.domain.paper import PaperId
from digestd.ingest import Client, Via, ingest, ingest_files
from digestd.ingest.recordings import Recorder, Replayer
from digestd.shipped import sample
from digestd.sources import Request, parse_source, parse_sources
from digestd.store import fetches, papers
from digestd.store import sources as kept
from digestd.store.database import Database
from tests.ingest.desk import Desk, Here, here
from tests.ingest.makers import everything, forget
from tests.ingest.site import Asked, Site, head, in_turn, says, site
from tests.sources.test_arxiv import entry, feed

QUERY = "/api/query?search_query=cat%3Acs.LG&sortBy=submittedDate&sortOrder=descending&start={}&max_results=500"
DAYS = "/api/daily_papers"


@pytest.fixture
async def web() -> AsyncIterator[Site]:
    async with site() as served:
        yield served


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
    assert (report.state, report.new) == ("partial", 1)
    assert "does not move on" in str(report.error)
    assert len(desk.web.asked) == 4
    assert desk.count() == 1


async def test_an_answer_that_never_moves_on_has_an_end(desk: Desk) -> None:
    desk.web.paths["/api/query"] = says(feed(900, 0, entry("2611.00001v1")))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert report.state == "partial"
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
    assert [r.state for r in await desk.ask("arxiv:cs.LG")] == ["partial"]
    assert desk.states("arxiv:cs.LG")["2026-11-24"] == "partial"
    desk.web.paths[QUERY.format(1)] = says(feed(2, 1, entry("2611.00002v1")))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, report.new, report.unchanged) == ("fresh", 1, 1)
    assert desk.web.asked[2].headers.get("if-none-match") is None
    assert desk.states("arxiv:cs.LG")["2026-11-24"] == "fresh"


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


async def test_what_a_source_did_not_foresee_breaks_its_source_only(desk: Desk) -> None:
    class Odd(Here):
        def requests(self, since: datetime, cursor: str | None) -> Request | None:
            raise KeyError(since, cursor)

    desk.web.paths[DAYS] = says(days("2611.00001"))
    sources = [Odd(parse_source("hf-daily"), desk.web), here(parse_source("hf-daily"), desk.web)]
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
    begun = []
    for moment, since in [(now, None), (now + timedelta(hours=1), None), (now + timedelta(days=60), None), (now, now)]:
        asked.clear()
        await ingest(desk.db, [source], Client("https://x.example.org"), lambda at=moment: at, since)  # type: ignore[misc]  # bound now
        begun.append(asked[0])
    assert begun == [now - timedelta(days=3), now, now + timedelta(days=53), now]


async def test_no_sources_opens_no_socket(db: Database, now: datetime) -> None:
    report = await ingest(db, parse_sources("none"), Client("https://x.example.org"), lambda: now)
    assert report.sources == ()
    assert not report.broken


async def test_a_file_is_a_source_and_read_again_only_when_changed(db: Database, now: datetime, tmp_path: Path) -> None:
    file = tmp_path / "my papers.jsonl"
    file.write_bytes(b'{"title": "One"}\n{"titel": "Two"}\n')
    sources, client = [parse_source(f"jsonl:{file}")], Client("https://x.example.org")
    (first,) = (await ingest(db, sources, client, lambda: now)).sources
    assert (first.state, first.new, first.rejected) == ("partial", 1, 1)
    assert first.rejects[0].where == "line 2"
    (second,) = (await ingest(db, sources, client, lambda: now)).sources
    assert (second.state, second.fetched) == ("partial", 0), "it is as it was"
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


async def test_an_answer_that_has_lost_what_all_had_is_not_taken(desk: Desk) -> None:
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


async def test_what_could_not_be_read_is_kept_until_the_next_time(desk: Desk) -> None:
    some = [entry(f"2611.{n:05}v1") for n in range(8)]
    bad = entry("2611.00009v1", published="soon")
    desk.web.paths["/api/query"] = in_turn(says(feed(9, 0, *some, bad)), says(feed(8, 0, *some)))
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, report.rejected) == ("partial", 1)
    assert desk.days("arxiv:cs.LG")["2026-11-24"].note == "1 of 9 records could not be read"
    with desk.db.read() as session:
        assert [(one.where, one.field) for one in kept.rejects(session, "arxiv:cs.LG")] == [
            ("http://arxiv.org/abs/2611.00009v1", "published")
        ]
    (report,) = await desk.ask("arxiv:cs.LG")
    assert (report.state, desk.states("arxiv:cs.LG")["2026-11-24"]) == ("quiet", "fresh")
    with desk.db.read() as session:
        assert kept.rejects(session, "arxiv:cs.LG") == []


async def test_a_total_that_was_overstated_is_said(desk: Desk) -> None:
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


async def test_the_report_tells_requests_days_and_what_to_see_to(desk: Desk) -> None:
    desk.web.paths["/api/query"] = says(feed(1, 0, entry("2611.00001v1")))
    report = await ingest(
        desk.db, [here(parse_source("arxiv:cs.LG"), desk.web)], Client("https://x.example.org"), desk.clock
    )
    (one,) = json.loads(json.dumps(report.as_dict()))["sources"]
    assert (one["requests"], one["days"]["2026-11-24"], one["note"]) == (1, "fresh", None)
    assert "days" not in report.sources[0].counts


async def test_a_recording_answers_as_the_source_did(desk: Desk, tmp_path: Path) -> None:
    desk.web.paths[QUERY.format(0)] = says(feed(3, 0, entry("2611.00001v1"), entry("2611.00002v1")))
    desk.web.paths[QUERY.format(2)] = says(feed(3, 2, entry("2611.00003v1")))
    told: list[int] = []
    recording = Via(lambda fetcher: Recorder(fetcher, tmp_path), told.append)
    (recorded,) = await desk.ask("arxiv:cs.LG", via=recording)
    texts = everything(desk.db)["revision"]
    forget(desk.db)
    desk.web.asked.clear()
    (replayed,) = await desk.ask("arxiv:cs.LG", via=Via(lambda _fetcher: Replayer(tmp_path)))
    assert desk.web.asked == []
    assert (replayed.new, replayed.fetched) == (recorded.new, recorded.fetched) == (3, 3)
    assert len(everything(desk.db)["revision"]) == len(texts)
    assert told == [2, 1]


async def test_sources_that_add_to_papers_are_asked_last_and_about_what_is_new(desk: Desk, now: datetime) -> None:
    (record,) = json.loads(days("2611.00001"))
    record["paper"]["githubRepo"] = "https://github.com/example/lakes"
    desk.web.paths[DAYS] = says(b"[]")
    desk.web.paths[f"{DAYS}?limit=100"] = says(json.dumps([record]).encode())
    desk.web.paths["/repos/example/lakes"] = says(b'{"stargazers_count": 41}')
    hf, stars = await desk.ask("github-stars", "hf-daily")
    assert (hf.source, stars.source, stars.requests, stars.updated, stars.error) == (
        "hf-daily", "github-stars", 1, 1, None,
    )  # fmt: skip
    with desk.db.read() as session:
        (news,) = papers.candidates(session, now - timedelta(days=1), now + timedelta(days=1))
    assert news.signals["stars"] == 41
    assert desk.states("github-stars") == {}, "it announces nothing"


async def test_a_source_that_adds_to_papers_asks_nothing_where_there_are_none(desk: Desk) -> None:
    (report,) = await desk.ask("github-stars")
    assert (report.state, report.requests) == ("quiet", 0)
    assert desk.web.asked == []
