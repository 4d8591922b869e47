"""Everybody ranked against a day: all signals, fused, the top 40, reasons for the top 15.

Subscribers are read from the database in blocks, by one process a core, as planning reads them: their profiles
are compiled and kept already, as they are from the first digest until a subscriber or the text model changes; what
that costs is measured apart. Beside it runs the bare product that no ranker on these texts can do without: a sparse
matrix of one TF-IDF row a subscriber times the day's papers, by SciPy, in blocks of the same size.

Whether it is linear shows at a quarter of the subscribers, and of the papers. A process's first shard, before which
it has met none of the papers that are liked, counts as its start and is told apart.
"""

import gc
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from multiprocessing import active_children, get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TypeVar

import numpy as np

from digestd.digests.planner import SHARD_SIZE
from digestd.digests.planning_day import PlanningDay, read_planning_day
from digestd.digests.profiles import compiled, keep_compiled
from digestd.digests.resource_limits import release_free_memory, single_blas_thread
from digestd.digests.seed_reader import SeedReader
from digestd.digests.shard import Shard, rank
from digestd.digests.text_model import text_model
from digestd.domain.subscriber import Cause
from digestd.evaluation.bench import invented
from digestd.papers.paper_import import import_papers
from digestd.ranking.arrays import Cells, Sparse
from digestd.ranking.candidates import build_candidates
from digestd.ranking.dense import NoEncoder
from digestd.ranking.query_expansion import build_expansion_index
from digestd.ranking.reasons import Reasons, reasons
from digestd.store import due as waiting
from digestd.store import subscribers
from digestd.store.database import Database, open_database
from digestd.store.due import DueSubscriber
from digestd.store.migrate import migrate

T = TypeVar("T")
TOP = 40
REASONS = 15
EVERY = 0.5
"""Seconds between two looks at memory."""


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
    """What one process used: seconds of CPU in all and until its `first` subscribers were ranked; peak memory; how many
    it ranked, and how many reasons it gave."""

    cpu: float
    start: float
    first: int
    rss_mib: float
    ranked: int
    reasons: int


