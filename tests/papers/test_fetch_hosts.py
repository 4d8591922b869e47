"""Test hosts over time: requested pauses, circuit breakers and holds."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from digestd.fetching.fetch import Client, Fetcher
from digestd.sources.source import RateLimit
from digestd.store import rate_limits
from digestd.store.database import Database
from tests.papers.fetching import LIMITS, Clock, fails, get
from tests.papers.http_server import HttpServer, says, serve_http


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Return a database of one kind: what the store does on each is in test_hosts."""
    return sqlite_url


def state(db: Database, host: str) -> rate_limits.HostState:
    with db.read() as session:
        found = rate_limits.host_state(session, host)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "headers",
    [
        {"RateLimit": '"default";r=0;t=90'},
        {"RateLimit_Remaining": 0, "RateLimit_Reset": 90},
        {"Backoff": 90},
        {"X_RateLimit_Remaining": 0, "X_RateLimit_Reset": 1795503690},
    ],
)
async def test_fetch_obeys_pause_in_headers(
    db: Database, fetcher: Fetcher, web: HttpServer, clock: Clock, headers: dict[str, Any]
) -> None:
    rate_limit = RateLimit("site", 0.01)
    web.paths["/"] = says(b"ok", **headers)
    clock.now = datetime.fromisoformat("2026-11-24T07:00:00+00:00").replace(microsecond=0)
    assert (await get(fetcher, web, rate_limit=rate_limit)).body == b"ok"
    pause = (state(db, "site").next - clock.now).total_seconds()
    assert pause > 5
    await fails(fetcher, web, "site is rate-limited until", rate_limit=rate_limit)
    assert len(web.requests) == 1
    clock.forward(seconds=pause)
    assert (await get(fetcher, web, rate_limit=rate_limit)).body == b"ok"


async def test_fetch_limits_requested_pause(db: Database, fetcher: Fetcher, web: HttpServer, clock: Clock) -> None:
    rate_limit = RateLimit("site", 0.01)
    web.paths["/"] = says(b"ok", Backoff=10**12)
    await get(fetcher, web, rate_limit=rate_limit)
    assert state(db, "site").next == clock.now + rate_limits.HOST_HORIZON


async def test_breaker_opens_after_three_failures_closes_on_success(
    db: Database, fetcher: Fetcher, web: HttpServer, clock: Clock
) -> None:
    host = f"127.0.0.1:{web.port}"
    web.paths["/"] = says(status=500)
    for _ in range(3):
        await fails(fetcher, web, "answers 500")
    assert state(db, host).failures == 3
    assert state(db, host).open_until == clock.now + timedelta(minutes=5)
    assert "answers 500" in str(state(db, host).why)
    await fails(
        fetcher, web, r"failed 3 times in a row .*answers 500.*; digestd tries it again at 2026-11-24 07:05:00 UTC"
    )
    await fails(fetcher, web, "failed 3 times in a row", path="/another")
    assert len(web.requests) == 3, "an open breaker asks nobody"
    pauses = []
    for _ in range(9):
        until = state(db, host).open_until
        assert until is not None
        clock.now = until
        await fails(fetcher, web, "answers 500")
        pauses.append((state(db, host).open_until or clock.now) - clock.now)
    assert [pause / timedelta(minutes=1) for pause in pauses] == [10, 20, 40, 80, 160, 320, 360, 360, 360]
    clock.forward(hours=6)
    web.paths["/"] = says(b"ok")
    assert (await get(fetcher, web)).body == b"ok"
    assert (state(db, host).failures, state(db, host).open_until, state(db, host).why) == (0, None, None)


async def test_breaker_allows_one_probe(db: Database, fetcher: Fetcher, web: HttpServer, clock: Clock) -> None:
    host = f"127.0.0.1:{web.port}"
    with db.write() as session:
        for _ in range(3):
            rate_limits.record_host_failure(session, host, clock.now, "refused")
    clock.forward(minutes=5)
    with db.write() as session:
        tries = [
            rate_limits.acquire_probe(session, host, clock.now, clock.now + timedelta(minutes=1)) for _ in range(3)
        ]
    assert tries == [True, False, False]
    await fails(fetcher, web, "failed 3 times in a row")
    clock.forward(minutes=1)
    web.paths["/"] = says(b"ok")
    assert (await get(fetcher, web)).body == b"ok", "whoever tried is gone"


