"""Standard input, output and error as commands need them."""

import io
import os
import sys
from pathlib import Path


def make_ready() -> None:
    """Open those that the caller closed, on nothing, and write UTF-8 whatever the locale is. Call it before all else.

    A closed one leaves its number to the next file that is opened, and what some library says there would end up in
    the database or a journal. In a locale that lacks a letter of a title a strange one is better than half an export.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # open to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
