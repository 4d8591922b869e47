"""Test the fetcher against a real server."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from time import monotonic

import pytest

from digestd.errors import SourceFailed, SourceUnavailable
from digestd.fetching.fetch import Answer, Client, Fetcher, Limits, Validators
from digestd.sources.source import RateLimit, Request
from digestd.store import rate_limits
from digestd.store.database import Database
from tests.papers.http_server import AT_ONCE, HttpServer, ReceivedRequest, head, in_turn, says

FREE = RateLimit("site", 0)
QUICK = Limits(wire=100_000, body=1_000_000, backoff=AT_ONCE)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Return a database of one kind: what the store does on each is in test_hosts."""
    return sqlite_url


@pytest.fixture
def clock(now: datetime) -> Callable[[], datetime]:
    began = monotonic()
    return lambda: now + timedelta(seconds=monotonic() - began)


@pytest.fixture
def client() -> Client:
    return Client("https://digest.example.org", "ops@example.org", QUICK)


@pytest.fixture
async def fetcher(db: Database, client: Client, clock: Callable[[], datetime]) -> AsyncIterator[Fetcher]:
    async with Fetcher(db, client, clock) as found:
        yield found


async def get(
    fetcher: Fetcher, web: HttpServer, path: str, rate_limit: RateLimit = FREE, known: Validators | None = None
) -> Answer:
    return await fetcher.fetch(Request(web.url(path)), rate_limit, known)


async def test_fetch_sends_user_agent_with_contact(fetcher: Fetcher, web: HttpServer) -> None:
    web.paths["/"] = says(b"hello")
    assert (await get(fetcher, web, "/")).body == b"hello"
    agent = web.requests[0].headers["user-agent"]
    assert agent.startswith("digestd/")
    assert agent.endswith(" (+https://digest.example.org; mailto:ops@example.org)")


