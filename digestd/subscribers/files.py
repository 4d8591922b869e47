"""Read and write subscriber files, JSONL or CSV, one line at a time.

CSV is read as spreadsheets write it: columns separated by commas, semicolons or tabs, in UTF-8 or UTF-16, with empty
columns and lines at the end. Columns are known by their keys and by the names in COLUMN_NAMES. A file of bare
addresses, one per line, is read like CSV with the column `email` only.

In CSV a list is separated by `;` or line ends. A list whose items contain a `;`, or a `mute` with topics, authors or
categories, is written as JSON in its cell. A cell that a spreadsheet would evaluate as a formula starts with a `'`,
which reading removes (OWASP, "CSV Injection"). Lines are numbered as in an editor. The column or key REJECTED, in which
`rejects_file` writes why a line was refused, is ignored.
"""

import codecs
import csv
import io
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from digestd.errors import BadInput, BadRecord
from digestd.files import create, explain
from digestd.subscribers.subscriber_record import BOOLEANS, KEYS, LISTS, NUMBERS, RETIRED_KEYS
from digestd.text.inputs import load_json
from digestd.text.sanitise import escape_invisible
from digestd.text.scripts import fold

if TYPE_CHECKING:
    import _csv

LINE_MAX = 1_048_576
_BLOCK = 65_536
_FORMULA = ("=", "+", "@", "-")
_DELIMITERS = ",;\t"
_SEPARATOR_HINT = b"sep="
"""How a first line begins that tells Excel the delimiter, which is the only other byte."""
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BOOLEAN_VALUES = {"true": True, "false": False}
_LIST_COLUMNS = frozenset({*LISTS, "mute"})
_NOT_UTF8 = "is not UTF-8; save the file as UTF-8, which Excel calls 'CSV UTF-8'"
REJECTED = "rejected"
COLUMN_NAMES = {
    "email": "mail, E-Mail-Adresse, Mailadresse, email address, adresse e-mail, adresse électronique, courriel, "
    "correo, correo electrónico, endereço de e-mail, correio eletrónico, correio eletrônico, メール, メールアドレス, "
    "邮箱, 电子邮箱, 电子邮件, 邮箱地址",
    "name": "full name, nom, nom complet, nombre, nombre completo, nome, nome completo, 名前, お名前, 氏名, 姓名, 名字",
    "topics": "topic, Thema, Themen, thème, thèmes, sujet, sujets, tema, temas, tópicos, assuntos, トピック, テーマ, "
    "主题, 话题",
    "phrases": "phrase, Wendungen, expressions, frases, フレーズ, 短语",
    "authors": "author, Autoren, auteurs, autores, 著者, 作者",
    "categories": "category, Kategorie, Kategorien, catégories, categorías, カテゴリ, カテゴリー, 类别, 分类",
    "institutions": "institution, Institutionen, établissements, instituciones, instituições, 機関, 机构",
    "timezone": "Zeitzone, fuseau horaire, zona horaria, fuso horário, タイムゾーン, 时区",
    "hour": "Stunde, heure, hora, 時, 小时",
    "language": "lang, Sprache, langue, idioma, lingua, língua, 言語, 语言",
}
"""What people call columns, beside the keys. Case, accents, blanks, hyphens and underscores do not count."""


class FileFormat(StrEnum):
    """The format of a subscriber file."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class FileLine:
    """One record of a file, or the reason why it cannot be read.

    As written there it is `cells` below `columns`, or in JSONL one cell without a column.
    """

    number: int
    fields: Mapping[str, object] | BadRecord
    cells: Sequence[str] = ()
    columns: Sequence[str] = ()


@contextmanager
def open_file(path: Path) -> Iterator[Iterator[FileLine]]:
    """Open a subscriber file of any format and yield its lines.

    Raises:
        BadInput: the file cannot be read, is empty, or is not text.
    """
    try:
        with path.open("rb") as file:
            yield read_lines(file, name=str(path))
    except OSError as error:
        raise BadInput(f"cannot read {explain(error, path)}") from error


def read_lines(file: BinaryIO, form: FileFormat | None = None, name: str = "the file") -> Iterator[FileLine]:
    """Return the lines of an open file; only the current one is in memory.

    Args:
        form: the format; by default JSONL if the first line begins with a bracket, else CSV.
        name: what messages call the file.

    Raises:
        BadInput: the file is empty or not text, or its first line does not name known columns.
    """
    lines = _lines(file)
    first = next(lines, None)
    if first is None:
        raise BadInput(f"{name} is empty; nothing was changed")
    if b"\0" in first:
        raise BadInput(f"{name} is not text; give it as JSONL or CSV in UTF-8")
    is_json = first.lstrip().startswith((b"{", b"[")) if form is None else form is FileFormat.JSONL
    rest = itertools.chain([first], lines)
    return _jsonl(rest) if is_json else _table(rest, name, form)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines in UTF-8 without a byte order mark; a line longer than LINE_MAX is cut behind it.

    A file without line ends thus does not fill the memory.
    """
    blocks = iter(partial(file.read, _BLOCK), b"")
    first = next(blocks, b"")
    if first.startswith(_UTF16):
        decoder = codecs.getincrementaldecoder("utf-16")(errors="surrogatepass")
        blocks = (decoder.decode(block).encode(errors="surrogatepass") for block in itertools.chain([first], blocks))
    else:
        blocks = itertools.chain([first.removeprefix(codecs.BOM_UTF8)], blocks)
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from (line + b"\n" for line in lines)
        rest = rest[: LINE_MAX + 1]
    if rest:
        yield rest


