"""Quoted-printable bodies (RFC 2045 section 6.7).

Lines have at most 76 ASCII characters and end with CRLF. None starts with a dot or `From `, which relays change.
"""

import binascii
import re

SOFT_BREAK = b"=\r\n"
_END = "="
"""Encoded as three characters that no soft line break splits."""
_ENCODED_END = len(b"=3D\r\n")
_UNCHANGED = re.compile(r"[A-Za-z0-9_:/][A-Za-z0-9_:/.+@?&;%-]{0,74}", re.ASCII)
"""Most links and numbers: short enough for one line, and unchanged by the encoding."""
_TOO_LONG = re.compile(rb"^([^\r\n]{74,75})(=20|=09)(?=\r\n)", re.MULTILINE)
"""Lines that `b2a_qp` makes longer than 76 characters by encoding a space or tab at the end."""
_RISKY_START = re.compile(rb"^(?:\.{1,24}|From )", re.MULTILINE)


def quoted_printable(text: str) -> bytes:
    """Encode a complete text; the last line ends with CRLF."""
    text = "\r\n".join([*text.splitlines(), ""])
    encoded = binascii.b2a_qp(text.encode("utf-8", "replace"), istext=True)
    if b"=20\r\n" in encoded or b"=09\r\n" in encoded:
        encoded = _TOO_LONG.sub(rb"\1=\r\n\2", encoded)
    if b"\r\n." in encoded or b"From " in encoded or encoded.startswith(b"."):
        encoded = _safe_starts(encoded)
    return encoded


def quoted_printable_fragment(text: str) -> bytes:
    """Encode a part of a text, on lines of its own.

    It ends with a soft line break unless the part ends with a line end or is empty. Parts can therefore be encoded
    separately and joined in any order: decoding gives the joined text.
    """
    if not text:
        return b""
    if _UNCHANGED.fullmatch(text):
        return text.encode("ascii") + SOFT_BREAK
    encoded = quoted_printable(text + _END)[:-_ENCODED_END]
    return encoded if encoded.endswith(b"\r\n") else encoded + SOFT_BREAK


def _safe_starts(encoded: bytes) -> bytes:
    """Encode leading dots and `From `, with a soft line break after each."""
    while _RISKY_START.search(encoded):
        encoded = _RISKY_START.sub(
            lambda found: (b"=2E" * len(found[0]) if found[0].startswith(b".") else b"=46rom ") + b"=\r\n", encoded
        )
    return encoded
