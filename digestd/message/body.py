"""Bodies as quoted-printable (RFC 2045 section 6.7): what mails share is encoded once.

Lines of at most 76 ASCII characters, CRLF, none of them starting with a dot or `From `.
"""

import binascii
import re
from collections.abc import Sequence
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
    encoded: list[bytes] = []
    tokens = [token.encode("ascii") for token in body.tokens]
    for n, known in enumerate(map(_known, body.pieces)):
        if isinstance(known, bytes):  # nearly all
            encoded.append(known)
        elif known is None:
            encoded.append(quoted_printable(str(Body([body.pieces[n]], body.tokens))))
        else:
            encoded += _spliced(known, tokens)
    return encoded


Cut = tuple[int, int, int]
"""A token's number, and from where to where of it."""


@lru_cache(maxsize=16_384)
def _known(piece: str) -> bytes | tuple[bytes | Cut, ...] | None:
    """A piece encoded; where it has stand-ins, what stands around them, and which part of which token between.

    None where the bytes around a token depend on it: where a line could begin with its last letters, as `From`.
    """
    words, tokens = split_at_stand_ins(piece)
    if not tokens:
        return quoted_printable(piece)
    one, other = (quoted_printable(_joined(words, [letter * length for _, length in tokens])) for letter in "AB")
    mask = bytes(one[at] if one[at] == other[at] else 0 for at in range(len(one)))
    cuts = (cut for nth, (_, length) in enumerate(tokens) for cut in [(nth, at) for at in range(length)])
    if _PERHAPS_FROM.search(mask):
        return None
    parts: list[bytes | Cut] = []
    for text, run in _RUNS.findall(mask):
        parts.append(text)
        for nth, cut in groupby(islice(cuts, len(run)), itemgetter(0)):
            places = [at for _, at in cut]
            parts.append((tokens[nth][0], places[0], places[-1] + 1))
    return tuple(parts)


def _spliced(parts: "Sequence[bytes | Cut]", tokens: Sequence[bytes]) -> list[bytes]:
    return [part if isinstance(part, bytes) else tokens[part[0]][part[1] : part[2]] for part in parts]


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
