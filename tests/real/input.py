"""What real sources gave, as lines of `paper import`. Nothing of it is kept in this repository."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from tests.outside import outside

MONTH = "2026-07"
NEXT_DAY = "2026-08-03"


def month() -> list[dict[str, object]]:
    """A month of Hugging Face's daily papers, and the listing of one search."""
    return [*_daily(MONTH), *_listing()]


def next_day() -> list[dict[str, object]]:
    """The papers of the next day they were given."""
    return list(_daily(NEXT_DAY))


def write(file: Path, records: list[dict[str, object]]) -> Path:
    """One a line."""
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return file


def _daily(day: str) -> Iterator[dict[str, object]]:
    for said in _read("hf_daily_papers"):
        if str(said["day"]).startswith(day):
            kept = ("id", "title", "abstract", "authors", "categories", "published")
            signals = {name: said[name] for name in ("upvotes", "comments", "stars") if said.get(name) is not None}
            yield {name: said[name] for name in kept if said.get(name)} | {"signals": signals}


def _listing() -> Iterator[dict[str, object]]:
    for said in _read("seed_listing"):
        yield {name: said[name] for name in ("title", "abstract")}


def _read(folder: str) -> Iterator[dict[str, object]]:
    with gzip.open(outside(folder, "papers.jsonl.gz"), "rt") as lines:
        yield from map(json.loads, lines)
