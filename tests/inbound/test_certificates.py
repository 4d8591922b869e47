"""Test fetching of the signing certificates of Amazon SNS, over TLS from a local host."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from digestd.replies import certificates
from digestd.replies.bounces.providers import UnverifiedWebhook, VerificationUnavailable
from digestd.replies.certificates import BYTES_MAX, Certificates
from tests.bounces.webhook_requests import certificate
from tests.conftest import NOW
from tests.support.tls import server_side

PAGES: Mapping[str, Callable[[], bytes]] = {
    "/good": lambda: certificate(),
    "/nonsense": lambda: b"nonsense",
    "/empty": lambda: b"",
    "/broken": lambda: certificate()[:200],
    "/large": lambda: b"x" * (BYTES_MAX + 1),
}


class Host(ThreadingHTTPServer):
    """An HTTPS server that lists the paths requested of it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.requested: list[str] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.server_port}{path}"


class _Page(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        """Answer with a page, with a redirect to a good one, or with an error (called by http.server)."""
        self.server.requested.append(self.path)
        self.server.may_answer.wait(60)
        self.send_response(200 if self.path.partition("?")[0] in PAGES else 302 if self.path == "/moved" else 404)
        self.send_header("Location", "/good")
        self.end_headers()
        self.wfile.write(PAGES.get(self.path, certificate)())

    def log_message(self, *_: object) -> None:
        """Log nothing (called by http.server)."""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "trusted.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    with Host(server_side(authority)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.may_answer.set()
            server.shutdown()
            thread.join()


def test_certificate_is_fetched_once_and_cached(host: Host) -> None:
    cache = Certificates()
    assert cache(host.url("/good"), NOW) == cache(host.url("/good"), NOW)
    assert host.requested == ["/good"]


@pytest.mark.parametrize("path", ["/nonsense", "/empty", "/broken", "/large", "/moved", "/missing"])
def test_untrusted_certificate_is_refused(host: Host, path: str) -> None:
    with pytest.raises(UnverifiedWebhook):
        Certificates()(host.url(path), NOW)
    assert host.requested == [path]


def test_host_without_trusted_certificate_is_refused(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(VerificationUnavailable):
        Certificates()(host.url("/good"), NOW)
    assert host.requested == []


@pytest.mark.parametrize("at", [NOW + timedelta(days=400), NOW - timedelta(days=400)])
def test_cached_certificate_is_refused_after_expiry(host: Host, at: datetime) -> None:
    cache = Certificates()
    cache(host.url("/good"), NOW)
    with pytest.raises(UnverifiedWebhook):
        cache(host.url("/good"), at)


def test_fetch_does_not_block_cached_certificate(host: Host) -> None:
    cache = Certificates()
    cache(host.url("/good"), NOW)
    host.may_answer.clear()
    others = [
        threading.Thread(target=cache, args=(host.url(f"/good?{n}"), NOW))
        for n in range(certificates.CONCURRENT_FETCHES_MAX)
    ]
    for other in others:
        other.start()
    while len(host.requested) < 1 + len(others):
        pass
    cache(host.url("/good"), NOW)
    with pytest.raises(VerificationUnavailable, match="too many"):
        cache(host.url("/good?more"), NOW)
    host.may_answer.set()
    for other in others:
        other.join()


def test_fetch_reports_unreachable_host(host: Host) -> None:
    host.shutdown()
    host.server_close()
    with pytest.raises(VerificationUnavailable):
        Certificates()(host.url("/good"), NOW)
