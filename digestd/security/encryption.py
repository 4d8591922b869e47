"""Encrypt secrets of subscribers, so that a stolen database reveals nothing.

AES-256-GCM (NIST SP 800-38D) with a key that HKDF (RFC 5869) derives from the installation's secret, one for each
use.
Use and owner are authenticated as associated data, so the ciphertext of one subscriber cannot be used for another:

    key id │ nonce, 12 bytes │ ciphertext │ tag, 16 bytes

A retired secret encrypts nothing more, but still decrypts what it encrypted.
"""

import secrets
from functools import lru_cache
from typing import TYPE_CHECKING

from digestd.errors import BadInput
from digestd.security.keys import Keys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_ID, _NONCE = 1, 12


class DecryptionError(BadInput):
    """The ciphertext cannot be decrypted. It was made with another secret, use or owner, or was changed."""


def encrypt(keys: Keys, use: str, owner: str, text: str) -> bytes:
    """Encrypt a text for one use and one owner.

    The nonce is random: GCM loses confidentiality and authenticity if a nonce repeats.
    """
    nonce = secrets.token_bytes(_NONCE)
    return keys.id + nonce + _cipher(keys.secret, use).encrypt(nonce, text.encode(), _associated_data(use, owner))


def decrypt(keys: Keys, use: str, owner: str, sealed: bytes) -> str:
    """Return the text that was encrypted for this use and owner.

    Raises:
        DecryptionError: none of the secrets fits, or the ciphertext was changed.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # see _cipher

    head, nonce, rest = sealed[:_ID], sealed[_ID : _ID + _NONCE], sealed[_ID + _NONCE :]
    for secret in keys.secrets:
        if Keys(secret).id == head and len(nonce) == _NONCE:
            try:
                return _cipher(secret, use).decrypt(nonce, rest, _associated_data(use, owner)).decode()
            except InvalidTag:
                continue  # two secrets may share an id of one byte
    raise DecryptionError("what was sealed cannot be opened by any secret of this installation")


def is_encrypted_by_current(keys: Keys, sealed: bytes) -> bool:
    return sealed[:_ID] == keys.id


@lru_cache(maxsize=16)
def _cipher(secret: bytes, use: str) -> "AESGCM":
    # an idle service without libraries and chat rooms saves the 7 MiB that cryptography takes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    return AESGCM(HKDF(SHA256(), 32, None, f"digestd:sealed:{use}".encode()).derive(secret))


def _associated_data(use: str, owner: str) -> bytes:
    return f"{use}:{owner}".encode()
