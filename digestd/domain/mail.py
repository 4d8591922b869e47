"""The words of a mail, before they are bytes."""

from collections.abc import Sequence


class Body(str):
    """A mail's text or HTML that knows which pieces of it stand in other mails as well.

    `pieces`: its own and shared ones in turn, beginning and ending with an own one; each is of whole
    lines, so that what is done to a line can be done to a piece, and to a shared one but once.
    """

    __slots__ = ("pieces",)
    pieces: tuple[str, ...]

    @classmethod
    def of(cls, pieces: Sequence[str]) -> "Body":
        """Put together. Pieces that break a line in two make one piece of the whole."""
        body = cls("".join(pieces))
        whole = len(pieces) % 2 and all(piece.endswith("\n") for piece in pieces[:-1] if piece)
        body.pieces = tuple(pieces) if whole else (str(body),)
        return body
