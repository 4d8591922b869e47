"""Messages for people, on standard error."""

import sys


def say(message: str) -> None:
    """Print one line for people; never part of the data."""
    print(printable(message), file=sys.stderr)  # noqa: T201  # printing is what this file is for


def printable(text: str) -> str:
    """Replace control characters by spaces.

    Titles come from strangers, and terminals execute them.
    """
    return "".join(letter if letter.isprintable() else " " for letter in text)