def _jsonl(lines: Iterator[bytes]) -> Iterator[FileLine]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield FileLine(number, _object(line), [line.decode(errors="backslashreplace").strip()])


def _object(line: bytes) -> Mapping[str, object] | BadRecord:
    if len(line) > LINE_MAX:
        return BadRecord("line", f"is longer than {LINE_MAX} bytes; shorten it")
    try:
        fields = load_json(line.decode(), strict=True)
    except UnicodeDecodeError:
        return BadRecord("line", _NOT_UTF8)
    except ValueError as problem:
        why = problem.msg if isinstance(problem, json.JSONDecodeError) else problem
        return BadRecord("line", f'is not JSON ({why}); write an object like {{"email": "name@example.org"}}')
    if not isinstance(fields, dict):
        return BadRecord("line", 'is not an object; write one like {"email": "name@example.org"}')
    fields.pop(REJECTED, None)
    return fields


def _table(lines: Iterator[bytes], name: str, form: FileFormat | None) -> Iterator[FileLine]:
    """Read CSV or a list of addresses.

    Args:
        name: what messages call the file.
        form: the format that was asked for; None if the first line decided.

    Raises:
        BadInput: the first line does not name known columns.
    """
    first, skipped = next(lines), 0
    hint = first.rstrip(b"\r\n").lower()
    if hint.startswith(_SEPARATOR_HINT) and len(hint) == len(_SEPARATOR_HINT) + 1:
        first, skipped = next(lines, b""), 1
    delimiter = max(_DELIMITERS, key=first.decode(errors="replace").count)
    texts = (line.decode(errors="surrogateescape") for line in itertools.chain([first], lines))
    rows = csv.reader(texts, delimiter=delimiter)
    if b"@" in first and delimiter.encode() not in first:
        return _rows(rows, ["email"], skipped)
    header = _header(rows, name)
    unknown = [column for column in header if column not in (*KEYS, *RETIRED_KEYS, REJECTED)]
    if unknown:
        read_as = "" if form is FileFormat.CSV else "read as CSV, because the first line is no JSON object: "
        raise BadInput(
            f"{name}: {read_as}unknown column {unknown[0][:80]!r}; name the columns in the first line, as in "
            f"email,topics, and remove others; known are {', '.join(KEYS)}"
        )
    if "email" not in header or len(set(header)) < len(header):
        raise BadInput(f"{name}: the first line must name the columns, each once, with email among them")
    return _rows(rows, header, skipped)


def _header(rows: "_csv.Reader", name: str) -> list[str]:
    """Return the columns that the first line names, by their keys if they are known. Raises BadInput."""
    try:
        header = [column.strip() for column in next(rows, [])]
    except csv.Error as problem:
        raise BadInput(f"{name}: the first line is not CSV ({problem}); save the file as 'CSV UTF-8'") from problem
    if not _is_utf8(header):
        raise BadInput(f"{name}: the first line {_NOT_UTF8}")
    while header and not header[-1]:
        header.pop()
    known = {_plain(word): key for key, words in COLUMN_NAMES.items() for word in words.split(",")}
    known |= {_plain(key): key for key in (*KEYS, *RETIRED_KEYS, REJECTED)}
    return [known.get(_plain(column), column.lower()) for column in header]


def _plain(column: str) -> str:
    return re.sub(r"[\s_-]", "", fold(column))


