"""Test requests that are no plain GET: posted bodies, redirects included, and answers that may be gone."""

import pytest

from digestd.errors import SourceFailed
from digestd.fetching.fetch import Fetcher, Validators
from digestd.sources.source import Request
from tests.papers.fetching import FREE
from tests.papers.http_server import HttpServer, says


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Return a database of one kind: what the store does on each is in test_hosts."""
    return sqlite_url


async def test_fetch_posts_json_unconditionally(fetcher: Fetcher, web: HttpServer) -> None:
    web.paths["/"] = says(b"[]", ETag='"1"')
    request = Request(web.url("/"), {"Accept": "application/json"}, body=b'{"ids": []}')
    answer = await fetcher.fetch(request, FREE, Validators('"1"', "Mon, 23 Nov 2026 07:00:00 GMT"))
    received = web.requests[0]
    assert (received.method, received.body, received.headers["content-type"]) == (
        "POST",
        b'{"ids": []}',
        "application/json",
    )
    assert "if-none-match" not in received.headers
    assert "if-modified-since" not in received.headers
    assert (answer.body, answer.validators) == (b"[]", Validators())


@pytest.mark.parametrize("status", [307, 308])
async def test_fetch_resends_body_on_307_and_308(fetcher: Fetcher, web: HttpServer, status: int) -> None:
    web.paths["/"] = says(status=status, Location="/there")
    web.paths["/there"] = says(b"ok")
    assert (await fetcher.fetch(Request(web.url("/"), body=b"{}"), FREE)).body == b"ok"
    assert [(request.method, request.path, request.body) for request in web.requests] == [
        ("POST", "/", b"{}"), ("POST", "/there", b"{}"),
    ]  # fmt: skip


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_fetch_keeps_body_on_retry(fetcher: Fetcher, web: HttpServer, status: int) -> None:
    web.paths["/"] = says(status=status, Location="/there")
    with pytest.raises(SourceFailed, match=rf"answers a POST with a redirect \({status}\)"):
        await fetcher.fetch(Request(web.url("/"), body=b"{}"), FREE)
    assert len(web.requests) == 1


async def test_fetch_returns_body_if_request_may_be_gone(fetcher: Fetcher, web: HttpServer) -> None:
    for status in (404, 410, 451):
        web.paths["/repos/a/b"] = says(b'{"message": "Not Found"}', status)
        answer = await fetcher.fetch(Request(web.url("/repos/a/b"), may_be_gone=True), FREE)
        assert (answer.body, answer.status) == (b'{"message": "Not Found"}', status)
        with pytest.raises(SourceFailed, match=f"answers {status}"):
            await fetcher.fetch(Request(web.url("/repos/a/b")), FREE)
    for status in (400, 401, 403, 418):
        web.paths["/"] = says(b"no", status)
        with pytest.raises(SourceFailed, match=f"answers {status}"):
            await fetcher.fetch(Request(web.url("/"), may_be_gone=True), FREE)
