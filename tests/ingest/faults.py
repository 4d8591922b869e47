# ruff: noqa: E501  # a table: one fault a line
"""Everything that feeds were seen to do wrong, done by a real server to real sources: `python -m tests.ingest.faults`.

Each fault happens between two good answers: nothing of a broken answer is taken, and the next good one
brings everything. Prints the table of faults and what came of each.
"""

import asyncio
import gzip
import json
import sys
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from digestd.ingest import Client, Limits, SourceReport, ingest
from digestd.sources import Source, parse_source
from digestd.store import papers
from digestd.store.database import Database, open_database
from digestd.store.migrate import migrate
from tests.conftest import NOW
from tests.ingest.desk import here
from tests.ingest.makers import everything
from tests.ingest.site import Answerer, Asked, Site, head, in_turn, says, site
from tests.sources.test_arxiv import entry, feed
from tests.sources.test_biorxiv import answer as posts
from tests.sources.test_biorxiv import post

API, RSS, HF, BIO = "arxiv:cs.LG", "feed:https://journal.example.org/rss", "hf-daily", "biorxiv"
PATHS = {API: "/api/query", RSS: "/rss", HF: "/api/daily_papers", BIO: "/details/biorxiv"}
HOUR = timedelta(hours=1)
CLIENT = Client("https://digest.example.org", limits=Limits(seconds=5, backoff=0.01, attempts=2))


@dataclass(frozen=True)
class Fault:
    """What goes wrong, for which source, and what has to come of it.

    `why`: in the error, for a source that is broken; None for an answer that is taken as far as it goes,
    with so many `new` papers and so many `rejected`. `own`: asked as it is, and not on this server.
    """

    id: str
    name: str
    source: str
    arrange: Callable[[Site, str], None]
    why: str | None = None
    new: int = 0
    rejected: int = 0
    own: Callable[[Site], Source] | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a fault. `kept`: what was known before is as it was; `recovered`: the next good answer was taken."""

    fault: Fault
    report: SourceReport
    kept: bool
    recovered: bool
    seconds: float
    asked: int

    @property
    def as_expected(self) -> bool:
        """Whether all of it is as it has to be."""
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


# ---- good answers


def good(source: str, *numbers: int) -> bytes:
    """An answer of a source with these papers."""
    if source == API:
        return feed(len(numbers), 0, *(entry(f"2611.{n:05}v1", title=f"Title {n}") for n in numbers))
    if source == HF:
        return json.dumps([_daily(n) for n in numbers]).encode()
    if source == BIO:
        return posts(*(post(doi=f"10.1101/2026.11.20.{n:06}", title=f"Title {n}") for n in numbers))
    return rss(*(item(n) for n in numbers))


def rss(*items: str) -> bytes:
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>J</title>{"".join(items)}</channel></rss>'.encode()


def item(n: int, guid: str = "") -> str:
    link = f"https://journal.example.org/{n}"
    return f"<item><title>Title {n}</title><link>{link}</link><guid>{guid or link}</guid></item>"


def _daily(n: int) -> dict[str, object]:
    paper = {"id": f"2611.{n:05}", "title": f"Title {n}", "summary": "s", "authors": [], "upvotes": 1}
    return {"paper": paper | {"publishedAt": "2026-11-20T00:00:00Z"}, "publishedAt": "2026-11-23T00:00:00Z"}


def serve(web: Site, source: str, answer: Answerer) -> None:
    """Under the address where a source asks first; what it asks for after that is empty."""
    path = PATHS.get(source, "/rss")
    web.paths[path] = answer
    if source == HF:
        web.paths[path], web.paths[f"{path}?limit=100"] = says(b"[]"), answer
    if source == BIO:
        web.paths = _Posts(answer)


class _Posts(dict[str, Answerer]):
    """bioRxiv's addresses hold the days: the first page is wherever it ends in /0/json."""

    def __init__(self, first: Answerer) -> None:
        super().__init__()
        self.first = first

    def get(self, path: str, default: object = None) -> Answerer:
        del default
        return self.first if "/0/json" in path else says(posts(status="no posts found", count=0, total=0))


def simply(answer: Answerer) -> Callable[[Site, str], None]:
    return lambda web, source: serve(web, source, answer)


def body(what: bytes, **headers: Any) -> Callable[[Site, str], None]:
    return simply(says(what, **headers))


# ---- bad answers


