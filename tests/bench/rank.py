"""Measure ranking all subscribers against one day: all signals, fusion, the top 40, reasons for the top 15.

    python -m tests.bench.rank [--subscribers 10000] [--papers 1000] [--archive 5000] [--processes 2] [--json]

Each process reads subscribers from the database in shards, as planning does. Profiles are compiled and stored before,
as they are between changes of a subscriber or of the text model; this cost is reported on its own. The baseline is the
product that no ranker on these texts can avoid: a sparse matrix of one TF-IDF row per subscriber times the day's
papers, by SciPy, in blocks of the same size.

Linearity is measured with a quarter of the subscribers, and of the papers. The first shard of a process fills the cache
of liked papers, so it counts as start-up.
"""

import argparse
import gc
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from multiprocessing import active_children, get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import numpy as np

from digestd.cli.output import emit
from digestd.cli.stdio import say
from digestd.digests.planner import SHARD_SIZE
from digestd.digests.planning_day import PlanningDay, RankingOptions, read_planning_day
from digestd.digests.resource_limits import release_free_memory, single_blas_thread
from digestd.digests.seed_reader import SeedReader
from digestd.digests.shard import Shard, rank_shard
from digestd.ranking.arrays import Cells, Sparse
from digestd.ranking.candidates import build_candidates, build_expansion_index
from digestd.ranking.reasons import Reasons, reasons
from digestd.store import due as waiting
from digestd.store.database import Database, open_database
from digestd.store.due import DueSubscriber
from digestd.store.migrate import migrate
from tests.bench import synthetic_data
from tests.bench.delivery import NOW, prepare_models
from tests.bench.subprocesses import proc_field

TOP = 40
REASONS = 15
MEMORY_SAMPLE_SECONDS = 0.5
"""Seconds between two looks at memory."""


@dataclass(frozen=True, slots=True)
class RankingLoad:
    """The size of a ranking benchmark."""

    subscribers: int
    papers: int
    archive: int = 5_000
    likes: int = 5
    processes: int = 2


@dataclass(frozen=True, slots=True)
class WorkerUsage:
    """Resources used by one process.

    Attributes:
        start: CPU seconds for its first shard, of `first` subscribers.
        rss_mib: peak memory.
    """

    cpu: float
    start: float
    first: int
    rss_mib: float
    ranked: int
    reasons: int


