"""Bodies as quoted-printable (RFC 2045 section 6.7): what mails share is encoded once.

Lines of at most 76 ASCII characters, CRLF, none of them starting with a dot or `From `.
"""

import binascii
import re
from collections.abc import Sequence
from itertools import groupby, islice
from operator import itemgetter

from digestd.domain.mail import Body, Cut, Piece, filled, split_at_stand_ins

_RUNS = re.compile(rb"([^\x00]*)(\x00*)")
_PERHAPS_FROM = re.compile(rb"^\x00{1,4} ", re.MULTILINE)
_LONG_BY_A_BLANK = re.compile(rb"^([^\r\n]{74,75})(=20|=09)(?=\r\n)", re.MULTILINE)
"""What `b2a_qp` makes longer than 76 by the blank that it hides at an end of line."""
_RISKY_START = re.compile(rb"^(?:\.{1,24}|From )", re.MULTILINE)


def encoded_body(body: Body | str) -> list[bytes]:
    """As `quoted_printable`, which knows nothing of other lines; what mails share is encoded once."""
    if isinstance(body, str):
        return [quoted_printable(body)]
    own = _Own(body.tokens)
    return [
        part if type(part) is bytes else own[part] for piece in body.pieces for part in piece.encoded or _kept(piece)
    ]


def _kept(piece: Piece) -> Sequence[bytes | Cut | str]:
    piece.encoded = _encoded(piece.text)
    return piece.encoded


class _Own(dict[bytes | Cut | str, bytes]):
    """What one mail has in place of a part of a token, or of a text that depends on them."""

    def __init__(self, tokens: Sequence[str]) -> None:
        super().__init__()
        self._tokens = tokens

    def __missing__(self, part: bytes | Cut | str) -> bytes:
        if isinstance(part, Cut):
            made = self._tokens[part.n][part.start : part.end].encode("ascii")
        else:
            made = part if isinstance(part, bytes) else quoted_printable(filled(part, self._tokens))
        self[part] = made
        return made


def _encoded(text: str) -> Sequence[bytes | Cut | str]:
    """A piece encoded. Whether a byte of it is a token's is told by encoding it with two tokens that differ in all.

    The text as it is where the bytes around a token depend on it: where a line could begin with its last letters,
    as `From`.
    """
    words, tokens = split_at_stand_ins(text)
    if not tokens:
        return (quoted_printable(text),)
    one, other = (quoted_printable(_joined(words, [letter * length for _, length in tokens])) for letter in "AB")
    mask = bytes([mine if mine == yours else 0 for mine, yours in zip(one, other, strict=True)])
    if _PERHAPS_FROM.search(mask):
        return (text,)
    letters = ((nth, at) for nth, (_, length) in enumerate(tokens) for at in range(length))
    parts: list[bytes | Cut | str] = []
    for around, run in _RUNS.findall(mask):
        if around:
            parts.append(around)
        for nth, cut in groupby(islice(letters, len(run)), itemgetter(0)):
            places = [at for _, at in cut]
            parts.append(Cut(tokens[nth][0], places[0], places[-1] + 1))
    return parts


def _joined(words: Sequence[str], tokens: Sequence[str]) -> str:
    return "".join(part for pair in zip(words, [*tokens, ""], strict=True) for part in pair)


def quoted_printable(text: str) -> bytes:
    """The text in lines of at most 76 ASCII characters, CRLF, none of them starting with a dot or `From `."""
    text = "\r\n".join([*text.splitlines(), ""])
    encoded = binascii.b2a_qp(text.encode("utf-8", "replace"), istext=True)
    if b"=20\r\n" in encoded or b"=09\r\n" in encoded:
        encoded = _LONG_BY_A_BLANK.sub(rb"\1=\r\n\2", encoded)
    if b"\r\n." in encoded or b"From " in encoded or encoded.startswith(b"."):
        encoded = _safe_starts(encoded)
    return encoded


def _safe_starts(encoded: bytes) -> bytes:
    """Hide leading dots and `From ` from relays, with a soft line break after each to keep lines short."""
    while _RISKY_START.search(encoded):
        encoded = _RISKY_START.sub(
            lambda found: (b"=2E" * len(found[0]) if found[0].startswith(b".") else b"=46rom ") + b"=\r\n", encoded
        )
    return encoded
