"""Test that no redirect reaches a private address.

The checked address is the one connected to.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from time import monotonic

import httpx2
import pytest
import trustme

from digestd.errors import SourceFailed
from digestd.fetching.fetch import Client, Fetcher, Limits
from digestd.fetching.network import Address, is_forbidden, is_public, why_not_public
from digestd.sources.source import RateLimit, Request
from digestd.store.database import Database, open_database
from tests.papers.addresses import INWARD, NAMES, OUTWARD
from tests.papers.http_server import AT_ONCE, HttpServer, says, serve_http
from tests.support.tls import server_side

FREE = RateLimit("site", 0)
CLIENT = Client("https://digest.example.org", limits=Limits(attempts=1, backoff=AT_ONCE))


@pytest.fixture
def quiet(sqlite_url: str) -> Iterator[Database]:
    opened = open_database(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def clock(now: datetime) -> Callable[[], datetime]:
    began = monotonic()
    return lambda: now + timedelta(seconds=monotonic() - began)


class Names:
    """A resolver of a few names that records its queries."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names = names
        self.requests: list[str] = []

    async def __call__(self, name: str) -> Sequence[Address]:
        self.requests.append(name)
        return [ip_address(found) for found in self.names[name]]


@pytest.mark.parametrize("trick", INWARD)
async def test_fetch_never_connects_to_private_redirect(
    quiet: Database, clock: Callable[[], datetime], web: HttpServer, trick: str
) -> None:
    names = Names(NAMES)
    for form in INWARD[trick]:
        web.paths["/"] = says(status=302, Location=form)
        async with Fetcher(quiet, CLIENT, clock, names, breaker=ascii(form)) as fetcher:
            with pytest.raises(SourceFailed, match=r"refused$") as caught:
                await fetcher.fetch(Request(web.url("/")), FREE)
        assert "\n" not in str(caught.value), form
    assert len(web.requests) == len(INWARD[trick])
    assert set(names.requests) <= set(NAMES), "everything else is refused by how it is written, without asking anybody"


def test_fetch_follows_redirect_to_public_host() -> None:
    for form in OUTWARD:
        url = httpx2.URL("http://first.example.com/").join(form)
        assert why_not_public(url.scheme, url.userinfo.decode(), url.raw_host.decode(), url.port) is None, form


