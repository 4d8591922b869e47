"""Registries on this machine, and a reader that asks them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

import pytest

from digestd.fetching import paper_lookup
from digestd.fetching.fetch import Client
from digestd.fetching.paper_lookup import RegistryReader
from digestd.store.database import Database
from tests.lookups.registry_server import Registries
from tests.papers.fetching import Clock
from tests.papers.http_server import AT_ONCE, serve_http


@pytest.fixture
async def registries() -> AsyncIterator[Registries]:
    async with serve_http() as site:
        yield Registries(site)


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def reader(db: Database, registries: Registries, clock: Clock) -> RegistryReader:
    limits = replace(paper_lookup.LIMITS, backoff=AT_ONCE, seconds=5)
    return RegistryReader(db, Client("https://digest.example.org"), clock, registries.registries, limits)
