"""The engine's tables: jobs commit with their transaction, and what the engine loses blocks nothing."""

import asyncio
import contextlib
import threading
from datetime import timedelta

import pytest
from procrastinate.jobs import Job
from sqlalchemy import text

from digestd.domain.delivery import State
from digestd.errors import DatabaseUnreachable, NotInitialised
from digestd.jobs import engine, tasks
from digestd.jobs.engine import JobRunner
from digestd.jobs.tasks import JobRun, JobService
from digestd.store import job_queue
from digestd.store.database import open_database
from digestd.store.ledger.claim_queue import ClaimOwner, claim
from digestd.store.papers import sources
from digestd.store.papers.sources import FetchRecord
from tests.support.install import Install
from tests.support.relay import Relay
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow
END_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


def rows(made: Install, query: str) -> list[tuple[object, ...]]:
    with made.db.read() as session:
        return [tuple(row) for row in session.connection().execute(text(query))]


def job(name: str, lock: str | None = None) -> Job:
    return Job(task_name=name, queue="ticks", lock=None, queueing_lock=lock)


def run_of(made: Install) -> JobRun:
    long_ago = made.clock.now - timedelta(days=1)
    return JobRun(JobService(made.app, asyncio.Event(), long_ago), 1)


def test_jobs_commit_with_their_transaction(queued: Install) -> None:
    with contextlib.suppress(RuntimeError), queued.db.write() as session:
        job_queue.add_jobs(session, [job("a")])
        raise RuntimeError
    with queued.db.write() as session:
        assert job_queue.add_jobs(session, [job("b", "once"), job("c")]) == 2
        assert job_queue.add_jobs(session, [job("b", "once"), job("c")]) == 1
    assert rows(queued, "SELECT task_name FROM procrastinate_jobs ORDER BY id") == [("b",), ("c",), ("c",)]


def test_another_version_of_the_engine_gets_new_tables(queued: Install) -> None:
    with queued.db.write() as session:
        job_queue.add_jobs(session, [job("old")])
        session.connection().execute(text("COMMENT ON TABLE procrastinate_jobs IS '3.9.0'"))
    with pytest.raises(NotInitialised, match=r"is of procrastinate 3\.9\.0; run `digestd init`"):
        job_queue.require_job_tables(queued.db)
    job_queue.create_job_tables(queued.db)
    job_queue.require_job_tables(queued.db)
    assert rows(queued, "SELECT task_name FROM procrastinate_jobs") == []


def test_dead_workers_lose_their_jobs(queued: Install) -> None:
    with queued.db.write() as session:
        connection = session.connection()
        connection.execute(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()), (now() - interval '1 minute')")
        )
        job_queue.add_jobs(session, [job("alive"), job("dead"), job("orphan"), job("forgotten"), job("waiting")])
        started = "UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker WHERE task_name = :name"
        for name, number in (("alive", 1), ("dead", 2), ("orphan", None), ("forgotten", 1)):
            connection.execute(text(started), {"name": name, "worker": number})
        connection.execute(
            text(
                "UPDATE procrastinate_events SET at = at - interval '3 hours' WHERE job_id ="
                " (SELECT id FROM procrastinate_jobs WHERE task_name = 'forgotten')"
            )
        )
        alive, dead = job_queue.new_owner(1), job_queue.new_owner(2)
    assert (queued.app.owners.is_dead(alive), queued.app.owners.is_dead(dead)) == (False, True)
    with queued.db.write() as session:
        assert job_queue.delete_lost_jobs(session) == ["dead", "forgotten", "orphan"]
    assert rows(queued, "SELECT task_name FROM procrastinate_jobs ORDER BY id") == [("alive",), ("waiting",)]


async def test_a_lost_planning_job_delays_nobody(queued: Install) -> None:
    run = run_of(queued)
    await tasks.find_due(run)
    await tasks.find_due(run)
    shards = "SELECT status, args->>'first' FROM procrastinate_jobs WHERE task_name = 'plan shard' ORDER BY id"
    assert rows(queued, shards) == [("todo", "0")]
    with queued.db.write() as session:
        session.connection().execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
        session.connection().execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
        session.connection().execute(text("UPDATE procrastinate_jobs SET worker_id = 1"))
    await tasks.find_due(run)
    assert rows(queued, shards) == [("doing", "0")], "a living worker plans it"
    with queued.db.write() as session:
        session.connection().execute(
            text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
        )
    await tasks.find_due(run)
    assert rows(queued, shards) == [("doing", "0"), ("todo", "0")], "the worker is dead"
    await tasks.plan_shard(run, first=0)
    assert queued.states == {State.READY: 60}
    assert ("deliver",) in rows(queued, "SELECT task_name FROM procrastinate_jobs"), "it commits with the digests"