def test_operator_may_name_private_hosts_but_no_metadata() -> None:
    for address in ("10.0.0.1", "127.0.0.1", "fd00::1", "::1", "93.184.216.34", "64:ff9b::a00:1"):
        assert not is_forbidden(ip_address(address))
    for address in (
        *("169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "fe80::1", "::", "ff02::1"),
        *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
    ):
        assert is_forbidden(ip_address(address))
        assert not is_public(ip_address(address))


async def test_fetch_refuses_operator_name_of_metadata_address(quiet: Database, clock: Callable[[], datetime]) -> None:
    async with Fetcher(quiet, CLIENT, clock, Names({"feeds.example.com": ["169.254.169.254"]})) as fetcher:
        with pytest.raises(SourceFailed, match=r"^feeds\.example\.com: the address is link-local or reserved; refused"):
            await fetcher.fetch(Request("http://feeds.example.com/"), FREE)


async def test_fetch_private_host_may_redirect_to_itself(
    quiet: Database, clock: Callable[[], datetime], web: HttpServer
) -> None:
    web.paths["/"] = says(status=301, Location="/there")
    web.paths["/there"] = says(b"ok")
    names = Names({"feeds.example.com": ["127.0.0.1"]})
    async with Fetcher(quiet, CLIENT, clock, names) as fetcher:
        answer = await fetcher.fetch(Request(f"http://feeds.example.com:{web.port}/"), FREE)
    assert answer.body == b"ok"
    assert [request.headers["host"] for request in web.requests] == [f"feeds.example.com:{web.port}"] * 2


async def test_fetch_refuses_other_port_of_private_host(
    quiet: Database, clock: Callable[[], datetime], web: HttpServer
) -> None:
    web.paths["/"] = says(status=302, Location=f"http://127.0.0.1:{web.port + 1}/")
    async with Fetcher(quiet, CLIENT, clock) as fetcher:
        with pytest.raises(SourceFailed, match="refused"):
            await fetcher.fetch(Request(web.url("/")), FREE)


async def test_fetch_ignores_dns_rebinding(quiet: Database, clock: Callable[[], datetime], web: HttpServer) -> None:
    """Resolve to a public address first and to a private one later."""

    class Rebinding(Names):
        async def __call__(self, name: str) -> Sequence[Address]:
            found = await super().__call__(name)
            self.names[name] = ["127.0.0.1"]
            return found

    web.paths["/"] = says(status=302, Location="http://there.example.com/")
    names = Rebinding({"there.example.com": ["127.0.0.1"]})
    async with Fetcher(quiet, CLIENT, clock, names) as fetcher:
        for _ in range(2):
            with pytest.raises(SourceFailed, match="inside this network; refused"):
                await fetcher.fetch(Request(web.url("/")), FREE)
    assert names.requests == ["there.example.com"], "looked up once; that answer is checked and connected to"
    own = Rebinding({"feeds.example.com": ["127.0.0.1"]})
    own.names["feeds.example.com"] = ["127.0.0.1"]
    web.paths["/"] = says(b"ok")
    async with Fetcher(quiet, CLIENT, clock, own) as fetcher:
        for _ in range(3):
            own.names["feeds.example.com"] = ["192.0.2.1"] if own.requests else ["127.0.0.1"]
            await fetcher.fetch(Request(f"http://feeds.example.com:{web.port}/"), FREE)
    assert own.requests == ["feeds.example.com"]


async def test_fetch_refuses_return_to_private_host(
    quiet: Database, clock: Callable[[], datetime], web: HttpServer
) -> None:
    """Refuse the first host's addresses from the second hop on, even by its own name."""
    web.paths["/"] = says(status=302, Location=f"http://user@127.0.0.1:{web.port}/there")
    web.paths["/there"] = says(b"secret")
    async with Fetcher(quiet, CLIENT, clock) as fetcher:
        with pytest.raises(SourceFailed, match="refused"):
            await fetcher.fetch(Request(web.url("/")), FREE)
    assert len(web.requests) == 1


async def test_fetch_tries_next_address_of_name(
    quiet: Database, clock: Callable[[], datetime], web: HttpServer
) -> None:
    web.paths["/"] = says(b"ok")
    names = Names({"feeds.example.com": ["127.0.0.9", "127.0.0.1"]})
    async with Fetcher(quiet, CLIENT, clock, names) as fetcher:
        answer = await fetcher.fetch(Request(f"http://feeds.example.com:{web.port}/"), FREE)
    assert answer.body == b"ok"


@pytest.fixture
def trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> trustme.CA:
    """Trust the test authority on this machine."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


async def test_fetch_verifies_tls_name_of_host(
    quiet: Database, clock: Callable[[], datetime], trusted: trustme.CA
) -> None:
    context = server_side(trusted, "feeds.example.com")
    named: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    async with serve_http(context) as web:
        web.paths["/"] = says(b"ok")
        names = Names({"feeds.example.com": ["127.0.0.1"], "other.example.com": ["127.0.0.1"]})
        async with Fetcher(quiet, CLIENT, clock, names) as fetcher:
            answer = await fetcher.fetch(Request(f"https://feeds.example.com:{web.port}/"), FREE)
            assert (answer.body, named) == (b"ok", ["feeds.example.com"])
            with pytest.raises(SourceFailed, match="certificate verify failed: Hostname mismatch"):
                await fetcher.fetch(Request(f"https://other.example.com:{web.port}/"), FREE)


async def test_fetch_ignores_proxy_environment(
    quiet: Database, clock: Callable[[], datetime], web: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    web.paths["/"] = says(b"ok")
    async with Fetcher(quiet, replace(CLIENT), clock) as fetcher:
        assert (await fetcher.fetch(Request(web.url("/")), FREE)).body == b"ok"
