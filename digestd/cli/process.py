"""Prepare this process: standard streams and garbage collection."""

import gc
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


def pause_gc() -> None:
    """Stop garbage collection during imports.

    It takes a seventh of the time and finds almost nothing.
    """
    gc.disable()


def resume_gc() -> None:
    """Resume garbage collection without scanning the imported modules.

    Does nothing if not paused.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
