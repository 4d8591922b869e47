"""Test requests that accept 404, 410 and 451 as answers."""

from datetime import datetime

import pytest

from digestd.errors import SourceFailed
from digestd.fetching.fetch import Client, Fetcher, Limits
from digestd.sources.source import RateLimit, Request
from digestd.store.database import Database
from tests.papers.http_server import says, serve_http

CLIENT = Client("https://digest.example.org", limits=Limits(attempts=1))
FREE = RateLimit("site", 0)


@pytest.mark.parametrize("status", [404, 410, 451])
async def test_fetch_returns_body_if_request_may_be_gone(db: Database, now: datetime, status: int) -> None:
    async with serve_http() as web, Fetcher(db, CLIENT, lambda: now) as fetcher:
        web.paths["/repos/a/b"] = says(b'{"message": "Not Found"}', status)
        gone = Request(web.url("/repos/a/b"), may_be_gone=True)
        answer = await fetcher.fetch(gone, FREE)
        assert (answer.body, answer.status) == (b'{"message": "Not Found"}', status)
        with pytest.raises(SourceFailed, match=f"answers {status}"):
            await fetcher.fetch(Request(web.url("/repos/a/b")), FREE)


@pytest.mark.parametrize("status", [400, 401, 403, 418])
async def test_fetch_fails_on_other_refusals(db: Database, now: datetime, status: int) -> None:
    async with serve_http() as web, Fetcher(db, CLIENT, lambda: now) as fetcher:
        web.paths["/"] = says(b"no", status)
        with pytest.raises(SourceFailed, match=f"answers {status}"):
            await fetcher.fetch(Request(web.url("/"), may_be_gone=True), FREE)
