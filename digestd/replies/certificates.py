"""Fetch the signing certificates of Amazon SNS and verify their chains.

The caller checks the URL. The file usually contains the certificate alone; its issuers are fetched from the URL that it
names (RFC 5280 section 4.2.2.1), by plain HTTP and only from a few certificate authorities: signatures prove them, up
to a root that this machine trusts. Only verified certificates are cached.
"""

import base64
import re
import ssl
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import BoundedSemaphore, Lock
from urllib.parse import urlsplit

import httpx2
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from digestd.replies.bounces.providers.provider import UnverifiedWebhook, VerificationUnavailable

CACHE_SIZE = 8
BYTES_MAX = 64 * 1024
TIMEOUT_SECONDS = 5.0
CONCURRENT_FETCHES_MAX = 2
"""Concurrent fetches, so that forged webhooks cannot occupy all threads of the web server."""
ISSUERS_MAX = 3
_ISSUER_HOSTS = re.compile(r"[a-z0-9.-]{1,60}\.(amazontrust\.com|digicert\.com|digicert\.cn)", re.ASCII)
_ROOT_NAMES = (b"Amazon Root CA", b"DigiCert")
"""Names of the roots that issue Amazon's certificates; no other root is trusted."""
_PEM_HEADER = b"-----BEGIN CERTIFICATE-----"
Chain = tuple[x509.Certificate, ...]


class Certificates:
    """A cache of verified certificates. Implements CertificateLoader."""

    def __init__(self) -> None:
        self._cache: dict[str, Chain] = {}
        self._lock = Lock()
        self._slots = BoundedSemaphore(CONCURRENT_FETCHES_MAX)

    def __call__(self, url: str, names: Collection[str], now: datetime) -> x509.Certificate:
        """Return the certificate at a URL.

        Args:
            url: URL that the caller has checked.
            names: Host names of which the certificate must have one.
            now: Time at which the certificate must be valid.

        Raises:
            UnverifiedWebhook: The certificate is not trusted.
            VerificationUnavailable: The certificate cannot be fetched now.
        """
        with self._lock:
            chain = self._cache.get(url)
        if chain is None:
            chain = self._fetch_chain(url, names, now)
            with self._lock:
                if len(self._cache) >= CACHE_SIZE:
                    self._cache.clear()
                self._cache[url] = chain
        elif not _is_trusted(chain, names, now):
            raise UnverifiedWebhook("the certificate has expired")
        return chain[0]

    def _fetch_chain(self, url: str, names: Collection[str], now: datetime) -> Chain:
        """Fetch a certificate, and its issuers until the chain reaches a trusted root."""
        if not self._slots.acquire(blocking=False):
            raise VerificationUnavailable("too many certificates are being fetched")
        try:
            chain = _load(_fetch(url))
            for _ in range(ISSUERS_MAX):
                if _is_trusted(chain, names, now):
                    return chain
                chain = (*chain, *_fetch_issuer(chain[-1]))
        finally:
            self._slots.release()
        raise UnverifiedWebhook("the certificate is not one of SNS, has expired, or has no trusted root")


def _is_trusted(chain: Chain, names: Collection[str], now: datetime) -> bool:
    name = next((name for name in _dns_names(chain[0]) if name in names), None)
    if name is None:
        return False
    at = now.astimezone(UTC).replace(tzinfo=None)
    verifier = PolicyBuilder().store(_roots()).time(at).build_server_verifier(x509.DNSName(name))
    try:
        verifier.verify(chain[0], list(chain[1:]))
    except VerificationError:
        return False
    return True


def _dns_names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return found.value.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, ValueError):
        return []


def _fetch_issuer(certificate: x509.Certificate) -> Chain:
    """Fetch the certificate of the issuer from the URL that this certificate names."""
    try:
        accesses = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        raise UnverifiedWebhook("the certificate has no trusted root and names no issuer") from None
    for access in accesses:
        is_issuer = access.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        if is_issuer and _is_allowed_issuer(access.access_location):
            return _load(_fetch(access.access_location.value))[:1]
    raise UnverifiedWebhook("the certificate has an unknown issuer")


def _is_allowed_issuer(location: x509.GeneralName) -> bool:
    if not isinstance(location, x509.UniformResourceIdentifier):
        return False
    try:
        parts = urlsplit(location.value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and _ISSUER_HOSTS.fullmatch(parts.netloc) is not None


def _load(data: bytes) -> Chain:
    """Return the certificates of a PEM or DER file. Raises UnverifiedWebhook."""
    try:
        if _PEM_HEADER in data:
            return tuple(x509.load_pem_x509_certificates(data))[: ISSUERS_MAX + 1]
        return (x509.load_der_x509_certificate(data),)
    except ValueError as error:
        raise UnverifiedWebhook("there is no certificate at the URL") from error


@lru_cache(maxsize=1)
def _roots() -> Store:
    """Return the roots of Amazon's certificates in the trust store of OpenSSL.

    Raises:
        VerificationUnavailable: The trust store has none of them.
    """
    found = list(_root_certificates())
    if not found:
        raise VerificationUnavailable(
            "this machine trusts no root of Amazon's certificates; install ca-certificates, or set SSL_CERT_FILE"
        )
    return Store(found)


def _root_certificates() -> Iterator[x509.Certificate]:
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else sorted(Path(paths.capath or "/nowhere").glob("*.pem"))
    for file in files:
        for pem in file.read_bytes().split(_PEM_HEADER)[1:]:
            try:
                der = base64.b64decode(pem.partition(b"-----END")[0])
                if any(owner in der for owner in _ROOT_NAMES):
                    yield x509.load_der_x509_certificate(der)
            except ValueError:  # some old roots violate the rules that the parser enforces
                continue


def _fetch(url: str) -> bytes:
    """Return the body at a URL.

    Raises:
        UnverifiedWebhook: The status is not 200, or the body is too large.
        VerificationUnavailable: The host does not answer.
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
