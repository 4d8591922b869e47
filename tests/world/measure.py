"""Measure a reader on a collection."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.world.readers import READERS, UNREAD, Reader

EXPECTED = "expected.jsonl"
COLUMNS = ("right", "wrong", "unread", "crashed", "harmful")


def collections(folders: str) -> list[Path]:
    """Return the collections in these folders, separated by `:`, that have a reader."""
    found = [path.parent for folder in folders.split(":") if folder for path in Path(folder).glob(f"*/*/{EXPECTED}")]
    return sorted(path for path in found if path.parent.name in READERS)


def measure(collection: Path) -> Counter[str]:
    """Return the number of items by COLUMNS; `harmful` ones are wrong as well."""
    reader, counts = READERS[collection.parent.name], Counter[str]()
    for raw, expected in _items(collection):
        outcome = _outcome(reader, raw, expected)
        counts.update([outcome])
    counts["wrong"] += counts["harmful"]
    return counts


def table(measured: dict[Path, Counter[str]]) -> str:
    """Return the counts as a table, one line per collection."""
    lines = [f"{'collection':40}{'items':>7}" + "".join(f"{column:>9}" for column in COLUMNS)]
    for path, counts in measured.items():
        items = counts["right"] + counts["wrong"] + counts["unread"] + counts["crashed"]
        name = f"{path.parent.name}/{path.name}"
        lines.append(f"{name:40}{items:7}" + "".join(f"{counts[column]:9}" for column in COLUMNS))
    return "\n".join(lines)


def _items(collection: Path) -> Iterator[tuple[bytes, frozenset[str]]]:
    for line in (collection / EXPECTED).read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        raw = item["text"].encode() if "text" in item else (collection / item["file"]).read_bytes()
        yield raw, frozenset(item["expect"])


def _outcome(reader: Reader, raw: bytes, expected: frozenset[str]) -> str:
    try:
        found = reader.read(raw)
    except Exception:  # whatever foreign material does to a reader is a result
        return "crashed"
    if found & expected if reader.any_of else found >= expected:
        return "right"
    if found == {UNREAD}:
        return "right" if expected == {"nothing"} else "unread"
    return "harmful" if reader.harmful in found - expected else "wrong"