def measure_ranking(load: RankingLoad, now: datetime, say: Callable[[str], None] = lambda _: None) -> dict[str, object]:
    """Measure ranking and return the figures by name.

    Seconds are wall-clock time, microseconds are CPU time per subscriber, and `ratio` is bare_us / cpu_us.

        start_ms  CPU time of a process for its first shard
        each_us   CPU time of all other shards
        linear    growth of `each_us` per subscriber from a quarter of the subscribers to all, and per paper from a
                  quarter of the papers to all; 1 is linear, less is better, None if there are too few subscribers
        pss_mib   peak memory of all processes together, shared memory counted once, sampled every half second
        rss_mib   peak memory of the largest process
    """
    with TemporaryDirectory(prefix="digestd-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'digestd.db'}"
        say("generating papers and subscribers, compiling profiles")
        context = get_context("fork")  # its memory must not count as that of ranking
        with ProcessPoolExecutor(1, mp_context=context) as apart:
            compiling = apart.submit(_prepare, url, load, now).result()
        db = open_database(url)
        began = time.perf_counter()
        day = read_planning_day(db, now + timedelta(days=1), RankingOptions())
        gathered = time.perf_counter()
        db.close()
        say("ranking")
        ready = time.perf_counter()
        spent, most = _rank_in_processes(url, day, load)
        done = time.perf_counter()
        quarter = replace(load, subscribers=max(load.subscribers // 4, 1))
        less, _ = _rank_in_processes(url, day, quarter)
        least, _ = _rank_in_processes(url, _first_quarter(day), quarter)
    bare = measure_bare_product(day.candidates.encoded.sparse, min(load.subscribers, 20_000))
    cpu = sum(one.cpu for one in spent) / load.subscribers * 1e6
    if (ranked := sum(one.ranked for one in spent)) != load.subscribers:
        raise AssertionError(f"{ranked} of {load.subscribers} were ranked")
    return {
        "subscribers": load.subscribers,
        "papers": len(day.candidates),
        "day_seconds": round(gathered - began, 2),
        "rank_seconds": round(done - ready, 2),
        "compile_us": round(compiling / load.subscribers * 1e6, 1),
        "cpu_us": round(cpu, 1),
        "start_ms": round(max(one.start for one in spent) * 1e3),
        "each_us": {
            "all": _cpu_per_subscriber(spent),
            "quarter_of_subscribers": _cpu_per_subscriber(less),
            "quarter_of_both": _cpu_per_subscriber(least),
        },
        "linear": {
            "subscribers": _growth(_cpu_per_subscriber(spent), _cpu_per_subscriber(less)),
            "papers": _growth(_cpu_per_subscriber(less), _cpu_per_subscriber(least), 4),
        },
        "bare_us": round(bare, 1),
        "ratio": round(bare / cpu, 3),
        "rss_mib": round(max(one.rss_mib for one in spent)),
        "pss_mib": round(most),
        "reasons": sum(one.reasons for one in spent),
    }


def _cpu_per_subscriber(spent: Sequence[WorkerUsage]) -> float | None:
    """Return CPU microseconds per subscriber after the first shard of each process."""
    count = sum(one.ranked - one.first for one in spent)
    return round(sum(one.cpu - one.start for one in spent) / count * 1e6, 1) if count else None


def _growth(large: float | None, small: float | None, times: int = 1) -> float | None:
    return round(large / small / times, 2) if large and small else None


def _first_quarter(day: PlanningDay) -> PlanningDay:
    """Return the day with the first quarter of its papers."""
    papers = day.candidates.papers[: max(len(day.candidates) // 4, 1)]
    return replace(
        day,
        candidates=build_candidates(papers, day.candidates.model, day.now),
        keys=day.keys[: len(papers)],
        former=day.former[:0],  # none of the invented papers was merged
        first_seen=day.first_seen[: len(papers)],
        places={paper.key: j for j, paper in enumerate(papers)},
    )


def _prepare(url: str, load: RankingLoad, now: datetime) -> float:
    """Fill the database; return the CPU seconds of compiling all profiles."""
    db = open_database(url)
    migrate(db)
    people = synthetic_data.synthetic_subscribers(load.subscribers, load.archive, load.likes)
    synthetic_data.fill_database(db, load.archive, load.papers, people, now)
    seconds = prepare_models(db, now + timedelta(days=1))
    db.close()
    return seconds


def measure_bare_product(papers: Sparse, count: int) -> float:
    """Return the cost of a bare matrix product, in CPU µs per subscriber.

    It multiplies `count` paper-like rows with the papers.
    """
    rows = papers[np.arange(count) % max(papers.shape[0], 1)] if papers.shape[0] else papers
    across = papers.T.tocsr()
    began = time.process_time()
    for start in range(0, rows.shape[0], SHARD_SIZE):
        (rows[start : start + SHARD_SIZE] @ across).toarray()
    return (time.process_time() - began) / max(rows.shape[0], 1) * 1e6


def _rank_in_processes(url: str, day: PlanningDay, load: RankingLoad) -> tuple[list[WorkerUsage], float]:
    """Rank in several processes, this one included, each every n-th shard.

    The processes share the day by forking, with empty caches.

    Returns:
        The result of each process, and their peak memory in MiB.
    """
    global _day  # what a forked process inherits cannot be handed over
    _day = _without_caches(day)
    gc.collect()
    gc.freeze()  # else each process copies what it shares by looking for garbage in it
    release_free_memory()
    others, done = max(load.processes - 1, 0), Event()
    with ProcessPoolExecutor(max(others, 1), mp_context=get_context("fork")) as pool, ThreadPoolExecutor(1) as aside:
        turns = [pool.submit(_rank_worker, url, turn, load) for turn in range(1, others + 1)]
        most = aside.submit(_peak_memory, done)
        try:
            found = [_rank_worker(url, 0, load), *(turn.result() for turn in turns)]
        finally:
            done.set()
        return found, most.result()


def _without_caches(day: PlanningDay) -> PlanningDay:
    """Return the day as it was before anybody was ranked."""
    pool = day.candidates
    seed_encoder, echoes = (
        replace(pool.seed_encoder, _latest=[]),
        build_expansion_index(pool.model.archive, pool.seed_encoder.across),
    )
    return replace(
        day,
        candidates=replace(pool, seed_encoder=seed_encoder, expansion=echoes),
        seed_reader=SeedReader(pool.model, pool.space),
    )


def _peak_memory(done: Event) -> float:
    """Return the peak memory of all processes together in MiB.

    It is sampled until `done` is set.
    """
    most = 0.0
    while not done.wait(MEMORY_SAMPLE_SECONDS):
        most = max(
            most,
            sum(
                proc_field(process, "smaps_rollup", "Pss")
                for process in [os.getpid(), *(child.pid or 0 for child in active_children())]
            ),
        )
    return most / 1024


_day: PlanningDay | None = None


def _rank_worker(url: str, turn: int, load: RankingLoad) -> WorkerUsage:
    assert _day is not None  # set before the fork
    began, start, first, ranked, reasons = time.thread_time(), 0.0, 0, 0, 0
    db = open_database(url)
    with single_blas_thread():
        for block in _shards(db, _day, turn, load):
            ranked += len(block)
            reasons += _rank_shard(db, _day, block)
            if not first:
                start, first = time.thread_time() - began, ranked
    db.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return WorkerUsage(time.thread_time() - began, start, first, peak, ranked, reasons)


def _rank_shard(db: Database, day: PlanningDay, block: Sequence[DueSubscriber]) -> int:
    """Rank a shard and return the number of reasons; keep nothing of it."""
    with db.read() as session:
        shard = rank_shard(session, day, block)
    return len(_top_reasons(day, shard))


def _shards(db: Database, day: PlanningDay, turn: int, load: RankingLoad) -> Iterator[list[DueSubscriber]]:
    """Yield every n-th shard of the subscribers."""
    for after in range(turn * SHARD_SIZE, load.subscribers, load.processes * SHARD_SIZE):
        last = min(after + SHARD_SIZE, load.subscribers)
        with db.read() as session:
            yield [due for due in waiting.due(session, after, last - after, day.now) if due.key <= last]


def _top_reasons(day: PlanningDay, shard: Shard) -> Reasons:
    """Return the reasons for the best papers of each subscriber of a shard."""
    total = np.where(shard.ranked.open, shard.ranked.total, -np.inf)
    top = min(TOP, total.shape[1])
    best = np.argpartition(total, total.shape[1] - top, axis=1)[:, total.shape[1] - top :]
    values = np.take_along_axis(total, best, axis=1)
    first = np.take_along_axis(best, np.argsort(-values, axis=1, kind="stable"), axis=1)[:, :REASONS]
    return reasons(
        day.candidates, shard.ranked.profiles, Cells(np.repeat(np.arange(len(first)), first.shape[1]), first.ravel())
    )


def main() -> None:
    """Measure with the given load, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--papers", type=int, default=1_000, help="papers of the day")
    parser.add_argument(
        "--archive", type=int, default=5_000, help="earlier papers, which fit the text model and are liked"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    load = RankingLoad(given.subscribers, given.papers, given.archive, processes=given.processes)
    emit(measure_ranking(load, NOW, say), given.json)


if __name__ == "__main__":
    main()
