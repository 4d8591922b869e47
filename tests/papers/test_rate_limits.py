"""Test rate limits with a counting server, over processes, kills and restarts."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from digestd.sources import parse_source
from digestd.store import rate_limits
from digestd.store.database import Database
from tests.papers.asking import BEGAN
from tests.papers.http_server import HttpServer, says, serve_http, slowly

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
INTERFACES = ("/api/query", "/oai", "/atom/cs.LG")
"""arXiv's three, which count as one."""


@pytest.fixture
async def web() -> AsyncIterator[HttpServer]:
    async with serve_http() as served:
        for path in INTERFACES:
            served.paths[path] = says(b"ok")
        yield served


async def start(
    database: str, web: HttpServer, paths: tuple[str, ...], rate_limit: float, deadline: float = 60
) -> asyncio.subprocess.Process:
    words = [database, str(deadline), str(rate_limit), *map(web.url, paths)]
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.papers.asking", *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )


async def output_lines(process: asyncio.subprocess.Process) -> list[str]:
    out, _ = await process.communicate()
    return out.decode().splitlines()


async def wait_for_requests(web: HttpServer, count: int) -> None:
    """Wait until this many requests have come."""
    async with asyncio.timeout(60):
        while len(web.requests) < count:
            await asyncio.sleep(0.01)


def test_arxiv_sources_share_one_rate_limit() -> None:
    sources = [parse_source(spec) for spec in ("arxiv:cs.LG", "arxiv-rss:cs.LG", "arxiv-oai:cs")]
    (rate_limit,) = {source.rate_limit for source in sources}
    assert rate_limit.exclusive
    assert rate_limit.seconds >= 3


async def test_fetch_two_processes_keep_limit_and_one_connection(database_url: str, web: HttpServer) -> None:
    web.paths["/oai"] = slowly(0.7, says(b"ok"))
    both = [await start(database_url, web, paths, 0.4) for paths in (INTERFACES, INTERFACES[::-1])]
    assert [await output_lines(process) for process in both] == [["2"] * 3] * 2
    print(f"\n{web.log()}")
    assert len(web.requests) == 6
    assert min(web.gaps()) >= 0.4
    assert (web.most_open, web.most_answering) == (1, 1)


async def test_fetch_killed_process_releases_host_at_deadline(database_url: str, db: Database, web: HttpServer) -> None:
    web.paths["/api/query"] = slowly(60, says(b"ok"))
    killed = await start(database_url, web, ("/api/query",), 0.4, deadline=2)
    await wait_for_requests(web, 1)
    waiting = await start(database_url, web, ("/oai", "/atom/cs.LG"), 0.4)
    killed.kill()
    await killed.wait()
    with db.read() as session:
        soon = BEGAN + timedelta(seconds=web.requests[0].at + 1)
        assert rate_limits.is_host_locked(session, "arxiv.org", soon), "nobody could give it back"
    assert await output_lines(waiting) == ["2", "2"]
    print(f"\n{web.log()}")
    assert web.requests[1].at - web.requests[0].at >= 2, "until its hold has ended it might still be asking"
    assert web.most_open == 1


async def test_rate_limit_survives_restart(sqlite_url: str, web: HttpServer) -> None:
    for _ in range(2):
        assert await output_lines(await start(sqlite_url, web, ("/api/query",), 3.0)) == ["2"]
    print(f"\n{web.log()}")
    assert web.gaps()[0] >= 3


async def test_rate_limit_counts_from_start_of_answer(sqlite_url: str, web: HttpServer) -> None:
    """Send a request over a slow path and one right behind it over a fast path."""
    web.paths["/api/query"] = slowly(0.5, says(b"ok"))
    assert await output_lines(await start(sqlite_url, web, ("/api/query", "/oai"), 0.4)) == ["2", "2"]
    assert web.gaps()[0] >= 0.9


@pytest.mark.long
async def test_fetch_keeps_arxivs_real_rate_limit(database_url: str, web: HttpServer) -> None:
    """Run two processes, one of which is killed and restarted."""
    first = await start(database_url, web, INTERFACES * 3, 3.1)
    other = await start(database_url, web, INTERFACES, 3.1)
    await wait_for_requests(web, 3)
    first.kill()
    await first.wait()
    again = await start(database_url, web, INTERFACES, 3.1)
    assert await output_lines(other) == ["2"] * 3
    assert await output_lines(again) == ["2"] * 3
    print(f"\n{web.log()}")
    assert min(web.gaps()) >= 3
    assert (web.most_open, web.most_answering) == (1, 1)
