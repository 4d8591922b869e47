"""Fixtures: a local HTTP server and a fetcher."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from time import monotonic

import pytest

from digestd.fetching.fetch import Client, Fetcher
from digestd.store.database import Database
from tests.papers.fetching import LIMITS, Clock
from tests.papers.http_server import HttpServer, serve_http
from tests.papers.ingester import Ingester


@pytest.fixture
async def web() -> AsyncIterator[HttpServer]:
    async with serve_http() as served:
        yield served


@pytest.fixture
def ingester(db: Database, web: HttpServer, now: datetime) -> Ingester:
    began = monotonic()
    return Ingester(db, web, lambda: now + timedelta(seconds=monotonic() - began))


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
async def fetcher(db: Database, clock: Clock) -> AsyncIterator[Fetcher]:
    async with Fetcher(db, Client("https://digest.example.org", limits=LIMITS), clock) as found:
        yield found
