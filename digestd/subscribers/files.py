"""Read and write subscriber files, JSONL or CSV, one line at a time.

In CSV a list is separated by `;`. A list whose items contain a `;`, or a `mute` with topics, authors or categories,
is written as JSON in its cell. A cell that a spreadsheet would evaluate as a formula starts with a `'`, which reading
removes (OWASP, "CSV Injection"). Lines are numbered as in an editor.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from digestd.domain.sanitise import escape_invisible
from digestd.errors import BadInput, BadRecord
from digestd.subscribers.subscriber_record import BOOLEANS, KEYS, LISTS, NUMBERS

if TYPE_CHECKING:
    import _csv

LINE_MAX = 1_048_576
_FORMULA = re.compile(r"\A('*[=+@-])")
_QUOTED = re.compile(r"\A'('*[=+@-])")
_FOREIGN = re.compile(r"[;\t|]")
"""Column separators of spreadsheets in other locales."""
_BOOLEAN_VALUES = {"true": True, "false": False}
_LIST_COLUMNS = frozenset({*LISTS, "mute"})


class FileFormat(StrEnum):
    """The format of a subscriber file."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class FileLine:
    """One record of a file as written there, or the reason why it cannot be read."""

    number: int
    fields: Mapping[str, object] | BadRecord


@contextmanager
def open_file(path: Path, form: FileFormat | None = None) -> Iterator[Iterator[FileLine]]:
    """Open a subscriber file and yield its lines.

    Args:
        form: the format; by default CSV if the name ends in `.csv`, else JSONL.

    Raises:
        BadInput: the file cannot be read, is empty, or is not text.
    """
    form = form or (FileFormat.CSV if path.suffix.lower() == ".csv" else FileFormat.JSONL)
    try:
        with path.open("rb") as file:
            yield read_lines(file, form, path.name)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}; name a file with subscribers") from error


def read_lines(file: BinaryIO, form: FileFormat, name: str = "the file") -> Iterator[FileLine]:
    """Return the lines of an open file; only the current one is in memory.

    Raises BadInput.
    """
    lines = _lines(file)
    first = next(lines, None)
    if first is None:
        raise BadInput(f"{name} is empty; nothing was changed")
    if b"\0" in first:
        raise BadInput(f"{name} is not text; give it as JSONL or CSV in UTF-8")
    rest = _chained(first.removeprefix(b"\xef\xbb\xbf"), lines)
    return _table(rest, name) if form is FileFormat.CSV else _jsonl(rest)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines, cut at LINE_MAX.

    A file without line ends thus does not fill the memory.
    """
    while line := file.readline(LINE_MAX + 1):
        yield line
        tail = line
        while len(tail) > LINE_MAX and not tail.endswith(b"\n"):
            tail = file.readline(LINE_MAX + 1)


def _jsonl(lines: Iterator[bytes]) -> Iterator[FileLine]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield FileLine(number, _object(line))


def _object(line: bytes) -> Mapping[str, object] | BadRecord:
    if len(line) > LINE_MAX:
        return BadRecord("line", f"is longer than {LINE_MAX} bytes; shorten it")
    try:
        fields = json.loads(line.decode())
    except UnicodeDecodeError:
        return BadRecord("line", "is not UTF-8; save the file as UTF-8")
    except (ValueError, RecursionError) as problem:
        why = problem.msg if isinstance(problem, json.JSONDecodeError) else "a value is too large"
        return BadRecord("line", f'is not JSON ({why}); write an object like {{"email": "name@example.org"}}')
    if not isinstance(fields, dict):
        return BadRecord("line", 'is not an object; write one like {"email": "name@example.org"}')
    return fields


def _table(lines: Iterator[bytes], name: str) -> Iterator[FileLine]:
    rows = csv.reader(line.decode(errors="surrogateescape") for line in lines)
    header = [column.strip().lower() for column in next(rows, [])]
    if len(header) == 1 and _FOREIGN.search(header[0]):
        raise BadInput(f"{name}: its columns are not separated by commas; save it so")
    unknown = [column for column in header if column not in KEYS]
    if unknown:
        raise BadInput(f"{name}: there is no column {unknown[0][:80]!r}; known are {', '.join(KEYS)}")
    if "email" not in header or len(set(header)) < len(header):
        raise BadInput(f"{name}: the first line must name the columns, each once, with email among them")
    return _rows(rows, header)


def _rows(rows: "_csv.Reader", header: list[str]) -> Iterator[FileLine]:
    while True:
        number = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as problem:
            yield FileLine(number, BadRecord("line", f"is not CSV ({problem}); correct its quotes"))
            continue
        if row:
            yield FileLine(number, _cells(header, row))


def _cells(header: list[str], row: list[str]) -> Mapping[str, object] | BadRecord:
    if len(row) != len(header):
        return BadRecord("line", f"has {len(row)} cells, but the first line names {len(header)} columns; correct it")
    return {column: _value(column, cell) for column, cell in zip(header, row, strict=True)}


def _value(column: str, cell: str) -> object:
    cell = _QUOTED.sub(r"\1", cell.strip())
    if column in _LIST_COLUMNS:
        return _list(cell)
    if column in NUMBERS and cell.isascii() and cell.isdigit() and len(cell) < 10:
        return int(cell)
    if column in BOOLEANS and cell.lower() in _BOOLEAN_VALUES:
        return _BOOLEAN_VALUES[cell.lower()]
    return cell if cell or column == "name" else None


def _list(cell: str) -> object:
    if cell.startswith(("[", "{")):
        try:
            fields = json.loads(cell)
        except (ValueError, RecursionError):
            fields = None  # a list of plain words whose first begins with a bracket
        if isinstance(fields, list | dict):
            return fields
    return cell.split(";") if cell else []


def format_records(records: Iterable[Mapping[str, object]], form: FileFormat) -> Iterator[str]:
    """Yield the lines of a file that `read_lines` reads back, each with its line end."""
    if form is FileFormat.JSONL:
        for fields in records:
            yield escape_invisible(json.dumps(fields, ensure_ascii=False)) + "\n"
        return
    yield _row(KEYS)
    for fields in records:
        yield _row([_cell(fields[key]) for key in KEYS])


def _row(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(_FORMULA.sub(r"'\1", cell) for cell in cells)
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, dict):
        plain = not any(items for name, items in value.items() if name != "phrases")
        return _cell(value["phrases"]) if plain else json.dumps(value, ensure_ascii=False)
    if not isinstance(value, list):
        return str(value).lower() if isinstance(value, bool) else str(value)
    plain = not any(";" in item for item in value) and not (value and value[0].startswith(("[", "{")))
    return ";".join(value) if plain else json.dumps(value, ensure_ascii=False)
