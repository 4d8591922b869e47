"""subscriber import, subscriber export."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import astuple
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.imported import report
from digestd.cli.output import progress, say
from digestd.errors import BadInput
from digestd.subscribe import exported, files, find, import_subscribers, rehearse_import
from digestd.subscribe.belongings import as_json, everything
from digestd.subscribe.files import Format, Line

FormatOption = Annotated[
    Format | None, typer.Option("--format", help="How the file is written; by default csv if it is called .csv.")
]
_STDIN = Path("-")
_BLOCK = 1 << 20


def import_file(
    file: Annotated[Path, typer.Argument(help="JSONL, one object a line, or CSV; - reads standard input.")],
    strict: Annotated[bool, typer.Option("--strict", help="All lines or none.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would become of it; change nothing.")] = False,
    form: FormatOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Import subscribers. Good lines go in, bad ones are told, and the exit code is 1 if there are any.

    Keys: email (required), name, topics, phrases, authors, categories,
    mute, likes, dislikes, timezone, hour, cadence, weekday, size,
    bar, explore, only_categories, language, status. In CSV, lists are separated by semicolons.

    A known address is updated; what a line does not say stays. Nobody
    who unsubscribed or is suppressed comes back. The status is active
    (you vouch for them) unless said; pending sends a mail to confirm.

    Example: digestd subscriber import people.csv --dry-run
    """
    if strict and dry_run:
        raise BadInput("choose one of --strict and --dry-run")
    built = wiring.build()
    with ExitStack() as stack:
        lines = stack.enter_context(files.opened(file, form)) if file != _STDIN else _stdin(form)
        advance = stack.enter_context(progress("subscribers", _size(file)))
        said = _followed(lines, advance)
        if dry_run:
            done = rehearse_import(built.db, built.post, said, built.clock())
        else:
            done = import_subscribers(built.db, built.post, said, built.clock(), strict=strict)
    if dry_run:
        say("a dry run: nothing was changed")
    if done.left_alone:
        say(f"{done.left_alone} who left or must not be written to were left alone")
    counts = {name: getattr(done, name) for name in ("added", "updated", "unchanged")} | {"refused": len(done.refused)}
    report(counts, map(astuple, done.refused), as_json)


def _stdin(form: Format | None) -> Iterator[Line]:
    return files.read(sys.stdin.buffer, form or Format.JSONL, "standard input")


def _size(file: Path) -> int | None:
    """About how many lines there are."""
    if not file.is_file():
        return None
    try:
        with file.open("rb") as opened:
            return sum(block.count(b"\n") for block in iter(partial(opened.read, _BLOCK), b""))
    except OSError:
        return None


def _followed(lines: Iterator[Line], advance: Callable[[int], None]) -> Iterator[Line]:
    for line in lines:
        advance(1)
        yield line


def export_file(
    file: Annotated[Path | None, typer.Argument(help="Where to write; by default the terminal.")] = None,
    form: FormatOption = None,
) -> None:
    """Write every subscriber as `subscriber import` reads them.

    Example: digestd subscriber export people.jsonl
    """
    built = wiring.build()
    csv = file is not None and file.suffix.lower() == ".csv"
    lines = files.written(exported(built.db), form or (Format.CSV if csv else Format.JSONL))
    if file is None:
        sys.stdout.writelines(lines)
    else:
        _write_whole(file, lines)


def write_data(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The subscriber's address.")],
    file: Annotated[Path | None, typer.Argument(help="Where to write; by default the terminal.")] = None,
) -> None:
    """Write all that is kept of one subscriber as JSON, as their settings page gives it to them.

    Example: digestd subscriber data ada@example.org ada.json
    """
    built = wiring.build()
    with built.db.read() as session:
        kept = everything(session, find(session, built.keys, email), built.clock())
    text = [as_json(kept)]
    if file is None:
        sys.stdout.writelines(text)
    else:
        _write_whole(file, iter(text))


def _write_whole(file: Path, lines: Iterator[str]) -> None:
    """The whole file or none of it, readable for its owner alone: it holds addresses."""
    try:
        with NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", delete=False) as out:
            try:
                out.writelines(lines)
                out.flush()
                os.fsync(out.fileno())
                Path(out.name).replace(file)
            except BaseException:
                Path(out.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise BadInput(f"cannot write {file}: {error.strerror}") from error
