"""Everybody ranked against a day: all signals, fused, the top 40, reasons for the top 15.

Subscribers are read from the database in blocks, by one process a core, as planning reads them; nothing
is written. Beside it runs the bare product that no ranker on these texts can do without: a sparse matrix
of one TF-IDF row a subscriber times the day's papers, by SciPy, in blocks of the same size.
"""

import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from digestd.bench import invented
from digestd.domain.subscriber import Cause
from digestd.ingest import import_papers
from digestd.plan.day import Day, gather_day
from digestd.plan.model import text_model
from digestd.plan.road import SHARD
from digestd.plan.shard import Shard, rank
from digestd.ranking.arrays import Sparse
from digestd.ranking.dense import Silent
from digestd.ranking.reasons import reason
from digestd.store import due as waiting
from digestd.store import subscribers
from digestd.store.database import Database, open_database
from digestd.store.migrate import migrate

TOP = 40
REASONS = 15


@dataclass(frozen=True, slots=True)
class Load:
    """How much to rank."""

    subscribers: int
    papers: int
    archive: int = 5_000
    likes: int = 5
    processes: int = 2


@dataclass(frozen=True, slots=True)
class Spent:
    """What one process used: seconds of CPU, peak memory, how many it ranked and explained."""

    cpu: float
    rss_mib: float
    ranked: int
    reasons: int


def measure(load: Load, now: datetime, say: Callable[[str], None] = lambda _: None) -> dict[str, object]:
    """The figures. Seconds are on the clock; `cpu_us` and `bare_us` a subscriber; `ratio` = bare_us / cpu_us."""
    with TemporaryDirectory(prefix="digestd-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'digestd.db'}"
        db = open_database(url)
        migrate(db)
        say("inventing papers and people")
        fill(db, load, now)
        say("ranking")
        text_model(db, now + timedelta(days=1))  # fitting it is measured elsewhere
        began = time.perf_counter()
        day = gather_day(db, now + timedelta(days=1), Silent())
        gathered = time.perf_counter()
        db.close()
        spent = _everybody(url, day, load)
        done = time.perf_counter()
    bare = bare_product(day.pool.encoded.sparse, min(load.subscribers, 20_000))
    cpu = sum(one.cpu for one in spent) / load.subscribers * 1e6
    if (ranked := sum(one.ranked for one in spent)) != load.subscribers:
        raise AssertionError(f"{ranked} of {load.subscribers} were ranked")
    return {
        "subscribers": load.subscribers,
        "papers": len(day.pool),
        "day_seconds": round(gathered - began, 2),
        "rank_seconds": round(done - gathered, 2),
        "cpu_us": round(cpu, 1),
        "bare_us": round(bare, 1),
        "ratio": round(bare / cpu, 3),
        "rss_mib": round(max(one.rss_mib for one in spent)),
        "reasons": sum(one.reasons for one in spent),
    }


def fill(db: Database, load: Load, now: datetime) -> None:
    """The archive, the day and the people."""
    import_papers(db, invented.papers(load.archive, 1, "old"), now, archive=True)
    import_papers(db, invented.papers(load.papers, 2, "new"), now + timedelta(hours=20))
    people = invented.people(load.subscribers, load.archive, load.likes)
    while block := list(islice(people, 5_000)):
        with db.write() as session:
            subscribers.insert_many(session, block, Cause.IMPORT, now)


def bare_product(papers: Sparse, count: int) -> float:
    """Microseconds a subscriber of the product of `count` rows like the papers' own with the papers."""
    rows = papers[np.arange(count) % max(papers.shape[0], 1)] if papers.shape[0] else papers
    across = papers.T.tocsr()
    began = time.process_time()
    for start in range(0, rows.shape[0], SHARD):
        (rows[start : start + SHARD] @ across).toarray()
    return (time.process_time() - began) / max(rows.shape[0], 1) * 1e6


def _everybody(url: str, day: Day, load: Load) -> list[Spent]:
    """Each process takes every n-th shard; the day is shared by forking."""
    global _day  # what a forked process inherits cannot be handed over
    _day = day
    with ProcessPoolExecutor(load.processes, mp_context=get_context("fork")) as pool:
        return list(pool.map(_part, [url] * load.processes, range(load.processes), [load.processes] * load.processes))


_day: Day | None = None


def _part(url: str, turn: int, processes: int) -> Spent:
    assert _day is not None  # noqa: S101  # set before the fork
    began, ranked, reasons = time.process_time(), 0, 0
    db = open_database(url)
    for shard in _shards(db, _day, turn, processes):
        ranked += len(shard.subscribers)
        reasons += sum(map(len, (_picked(_day, shard, i) for i in range(len(shard.subscribers)))))
    db.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Spent(time.process_time() - began, peak, ranked, reasons)


def _shards(db: Database, day: Day, turn: int, processes: int) -> Iterator[Shard]:
    after = turn * SHARD
    while True:
        with db.read() as session:
            block = [due for due in waiting.due(session, after, SHARD, day.now) if due.key <= after + SHARD]
            if not block:
                return
            yield rank(session, day, block)
        after += processes * SHARD


def _picked(day: Day, shard: Shard, i: int) -> list[object]:
    total = np.where(shard.eligible[i] & shard.scores.allowed[i], shard.scores.total[i], -np.inf)
    best = np.argpartition(total, -min(TOP, len(total)))[-TOP:] if len(total) else np.zeros(0, dtype=np.intp)
    order = best[np.argsort(-total[best], kind="stable")][:REASONS]
    return [reason(day.pool, shard.profiles[i], j) for j in order.tolist()]
