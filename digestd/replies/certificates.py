"""Fetch and cache the signing certificates of Amazon SNS.

The caller checks that the URL is one of Amazon's own hosts. TLS proves the host, so a certificate from there needs no
chain of its own.
"""

from datetime import datetime
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

import httpx2

from digestd.replies.bounces.providers import UnverifiedWebhook, VerificationUnavailable

if TYPE_CHECKING:
    from cryptography import x509

CACHE_SIZE = 8
BYTES_MAX = 64 * 1024
TIMEOUT_SECONDS = 5.0
CONCURRENT_FETCHES_MAX = 2
"""Concurrent fetches, so that forged webhooks cannot occupy all threads of the web server."""


class Certificates:
    """A cache of certificates. Implements CertificateLoader."""

    def __init__(self) -> None:
        self._cache: dict[str, x509.Certificate] = {}
        self._lock = Lock()
        self._slots = BoundedSemaphore(CONCURRENT_FETCHES_MAX)

    def __call__(self, url: str, now: datetime) -> "x509.Certificate":
        """Return the certificate at an https URL.

        Args:
            url: URL that the caller has checked.
            now: Time at which the certificate must be valid.

        Raises:
            UnverifiedWebhook: There is no certificate, or it has expired.
            VerificationUnavailable: The certificate cannot be fetched now.
        """
        with self._lock:
            found = self._cache.get(url)
        if found is None:
            found = self._fetch_in_slot(url)
            with self._lock:
                if len(self._cache) >= CACHE_SIZE:
                    self._cache.clear()
                self._cache[url] = found
        if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            raise UnverifiedWebhook("the certificate has expired")
        return found

    def _fetch_in_slot(self, url: str) -> "x509.Certificate":
        from cryptography import x509  # noqa: PLC0415  # takes 7 MiB, and most installations have no provider

        if not self._slots.acquire(blocking=False):
            raise VerificationUnavailable("too many certificates are being fetched")
        try:
            data = _fetch(url)
        finally:
            self._slots.release()
        try:
            return x509.load_pem_x509_certificate(data)
        except ValueError as error:
            raise UnverifiedWebhook("there is no certificate at the URL") from error


def _fetch(url: str) -> bytes:
    """Return the body at a URL.

    Raises:
        UnverifiedWebhook: The status is not 200, or the body is too large.
        VerificationUnavailable: The host does not answer, or TLS does not prove it.
    """
    data = b""
    try:
        with httpx2.stream("GET", url, timeout=TIMEOUT_SECONDS, follow_redirects=False) as response:
            if response.status_code != httpx2.codes.OK:
                raise UnverifiedWebhook("there is no certificate at the URL")
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > BYTES_MAX:
                    raise UnverifiedWebhook("there is no certificate at the URL")
    except httpx2.HTTPError as error:
        raise VerificationUnavailable(f"the certificate cannot be fetched ({type(error).__name__})") from error
    return data
