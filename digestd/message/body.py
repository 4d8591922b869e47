"""Bodies as quoted-printable (RFC 2045 section 6.7): what mails share is encoded once.

Lines of at most 76 ASCII characters, CRLF, none of them starting with a dot or `From `.
"""

import binascii
import re
from collections.abc import Callable, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from digestd.domain.mail import Body, Cut, Form, Parts, Piece, filled, split_at_stand_ins

_RUNS = re.compile(rb"([^\x00]*)(\x00*)")
_PERHAPS_FROM = re.compile(rb"^\x00{1,4} ", re.MULTILINE)
_LONG_BY_A_BLANK = re.compile(rb"^([^\r\n]{74,75})(=20|=09)(?=\r\n)", re.MULTILINE)
"""What `b2a_qp` makes longer than 76 by the blank that it hides at an end of line."""
_RISKY_START = re.compile(rb"^(?:\.{1,24}|From )", re.MULTILINE)


def encoded_body(body: Body | str) -> Sequence[bytes]:
    """As `quoted_printable`, which knows nothing of other lines; what mails share is encoded once."""
    if isinstance(body, str):
        return [quoted_printable(body)]
    form, tokens = body.form, body.tokens
    typeset = form.typeset if isinstance(form.typeset, _Typeset) else _set(form)
    letters = [token.encode("ascii") for token in tokens]
    cuts = [letters[n][start:end] for n, start, end in typeset.cuts]
    anew = [quoted_printable(filled(text, tokens)) for text in typeset.anew]
    own = [made if type(made := piece.encoded) is bytes else _with_tokens(piece, tokens) for piece in body.own]
    return typeset.in_a_row(typeset.shared + cuts + anew + own)


class _Typeset(NamedTuple):
    """A form encoded: bytes that all its mails have, what each has of its tokens, and the row that these stand in with
    what is a mail's own."""

    shared: list[bytes]
    cuts: list[Cut]
    anew: list[str]
    in_a_row: Callable[[list[bytes]], tuple[bytes, ...]]


def _set(form: Form) -> _Typeset:
    own = {place: n for n, place in enumerate(form.places)}
    row: list[bytes | Cut | str | int] = [b"", b""]  # of fewer than two, `itemgetter` makes no tuple
    for place, piece in enumerate(form.pieces):
        row += [own[place]] if place in own else _parts(piece)
    shared = list(dict.fromkeys(part for part in row if isinstance(part, bytes)))
    cuts = list(dict.fromkeys(part for part in row if isinstance(part, Cut)))
    anew = list(dict.fromkeys(part for part in row if isinstance(part, str)))
    number = {part: n for n, part in enumerate([*shared, *cuts, *anew, *range(len(own))])}
    form.typeset = typeset = _Typeset(shared, cuts, anew, itemgetter(*[number[part] for part in row]))
    return typeset


def _parts(piece: Piece) -> Parts:
    """What a piece is encoded as, and kept so."""
    if piece.encoded is None:
        parts = _encoded(piece.text)
        piece.encoded = parts[0] if len(parts) == 1 and isinstance(parts[0], bytes) else parts
    return [piece.encoded] if isinstance(piece.encoded, bytes) else piece.encoded


def _with_tokens(piece: Piece, tokens: Sequence[str]) -> bytes:
    """A piece of one mail's own; most have no tokens, and are encoded here for the first time."""
    return b"".join([part if isinstance(part, bytes) else _own(part, tokens) for part in _parts(piece)])


def _own(part: Cut | str, tokens: Sequence[str]) -> bytes:
    if isinstance(part, Cut):
        return tokens[part.n][part.start : part.end].encode("ascii")
    return quoted_printable(filled(part, tokens))


def _encoded(text: str) -> Parts:
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
