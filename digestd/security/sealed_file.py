"""Read the encrypted backups that digestd 0.1.0 wrote.

AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance", CRYPTO 2015), with a key that HKDF (RFC 5869) derives from the operator's key and the
file's salt:

    magic │ salt, 16 bytes │ chunks: 65,536 bytes of plain text and a tag of 16 bytes, the last one shorter

A chunk's nonce is its number and whether it is the last, so chunks cannot be cut off, moved or repeated.
"""

import io
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from digestd.errors import BadInput

MAGIC = b"digestd sealed 1\n"
_SALT, _CHUNK, _TAG = 16, 65_536, 16


class SealedReader(io.RawIOBase):
    """Reads an encrypted file from the start.

    Raises:
        BadInput: it is no such file, was made with another key, or was changed or cut short.
    """

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        if file.read(len(MAGIC)) != MAGIC:
            raise BadInput("the file was not encrypted by digestd; leave --key-file out")
        self._file, self._cipher = file, _cipher(key, file.read(_SALT))
        self._number, self._plain = 0, b""
        self._next = file.read(_CHUNK + _TAG)
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # any buffer is given by its type
        """Decrypt into the buffer; 0 at the end."""
        if not self._plain and not self._ended:
            self._plain = self._chunk()
        count = min(len(buffer), len(self._plain))
        buffer[:count], self._plain = self._plain[:count], self._plain[count:]
        return count

    def _chunk(self) -> bytes:
        sealed, self._next = self._next, self._file.read(_CHUNK + _TAG)
        self._ended = not self._next
        nonce = self._number.to_bytes(11, "big") + bytes([self._ended])
        try:
            plain = self._cipher.decrypt(nonce, sealed, None)
        except InvalidTag:
            if self._number:
                raise BadInput("the encrypted backup is damaged or cut short; use another copy") from None
            raise BadInput(
                "the backup cannot be decrypted: the key is another than its own, or it is damaged; "
                "name its key with --key-file"
            ) from None
        self._number += 1
        return plain


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, b"digestd:sealed-file").derive(key))
