"""The words of a mail, before they are bytes."""

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

MARK = "\ue000"
"""Begins and ends a mark: a character for private use, which no word of a mail has."""
_STAND_IN = re.compile(f"{MARK}([0-9]+):([0-9]+){MARK}")


class Cut(NamedTuple):
    """A part of token number `n`: its letters from `start` to `end`."""

    n: int
    start: int
    end: int


Parts: TypeAlias = Sequence[bytes | Cut | str]
"""Bytes, and parts of tokens. A text is to be encoded anew in each mail, with the tokens of that."""


class Piece:
    """Whole lines that stand in many mails alike, with what is worked out of them but once.

    Where the text has the stand-in of a token (see `stand_in`), each mail has a token of its own there. `size`:
    about how many bytes it takes encoded; `encoded`: these bytes, or where it has tokens what is between and of them.
    """

    __slots__ = ("encoded", "size", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.size: int | None = None
        self.encoded: bytes | Parts | None = None


class Form:
    """What many mails have in common: pieces in a row, of which each mail has its own at some `places`.

    `size` and `typeset`: what is worked out of what they share but once; see Piece.
    """

    __slots__ = ("pieces", "places", "size", "typeset")

    def __init__(self, pieces: Sequence[Piece], places: Sequence[int] = ()) -> None:
        self.pieces = pieces
        self.places = places
        self.size: int | None = None
        self.typeset: object = None


class Body:
    """A mail's text or HTML: a form, what is its `own` there, and its tokens: of letters and digits, `-` and `_`."""

    __slots__ = ("form", "own", "tokens")

    def __init__(self, form: Form, own: Sequence[Piece] = (), tokens: Sequence[str] = ()) -> None:
        self.form = form
        self.own = own
        self.tokens = tokens

    @property
    def pieces(self) -> list[Piece]:
        """All of it in a row."""
        pieces = [*self.form.pieces]
        for place, piece in zip(self.form.places, self.own, strict=True):
            pieces[place] = piece
        return pieces

    def __str__(self) -> str:
        return filled("".join([piece.text for piece in self.pieces]), self.tokens)


def filled(text: str, tokens: Sequence[str]) -> str:
    """The text with tokens in place of what stands in for them."""
    return _STAND_IN.sub(lambda found: tokens[int(found[1])], text) if tokens else text


def stand_in(n: int, length: int) -> str:
    """What stands in a piece for token number `n` of each mail, all of one length."""
    return f"{MARK}{n}:{length}{MARK}"


def stand_in_for(n: int, url: str, base: int) -> str:
    """Return the URL with a stand-in for token number `n` in the place of that for token number `base`."""
    return url.replace(f"{MARK}{base}:", f"{MARK}{n}:")


def split_at_stand_ins(piece: str) -> tuple[list[str], list[tuple[int, int]]]:
    """What a piece has around its stand-ins, and each one's number and length; one more of the former."""
    if MARK not in piece:
        return [piece], []
    found = _STAND_IN.split(piece)
    return found[::3], [(int(n), int(length)) for n, length in zip(found[1::3], found[2::3], strict=True)]
