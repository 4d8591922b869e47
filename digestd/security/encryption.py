"""Secrets of subscribers that must be read again, sealed so that a stolen database gives nothing.

AES-256-GCM (NIST SP 800-38D) under a key that HKDF (RFC 5869) derives from the installation's secret, one of its own
for each use. What it belongs to is authenticated with it, so what is sealed for one subscriber opens for no other:

    key id │ nonce, 12 bytes │ ciphertext │ tag, 16 bytes

A retired secret seals nothing more and opens for ever what it sealed.
"""

import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from digestd.errors import BadInput
from digestd.security.links import Keys

_ID, _NONCE = 1, 12


class DecryptionError(BadInput):
    """Sealed by none of our secrets, for something else, or changed since."""


def encrypt(keys: Keys, use: str, owner: str, text: str) -> bytes:
    """Seal a text for one use and one owner. The nonce is always fresh: a repeated one would give the key away."""
    nonce = secrets.token_bytes(_NONCE)
    return keys.id + nonce + _cipher(keys.secret, use).encrypt(nonce, text.encode(), _associated_data(use, owner))


def decrypt(keys: Keys, use: str, owner: str, sealed: bytes) -> str:
    """The text that was sealed for this use and owner. Raises DecryptionError."""
    head, nonce, rest = sealed[:_ID], sealed[_ID : _ID + _NONCE], sealed[_ID + _NONCE :]
    for secret in keys.secrets:
        if Keys(secret).id == head and len(nonce) == _NONCE:
            try:
                return _cipher(secret, use).decrypt(nonce, rest, _associated_data(use, owner)).decode()
            except InvalidTag:
                continue  # two secrets may share an id of one byte
    raise DecryptionError("what was sealed cannot be opened by any secret of this installation")


def is_encrypted_by_current(keys: Keys, sealed: bytes) -> bool:
    """Whether the secret in use sealed it, as far as its id tells."""
    return sealed[:_ID] == keys.id


@lru_cache(maxsize=16)
def _cipher(secret: bytes, use: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, f"digestd:sealed:{use}".encode()).derive(secret))


def _associated_data(use: str, owner: str) -> bytes:
    return f"{use}:{owner}".encode()