async def test_fetch_sends_validators_of_last_answer(fetcher: Fetcher, web: HttpServer) -> None:
    conditional: list[str] = []

    async def answer(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        if request.headers.get("if-none-match") == '"v1"':
            conditional.append(request.headers["if-modified-since"])
            writer.write(head(304, ETag='"v1"'))
        else:
            writer.write(
                head(200, ETag='"v1"', Last_Modified="Mon, 23 Nov 2026 07:00:00 GMT", Content_Length=2) + b"ok"
            )

    web.paths["/"] = answer
    first = await get(fetcher, web, "/")
    assert first.body == b"ok"
    again = await get(fetcher, web, "/", known=first.validators)
    assert again.body is None
    assert conditional == ["Mon, 23 Nov 2026 07:00:00 GMT"]


async def test_fetch_obeys_rate_limit_over_two_processes(
    db: Database, web: HttpServer, client: Client, clock: Callable[[], datetime]
) -> None:
    web.paths["/"] = says(b"x")
    async with Fetcher(db, client, clock) as one, Fetcher(db, client, clock) as other:
        rate_limit = RateLimit("arxiv.org", 0.3)
        await asyncio.gather(*(get(fetcher, web, "/", rate_limit) for fetcher in (one, other, one, other)))
    times = sorted(request.at for request in web.requests)
    assert times[-1] - times[0] > 0.6, "four turns are three waits; the first may have come late"


async def test_fetch_retries_429_after_retry_after(fetcher: Fetcher, web: HttpServer) -> None:
    web.paths["/"] = in_turn(says(status=429, Retry_After=1), says(b"ok"))
    assert (await get(fetcher, web, "/", RateLimit("site", 0.01))).body == b"ok"
    first, second = web.requests
    assert second.at - first.at > 0.9


async def test_fetch_long_retry_after_ends_and_blocks_host(
    db: Database, fetcher: Fetcher, web: HttpServer, now: datetime
) -> None:
    web.paths["/"] = says(status=503, Retry_After=600)
    with pytest.raises(SourceFailed, match="rate-limited until 2026-11-24 07:10"):
        await get(fetcher, web, "/", RateLimit("site", 0.01))
    with pytest.raises(SourceFailed, match="rate-limited until"):
        await get(fetcher, web, "/", RateLimit("site", 0.01))
    assert len(web.requests) == 1
    with db.write() as session:
        assert rate_limits.reserve_request(session, "site", now + timedelta(minutes=11), 1) == now + timedelta(
            minutes=11
        )


@pytest.mark.parametrize("retry_after", ["Tue, 24 Nov 2026 08:00:00 GMT", "9999999999999"])
async def test_fetch_reads_retry_after_date_and_ignores_absurd(
    fetcher: Fetcher, web: HttpServer, retry_after: str
) -> None:
    web.paths["/"] = says(status=429, Retry_After=retry_after)
    with pytest.raises(SourceFailed, match=r"rate-limited until 2026-11-24 0[78]:"):
        await get(fetcher, web, "/", RateLimit("site", 0.01))


async def test_fetch_retries_5xx_then_gives_up(fetcher: Fetcher, web: HttpServer) -> None:
    web.paths["/"] = says(status=502)
    with pytest.raises(SourceFailed, match=r"127\.0\.0\.1:\d+: answers 502$"):
        await get(fetcher, web, "/")
    assert len(web.requests) == QUICK.attempts


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_fetch_does_not_retry_4xx(fetcher: Fetcher, web: HttpServer, status: int) -> None:
    web.paths["/"] = says(status=status)
    with pytest.raises(SourceFailed, match=f"answers {status}"):
        await get(fetcher, web, "/")
    assert len(web.requests) == 1


async def test_fetch_retries_lost_connection(fetcher: Fetcher, web: HttpServer) -> None:
    async def hang_up(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.close()

    web.paths["/"] = in_turn(hang_up, says(b"ok"))
    assert (await get(fetcher, web, "/")).body == b"ok"


async def test_fetch_reports_refused_connection_in_one_line(fetcher: Fetcher, web: HttpServer) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        await fetcher.fetch(Request("http://127.0.0.1:9/"), FREE)
    assert "\n" not in str(caught.value)


async def test_fetch_endless_body_hits_deadline(db: Database, web: HttpServer, clock: Callable[[], datetime]) -> None:
    dripped = 0

    async def drip(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        nonlocal dripped
        writer.write(head(200, Content_Length=1_000))
        for dripped in range(1_000):  # noqa: B007  # how far it came
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    web.paths["/"] = drip
    async with Fetcher(db, Client("https://x.example.org", limits=Limits(seconds=0.4)), clock) as fetcher:
        with pytest.raises(SourceFailed, match=r"no answer within 0\.4 s"):
            await get(fetcher, web, "/")
    assert dripped < 999


async def test_fetch_refuses_large_body_while_reading(fetcher: Fetcher, web: HttpServer) -> None:
    web.paths["/"] = says(b"x" * 200_000)
    with pytest.raises(SourceFailed, match="larger than"):
        await get(fetcher, web, "/")


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_fetch_decompresses_body(fetcher: Fetcher, web: HttpServer, pack: Callable[[bytes], bytes]) -> None:
    body = pack(b"words " * 10_000)
    web.paths["/"] = says(body, Content_Encoding="gzip")
    assert (await get(fetcher, web, "/")).body == b"words " * 10_000


async def test_fetch_reads_gzip_of_several_members(fetcher: Fetcher, web: HttpServer) -> None:
    web.paths["/"] = says(gzip.compress(b"one ") + gzip.compress(b"two"), Content_Encoding="gzip")
    assert (await get(fetcher, web, "/")).body == b"one two"


async def test_fetch_refuses_gzip_bomb(fetcher: Fetcher, web: HttpServer) -> None:
    web.paths["/"] = says(gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")
    with pytest.raises(SourceFailed, match="unpacks to more than 1 MB"):
        await get(fetcher, web, "/")


async def test_fetch_refuses_truncated_gzip(fetcher: Fetcher, web: HttpServer) -> None:
    web.paths["/"] = says(gzip.compress(bytes(range(256)) * 10)[:-20], Content_Encoding="gzip")
    with pytest.raises(SourceFailed, match="ended early"):
        await get(fetcher, web, "/")


async def test_fetch_refuses_unrequested_encoding(fetcher: Fetcher, web: HttpServer) -> None:
    web.paths["/"] = says(b"x", Content_Encoding="br")
    with pytest.raises(SourceFailed, match="packed as 'br'"):
        await get(fetcher, web, "/")


async def test_fetch_follows_redirects(fetcher: Fetcher, web: HttpServer) -> None:
    web.paths["/"] = says(status=301, Location="/there")
    web.paths["/there"] = says(b"ok")
    assert (await get(fetcher, web, "/")).body == b"ok"


async def test_fetch_stops_redirect_loop(fetcher: Fetcher, web: HttpServer) -> None:
    web.paths["/"] = says(status=302, Location="/")
    with pytest.raises(SourceFailed, match="redirects more than 5 times"):
        await get(fetcher, web, "/")
    assert len(web.requests) == 6
