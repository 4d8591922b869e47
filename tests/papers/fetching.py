"""Helpers for tests of the fetcher."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from digestd.errors import SourceFailed
from digestd.fetching.fetch import Answer, Fetcher, Limits
from digestd.sources.source import RateLimit, Request
from tests.papers.http_server import AT_ONCE, HttpServer

FREE = RateLimit("site", 0)
LIMITS = Limits(attempts=1, backoff=AT_ONCE)


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


async def get(fetcher: Fetcher, web: HttpServer, path: str = "/", rate_limit: RateLimit = FREE) -> Answer:
    return await fetcher.fetch(Request(web.url(path)), rate_limit)


async def fails(fetcher: Fetcher, web: HttpServer, why: str, path: str = "/", rate_limit: RateLimit = FREE) -> None:
    with pytest.raises(SourceFailed, match=why) as caught:
        await get(fetcher, web, path, rate_limit)
    assert "\n" not in str(caught.value)
