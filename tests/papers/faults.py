# ruff: noqa: E501  # a table: one fault a line
"""Faults that feeds were seen to have, and what an ingest makes of them. Those of one host are in test_fetch."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

from digestd.fetching.fetch import Client, Limits
from digestd.papers.ingest import ingest
from digestd.papers.ingest_report import SourceReport
from digestd.sources import parse_source
from digestd.sources.source import Source
from digestd.store import papers
from digestd.store.database import Database
from tests.conftest import NOW
from tests.papers.fault_answers import (
    API,
    BIO,
    HF,
    NO_IDS,
    RSS,
    body,
    elsewhere,
    endless_headers,
    endless_redirect,
    gigabyte,
    good,
    gzipped,
    half,
    item,
    lazily,
    mid_page,
    nothing,
    overstated,
    rss,
    serve,
    simply,
    slow_headers,
    unpadded,
)
from tests.papers.http_server import AT_ONCE, HttpServer, says, serve_http
from tests.papers.ingester import redirect
from tests.papers.makers import everything
from tests.sources.test_arxiv import feed

HOUR = timedelta(hours=1)
LIMITS = Limits(seconds=60, backoff=AT_ONCE, attempts=2)
HASTE = "no answer within 2 s"


@dataclass(frozen=True)
class Fault:
    """A fault, the source that has it, and the expected outcome."""

    id: str
    name: str
    source: str
    arrange: Callable[[HttpServer, str], None]
    why: str | None = None
    new: int = 0
    rejected: int = 0
    own: Callable[[HttpServer], Source] | None = None


@dataclass(frozen=True)
class Outcome:
    """Outcome of a fault.

    `kept`: stored papers are unchanged; `recovered`: the next good answer was stored.
    """

    fault: Fault
    report: SourceReport
    kept: bool
    recovered: bool
    seconds: float
    requests: int

    @property
    def as_expected(self) -> bool:
        """Return True if the outcome is the expected one."""
        report, fault = self.report, self.fault
        if fault.why is not None:
            return fault.why in (report.error or "") and report.new == 0 and self.kept and self.recovered
        return report.error is None and (report.new, report.rejected) == (fault.new, fault.rejected) and self.recovered

    def __str__(self) -> str:
        said = self.report.error or f"{self.report.new} new, {self.report.rejected} rejected"
        verdict = "ok  " if self.as_expected else "FAIL"
        return (
            f"{self.fault.id} {verdict} {self.fault.name:58} {self.report.state:8} {self.seconds:5.1f} s  {said[:110]}"
        )


FAULTS = (
    Fault("F40", "the name is not found", "feed", nothing, "is not found", own=elsewhere("http://nowhere.invalid/rss")),
    Fault("F40", "nobody listens", "feed", nothing, "tries again", own=elsewhere("http://127.0.0.1:9/rss")),
    Fault("F40", "503 without a word", HF, simply(says(status=503)), "answers 503"),
    Fault("F40", "the connection is closed in mid-answer", API, simply(half), "tries again"),
    Fault("F41", "an empty feed with status 200", RSS, body(rss())),
    Fault("F42", "the identifiers are gone", API, body(NO_IDS), "records cannot be read"),
    Fault("F42", "a key has another name", BIO, body(good(BIO, 8, 9).replace(b'"doi"', b'"DOI"')), "cannot be read"),
    Fault("F43", "XML ends in mid-item", API, body(good(API, 1, 2, 8, 9)[:-80]), None, 1, 1),
    Fault("F43", "XML breaks in mid-item", API, body(good(API, 1, 2, 8, 9).replace(b"Title 9", b"Title <9")), None, 1, 1),
    Fault("F43", "a feed ends in mid-item", RSS, body(good(RSS, 1, 2, 8, 9)[:-60]), None, 1, 1),
    Fault("F43", "one record of four is none", HF, body(good(HF, 1, 2, 8)[:-1] + b', {"paper": 7}]'), None, 1, 1),
    Fault("F43", "another charset than it says, in XML", API, body(good(API, 8).replace(b"Title", "Tïtle".encode("latin-1"))), "cannot be read"),
    Fault("F43", "a charset nobody knows", API, body(b'<?xml version="1.0" encoding="klingon-8"?>' + good(API, 8)), "cannot be read"),
    Fault("F43", "UTF-16, as it says", API, body(('<?xml version="1.0" encoding="utf-16"?>' + good(API, 1, 2, 8).decode()).encode("utf-16")), None, 1, 0),
    Fault("F43", "a web page with status 200 for JSON", HF, body(b"<html><body>Just a moment</body></html>"), "not JSON"),
    Fault("F43", "an empty page in mid-result", API, mid_page, None, 2),
    Fault("F43", "a total that is too high", BIO, overstated, None, 1),
    Fault("F43", "dates without zeros", BIO, unpadded, None, 1),
    Fault("F43", "guids that change with every answer", RSS, body(rss(*(item(n, f"urn:{n * 7}") for n in (1, 2, 8)))), None, 1),
    Fault("F44", "a body of 1 GB", API, simply(gigabyte), "larger than 10 MB"),
    Fault("F44", "headers without end", API, simply(endless_headers), "tries again"),
    Fault("F44", "a gzip bomb, 194 kB to 200 MB", API, lazily(lambda: gzipped(bytes(200_000_000))), "unpacks to more than 50 MB"),
    Fault("F44", "gzip of 100,000 empty members", API, lazily(lambda: simply(says(gzip.compress(b"", 9) * 100_000, Content_Encoding="gzip"))), "1000 pieces"),
    Fault("F44", "gzip within gzip", API, lazily(lambda: gzipped(gzip.compress(bytes(200_000_000), 9))), "cannot be read"),
    Fault("F44", "10^6 records, 31 MB", HF, lazily(lambda: gzipped(b"[" + b",".join([b'{"paper":{"id":"2611.00008"}}'] * 1_000_000) + b"]")), "reading the answer"),
    Fault("F44", "a title of 40 MB", API, lazily(lambda: gzipped(good(API, 1, 2, 8).replace(b"Title 8", b"T" * 40_000_000))), None, 1),
    Fault("F44", "200,000 nested tags in XML", API, lazily(lambda: body(feed(1, 0, "<a>" * 200_000))), "cannot be read"),
    Fault("F44", "200,000 nested lists in JSON", HF, lazily(lambda: body(b"[" * 200_000)), "not JSON"),
    Fault("F45", "headers that drip", API, simply(slow_headers), HASTE),
    Fault("F45", "redirects without end", API, simply(endless_redirect()), "redirects more than 5 times"),
    Fault("F46", "every item twice", RSS, body(rss(*(item(n) for n in (1, 2, 8, 1, 2, 8)))), None, 1),
    Fault("F46", "ids in other letters and versions", API, body(good(API, 1, 2, 8).replace(b"2611.00001v1", b"2611.00001V3")), None, 1),
)  # fmt: skip
"""In the order of their numbers."""


class Clock:
    """A running clock that can be set forward."""

    def __init__(self) -> None:
        self.now = NOW
        self._began = monotonic()

    def __call__(self) -> datetime:
        return self.now + timedelta(seconds=monotonic() - self._began)


async def happen(fault: Fault, db: Database) -> Outcome:
    """Serve a good answer, the fault, and a good answer with one paper more."""
    clock = Clock()
    async with serve_http() as web:
        spec = fault.source if fault.own is None else RSS
        source = redirect(parse_source(spec), web)
        serve(web, spec, says(good(spec, 1, 2)))
        before = await _ask(db, source, clock)
        assert (before.new, before.error) == (2, None), before
        known = everything(db)
        web.requests.clear()
        fault.arrange(web, spec)
        began = monotonic()
        limits = replace(LIMITS, seconds=2) if fault.why == HASTE else LIMITS
        report = await _ask(db, fault.own(web) if fault.own else source, clock, limits)
        seconds, asked = monotonic() - began, len(web.requests)
        kept = everything(db) == known
        clock.now += 2 * HOUR
        web.paths = {}
        serve(web, spec, says(good(spec, 1, 2, 3)))
        after = await _ask(db, source, clock)
    with db.read() as session:
        recovered = (after.new, after.error) == (1, None) and papers.count(session) == 3 + report.new
    return Outcome(fault, report, kept, recovered, seconds, asked)


async def _ask(db: Database, source: Source, clock: Clock, limits: Limits = LIMITS) -> SourceReport:
    (report,) = (await ingest(db, [source], Client("https://digest.example.org", limits=limits), clock)).sources
    return report