def measure(load: Load, now: datetime, say: Callable[[str], None] = lambda _: None) -> dict[str, object]:
    """The figures. Seconds are on the clock, microseconds of CPU and a subscriber; `ratio` = bare_us / cpu_us.

    `start_ms`: CPU of a process until its first shard is ranked; `each_us`: of all others, and `linear`: how much more
    that is at the whole than at a quarter of the subscribers, and a quarter of it at all papers than at a quarter of
    them; 1 is linear, less is better, None where there are too few to tell.
    `pss_mib`: the most memory that all processes had together, what they share counted once, as far as looking
    every half a second shows it; `rss_mib`: the largest of them.
    """
    with TemporaryDirectory(prefix="digestd-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'digestd.db'}"
        say("inventing papers and people")
        with ProcessPoolExecutor(1, mp_context=get_context("fork")) as apart:  # what it needed is no part of ranking
            apart.submit(_prepare, url, load, now).result()
        db = open_database(url)
        began = time.perf_counter()
        day = read_planning_day(db, now + timedelta(days=1), NoEncoder())
        gathered = time.perf_counter()
        db.close()
        say("compiling profiles")
        compiling, _ = _everybody(_compiled, url, day, load)
        say("ranking")
        ready = time.perf_counter()
        spent, most = _everybody(_ranked, url, day, load)
        done = time.perf_counter()
        quarter = replace(load, subscribers=max(load.subscribers // 4, 1))
        less, _ = _everybody(_ranked, url, day, quarter)
        least, _ = _everybody(_ranked, url, _shortened(day), quarter)
    bare = bare_product(day.candidates.encoded.sparse, min(load.subscribers, 20_000))
    cpu = sum(one.cpu for one in spent) / load.subscribers * 1e6
    if (ranked := sum(one.ranked for one in spent)) != load.subscribers:
        raise AssertionError(f"{ranked} of {load.subscribers} were ranked")
    return {
        "subscribers": load.subscribers,
        "papers": len(day.candidates),
        "day_seconds": round(gathered - began, 2),
        "rank_seconds": round(done - ready, 2),
        "compile_us": round(sum(compiling) / load.subscribers * 1e6, 1),
        "cpu_us": round(cpu, 1),
        "start_ms": round(max(one.start for one in spent) * 1e3),
        "each_us": {"all": _each(spent), "quarter_of_subscribers": _each(less), "quarter_of_both": _each(least)},
        "linear": {"subscribers": _more(_each(spent), _each(less)), "papers": _more(_each(less), _each(least), 4)},
        "bare_us": round(bare, 1),
        "ratio": round(bare / cpu, 3),
        "rss_mib": round(max(one.rss_mib for one in spent)),
        "pss_mib": round(most),
        "reasons": sum(one.reasons for one in spent),
    }


def _each(spent: Sequence[Spent]) -> float | None:
    """Microseconds of CPU a subscriber after the first shard of each process."""
    count = sum(one.ranked - one.first for one in spent)
    return round(sum(one.cpu - one.start for one in spent) / count * 1e6, 1) if count else None


def _more(large: float | None, small: float | None, times: int = 1) -> float | None:
    return round(large / small / times, 2) if large and small else None


def _shortened(day: PlanningDay) -> PlanningDay:
    """The day with the first quarter of its papers."""
    papers = day.candidates.papers[: max(len(day.candidates) // 4, 1)]
    return replace(
        day,
        candidates=build_candidates(papers, day.candidates.model, day.now),
        keys=day.keys[: len(papers)],
        former=day.former[:0],  # none of the invented papers was merged
        first_seen=day.first_seen[: len(papers)],
        places={paper.key: j for j, paper in enumerate(papers)},
    )


def _prepare(url: str, load: Load, now: datetime) -> None:
    db = open_database(url)
    migrate(db)
    fill(db, load, now)
    text_model(db, now + timedelta(days=1))  # fitting it is measured elsewhere
    db.close()


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
    for start in range(0, rows.shape[0], SHARD_SIZE):
        (rows[start : start + SHARD_SIZE] @ across).toarray()
    return (time.process_time() - began) / max(rows.shape[0], 1) * 1e6


def _everybody(work: Callable[[str, int, Load], T], url: str, day: PlanningDay, load: Load) -> tuple[list[T], float]:
    """Each process takes every n-th shard, this one among them. What each gives, and the most memory of all.

    The day is shared by forking, with nothing kept of what was ranked before.
    """
    global _day  # what a forked process inherits cannot be handed over
    _day = _as_new(day)
    gc.collect()
    gc.freeze()  # else each process copies what it shares by looking for garbage in it
    release_free_memory()
    others, done = max(load.processes - 1, 0), Event()
    with ProcessPoolExecutor(max(others, 1), mp_context=get_context("fork")) as pool, ThreadPoolExecutor(1) as aside:
        turns = [pool.submit(work, url, turn, load) for turn in range(1, others + 1)]
        most = aside.submit(_watched, done)
        try:
            found = [work(url, 0, load), *(turn.result() for turn in turns)]
        finally:
            done.set()
        return found, most.result()


def _as_new(day: PlanningDay) -> PlanningDay:
    """The day before anybody was ranked."""
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


def _watched(done: Event) -> float:
    """The most that all processes have together until it is done, this one among them; MiB."""
    most = 0.0
    while not done.wait(EVERY):
        most = max(most, sum(map(_pss, [os.getpid(), *(child.pid or 0 for child in active_children())])))
    return most


_day: PlanningDay | None = None


def _compiled(url: str, turn: int, load: Load) -> float:
    """Compile and keep the profiles; seconds of CPU."""
    assert _day is not None  # noqa: S101  # set before the fork
    began = time.thread_time()
    db = open_database(url)
    with single_blas_thread():
        for block in _blocks(db, _day, turn, load):
            compile_profiles(db, _day, block)
    db.close()
    return time.thread_time() - began


def compile_profiles(db: Database, day: PlanningDay, block: Sequence[DueSubscriber]) -> None:
    """Compile the profiles of these subscribers, and keep them."""
    with db.read() as session:
        made = compiled(session, day, block).made
    with db.write() as session:
        keep_compiled(session, day, made)


def _ranked(url: str, turn: int, load: Load) -> Spent:
    assert _day is not None  # noqa: S101  # set before the fork
    began, start, first, ranked, reasons = time.thread_time(), 0.0, 0, 0, 0
    db = open_database(url)
    with single_blas_thread():
        for block in _blocks(db, _day, turn, load):
            ranked += len(block)
            reasons += _rank(db, _day, block)
            if not first:
                start, first = time.thread_time() - began, ranked
    db.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Spent(time.thread_time() - began, start, first, peak, ranked, reasons)


def _rank(db: Database, day: PlanningDay, block: Sequence[DueSubscriber]) -> int:
    """Rank a shard; how many reasons were given. Nothing of it is left when the next one comes."""
    with db.read() as session:
        shard = rank(session, day, block)
    return len(_explained(day, shard))


def _blocks(db: Database, day: PlanningDay, turn: int, load: Load) -> Iterator[list[DueSubscriber]]:
    """Every n-th shard of the first so many subscribers."""
    for after in range(turn * SHARD_SIZE, load.subscribers, load.processes * SHARD_SIZE):
        last = min(after + SHARD_SIZE, load.subscribers)
        with db.read() as session:
            yield [due for due in waiting.due(session, after, last - after, day.now) if due.key <= last]


def _pss(process: int) -> float:
    """A process's share of memory in MiB; 0 where the system does not tell, or it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _explained(day: PlanningDay, shard: Shard) -> Reasons:
    """The reasons for the first of the top of each of a shard."""
    total = np.where(shard.ranked.open, shard.ranked.total, -np.inf)
    top = min(TOP, total.shape[1])
    best = np.argpartition(total, total.shape[1] - top, axis=1)[:, total.shape[1] - top :]
    values = np.take_along_axis(total, best, axis=1)
    first = np.take_along_axis(best, np.argsort(-values, axis=1, kind="stable"), axis=1)[:, :REASONS]
    return reasons(
        day.candidates, shard.ranked.profiles, Cells(np.repeat(np.arange(len(first)), first.shape[1]), first.ravel())
    )
