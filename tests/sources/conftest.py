"""Fixtures: a local HTTP server, a clock that can be moved on, and ingest from documented services."""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from digestd.store.database import Database
from tests.papers.http_server import HttpServer, serve_http
from tests.papers.ingester import Ingester
from tests.sources.documented.service import RunningClock


@pytest.fixture
async def web() -> AsyncIterator[HttpServer]:
    async with serve_http() as served:
        yield served


@pytest.fixture
def clock(now: datetime) -> RunningClock:
    return RunningClock(now)


@pytest.fixture
def ingester(db: Database, web: HttpServer, clock: RunningClock) -> Ingester:
    return Ingester(db, web, clock)
