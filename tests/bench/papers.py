"""Measure what a new paper costs from its line in a file to its rows: `python -m tests.bench.papers`.

    python -m tests.bench.papers [--papers 1000] [--archive 3000] [--file PAPERS.jsonl] [--pairs 5] [--json]

A day of papers is imported into an installation on SQLite with an archive. Beside each import runs what cannot be
avoided: `json.loads` of the same lines, and a plain insert of the same rows into tables with the same indexes. All
figures are CPU time per paper in µs, the least of so many pairs. Start-up is left out.

    read_us   parse and check a line
    tex_us    convert title and abstract from TeX
    gist_us   make the gist
    store_us  the rest of the import: which work it is, similar ones, merging, rows
    all_us    the import
    bare_us   `json.loads` and the plain insert
"""

import argparse
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from digestd.cli.output import emit
from digestd.gists.gist import make_gist
from digestd.papers.paper_import import import_papers
from digestd.sources.jsonl import read_line
from digestd.store.database import open_database
from digestd.store.migrate import migrate
from digestd.text.tex import to_plain
from tests.bench.delivery import NOW
from tests.bench.synthetic_data import synthetic_papers

WARM_UP = 50
"""Papers before the clock starts: models and expressions are loaded then."""
_TABLES = ("paper", "paper_alias", "revision", "sighting", "similarity_key", "signal")


def measure(lines: Sequence[bytes], archive: int, pairs: int) -> dict[str, float]:
    """Return the figures of these papers, imported into an archive of invented ones."""
    with TemporaryDirectory(prefix="digestd-bench-") as name:
        folder = Path(name)
        _fill(folder / "archive.db", archive)
        runs = [_pair(folder, lines) for _ in range(pairs)]
    least = {figure: min(run[figure] for run in runs) for figure in runs[0]}
    spent = {figure: round(seconds / len(lines) * 1e6, 1) for figure, seconds in least.items()}
    store = spent["all_us"] - spent["read_us"] - spent["tex_us"] - spent["gist_us"]
    return {
        "papers": len(lines),
        **spent,
        "store_us": round(store, 1),
        "ratio": round(spent["all_us"] / spent["bare_us"], 1),
    }


def _fill(file: Path, archive: int) -> None:
    db = open_database(f"sqlite:///{file}")
    migrate(db)
    import_papers(db, synthetic_papers(archive, 1, "old"), NOW - timedelta(days=2), archive=True)
    import_papers(db, synthetic_papers(WARM_UP, 3, "warm"), NOW - timedelta(days=1))
    db.close()


def _pair(folder: Path, lines: Sequence[bytes]) -> dict[str, float]:
    """Return the CPU seconds of an import, of its parts, and of the plain insert of the rows that it made."""
    db = open_database(f"sqlite:///{shutil.copy(folder / 'archive.db', folder / 'day.db')}")
    found = {"all_us": _cpu(lambda: import_papers(db, lines, NOW))}
    db.close()
    sightings = [sighting for line in lines if (sighting := read_line(line))]
    found["read_us"] = _cpu(lambda: [read_line(line) for line in lines])
    texts = [(to_plain(one.words.title), to_plain(one.words.abstract)) for one in sightings]
    found["tex_us"] = _cpu(lambda: [(to_plain(one.words.title), to_plain(one.words.abstract)) for one in sightings])
    found["gist_us"] = _cpu(lambda: [make_gist(title, abstract) for title, abstract in texts])
    with closing(sqlite3.connect(folder / "day.db")) as done, closing(sqlite3.connect(folder / "bare.db")) as bare:
        first = done.execute("SELECT max(id) FROM paper").fetchone()[0] - len(lines)
        rows = {
            table: done.execute(f"SELECT * FROM {table} WHERE {_key(table)} > ?", (first,)).fetchall()
            for table in _TABLES
        }
        for table in _TABLES:
            for (words,) in done.execute(_SCHEMA, (table,)):
                bare.execute(words)
        found["bare_us"] = _cpu(lambda: _insert(bare, lines, rows))
    for file in folder.glob("[!a]*"):
        file.unlink()
    return found


_SCHEMA = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql != '' AND type != 'trigger'"


def _key(table: str) -> str:
    return "id" if table == "paper" else "paper"


def _insert(bare: sqlite3.Connection, lines: Sequence[bytes], rows: dict[str, list[tuple[object, ...]]]) -> None:
    for line in lines:
        json.loads(line)
    for table, found in rows.items():
        if found:
            bare.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(found[0]))})", found)
    bare.commit()


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Measure what a new paper costs.")
    parser.add_argument("--papers", type=int, default=1_000)
    parser.add_argument("--archive", type=int, default=3_000)
    parser.add_argument("--file", type=Path, help="papers to import instead of invented ones, as for `paper import`")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    lines = options.file.read_bytes().splitlines() if options.file else list(synthetic_papers(options.papers, 2, "new"))
    emit(measure(lines, options.archive, options.pairs), options.json)


if __name__ == "__main__":
    main()
