"""Measure how planning and delivery grow with the number of workers, on PostgreSQL.

    python -m tests.bench.workers [--workers 1 2 4] [--subscribers 2000] [--latency 0.02] [--plan-only]

Each number of workers gets a database of its own. First nobody sends, because no relay listens, and the workers only
plan. Then they send what was planned to a relay that answers each mail after `latency` seconds.

    plan, send       digests per second in the second half, mails per second after the first tenth
    plan_linear, send_linear   that rate over the rate of one worker times the number of workers
    database_us      CPU time of PostgreSQL per mail sent, in microseconds
    planner_us       CPU time of the workers per digest planned, their start included
    worker_us        CPU time of the workers per mail sent, their start included
    bytes            size of the ledger's tables and indexes per digest
"""

import argparse
import contextlib
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import text

from digestd.digests.text_model import text_model
from digestd.jobs import tasks
from digestd.store import processes
from digestd.store.database import open_database
from digestd.store.migrate import migrate
from tests.conftest import NOW
from tests.support import postgres, sample_data
from tests.support.command_process import Command, Running
from tests.support.install import Install, install
from tests.support.postgres import Server
from tests.support.relay import Relay

TICKS = os.sysconf("SC_CLK_TCK")
LEDGER = ("delivery", "attempt", "seen_papers", "bounce")


def measure(workers: int, given: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Return the figures for a number of workers."""
    with postgres.restartable_server() as server:
        db = open_database(server.url)
        migrate(db)
        processes.create_job_tables(db)
        db.close()
        made = install(folder, server.url, NOW)
        made.papers(sample_data.papers(given.papers))
        made.people(sample_data.people(given.subscribers))
        text_model(made.db, NOW)
        nowhere = made.to(f"smtp://127.0.0.1:{postgres.free_port()}", given.connections)
        with _running(nowhere, workers) as running:
            plan = _rate(
                lambda: _count(made, "SELECT count(*) FROM delivery"), given.subscribers // 2, given.subscribers
            )
            planner = _cpu([each.process.pid or 0 for each in running])
        if given.plan_only:
            made.db.close()
            return {"workers": workers, "plan": round(plan, 1), "planner_us": round(planner / given.subscribers * 1e6)}
        with made.db.write() as session:
            session.connection().execute(text("DELETE FROM procrastinate_jobs"))
            session.connection().execute(text("DELETE FROM throttle"))
            jobs = [tasks.new_job("deliver", "delivery") for _ in range(max(workers, given.subscribers // 400))]
            processes.add_jobs(session, jobs)
        mails = _count(made, "SELECT count(*) FROM delivery WHERE state = 'ready'")
        before = _cpu(_tree(server))
        with (
            Relay(delay=given.latency).in_thread() as relay,
            _running(made.to(relay.url, given.connections), workers) as running,
        ):
            send = _rate(lambda: len(relay.taken), mails // 10, mails)
            database = _cpu(_tree(server)) - before
            own = _cpu([each.process.pid or 0 for each in running])
        size = sum(_count(made, f"SELECT pg_total_relation_size('{table}')") for table in LEDGER)
        assert relay.copies.total() == mails == len(relay.copies)
        made.db.close()
    return {
        "workers": workers,
        "plan": round(plan, 1),
        "send": round(send, 1),
        "database_us": round(database / mails * 1e6),
        "worker_us": round(own / mails * 1e6),
        "bytes": round(size / given.subscribers),
    }


@contextlib.contextmanager
def _running(made: Install, workers: int) -> Iterator[list[Running]]:
    started = []
    for _each in range(workers):
        folder = Path(tempfile.mkdtemp(dir=made.folder))
        environment = made.environment(DIGESTD_RUNNER="procrastinate", DIGESTD_JOURNAL_DIR=str(folder / "journals"))
        started.append(Command(("worker",), environment, folder).start())
    try:
        yield started
    finally:
        for each in started:
            os.kill(each.process.pid or 0, signal.SIGTERM)
        for each in started:
            each.end()


def _rate(count: Callable[[], int], first: int, last: int) -> float:
    """Return how many per second came from the `first` to the last."""
    marks: dict[int, float] = {}
    while last not in marks:
        seen, now = count(), time.monotonic()
        if seen >= first and not marks:
            began, start = seen, now
            marks[first] = now
        if seen >= last:
            marks[last] = now
        time.sleep(0.05)
    return (last - began) / (marks[last] - start)


def _count(made: Install, query: str) -> int:
    with made.db.read() as session:
        return int(session.connection().execute(text(query)).scalar_one())


def _tree(server: Server) -> list[int]:
    assert server.process is not None
    return [server.process.pid]


def _cpu(pids: list[int]) -> float:
    """Return the CPU seconds of these processes and their children, those that ended included."""
    total = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15])) / TICKS
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(FileNotFoundError):
                total += _cpu([int(child) for child in task.read_text().split()])
    return total


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--subscribers", type=int, default=2_000)
    parser.add_argument("--papers", type=int, default=200)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds until the relay answers")
    parser.add_argument("--connections", type=int, default=2, help="connections of each worker")
    parser.add_argument("--plan-only", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = []
    for workers in given.workers:
        with tempfile.TemporaryDirectory(prefix="digestd-bench-") as folder:
            found.append(measure(workers, given, Path(folder) / "run"))
        one = found[0]
        for name in ("plan",) if given.plan_only else ("plan", "send"):
            found[-1][f"{name}_linear"] = round(found[-1][name] / one[name] * one["workers"] / workers, 2)
        if not given.json:
            print(found[-1], flush=True)
    if given.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
