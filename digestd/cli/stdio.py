"""Standard streams: prepare them, and print messages for people on standard error."""

import io
import os
import sys
from pathlib import Path


def prepare_stdio() -> None:
    """Open standard streams that the caller closed, and write UTF-8 in every locale.

    Call it before anything else: the next file that is opened would get the number of a closed stream, and a library
    that prints would write into the database. Letters that cannot be encoded are written as escapes.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # open to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


said: list[str] = []
"""The messages of the running command, for those that print nothing else with `--json`."""


def say(message: str) -> None:
    said.append(message)
    print(printable(message), file=sys.stderr)  # noqa: T201  # printing is what this file is for


def printable(text: str) -> str:
    """Replace control characters by spaces.

    Titles come from strangers, and terminals execute them.
    """
    return "".join(letter if letter.isprintable() else " " for letter in text)