async def hang_up(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def half(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(head(200, Content_Length=5_000) + good(API, 8, 9)[:300])
    await writer.drain()
    writer.close()


async def slow_headers(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 X\r\n")
    for n in range(10_000):
        writer.write(f"X-{n}: x\r\n".encode())
        await writer.drain()
        await asyncio.sleep(0.1)


async def slow_body(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(head(200, Content_Length=100_000))
    for _ in range(100_000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)


async def gigabyte(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(head(200))
    with suppress(ConnectionError):
        for _ in range(1_000):
            writer.write(bytes(1_000_000))
            await writer.drain()
    writer.close()


async def five_terabytes(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(head(200, Content_Length=5 * 10**12) + bytes(1_000))


async def endless_headers(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 X\r\n")
    with suppress(ConnectionError):
        for _ in range(1_000):
            writer.write(b"X-Long: " + b"x" * 10_000 + b"\r\n")
            await writer.drain()
    writer.close()


def endless_redirect() -> Answerer:
    count = iter(range(1_000_000))

    async def answer(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head(302, Location=f"{PATHS[API]}?n={next(count)}", Content_Length=0))

    return answer


def gzipped(what: bytes) -> Callable[[Site, str], None]:
    return lambda web, source: serve(web, source, says(gzip.compress(what, 9), Content_Encoding="gzip"))


def deflated(what: bytes) -> Callable[[Site, str], None]:
    return lambda web, source: serve(web, source, says(zlib.compress(what, 9), Content_Encoding="deflate"))


def lazily(make: Callable[[], Callable[[Site, str], None]]) -> Callable[[Site, str], None]:
    """Made when it is needed: it is large."""
    return lambda web, source: make()(web, source)


def mid_page(web: Site, source: str) -> None:
    query = "/api/query?search_query=cat%3Acs.LG&sortBy=submittedDate&sortOrder=descending&start={}&max_results=500"
    web.paths[PATHS[source]] = says(status=404)
    web.paths[query.format(0)] = says(feed(2, 0, entry("2611.00008v1", title="Title 8")))
    web.paths[query.format(1)] = in_turn(says(feed(2, 1)), says(feed(2, 1, entry("2611.00009v1", title="Title 9"))))


def overstated(web: Site, source: str) -> None:
    found = json.loads(good(source, 1, 2, 8))
    found["messages"][0] |= {"total": 900, "count": 3}
    serve(web, source, says(json.dumps(found).encode()))


def unpadded(web: Site, source: str) -> None:
    found = json.loads(good(source, 1, 2, 8))
    for one in found["collection"]:
        one["date"] = "2026-9-3"
    serve(web, source, says(json.dumps(found).encode()))


def elsewhere(url: str) -> Callable[[Site], Source]:
    return lambda web: parse_source(f"feed:{url.format(web.port)}")


def nothing(web: Site, source: str) -> None:
    """The fault is in the address."""


LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><rss version="2.0"><channel>&b;</channel></rss>'
NO_IDS = feed(
    30, 0, *(entry(f"2611.{n:05}v1").replace("<id>", "<guid>").replace("</id>", "</guid>") for n in range(30))
)
ERROR = feed(
    1,
    0,
    "<entry><id>http://arxiv.org/api/errors#x</id><title>Error</title><summary>max_results too large</summary></entry>",
)

FAULTS = (
    Fault("F40", "the name is not found", "feed", nothing, "is not found", own=elsewhere("http://nowhere.invalid/rss")),
    Fault("F40", "nobody listens", "feed", nothing, "tries again", own=elsewhere("http://127.0.0.1:9/rss")),
    Fault("F40", "TLS where none is spoken", "feed", nothing, "SSL", own=elsewhere("https://127.0.0.1:{}/rss")),
    Fault("F40", "429, Retry-After: 600", API, simply(says(status=429, Retry_After=600)), "not to be asked before"),
    Fault("F40", "503, Retry-After: a date", API, simply(says(status=503, Retry_After="Tue, 24 Nov 2026 08:00:00 GMT")), "not to be asked before"),
    Fault("F40", "503 without a word", HF, simply(says(status=503)), "answers 503"),
    Fault("F40", "the connection is closed without an answer", RSS, simply(hang_up), "tries again"),
    Fault("F40", "the connection is closed in mid-answer", API, simply(half), "tries again"),
    Fault("F41", "an empty feed with status 200", RSS, body(rss())),
    Fault("F41", "an empty list with status 200", HF, body(b"[]")),
    Fault("F42", "the identifiers are gone", API, body(NO_IDS), "records cannot be read"),
    Fault("F42", "a list has become an object", HF, body(b'{"papers": []}'), "form has changed"),
    Fault("F42", "a key has another name", BIO, body(good(BIO, 8, 9).replace(b'"doi"', b'"DOI"')), "cannot be read"),
    Fault("F43", "XML ends in mid-item", API, body(good(API, 1, 2, 8, 9)[:-80]), None, 1, 1),
    Fault("F43", "XML breaks in mid-item", API, body(good(API, 1, 2, 8, 9).replace(b"Title 9", b"Title <9")), None, 1, 1),
    Fault("F43", "a feed ends in mid-item", RSS, body(good(RSS, 1, 2, 8, 9)[:-60]), None, 1, 1),
    Fault("F43", "JSON ends in mid-item", HF, body(good(HF, 1, 2, 8, 9)[:-40]), "no JSON"),
    Fault("F43", "one record of four is none", HF, body(good(HF, 1, 2, 8)[:-1] + b', {"paper": 7}]'), None, 1, 1),
    Fault("F43", "another charset than it says, in XML", API, body(good(API, 8).replace(b"Title", "Tïtle".encode("latin-1"))), "cannot be read"),
    Fault("F43", "another charset than it says, in JSON", HF, body(good(HF, 8).replace(b"Title", "Tïtle".encode("latin-1"))), "no JSON"),
    Fault("F43", "a charset nobody knows", API, body(b'<?xml version="1.0" encoding="klingon-8"?>' + good(API, 8)), "cannot be read"),
    Fault("F43", "UTF-16, as it says", API, body(('<?xml version="1.0" encoding="utf-16"?>' + good(API, 1, 2, 8).decode()).encode("utf-16")), None, 1, 0),
    Fault("F43", "a web page with status 200 for XML", API, body(b"<!DOCTYPE html><html><body>Just a moment</body></html>"), "web page"),
    Fault("F43", "a web page with status 200 for a feed", RSS, body(b"<html><body>Just a moment</body></html>"), "no feed"),
    Fault("F43", "a web page with status 200 for JSON", HF, body(b"<html><body>Just a moment</body></html>"), "no JSON"),
    Fault("F43", "nothing with status 200 for XML", API, body(b""), "cannot be read"),
    Fault("F43", "nothing with status 200 for JSON", HF, body(b""), "no JSON"),
    Fault("F43", "an entry titled Error", API, body(ERROR), "max_results too large"),
    Fault("F43", "an empty page in mid-result", API, mid_page, None, 2),
    Fault("F43", "a total that is too high", BIO, overstated, None, 1),
    Fault("F43", "dates without zeros", BIO, unpadded, None, 1),
    Fault("F43", "guids that change with every answer", RSS, body(rss(*(item(n, f"urn:{n * 7}") for n in (1, 2, 8)))), None, 1),
    Fault("F43", "entities that grow", RSS, body(LAUGHS), "DOCTYPE"),
    Fault("F44", "a body of 1 GB", API, simply(gigabyte), "larger than 10 MB"),
    Fault("F44", "a Content-Length of 5 TB", API, simply(five_terabytes), "larger than 10 MB"),
    Fault("F44", "headers without end", API, simply(endless_headers), "tries again"),
    Fault("F44", "a gzip bomb, 194 kB to 200 MB", API, lazily(lambda: gzipped(bytes(200_000_000))), "unpacks to more than 50 MB"),
    Fault("F44", "a gzip bomb of 900 members", API, lazily(lambda: simply(says(gzip.compress(bytes(100_000), 9) * 900, Content_Encoding="gzip"))), "unpacks to more than 50 MB"),
    Fault("F44", "gzip of 100,000 empty members", API, lazily(lambda: simply(says(gzip.compress(b"", 9) * 100_000, Content_Encoding="gzip"))), "1000 pieces"),
    Fault("F44", "a deflate bomb, 194 kB to 200 MB", API, lazily(lambda: deflated(bytes(200_000_000))), "unpacks to more than 50 MB"),
    Fault("F44", "gzip within gzip", API, lazily(lambda: gzipped(gzip.compress(bytes(200_000_000), 9))), "cannot be read"),
    Fault("F44", "gzip within gzip, as it says", API, simply(says(gzip.compress(gzip.compress(b"x")), Content_Encoding="gzip, gzip")), "packed as"),
    Fault("F44", "10^6 items, 29 MB", RSS, lazily(lambda: gzipped(rss(*["<item><title>t</title></item>"] * 1_000_000))), "reading the answer"),
    Fault("F44", "10^6 records, 31 MB", HF, lazily(lambda: gzipped(b"[" + b",".join([b'{"paper":{"id":"2611.00008"}}'] * 1_000_000) + b"]")), "reading the answer"),
    Fault("F44", "a title of 100 MB", API, lazily(lambda: gzipped(good(API, 8).replace(b"Title 8", b"T" * 100_000_000))), "unpacks to more than 50 MB"),
    Fault("F44", "a title of 40 MB", API, lazily(lambda: gzipped(good(API, 1, 2, 8).replace(b"Title 8", b"T" * 40_000_000))), None, 1),
    Fault("F44", "10^6 nested tags in a feed", RSS, lazily(lambda: body(rss(f"<item><title>t</title><description>{'<b>' * 1_000_000}</description></item>"))), "reading the answer"),
    Fault("F44", "200,000 nested tags in XML", API, lazily(lambda: body(feed(1, 0, "<a>" * 200_000))), "cannot be read"),
    Fault("F44", "200,000 nested lists in JSON", HF, lazily(lambda: body(b"[" * 200_000)), "no JSON"),
    Fault("F45", "headers that drip", API, simply(slow_headers), "no answer within 5 s"),
    Fault("F45", "a body that drips", API, simply(slow_body), "no answer within 5 s"),
    Fault("F45", "redirects without end", API, simply(endless_redirect()), "redirects more than 5 times"),
    Fault("F45", "a redirect to itself", API, simply(says(status=302, Location=PATHS[API])), "redirects more than 5 times"),
    Fault("F45", "a redirect to the clouds' metadata", API, simply(says(status=302, Location="http://169.254.169.254/latest")), "refused"),
    Fault("F45", "a redirect to this machine", API, simply(says(status=302, Location="http://localhost:6379/")), "refused"),
    Fault("F45", "a redirect to a file", API, simply(says(status=302, Location="file:///etc/passwd")), "refused"),
    Fault("F46", "every item twice", RSS, body(rss(*(item(n) for n in (1, 2, 8, 1, 2, 8)))), None, 1),
    Fault("F46", "items in another order", RSS, body(rss(*(item(n) for n in (8, 2, 1)))), None, 1),
    Fault("F46", "every record twice", HF, body(good(HF, 1, 2, 8, 8, 2, 1)), None, 1),
    Fault("F46", "ids in other letters and versions", API, body(good(API, 1, 2, 8).replace(b"2611.00001v1", b"2611.00001V3")), None, 1),
)  # fmt: skip
"""In the order of their numbers."""


class Clock:
    """Runs, and can be set forward."""

    def __init__(self) -> None:
        self.now = NOW
        self._began = monotonic()

    def __call__(self) -> datetime:
        return self.now + timedelta(seconds=monotonic() - self._began)


async def happen(fault: Fault, db: Database) -> Outcome:
    """A good answer, the fault, and a good answer again with one paper more."""
    clock = Clock()
    async with site() as web:
        spec = fault.source if fault.own is None else RSS
        source = here(parse_source(spec), web)
        serve(web, spec, says(good(spec, 1, 2)))
        before = await _ask(db, source, clock)
        assert (before.new, before.error) == (2, None), before
        known = everything(db)
        web.asked.clear()
        fault.arrange(web, spec)
        began = monotonic()
        report = await _ask(db, fault.own(web) if fault.own else source, clock)
        seconds, asked = monotonic() - began, len(web.asked)
        kept = everything(db) == known
        clock.now += 2 * HOUR
        web.paths = {}
        serve(web, spec, says(good(spec, 1, 2, 3)))
        after = await _ask(db, source, clock)
    with db.read() as session:
        recovered = (after.new, after.error) == (1, None) and papers.count(session) == 3 + report.new
    return Outcome(fault, report, kept, recovered, seconds, asked)


async def _ask(db: Database, source: Source, clock: Clock) -> SourceReport:
    (report,) = (await ingest(db, [source], CLIENT, clock)).sources
    return report


def main() -> None:
    """Every fault once, on SQLite; those whose name has the word given, where one is."""
    outcomes = []
    for fault in (one for one in FAULTS if " ".join(sys.argv[1:]) in f"{one.id} {one.name}"):
        with tempfile.TemporaryDirectory() as folder:
            db = open_database(f"sqlite:///{Path(folder) / 'digestd.db'}")
            migrate(db)
            outcomes.append(asyncio.run(happen(fault, db)))
            db.close()
        print(outcomes[-1], flush=True)
    for number in sorted({outcome.fault.id for outcome in outcomes}):
        mine = [outcome for outcome in outcomes if outcome.fault.id == number]
        print(f"{number}: {sum(outcome.as_expected for outcome in mine)} of {len(mine)} as expected")


if __name__ == "__main__":
    main()
