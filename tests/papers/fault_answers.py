"""Good answers of real sources, and every fault that feeds were seen to have."""

import asyncio
import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from digestd.sources import parse_source
from digestd.sources.source import Source
from tests.papers.http_server import Answerer, HttpServer, ReceivedRequest, head, in_turn, says
from tests.sources.test_arxiv import entry, feed
from tests.sources.test_biorxiv import answer as posts
from tests.sources.test_biorxiv import post

API, RSS, HF, BIO = "arxiv:cs.LG", "feed:https://journal.example.org/rss", "hf-daily", "biorxiv"
PATHS = {API: "/api/query", RSS: "/rss", HF: "/api/daily_papers", BIO: "/details/biorxiv"}


def good(source: str, *numbers: int) -> bytes:
    """Return an answer of a source with these papers."""
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


def serve(web: HttpServer, source: str, answer: Answerer) -> None:
    """Serve at the first address that a source requests; later addresses are empty."""
    path = PATHS.get(source, "/rss")
    web.paths[path] = answer
    if source == HF:
        web.paths[path], web.paths[f"{path}?limit=100"] = says(b"[]"), answer
    if source == BIO:
        web.paths = _Posts(answer)


class _Posts(dict[str, Answerer]):
    """bioRxiv's addresses, which contain days.

    The first page is any that ends in /0/json.
    """

    def __init__(self, first: Answerer) -> None:
        super().__init__()
        self.first = first

    def get(self, path: str, default: object = None) -> Answerer:
        del default
        return self.first if "/0/json" in path else says(posts(status="no posts found", count=0, total=0))


def simply(answer: Answerer) -> Callable[[HttpServer, str], None]:
    return lambda web, source: serve(web, source, answer)


def body(what: bytes, **headers: Any) -> Callable[[HttpServer, str], None]:
    return simply(says(what, **headers))


async def half(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
    writer.write(head(200, Content_Length=5_000) + good(API, 8, 9)[:300])
    await writer.drain()
    writer.close()


async def slow_headers(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 X\r\n")
    for n in range(10_000):
        writer.write(f"X-{n}: x\r\n".encode())
        await writer.drain()
        await asyncio.sleep(0.1)


async def gigabyte(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
    writer.write(head(200))
    with suppress(ConnectionError):
        for _ in range(1_000):
            writer.write(bytes(1_000_000))
            await writer.drain()
    writer.close()


async def endless_headers(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 X\r\n")
    with suppress(ConnectionError):
        for _ in range(1_000):
            writer.write(b"X-Long: " + b"x" * 10_000 + b"\r\n")
            await writer.drain()
    writer.close()


def endless_redirect() -> Answerer:
    count = iter(range(1_000_000))

    async def answer(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(head(302, Location=f"{PATHS[API]}?n={next(count)}", Content_Length=0))

    return answer


def gzipped(what: bytes) -> Callable[[HttpServer, str], None]:
    return lambda web, source: serve(web, source, says(gzip.compress(what, 9), Content_Encoding="gzip"))


def lazily(make: Callable[[], Callable[[HttpServer, str], None]]) -> Callable[[HttpServer, str], None]:
    """Create the answer when it is needed, because it is large."""
    return lambda web, source: make()(web, source)


def mid_page(web: HttpServer, source: str) -> None:
    query = "/api/query?search_query=cat%3Acs.LG&sortBy=submittedDate&sortOrder=descending&start={}&max_results=500"
    web.paths[PATHS[source]] = says(status=404)
    web.paths[query.format(0)] = says(feed(2, 0, entry("2611.00008v1", title="Title 8")))
    web.paths[query.format(1)] = in_turn(says(feed(2, 1)), says(feed(2, 1, entry("2611.00009v1", title="Title 9"))))


def overstated(web: HttpServer, source: str) -> None:
    found = json.loads(good(source, 1, 2, 8))
    found["messages"][0] |= {"total": 900, "count": 3}
    serve(web, source, says(json.dumps(found).encode()))


def unpadded(web: HttpServer, source: str) -> None:
    found = json.loads(good(source, 1, 2, 8))
    for one in found["collection"]:
        one["date"] = "2026-9-3"
    serve(web, source, says(json.dumps(found).encode()))


def elsewhere(url: str) -> Callable[[HttpServer], Source]:
    return lambda web: parse_source(f"feed:{url.format(web.port)}")


def nothing(web: HttpServer, source: str) -> None:
    """Do nothing: the fault is in the address."""


NO_IDS = feed(
    30, 0, *(entry(f"2611.{n:05}v1").replace("<id>", "<guid>").replace("</id>", "</guid>") for n in range(30))
)
