"""Define and read arguments and options that several commands share."""

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from digestd import files
from digestd.errors import BadInput
from digestd.text import inputs
from digestd.text.inputs import NUMBER_MAX


def between(least: int, most: int) -> Callable[[int | None], int | None]:
    """Return a callback that checks a number. Limits of Typer's own are shown in help as `1<=x<=366`."""

    def check(number: int | None) -> int | None:
        if number is None or least <= number <= most:
            return number
        if most < NUMBER_MAX:
            raise typer.BadParameter(f"must be from {least} to {most}")
        raise typer.BadParameter("is too large" if number > most else f"must be {least} or more")

    return check


check_number = between(1, NUMBER_MAX)


Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The subscriber's address.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", callback=check_number, help="As the list shows it.")]
PaperName = Annotated[str, typer.Argument(metavar="PAPER", help="An arXiv id, a DOI, or SCHEME:VALUE.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change. Changes nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Out = Annotated[Path | None, typer.Option(help="The file to write. Default: standard output.")]
Limit = Annotated[int, typer.Option("--limit", callback=check_number, help="Show at most this many, newest first.")]


def not_empty(word: str | None) -> str | None:
    """Refuse an empty word, as an unset variable of a shell gives it: left out, the option means everybody."""
    if word is None or word.strip(" \t@"):
        return word
    raise typer.BadParameter("the value is empty; name one, or leave it out")


def parse_datetime(text: str, option: str) -> datetime:
    """Parse a time in ISO 8601; UTC if it has no offset. Raises BadInput, which names the option."""
    try:
        at = inputs.parse_datetime(text)
    except ValueError as error:
        raise BadInput(f"{option}: {error}") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def parse_date(text: str, option: str) -> date:
    """Parse a date like 2026-11-24. Raises BadInput, which names the option."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{option}: invalid date {text[:40]!r}; write it like 2026-11-24") from error


def read_text_file(file: Path) -> str:
    """Return the text of a UTF-8 file. Raises BadInput."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8: name a text file, or save it as UTF-8") from error
    except OSError as error:
        raise BadInput(f"cannot read {files.explain(error, file)}") from error


def read_secret(file: Path | None, name: str, longest: int) -> str:
    """Return a secret from a file, else from the terminal or a line of standard input; at most `longest` characters."""
    if file is not None:
        return read_text_file(file).strip()[:longest]
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True, err=True)).strip()[:longest]
    return sys.stdin.buffer.readline(longest).decode(errors="replace").strip()