async def test_service_sends_and_recovers_its_engine(queued: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends all connections, as when it restarts."""
    monkeypatch.setattr(engine, "RESTART_SECONDS", 0.1)
    monkeypatch.setattr(tasks, "STARTUP_DELAY", timedelta(0))
    async with Relay().serving() as relay:
        there = queued.to(relay.url, runner="procrastinate")
        runner, stop = JobRunner(there.app), asyncio.Event()
        running = asyncio.create_task(runner.run(stop))
        await eventually(lambda: there.states == {State.ACCEPTED: 60})
        await eventually(lambda: runner.last_tick is not None)
        rows(there, END_ALL)
        there.next_day()
        await eventually(lambda: there.states == {State.ACCEPTED: 120})
        stop.set()
        await running
        assert there.sound(relay.copies)


async def test_runner_ends_on_a_newer_schema(queued: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CHECK_SECONDS", 0.1)
    runner = asyncio.create_task(JobRunner(queued.app).run(asyncio.Event()))
    await eventually(lambda: rows(queued, "SELECT id FROM procrastinate_workers"))
    with queued.db.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NotInitialised, match="stop this one and start that one"):
        await runner
    await eventually(lambda: not rows(queued, "SELECT id FROM procrastinate_workers"))


async def test_runner_needs_the_job_queue(postgres_url: str, queued: Install) -> None:
    with queued.db.write() as session:
        session.connection().execute(text("DROP TABLE procrastinate_jobs CASCADE"))
    with pytest.raises(NotInitialised, match="does not exist yet; run `digestd init`"):
        await JobRunner(queued.app).run(asyncio.Event())


def test_writer_that_stops_midway_blocks_nobody_for_long(
    queued: Install, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen process holds row locks; the server ends its transaction."""
    monkeypatch.setattr("digestd.store.database.IDLE_WRITE_SECONDS", 1)
    other, locked, done = open_database(postgres_url), threading.Event(), threading.Event()

    def freeze() -> None:
        with contextlib.suppress(DatabaseUnreachable), other.write() as session:
            session.connection().execute(text("SELECT id FROM subscriber FOR UPDATE")).all()
            locked.set()
            done.wait(60)

    frozen = threading.Thread(target=freeze)
    frozen.start()
    assert locked.wait(60)
    with queued.db.write() as session:
        assert len(session.connection().execute(text("SELECT id FROM subscriber FOR UPDATE")).all()) == 60
    done.set()
    frozen.join(60)
    other.close()


async def test_source_is_read_once_per_interval(queued: Install) -> None:
    made = queued.to("maildir:outbox", sources="arxiv-rss:cs.AI, hf-daily")
    assert [source.name for source in tasks.overdue_sources(made.app, made.clock.now)] == [
        "arxiv-rss:cs.AI",
        "hf-daily",
    ]
    await tasks.find_sources(JobRun(JobService(made.app, asyncio.Event(), made.clock.now), 1))
    await tasks.find_sources(JobRun(JobService(made.app, asyncio.Event(), made.clock.now), 1))
    waiting = "SELECT args->>'source', lock FROM procrastinate_jobs ORDER BY id"
    assert rows(made, waiting) == [("arxiv-rss:cs.AI", "ingest arxiv-rss:cs.AI"), ("hf-daily", "ingest hf-daily")]
    with made.db.write() as session:
        sources.record_fetches(
            session, [FetchRecord("hf-daily", "https://example.org", made.clock.now, error="silent")]
        )
    assert [source.name for source in tasks.overdue_sources(made.app, made.clock.now)] == ["arxiv-rss:cs.AI"]
    assert len(tasks.overdue_sources(made.app, made.clock.now + timedelta(hours=1))) == 2


async def test_mails_of_a_dead_worker_are_sent_by_another(queued: Install) -> None:
    queued.plan()
    claimer = ClaimOwner(job_queue.new_owner(99), lambda key, n: f"bounce+{key}.{n}@example.org")
    with queued.db.write() as session:
        assert len(claim(session, claimer, 10, queued.clock.now).claims) == 10
    await tasks.clean_up(run_of(queued))
    assert queued.states == {State.READY: 60}
