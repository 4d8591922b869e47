"""Test the service as a process: clean shutdown, one per database, shared work."""

import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from digestd.domain.delivery import State
from tests.delivery.conftest import READERS
from tests.support.command_process import Command, Running
from tests.support.install import Install, install
from tests.support.postgres import free_port
from tests.support.relay import Relay
from tests.support.waiting import until


def service(install: Install, *words: str, **more: str) -> Command:
    """`digestd up` or a part of it, its pages on a free port."""
    port = str(free_port())
    web = {"DIGESTD_WEB_PORT": port, "DIGESTD_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    return Command(words, install.environment(**web, **more), install.folder)


def terminate(running: Running) -> None:
    """SIGTERM."""
    assert running.process.pid is not None
    os.kill(running.process.pid, signal.SIGTERM)


def test_sigterm_ends_after_the_current_mail(on_file: Install) -> None:
    with Relay(delay=0.5).in_thread() as relay:
        install = on_file.to(relay.url, connections=1)
        running = service(install, "up").start()
        until(lambda: relay.taken)
        terminate(running)
        ended = running.end()
        assert ended.code == 0, ended.output
        assert install.states.keys() == {State.ACCEPTED, State.READY}
        assert install.sound(relay.copies)
        assert Command(("deliver", "--drain"), install.environment(), install.folder).run().code == 0
        assert install.states == {State.ACCEPTED: READERS}
        assert install.sound(relay.copies)


def test_sigterm_with_a_silent_relay_leaves_it_uncertain(on_file: Install) -> None:
    with Relay(delay=600).in_thread() as relay:
        install = on_file.to(relay.url, connections=2)
        running = service(install, "up").start()
        until(lambda: install.states.get(State.FINAL_DOT) == 2)
        terminate(running)
        ended = running.end()
        assert ended.code == 0, ended.output
        assert install.states == {State.UNCERTAIN: 2, State.READY: READERS - 2}
        assert install.sound(relay.copies)


def test_second_up_on_one_database_is_rejected(waiting: Install) -> None:
    with Relay(delay=0.05).in_thread() as relay:
        install = waiting.to(relay.url)
        first = service(install, "up").start()
        until(lambda: bool(relay.taken))
        second = service(install, "up").run()
        terminate(first)
        assert first.end().code == 0
    assert second.code == 1
    assert "already runs as scheduler on this database" in second.output
    complaint = [line for line in second.output.splitlines() if "the clock was set" not in line]
    assert len(complaint) == 1, second.output


def test_command_started_by_a_shell(on_file: Install) -> None:
    """Start the installed program as a new process, not a fork."""
    program = Path(sys.executable).with_name("digestd")
    done = subprocess.run(
        [program, "deliver", "--drain", "--json"],
        env={**os.environ, **on_file.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, f'"accepted": {READERS}' in done.stdout) == (0, True), done
    assert len(list((on_file.folder / "outbox" / "new").iterdir())) == READERS


def test_first_ingest_precedes_overdue_digests(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = install(tmp_path / "run", sqlite_url, now)
    made.people([{"email": "ada@example.net", "topics": ["alpine lakes"]}])
    file = tmp_path / "papers.jsonl"
    file.write_text('{"title": "Ice on alpine lakes", "abstract": "How alpine lakes freeze."}\n')
    with Relay().in_thread() as relay:
        running = service(made.to(relay.url), "up", DIGESTD_SOURCES=f"jsonl:{file}").start()
        try:
            until(lambda: made.states == {State.ACCEPTED: 1})
        finally:
            terminate(running)
            running.end()
    assert made.states == {State.ACCEPTED: 1}


def test_up_reads_bounces_while_running(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    box = tmp_path / "box"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)
    (box / "new" / "1").write_bytes(b"From: a@example.net\nSubject: hello\n\nhello\n")
    made = install(tmp_path / "run", sqlite_url, now)
    running = service(made, "up", DIGESTD_INBOUND_URL=f"maildir:{box}").start()
    until(lambda: list((box / "cur").iterdir()))
    terminate(running)
    ended = running.end()
    assert ended.code == 0, ended.output
    assert not list((box / "new").iterdir())
