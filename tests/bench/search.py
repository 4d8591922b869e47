"""Measure a search of all papers by words: `python -m tests.bench.search`.

    python -m tests.bench.search [--papers 100000] [--file PAPERS.jsonl] [--rounds 5] [--postgresql] [--json]

An archive is imported whose titles, abstracts and authors are those of invented papers, or of a file, in ever other
combinations; every tenth title has Chinese words. Each kind of query is asked in turn.

    ms               CPU milliseconds by kind of query, the median, with those of PostgreSQL's process
    found            papers found by each, the most
    import_us        CPU time of the import per paper
    words_bytes      bytes per paper of the words as stored, not compressed
    index_bytes      bytes per paper of their index

The exit code is 1 if a kind of query takes longer than LIMIT_MS.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import cycle
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from sqlalchemy import text

from digestd.cli.output import emit
from digestd.papers.paper_import import import_papers
from digestd.papers.search import search_archive
from digestd.ranking.dense import NoEncoder
from digestd.store.database import Database, open_database
from digestd.store.database_copy import copy_to_postgresql
from digestd.store.migrate import migrate
from digestd.text.tokens import words
from tests.bench.delivery import NOW
from tests.bench.synthetic_data import synthetic_papers
from tests.support import postgres

LIMIT_MS = 30.0
_INVENTED = 5_000
_CHINESE = ("图神经网络综述", "深度学习与城市", "蜜蜂的舞蹈研究", "冰湖的温度")
_SIZES = {
    "sqlite": (
        "SELECT sum(length(CAST(words AS BLOB))) FROM revision",
        "SELECT sum(length(block)) FROM revision_words_data",
    ),
    "postgresql": (
        "SELECT sum(octet_length(words)) FROM revision",
        "SELECT pg_relation_size('ix_revision_words')",
    ),
}


def measure(lines: Sequence[bytes], papers: int, rounds: int, *, on_postgresql: bool) -> dict[str, object]:
    """Return the figures of an archive of so many papers made of these lines."""
    records = [json.loads(line) for line in lines]
    queries = _queries(records)
    with TemporaryDirectory(prefix="digestd-bench-") as folder, ExitStack() as stack:
        db = stack.enter_context(closing(open_database(f"sqlite:///{folder}/search.db")))
        migrate(db)
        began = time.process_time()
        import_papers(db, _mixed(records, papers), NOW, archive=True)
        spent = time.process_time() - began
        if on_postgresql:
            url = stack.enter_context(postgres.server())
            postgres.create(url, "search")
            source, db = db, stack.enter_context(closing(open_database(url.replace("/postgres", "/search"))))
            copy_to_postgresql(source, db)
        asked = {kind: [_ask(db, query) for query in some * rounds] for kind, some in queries.items()}
        with db.read() as session:
            count = session.connection().execute(text("SELECT count(*) FROM paper")).scalar_one()
            sizes = [
                session.connection().execute(text(query)).scalar_one()
                for query in _SIZES["sqlite" if db.is_sqlite else "postgresql"]
            ]
    return {
        "papers": count,
        "ms": {kind: round(statistics.median(ms for ms, _ in answers), 1) for kind, answers in asked.items()},
        "found": {kind: max(found for _, found in answers) for kind, answers in asked.items()},
        "import_us": round(spent / papers * 1e6),
        "words_bytes": round(sizes[0] / count),
        "index_bytes": round(sizes[1] / count),
    }


def _mixed(records: Sequence[dict[str, object]], count: int) -> Iterator[bytes]:
    """Yield so many papers: the title of one, the abstract of another, the authors of a third, each mixture once."""
    rng = Random(1)
    chinese = cycle(_CHINESE)
    for number in range(count):
        title, abstract, authors = rng.choice(records), rng.choice(records), rng.choice(records)
        named = f"{title['title']} {next(chinese)}" if number % 10 == 0 else title["title"]
        record = {"title": f"{named} {number}", "abstract": abstract["abstract"], "authors": authors["authors"]}
        yield json.dumps({"id": f"arxiv:24{number // 50_000 + 1:02}.{number % 50_000:05}", **record}).encode()


def _queries(records: Sequence[dict[str, object]]) -> dict[str, list[str]]:
    """Return queries of each kind, from the texts of the papers."""
    texts = [words(str(record["abstract"])) for record in records[:5]]
    people = [str(authors[0]) for record in records[:5] if isinstance(authors := record["authors"], list) and authors]
    return {
        "common word": ["we", "of", "results", "model", "method"],
        "two common words": ["we show", "results with", "a method"],
        "ten words": [" ".join(text[:10]) for text in texts],
        "rare word": [max(text, key=len) for text in texts],
        "beginning of a word": [max(text, key=len)[:6] for text in texts],
        "no such word": ["xyzzyqwert", "a method xyzzyqwert", "qqqq wwww eeee rrrr tttt yyyy uuuu iiii oooo pppp"],
        "author": people,
        "author's first letter": ["j", "m", "s"],
        "Chinese": ["神经网络", "深度学习", "图", "舞蹈"],
        "identifier": ["arxiv:2401.00077", "https://arxiv.org/abs/2401.00077"],
    }


def _ask(db: Database, query: str) -> tuple[float, int]:
    with db.read() as session:
        server = None if db.is_sqlite else session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one()
        began = _cpu_ms(server)
        found = search_archive(session, NoEncoder(), query)
        return _cpu_ms(server) - began, len(found)


def _cpu_ms(server: int | None) -> float:
    """Return the CPU milliseconds of this process and of a process of PostgreSQL."""
    theirs = int(Path(f"/proc/{server}/schedstat").read_text().split()[0]) / 1e6 if server else 0.0
    return time.process_time() * 1_000 + theirs


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Measure a search of all papers by words.")
    parser.add_argument("--papers", type=int, default=100_000)
    parser.add_argument("--file", type=Path, help="papers to mix instead of invented ones, as for `paper import`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--postgresql", action="store_true", help="search in a copy on PostgreSQL")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    lines = options.file.read_bytes().splitlines() if options.file else list(synthetic_papers(_INVENTED, 2, "new"))
    found = measure(lines, options.papers, options.rounds, on_postgresql=options.postgresql)
    emit(found, options.json)
    spent = found["ms"]
    assert isinstance(spent, dict)
    sys.exit(any(ms > LIMIT_MS for ms in spent.values()))


if __name__ == "__main__":
    main()
