"""What became of a file: how much went in, and what did not."""

from collections.abc import Iterable, Mapping

import typer

from digestd.cli.output import emit, say

Bad = tuple[int | str, str, str]
"""The number of a line, or where else an entry stands; the field; the remedy."""


def report(counts: Mapping[str, int], refused: Iterable[Bad], as_json: bool) -> None:
    """Print it; ends with exit code 1 where anything was refused, which `counts` says too."""
    rows = list(refused)
    told = [dict(zip(("line", "field", "message"), row, strict=True)) for row in rows]
    emit({**counts, "refused": told} if as_json else counts, as_json)
    for place, field, message in () if as_json else rows:
        where = f"line {place}" if isinstance(place, int) else place
        say(": ".join(part for part in (where, field, message) if part))
    if counts["refused"]:
        raise typer.Exit(1)
