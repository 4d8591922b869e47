"""subscriber interests: what somebody wants, and papers they like out of a file."""

import asyncio
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.imported import report
from digestd.cli.output import emit, say
from digestd.errors import BadInput
from digestd.sources.imports import BYTES_MAX, IMPORTS
from digestd.starting import read_references, start
from digestd.subscribe import find

_FORMATS = ", ".join(IMPORTS)


def interests(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The subscriber's address.")],
    file: Annotated[
        Path | None, typer.Option("--import", help="Like the papers of this file; - reads standard input.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help=f"How it is written, else guessed: {_FORMATS}.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what somebody wants, or have them like the papers of a file. Exits 1 if an entry was refused.

    At most 1 MiB and 5,000 entries. Papers that no source knows stay private to the subscriber.

    Example: digestd subscriber interests ada@example.org --import library.bib
    """
    built = wiring.build()
    with built.db.read() as session:
        known = find(session, built.keys, email)
    if file is None:
        if form:
            raise BadInput("--format says how the file of --import is written; name one")
        emit([{"kind": i.kind.value, "value": i.value, "wish": i.wish.value} for i in known.interests], as_json)
        return
    found, page = asyncio.run(read_references(_read(file), form))
    say(f"read as {IMPORTS[found].label}")
    done = start(built.db, known.key, page, built.clock())
    counts = {"added": done.added, "unchanged": done.unchanged, "refused": len(done.refused)}
    report(counts, map(astuple, done.refused), as_json)


def _read(file: Path) -> bytes:
    """The file, or a little more of it than is taken."""
    try:
        if file == Path("-"):
            return sys.stdin.buffer.read(BYTES_MAX + 1)
        with file.open("rb") as opened:
            return opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from error