def _is_utf8(row: Iterable[str]) -> bool:
    """Return False if a row has bytes that are not UTF-8, which Python keeps as surrogates."""
    return not any("\udc80" <= letter <= "\udcff" for cell in row if not cell.isascii() for letter in cell)


def _rows(rows: "_csv.Reader", header: list[str], skipped: int) -> Iterator[FileLine]:
    earlier = slice(at := header.index(REJECTED), at + 1) if REJECTED in header else slice(0)
    del header[earlier]
    while True:
        number = skipped + rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as problem:
            why = BadRecord("line", f"is not CSV ({problem}); correct its quotes")
            yield FileLine(number, why, [""] * len(header), header)  # what was read of it is gone
            continue
        if any(cell.strip() for cell in row):
            del row[earlier]
            yield FileLine(number, _cells(header, row), row, header)


def _cells(header: list[str], row: list[str]) -> Mapping[str, object] | BadRecord:
    if not _is_utf8(row):
        return BadRecord("line", _NOT_UTF8)
    if not any(row[len(header) :]):
        row = row[: len(header)]  # columns without a name
    if len(row) != len(header):
        return BadRecord("line", f"has {len(row)} cells, but the first line names {len(header)} columns; correct it")
    return {column: _value(column, cell) for column, cell in zip(header, row, strict=True)}


def _value(column: str, cell: str) -> object:
    cell = cell.strip()
    if cell.startswith("'") and _is_formula(cell):
        cell = cell[1:]
    if column in _LIST_COLUMNS:
        return _list(cell)
    if column in NUMBERS and cell.isascii() and cell.isdigit() and len(cell) < 10:
        return int(cell)
    if column in BOOLEANS and cell.lower() in _BOOLEAN_VALUES:
        return _BOOLEAN_VALUES[cell.lower()]
    return cell if cell or column == "name" else None


def _is_formula(cell: str) -> bool:
    """Return True if a spreadsheet would evaluate a cell, or if quotes in front keep it from that."""
    return cell.lstrip("'").startswith(_FORMULA)


def _list(cell: str) -> object:
    if cell.startswith(("[", "{")):
        try:
            fields = load_json(cell)
        except ValueError:
            fields = None  # a list of plain words whose first begins with a bracket
        if isinstance(fields, list | dict):
            return fields
    return re.split("[;\r\n]+", cell) if cell else []


@contextmanager
def rejects_file(path: Path) -> Iterator[Callable[[FileLine, BadRecord], None]]:
    """Create a file, and yield a function that adds a refused line of one other file, with the reason.

    The new file can be corrected and imported. Its owner alone may read it, and it is removed if no line is refused.

    Raises:
        BadInput: it exists, or cannot be written.
    """
    try:
        made = create(path, os.O_WRONLY | os.O_EXCL)
    except FileExistsError as error:
        raise BadInput(f"{path} is there already; remove it, or name another file") from error
    except OSError as error:
        raise BadInput(f"cannot write {explain(error, path)}") from error
    is_empty = True

    def add(line: FileLine, problem: BadRecord) -> None:
        nonlocal is_empty
        # Excel takes UTF-8 for it by the byte order mark only
        head = "\ufeff" + _row([REJECTED, *line.columns]) if is_empty and line.columns else ""
        is_empty = False
        try:
            out.write(head + _rejected(line, f"line {line.number}: {problem}"))
        except OSError as error:
            raise BadInput(f"cannot write {explain(error, path)}") from error

    with open(made, "w", encoding="utf-8", errors="surrogateescape", buffering=1) as out:  # noqa: PTH123  # is open
        try:
            yield add
        finally:
            if is_empty:
                path.unlink()


def _rejected(line: FileLine, why: str) -> str:
    if line.columns:
        return _row([why, *line.cells])
    fields = {"line": line.cells[0]} if isinstance(line.fields, BadRecord) else line.fields
    return next(format_records([{REJECTED: why, **fields}], FileFormat.JSONL))


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
    csv.writer(out, lineterminator="\n").writerow(f"'{cell}" if _is_formula(cell) else cell for cell in cells)
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, dict):
        plain = not any(items for name, items in value.items() if name != "phrases")
        return _cell(value["phrases"]) if plain else json.dumps(value, ensure_ascii=False)
    if not isinstance(value, list):
        return str(value).lower() if isinstance(value, bool) else str(value)
    plain = not any(";" in item for item in value) and not (value and value[0].startswith(("[", "{")))
    return ";".join(value) if plain else json.dumps(value, ensure_ascii=False)
