"""Measure planning on an ordinary day and on the day after a refit of the text model.

    python -m tests.bench.refit [--subscribers 5000] [--papers 500] [--archive 5000] [--encoder none]

Each step runs in a process of its own; times are seconds.

    new        nobody has a profile, as right after an import of subscribers
    ordinary   the next day
    prepare    a week later: the text model is refitted and all profiles are compiled by it, as jobs do in advance
    refit      planning on that day
    half       planning on another such day, while only half of the profiles are compiled by the new model

    first      until the first digests are ready to be sent
    all        until all are
    …cpu       CPU time
    peak_mib   peak memory of the process
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from digestd.digests.planner import plan
from digestd.digests.refit import BLOCK, prepare
from digestd.papers.embedding import embed_papers
from digestd.papers.paper_import import import_papers
from digestd.security.addresses import address_key
from tests.bench import synthetic_data
from tests.support.install import Install, install

NOW = datetime(2026, 11, 24, 7, tzinfo=UTC)
NEW, ORDINARY, REFIT, HALF = 1, 2, 10, 20
"""Days after NOW."""


class Bench:
    """An installation in a folder, opened by each step at a day."""

    def __init__(self, folder: Path, given: argparse.Namespace) -> None:
        self._folder = folder
        self._given = given

    def fill(self, day: int) -> None:
        """Import the archive and the subscribers."""
        made, given = self._open(day), self._given
        import_papers(made.db, synthetic_data.synthetic_papers(given.archive, 1, "old"), made.clock.now, archive=True)
        people = synthetic_data.synthetic_subscribers(given.subscribers, given.archive, 5)
        synthetic_data.add_subscribers(made.db, people, made.clock.now, partial(address_key, made.app.keys))

    def take_in(self, day: int) -> None:
        """Import a day's papers."""
        made = self._open(day)
        papers = synthetic_data.synthetic_papers(self._given.papers, 10 + day, f"day{day}")
        import_papers(made.db, papers, made.clock.now - timedelta(hours=1))
        embed_papers(made.db, made.app.encoder)

    def plan(self, day: int) -> dict[str, float]:
        """Plan all digests of a day."""
        made, ready = self._open(day), list[dict[str, float]]()
        began, cpu = time.perf_counter(), time.process_time()
        planner = replace(made.app.planner, on_planned=lambda _session: ready.append(_spent(began, cpu)))
        report = plan(made.db, planner, made.clock.now)
        assert report.due == self._given.subscribers
        return {"first": ready[0]["all"], "first_cpu": ready[0]["cpu"]} | _spent(began, cpu)

    def prepare(self, day: int, share: float = 1.0) -> dict[str, float]:
        """Refit the model and compile a share of the profiles."""
        made, blocks = self._open(day), count()
        began, cpu = time.perf_counter(), time.process_time()
        prepare(
            made.db,
            made.app.encoder,
            made.clock.now,
            lambda: share == 1 or next(blocks) * BLOCK < self._given.subscribers * share,
        )
        return _spent(began, cpu)

    def _open(self, day: int) -> Install:
        made = install(self._folder, f"sqlite:///{self._folder}/digestd.db", NOW + timedelta(days=day))
        return made.to("", embedding_model=self._given.encoder)


def _spent(began: float, cpu: float) -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "all": round(time.perf_counter() - began, 2),
        "cpu": round(time.process_time() - cpu, 2),
        "peak_mib": round(peak),
    }


def _alone(step: Callable[..., dict[str, float] | None], *given: float) -> dict[str, float]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(step, *given).result() or {}


def main() -> None:
    """Print the figures of each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=5_000)
    parser.add_argument("--papers", type=int, default=500)
    parser.add_argument("--archive", type=int, default=5_000)
    parser.add_argument("--encoder", default="none", help="as DIGESTD_EMBEDDING_MODEL; empty is the built-in one")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="digestd-bench-") as name:
        bench = Bench(Path(name) / "run", given)
        _alone(bench.fill, 0)
        found = {}
        for title, day in (("new", NEW), ("ordinary", ORDINARY), ("refit", REFIT), ("half", HALF)):
            _alone(bench.take_in, day)
            if title == "refit":
                found["prepare"] = _alone(bench.prepare, day)
            elif title == "half":
                _alone(bench.prepare, day, 0.5)
            found[title] = _alone(bench.plan, day)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
