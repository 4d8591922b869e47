"""Certificates that Amazon signs its posts with: fetched from addresses that were checked, and verified to a root.

What is behind such an address is mostly the certificate alone. Who issued it is then fetched from where it says
(RFC 5280 section 4.2.2.1), over plain HTTP from a few certificate authorities: signatures prove it, up to a root that
this machine trusts. What could not be verified is not kept.
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

from digestd.replies.bounces.providers.provider import NotGenuine, Unavailable

KEPT = 8
BYTES_MAX = 64 * 1024
SECONDS = 5.0
AT_ONCE = 2
"""Fetches at a time: whoever has us fetch must not tie up the pages."""
ISSUERS_MAX = 3
_AUTHORITIES = re.compile(r"[a-z0-9.-]{1,60}\.(amazontrust\.com|digicert\.com|digicert\.cn)", re.ASCII)
_ROOTS = (b"Amazon Root CA", b"DigiCert")
"""The names of the roots of Amazon's certificates; no other root is trusted for them."""
_PEM = b"-----BEGIN CERTIFICATE-----"
Chain = tuple[x509.Certificate, ...]


class Certificates:
    """Fetches, verifies and remembers certificates. Call it as the port `Certificate` says."""

    def __init__(self) -> None:
        self._kept: dict[str, Chain] = {}
        self._lock = Lock()
        self._turn = BoundedSemaphore(AT_ONCE)

    def __call__(self, url: str, names: Collection[str], now: datetime) -> x509.Certificate:
        """Return the certificate behind an address, verified for one of these names at this time."""
        with self._lock:
            chain = self._kept.get(url)
        if chain is None:
            chain = self._fetched(url, names, now)
            with self._lock:
                if len(self._kept) >= KEPT:
                    self._kept.clear()
                self._kept[url] = chain
        elif not _is_trusted(chain, names, now):
            raise NotGenuine("the certificate is not valid any more")
        return chain[0]

    def _fetched(self, url: str, names: Collection[str], now: datetime) -> Chain:
        """Fetch a certificate and as many of its issuers as a root needs. Raises NotGenuine, Unavailable."""
        if not self._turn.acquire(blocking=False):
            raise Unavailable("other certificates are being fetched")
        try:
            chain = _certificates(_fetch(url))
            for _ in range(ISSUERS_MAX):
                if _is_trusted(chain, names, now):
                    return chain
                chain = (*chain, *_issuer(chain[-1]))
        finally:
            self._turn.release()
        raise NotGenuine("the certificate is not Amazon's, or out of date, or leads to no root that is trusted here")


def _is_trusted(chain: Chain, names: Collection[str], now: datetime) -> bool:
    name = next((name for name in _names(chain[0]) if name in names), None)
    if name is None:
        return False
    at = now.astimezone(UTC).replace(tzinfo=None)
    verifier = PolicyBuilder().store(_roots()).time(at).build_server_verifier(x509.DNSName(name))
    try:
        verifier.verify(chain[0], list(chain[1:]))
    except VerificationError:
        return False
    return True


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return found.value.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, ValueError):
        return []


def _issuer(certificate: x509.Certificate) -> Chain:
    """Return the certificate of whoever issued this one. Raises NotGenuine, Unavailable."""
    try:
        told = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        raise NotGenuine("the certificate leads to no root that is trusted here") from None
    for access in told:
        if access.access_method == AuthorityInformationAccessOID.CA_ISSUERS and _is_authority(access.access_location):
            return _certificates(_fetch(access.access_location.value))[:1]
    raise NotGenuine("the certificate was issued by somebody unknown")


def _is_authority(location: x509.GeneralName) -> bool:
    if not isinstance(location, x509.UniformResourceIdentifier):
        return False
    try:
        parts = urlsplit(location.value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and _AUTHORITIES.fullmatch(parts.netloc) is not None


def _certificates(data: bytes) -> Chain:
    """Return the certificates of a file, PEM or DER. Raises NotGenuine."""
    try:
        if _PEM in data:
            return tuple(x509.load_pem_x509_certificates(data))[: ISSUERS_MAX + 1]
        return (x509.load_der_x509_certificate(data),)
    except ValueError as error:
        raise NotGenuine("there is no certificate at its address") from error


@lru_cache(maxsize=1)
def _roots() -> Store:
    """Return those roots of Amazon's that this machine trusts, where OpenSSL finds them. Raises Unavailable."""
    found = list(_trusted())
    if not found:
        raise Unavailable("no root of Amazon's is trusted here; install ca-certificates, or set SSL_CERT_FILE")
    return Store(found)


def _trusted() -> Iterator[x509.Certificate]:
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else sorted(Path(paths.capath or "/nowhere").glob("*.pem"))
    for file in files:
        for pem in file.read_bytes().split(_PEM)[1:]:
            try:
                der = base64.b64decode(pem.partition(b"-----END")[0])
                if any(owner in der for owner in _ROOTS):
                    yield x509.load_der_x509_certificate(der)
            except ValueError:  # some roots are older than the rules
                continue


def _fetch(url: str) -> bytes:
    """Return what is at an address. Raises NotGenuine where there is nothing, Unavailable where nobody answers."""
    data = b""
    try:
        with httpx2.stream("GET", url, timeout=SECONDS, follow_redirects=False) as answer:
            if answer.status_code != httpx2.codes.OK:
                raise NotGenuine("there is no certificate at its address")
            for piece in answer.iter_bytes():
                data += piece
                if len(data) > BYTES_MAX:
                    raise NotGenuine("there is no certificate at its address")
    except httpx2.HTTPError as error:
        raise Unavailable(f"the certificate cannot be fetched ({type(error).__name__})") from error
    return data
