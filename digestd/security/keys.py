"""The secrets of an installation and what they authenticate.

Each use has a key of its own, derived by HMAC (RFC 2104) from the secret, so nothing made for one use is valid for
another.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from digestd.errors import BadSetting

SECRET_MIN = 32
GRACE = timedelta(days=30)
"""Time after the retirement of a secret in which tokens that it issued before are still accepted."""


@dataclass(frozen=True, slots=True)
class RetiredSecret:
    """A secret that makes no more tokens.

    Attributes:
        at: time of its retirement.
        revoked: True if it has no grace period.
    """

    secret: bytes = field(repr=False)
    at: datetime
    revoked: bool = False

    def is_accepted(self, issued: datetime, now: datetime) -> bool:
        """Return True if a token issued at this time is still accepted. The purpose does not matter."""
        return not self.revoked and issued < self.at and now < self.at + GRACE


@dataclass(frozen=True, slots=True)
class Keys:
    """The installation's secrets; they never appear in a log or traceback.

    Attributes:
        secret: the current secret, which makes everything.
        retired: the former secrets, newest first, which only verify. The last one, the first secret of the
            installation, also derives the keys of addresses: the key of an erased address cannot be computed again.
    """

    secret: bytes = field(repr=False)
    retired: tuple[RetiredSecret, ...] = ()

    def __post_init__(self) -> None:
        if any(len(secret) < SECRET_MIN for secret in self.secrets):
            raise BadSetting(f"the secret key has fewer than {SECRET_MIN} bytes; make one with `digestd init`")

    @property
    def secrets(self) -> tuple[bytes, ...]:
        return (self.secret, *(one.secret for one in self.retired))

    def mac(self, use: str, message: bytes) -> bytes:
        """Return the 32-byte MAC of a message for one use, made with the current secret."""
        return hmac_for(self.secret, use, message)

    def macs(self, use: str, message: bytes) -> tuple[bytes, ...]:
        """Return the MACs of a message by all secrets, for verification. The current secret is first."""
        return tuple(hmac_for(secret, use, message) for secret in self.secrets)

    @property
    def id(self) -> bytes:
        """Return one byte that identifies the current secret and reveals nothing about it."""
        return key_id(self.secret)

    @property
    def original(self) -> "Keys":
        return Keys(self.retired[-1].secret) if self.retired else self


def hmac_for(secret: bytes, use: str, message: bytes) -> bytes:
    """Return the same as `hmac.digest` in half the time. The keyed hash states are cached."""
    begun, ended = _hmac_states(secret, use)
    inner, outer = begun.copy(), ended.copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=64)
def _hmac_states(secret: bytes, use: str) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """Return the inner and the outer hash (RFC 2104 section 2) keyed for one use."""
    key = hmac.digest(secret, f"digestd:{use}".encode(), "sha256").ljust(_BLOCK, b"\0")
    return hashlib.sha256(key.translate(_INNER)), hashlib.sha256(key.translate(_OUTER))


_BLOCK = hashlib.sha256().block_size
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


@lru_cache(maxsize=8)
def key_id(secret: bytes) -> bytes:
    return hmac_for(secret, "key-id", b"")[:1]