async def test_breaker_probe_is_one_request(db: Database, web: HttpServer, clock: Clock) -> None:
    web.paths["/"] = says(status=500)
    client = Client("https://x.example.org", limits=replace(LIMITS, attempts=3))
    async with Fetcher(db, client, clock) as fetcher:
        for _ in range(3):
            await fails(fetcher, web, "answers 500")
        assert len(web.requests) == 9
        clock.forward(minutes=5)
        await fails(fetcher, web, "answers 500")
        assert len(web.requests) == 10


async def test_breaker_ignores_refusals(db: Database, fetcher: Fetcher, web: HttpServer, clock: Clock) -> None:
    web.paths["/"] = says(status=404)
    for _ in range(5):
        await fails(fetcher, web, "answers 404")
    web.paths["/"] = says(status=503, Retry_After=600)
    for _ in range(5):
        await fails(fetcher, web, "rate-limited until")
    with db.read() as session:
        assert [one.failures for one in rate_limits.hosts(session)] == [0]


async def test_breaker_ignores_too_large_answer(db: Database, web: HttpServer, clock: Clock) -> None:
    web.paths["/"] = says(b"x" * 2_000)
    client = Client("https://x.example.org", limits=replace(LIMITS, wire=1_000))
    async with Fetcher(db, client, clock) as fetcher:
        for _ in range(5):
            await fails(fetcher, web, "larger than")
    with db.read() as session:
        assert rate_limits.hosts(session) == []


async def test_breaker_counts_by_host_not_by_rate_limit(
    db: Database, fetcher: Fetcher, web: HttpServer, clock: Clock
) -> None:
    rate_limit = RateLimit("arxiv.org", 0.01)
    async with serve_http() as other:
        other.paths["/"] = says(b"ok")
        web.paths["/"] = says(status=500)
        for _ in range(3):
            await fails(fetcher, web, "answers 500", rate_limit=rate_limit)
            clock.forward(seconds=1)
        await fails(fetcher, web, "failed 3 times", rate_limit=rate_limit)
        assert (await get(fetcher, other, rate_limit=rate_limit)).body == b"ok"


@pytest.mark.parametrize("days", [-400, 400])
async def test_scheduler_survives_clock_jump(
    db: Database, fetcher: Fetcher, web: HttpServer, clock: Clock, days: int
) -> None:
    """Start with a slot, a hold and an open breaker written in another year."""
    rate_limit, host = RateLimit("site", 1, exclusive=True), f"127.0.0.1:{web.port}"
    web.paths["/"] = says(b"ok")
    there = clock.now + timedelta(days=days)
    with db.write() as session:
        rate_limits.reserve_request(session, "site", there, 3)
        assert rate_limits.lock_host(session, "site", "somebody", there, there + timedelta(minutes=1))
        for _ in range(9):
            rate_limits.record_host_failure(session, host, there, "refused")
    assert (await get(fetcher, web, rate_limit=rate_limit)).body == b"ok"


async def test_scheduler_releases_host_after_failure(
    db: Database, fetcher: Fetcher, web: HttpServer, clock: Clock
) -> None:
    web.paths["/"] = says(status=500)
    await fails(fetcher, web, "answers 500", rate_limit=RateLimit("site", 0.01, exclusive=True))
    assert state(db, "site").held_until is None


async def test_scheduler_gives_up_on_held_host(db: Database, web: HttpServer, clock: Clock) -> None:
    with db.write() as session:
        rate_limits.lock_host(session, "site", "somebody", clock.now, clock.now + timedelta(minutes=1))
    client = Client("https://x.example.org", limits=replace(LIMITS, patience=0.5))
    async with Fetcher(db, client, clock) as fetcher:
        await fails(
            fetcher, web, "site is being asked by another process", rate_limit=RateLimit("site", 1, exclusive=True)
        )
    assert web.requests == []


async def test_scheduler_wait_does_not_count_towards_deadline(db: Database, web: HttpServer, now: datetime) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    web.paths["/"] = says(b"ok")
    client = Client("https://x.example.org", limits=replace(LIMITS, seconds=1.5))
    async with Fetcher(db, client, lambda: now + timedelta(seconds=loop.time() - began)) as fetcher:
        rate_limit = RateLimit("site", 0.6, exclusive=True)
        answers = await asyncio.gather(*(get(fetcher, web, rate_limit=rate_limit) for _ in range(4)))
    assert [answer.body for answer in answers] == [b"ok"] * 4
    assert loop.time() - began > 1.8
