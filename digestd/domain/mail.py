"""The words of a mail, before they are bytes."""

import re
from collections.abc import Sequence

MARK = "\ue000"
"""Begins and ends a mark: a character for private use, which no word of a mail has."""
_STAND_IN = re.compile(f"{MARK}([0-9]+):([0-9]+){MARK}")


class Body:
    """A mail's text or HTML in pieces that stand in other mails as well, so that a piece is encoded but once.

    Each piece is of whole lines. Where a piece has the stand-in of a token (see `stand_in`), this mail has
    `tokens[n]`: letters and digits, `-` and `_`, that no other mail has.
    """

    __slots__ = ("pieces", "tokens")

    def __init__(self, pieces: Sequence[str], tokens: Sequence[str] = ()) -> None:
        self.pieces = pieces
        self.tokens = tokens

    def __str__(self) -> str:
        return _STAND_IN.sub(lambda found: self.tokens[int(found[1])], "".join(self.pieces))


def stand_in(n: int, token: str) -> str:
    """What stands in a piece for token number `n` of each mail, all of one length."""
    return f"{MARK}{n}:{len(token)}{MARK}"


def split_at_stand_ins(piece: str) -> tuple[list[str], list[tuple[int, int]]]:
    """What a piece has around its stand-ins, and each one's number and length; one more of the former."""
    found = _STAND_IN.split(piece)
    return found[::3], [(int(n), int(length)) for n, length in zip(found[1::3], found[2::3], strict=True)]
