"""Test fetching and verification of the certificates of Amazon SNS."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.x509.verification import Store

from digestd.replies import certificates
from digestd.replies.bounces.providers.provider import UnverifiedWebhook, VerificationUnavailable
from digestd.replies.certificates import BYTES_MAX, Certificates
from tests.bounces.webhook_requests import CERTIFICATE_URL, Authority, authority, certificate
from tests.conftest import NOW

NAMES = {"sns.amazonaws.com"}
ISSUER_URL = "http://crt.r2m01.amazontrust.com/r2m01.cer"


class Web:
    """A fake web: `found` maps URLs to bodies, `requested` lists the requested URLs."""

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}
        self.requested: list[str] = []

    def fetch(self, url: str) -> bytes:
        self.requested.append(url)
        if url not in self.found:
            raise UnverifiedWebhook("there is nothing")
        return self.found[url]


@pytest.fixture
def root() -> Authority:
    return authority()


@pytest.fixture
def web(root: Authority, monkeypatch: pytest.MonkeyPatch) -> Web:
    made = Web()
    monkeypatch.setattr(certificates, "_fetch", made.fetch)
    monkeypatch.setattr(certificates, "_roots", lambda: Store([root.certificate]))
    return made


def ask(cache: Certificates, now: datetime = NOW) -> object:
    return cache(CERTIFICATE_URL, NAMES, now)


def test_certificate_is_verified_once_and_cached(web: Web) -> None:
    web.found[CERTIFICATE_URL] = certificate()
    cache = Certificates()
    assert ask(cache) == ask(cache)
    assert web.requested == [CERTIFICATE_URL]


def test_certificate_with_issuer_in_file_is_verified(web: Web, root: Authority) -> None:
    between = authority("Invented Issuer", root, 2)
    web.found[CERTIFICATE_URL] = certificate(by=between) + between.pem
    ask(Certificates())
    assert web.requested == [CERTIFICATE_URL]


def test_issuer_is_fetched_from_named_url(web: Web, root: Authority) -> None:
    between = authority("Invented Issuer", root, 2)
    web.found[CERTIFICATE_URL] = certificate(by=between, issuer_url=ISSUER_URL)
    web.found[ISSUER_URL] = between.certificate.public_bytes(serialization.Encoding.DER)
    ask(Certificates())
    assert web.requested == [CERTIFICATE_URL, ISSUER_URL]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/r.cer",
        "http://crt.amazontrust.com.example.org/r.cer",
        "http://crt.amazontrust.com@127.0.0.1/r.cer",
        "http://crt.amazontrust.com:22/r.cer",
        "file:///etc/passwd",
        "http://[",
    ],
)
def test_issuer_at_other_host_is_never_fetched(web: Web, root: Authority, url: str) -> None:
    between = authority("Invented Issuer", root, 2)
    web.found[CERTIFICATE_URL] = certificate(by=between, issuer_url=url)
    with pytest.raises(UnverifiedWebhook):
        ask(Certificates())
    assert web.requested == [CERTIFICATE_URL]


OTHERS: dict[str, Callable[[], bytes]] = {
    "of another name": lambda: certificate("sns.example.org"),
    "of another host of Amazon's": lambda: certificate("s3.amazonaws.com"),
    "out of date": lambda: certificate(days=2),
    "of no trusted root": lambda: certificate(by=authority("Other Root", key_seed=3)),
    "with its own root beside it": lambda: (
        certificate(by=authority("Other Root", key_seed=3)) + authority("Other Root", key_seed=3).pem
    ),
    "issued by a root of the same name": lambda: certificate(by=authority(key_seed=4)),
    "no certificate": lambda: b"nonsense",
    "empty": lambda: b"",
    "broken": lambda: certificate()[:200],
}


@pytest.mark.parametrize("what", OTHERS)
def test_untrusted_certificate_is_refused(web: Web, what: str) -> None:
    web.found[CERTIFICATE_URL] = OTHERS[what]()
    with pytest.raises(UnverifiedWebhook):
        ask(Certificates())


def test_cached_certificate_is_refused_after_expiry(web: Web) -> None:
    web.found[CERTIFICATE_URL] = certificate(days=30)
    cache = Certificates()
    ask(cache)
    with pytest.raises(UnverifiedWebhook):
        ask(cache, NOW + timedelta(days=31))


def test_fetch_does_not_block_cached_certificate(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    web.found[CERTIFICATE_URL] = certificate()
    cache, begun, go_on = Certificates(), threading.Barrier(certificates.CONCURRENT_FETCHES_MAX + 1), threading.Event()
    ask(cache)

    def slow(_url: str) -> bytes:
        begun.wait(120)
        go_on.wait(120)
        return certificate()

    monkeypatch.setattr(certificates, "_fetch", slow)
    others = [
        threading.Thread(target=cache, args=(CERTIFICATE_URL.replace("0123", f"000{n}"), NAMES, NOW))
        for n in range(certificates.CONCURRENT_FETCHES_MAX)
    ]
    for other in others:
        other.start()
    begun.wait(120)
    ask(cache)
    with pytest.raises(VerificationUnavailable):
        cache(CERTIFICATE_URL.replace("0123", "9999"), NAMES, NOW)
    go_on.set()
    for other in others:
        other.join()


class _Page(BaseHTTPRequestHandler):
    """A page that answers with the status in its path."""

    requested: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Answer a request (called by http.server)."""
        self.requested.append(self.path)
        status = int(self.path.strip("/"))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/200")
        self.end_headers()
        self.wfile.write(b"x" * (BYTES_MAX + 1 if status == 200 else 1))

    def log_message(self, *_: object) -> None:
        """Log nothing (called by http.server)."""


@contextmanager
def pages() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_fetch_refuses_redirects_and_large_bodies(status: int) -> None:
    with pages() as url, pytest.raises(UnverifiedWebhook):
        certificates._fetch(f"{url}/{status}")
    assert _Page.requested[-1] == f"/{status}"


def test_fetch_reports_unreachable_host() -> None:
    with pages() as url:
        pass
    with pytest.raises(VerificationUnavailable):
        certificates._fetch(f"{url}/200")


def test_roots_are_found_in_trust_store() -> None:
    found = [root.subject.rfc4514_string() for root in certificates._root_certificates()]
    assert any("Amazon Root CA 1" in name for name in found)
