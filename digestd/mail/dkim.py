"""Sign mails with DKIM, so that receivers can verify sender and content.

RFC 6376 with relaxed/simple canonicalisation (quoted-printable leaves no trailing spaces that a relay could change),
rsa-sha256 (RFC 8301: at least 2,048 bits) or ed25519-sha256 (RFC 8463). Implemented here because every mail is signed:
a library that parses the key and the message each time takes as long as everything else together. The tests verify
with dkimpy, SpamAssassin and Rspamd.

`open_signer` reads the key file of the settings; everything else is pure.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from digestd.errors import BadSetting
from digestd.files import explain

RSA_BITS_MIN = 2_048
SIGNED_HEADERS = (
    "from", "to", "reply-to", "subject", "date", "message-id", "mime-version", "content-type",
    "content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post", "list-id",
    "list-help", "list-subscribe", "list-owner", "list-archive", "list-post", "auto-submitted",
)  # fmt: skip
"""Each is listed once more than it occurs, so that adding another breaks the signature (RFC 6376 section 8.15)."""
SIGNED_IF_PRESENT = ("feedback-id", "cfbl-address", "cfbl-feedback-id")
"""Each is listed as often as it occurs, because some relays add their own."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,200}[a-z0-9])?")
_FOLD_COLUMNS = 72


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one domain with one key.

    The public key is in DNS at `<selector>._domainkey.<domain>`.
    """

    domain: str
    selector: str
    algorithm: str
    _sign: Callable[[bytes], bytes]

    def sign(self, message: bytes, signed_at: datetime) -> bytes:
        """Return the message with a DKIM-Signature header in front.

        Args:
            message: With CRLF line ends, before dot-stuffing.
            signed_at: The time in the `t=` tag.
        """
        head, _, body = message.partition(b"\r\n\r\n")
        names, block = _canonical_headers(head)
        fields = [
            f"v=1; a={self.algorithm}; c=relaxed/simple; d={self.domain}; s={self.selector};",
            f"t={int(signed_at.timestamp())}; bh={_base64(hashlib.sha256(_canonical_body(body)).digest())};",
            *_folded(f"h={':'.join(names)};"),
            "b=",
        ]
        unsigned = b"DKIM-Signature: " + "\r\n ".join(fields).encode()
        signature = _base64(self._sign(block + _canonical_header(unsigned).removesuffix(b"\r\n")))
        pieces = [signature[start : start + _FOLD_COLUMNS] for start in range(0, len(signature), _FOLD_COLUMNS)]
        return unsigned + "\r\n ".join(pieces).encode() + b"\r\n" + message

    @property
    def dns_name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"


def open_signer(domain: str, selector: str, key_file: str) -> Signer | None:
    """Return the signer of these settings, or None if the relay signs.

    Raises BadSetting if they are inconsistent.
    """
    settings = {"domain": domain, "selector": selector, "key_file": key_file}
    if not any(settings.values()):
        return None
    if missing := [name for name, value in settings.items() if not value]:
        raise BadSetting(
            f"DIGESTD_DKIM_{missing[0].upper()}: is missing; DKIM needs a domain, a selector and a key file"
        )
    file = Path(key_file)
    try:
        if file.stat().st_mode & 0o007:
            raise BadSetting(f"DIGESTD_DKIM_KEY_FILE: {file} is world-readable; run `chmod 600 {file}`")
        return create_signer(domain, selector, file.read_bytes())
    except OSError as error:
        raise BadSetting(f"DIGESTD_DKIM_KEY_FILE: cannot read {explain(error, file)}") from error


def create_signer(domain: str, selector: str, pem: bytes) -> Signer:
    """Return a signer with a private key in PEM.

    Raises BadSetting that names an invalid setting.
    """
    for name, value in (("DOMAIN", domain), ("SELECTOR", selector)):
        if not _NAME.fullmatch(value):
            raise BadSetting(
                f"DIGESTD_DKIM_{name}: {value[:80]!r} is not a DNS name; write it like example.org or s2026"
            )
    key = _key(pem)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        # RFC 8463 section 3: the signature is over the SHA-256 of the data
        return Signer(domain, selector, "ed25519-sha256", lambda data: key.sign(hashlib.sha256(data).digest()))
    return Signer(domain, selector, "rsa-sha256", lambda data: key.sign(data, padding.PKCS1v15(), hashes.SHA256()))


def dns_record(pem: bytes) -> str:
    """Return the TXT record that publishes the public key."""
    key = _key(pem).public_key()
    if isinstance(key, ed25519.Ed25519PublicKey):
        return f"v=DKIM1; k=ed25519; p={_base64(key.public_bytes_raw())}"
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={_base64(der)}"


def _key(pem: bytes) -> rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadSetting(
            "DIGESTD_DKIM_KEY_FILE: not a PEM private key without a password; "
            "create one with `openssl genpkey -algorithm ed25519` or `openssl genrsa 2048`"
        ) from error
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if not isinstance(key, rsa.RSAPrivateKey):
        raise BadSetting("DIGESTD_DKIM_KEY_FILE: must be an RSA or Ed25519 key")
    if key.key_size < RSA_BITS_MIN:
        raise BadSetting(f"DIGESTD_DKIM_KEY_FILE: has {key.key_size} bits; receivers require at least {RSA_BITS_MIN}")
    return key


def _canonical_headers(head: bytes) -> tuple[list[str], bytes]:
    """Return names for `h=` and canonical headers (RFC 6376 sections 3.4.2, 5.4.2)."""
    found: dict[str, list[bytes]] = {}
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b"\t")
    for line in unfolded.split(b"\r\n"):
        name, canonical = _canonical_field(line)
        found.setdefault(name, []).append(canonical)
    names: list[str] = []
    block: list[bytes] = []
    for name in SIGNED_HEADERS + SIGNED_IF_PRESENT:
        present = found.get(name, [])
        names += [name] * (len(present) + (name in SIGNED_HEADERS))
        block += reversed(present)
    return names, b"".join(block)


@lru_cache(maxsize=512)  # most headers are the same as in the previous mail
def _canonical_field(line: bytes) -> tuple[str, bytes]:
    return line.partition(b":")[0].strip().lower().decode("ascii"), _canonical_header(line)


def _canonical_header(line: bytes) -> bytes:
    name, _, value = line.replace(b"\r\n", b"").partition(b":")
    return name.strip().lower() + b":" + b" ".join(value.split()) + b"\r\n"


def _canonical_body(body: bytes) -> bytes:
    """Remove empty lines at the end; one CRLF stays (RFC 6376 section 3.4.3, simple)."""
    while body.endswith(b"\r\n\r\n"):
        body = body[:-2]
    return body if body.endswith(b"\r\n") else body + b"\r\n"


@lru_cache(maxsize=64)
def _folded(text: str) -> Sequence[str]:
    """Break a text without spaces into lines of at most 72 characters, only after colons."""
    lines = [""]
    for part in text.replace(":", ": ").split():
        if len(lines[-1]) + len(part) > _FOLD_COLUMNS:
            lines.append("")
        lines[-1] += part
    return lines


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
