"""Test that keys are sent to their host only."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import httpx2
import pytest

from digestd.errors import BadSetting, SourceFailed
from digestd.fetching.credentials import KEY_SETTINGS, Credential, credentials
from digestd.fetching.fetch import Client, Fetcher, Validators, _Fetch
from digestd.sources.source import Request
from digestd.store import rate_limits
from digestd.store.database import Database
from tests.papers.fetching import FREE, LIMITS, Clock, get
from tests.papers.http_server import HttpServer, in_turn, says

SECRET = "s3cr3t-key"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Return a database of one kind: what the store does on each is in test_hosts."""
    return sqlite_url


def keyed(db: Database, clock: Callable[[], datetime], host: str, credential: Credential) -> Fetcher:
    return Fetcher(db, Client("https://x.example.org", limits=LIMITS, credentials={host: credential}), clock)


def test_key_settings_name_host_and_parameter() -> None:
    found = credentials({key.setting: SECRET for key in KEY_SETTINGS})
    assert found == {
        "api.semanticscholar.org": Credential("x-api-key", SECRET),
        "api.openalex.org": Credential("api_key", SECRET, is_parameter=True),
        "eutils.ncbi.nlm.nih.gov": Credential("api_key", SECRET, is_parameter=True),
        "api.github.com": Credential("Authorization", f"Bearer {SECRET}"),
    }
    assert SECRET not in repr(found)
    assert credentials({"github_token": None, "ncbi_key": " "}) == {}


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "schlüssel", "x" * 501])
def test_credentials_refuse_invalid_key_without_repeating_it(value: str) -> None:
    with pytest.raises(BadSetting, match="DIGESTD_NCBI_KEY") as caught:
        credentials({"ncbi_key": value})
    assert value not in str(caught.value)


async def test_fetch_sends_key_to_its_host(db: Database, clock: Clock, web: HttpServer) -> None:
    web.paths["/"] = says(b"ok")
    async with keyed(db, clock, "127.0.0.1", Credential("x-api-key", SECRET)) as fetcher:
        await get(fetcher, web)
    assert web.requests[0].headers["x-api-key"] == SECRET
    async with keyed(db, clock, "127.0.0.1", Credential("api_key", SECRET, is_parameter=True)) as fetcher:
        await get(fetcher, web, "/?term=a%20b")
    assert web.requests[1].path == f"/?term=a%20b&api_key={SECRET}"


async def test_fetch_sends_key_to_no_other_host(db: Database, clock: Clock, web: HttpServer) -> None:
    """Try another host, a similar one, a redirect, and plain HTTP."""
    web.paths["/"] = says(b"ok")
    web.paths["/away"] = says(status=302, Location="http://away.example.com/")
    for host in ("127.0.0.2", "api.127.0.0.1", "0.0.1"):
        async with keyed(db, clock, host, Credential("x-api-key", SECRET)) as fetcher:
            await get(fetcher, web)
    assert all("x-api-key" not in request.headers for request in web.requests)
    async with keyed(db, clock, "api.example.com", Credential("x-api-key", SECRET)) as fetcher:
        outgoing = fetcher._outgoing  # what would go out, without a server for every address
        urls = {
            "https://api.example.com/": True,
            "http://api.example.com/": False,
            "https://api.example.com:8443/": False,
            "https://api.example.com.evil.example.org/": False,
            "https://user@evil.example.org/": False,
        }
        for url, is_sent in urls.items():
            for is_own in (True, False):
                fetch = _Fetch(Request(url), FREE, Validators(), asyncio.Timeout(None), 1)
                sent = outgoing(fetch, httpx2.URL(url), is_own)
                assert ("x-api-key" in sent.headers) == (is_sent and is_own), url


async def test_fetch_leaks_no_key_in_errors_or_store(
    db: Database, clock: Clock, web: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    web.paths["/"] = in_turn(says(status=404), says(status=500), says(status=302, Location="http://10.0.0.1/"))
    async with keyed(db, clock, "127.0.0.1", Credential("api_key", SECRET, is_parameter=True)) as fetcher:
        for _ in range(3):
            with pytest.raises(SourceFailed) as caught:
                await get(fetcher, web)
            assert SECRET not in str(caught.value)
    assert all(SECRET in request.path for request in web.requests)
    with db.read() as session:
        assert SECRET not in repr(rate_limits.hosts(session))
    assert SECRET not in caplog.text
