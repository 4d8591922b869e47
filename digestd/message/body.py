"""Bodies as quoted-printable (RFC 2045 section 6.7): what mails share is encoded once.

Lines of at most 76 ASCII characters, CRLF, none of them starting with a dot or `From `.
"""

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice
from operator import itemgetter

from digestd.domain.mail import Body, split_at_stand_ins

_RUNS = re.compile(rb"([^\x00]*)(\x00*)")
_PERHAPS_FROM = re.compile(rb"^\x00{1,4} ", re.MULTILINE)
_RISKY_START = re.compile(rb"^(?:\.{1,24}|From )", re.MULTILINE)


def encoded_body(body: Body | str) -> list[bytes]:
    """As `quoted_printable`, which knows nothing of other lines; what mails share is encoded once."""
    if isinstance(body, str):
        return [quoted_printable(body)]
    known = map(_known, body.pieces)
    return [one if isinstance(one, bytes) else one.filled(body.tokens) for one in known]


@dataclass(frozen=True, slots=True)
class _Form:
    """A piece with stand-ins: its bytes as `%` fills them, and with which part of which token, from where to where.

    `bytes_` is None where the bytes around a token depend on it: where a line could begin with its last letters,
    as `From`.
    """

    piece: str
    bytes_: bytes | None
    cuts: tuple[tuple[int, int, int], ...]

    def filled(self, tokens: Sequence[str]) -> bytes:
        """The bytes with the tokens of a mail."""
        if self.bytes_ is None:
            return quoted_printable(str(Body([self.piece], tokens)))
        return self.bytes_ % tuple([tokens[n][start:end].encode("ascii") for n, start, end in self.cuts])


@lru_cache(maxsize=16_384)
def _known(piece: str) -> bytes | _Form:
    """A piece encoded. Whether a byte of it is a token's is told by encoding it with two tokens that differ in all."""
    words, tokens = split_at_stand_ins(piece)
    if not tokens:
        return quoted_printable(piece)
    one, other = (quoted_printable(_joined(words, [letter * length for _, length in tokens])) for letter in "AB")
    mask = bytes([mine if mine == yours else 0 for mine, yours in zip(one, other, strict=True)])
    if _PERHAPS_FROM.search(mask):
        return _Form(piece, None, ())
    letters = ((nth, at) for nth, (_, length) in enumerate(tokens) for at in range(length))
    form, cuts = b"", []
    for text, run in _RUNS.findall(mask):
        form += text.replace(b"%", b"%%")
        for nth, cut in groupby(islice(letters, len(run)), itemgetter(0)):
            places = [at for _, at in cut]
            cuts.append((tokens[nth][0], places[0], places[-1] + 1))
            form += b"%b"
    return _Form(piece, form, tuple(cuts))


def _joined(words: Sequence[str], tokens: Sequence[str]) -> str:
    return "".join(part for pair in zip(words, [*tokens, ""], strict=True) for part in pair)


def quoted_printable(text: str) -> bytes:
    """The text in lines of at most 76 ASCII characters, CRLF, none of them starting with a dot or `From `."""
    text = "\r\n".join([*text.splitlines(), ""])
    encoded = binascii.b2a_qp(text.encode("utf-8", "replace"), istext=True)
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
