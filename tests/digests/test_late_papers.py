"""Test a day on which the sources fail in the morning, from outside: an HTTP feed, commands, and mails."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from digestd.domain.delivery import State
from tests.support.command_process import Command, can_trace
from tests.support.install import Install, install, reopen

pytestmark = pytest.mark.slow

ADDRESS, TOLD = "reader@example.net", "told@example.net"
OUTAGE, BACK = "2026-11-24T06:58Z", "2026-11-24T09:00Z"
MORNING, LATER = "2026-11-24T07:00:30Z", "2026-11-24T09:00:30Z"
SILENT = "None of our sources answered"


@dataclass
class Feed:
    """An RSS feed that can fail."""

    titles: list[str] = field(default_factory=list)
    is_up: bool = False
    address: str = ""

    def body(self) -> bytes:
        """Return the feed with all its papers."""
        items = "".join(
            f"<item><title>{title}</title><link>{self.address}/{number}</link><guid>{self.address}/{number}</guid>"
            "<description>On the folding of proteins in cells.</description></item>"
            for number, title in enumerate(self.titles)
        )
        head = f"<title>Papers</title><link>{self.address}</link><description>Papers</description>"
        return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{items}</channel></rss>'.encode()


@pytest.fixture(scope="module")
def served() -> Iterator[Feed]:
    """Serve a feed."""
    made = Feed(["Folding proteins by their contacts"])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = made.body() if made.is_up else b""
            self.send_response(200 if made.is_up else 503)
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def feed(served: Feed) -> Feed:
    """Return the feed, which answers 503 at first."""
    served.is_up = False
    del served.titles[1:]
    return served


@dataclass
class Day:
    """An install, its feed, and its commands at given times."""

    made: Install
    feed: Feed

    def command(self, now: str, *words: str) -> Command:
        """Return a command at a time."""
        environment = self.made.environment(DIGESTD_SOURCES=f"feed:{self.feed.address}/rss", DIGESTD_NOW=now)
        return Command(words, environment, self.made.folder)

    def run(self, now: str, *words: str) -> str:
        """Run a command and return what it printed; only reading sources may fail."""
        ended = self.command(now, *words).run()
        assert ended.code == 0 or words == ("ingest",), ended.output
        return ended.output

    def pipeline(self, now: str, *before: str) -> None:
        """Ingest at the time `before`, if there is one, then plan and deliver."""
        for at in before:
            self.run(at, "ingest")
        self.run(now, "plan")
        self.run(now, "deliver", "--drain")

    def mails(self, address: str = ADDRESS) -> list[EmailMessage]:
        """Return the mails to an address, oldest first."""
        files = sorted((self.made.folder / "outbox" / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns)
        found = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        return [mail for mail in found if address in str(mail["To"])]

    def texts(self, address: str = ADDRESS) -> list[str]:
        """Return the text parts of these mails, each as one line."""
        bodies = [mail.get_body(("plain",)) for mail in self.mails(address)]
        return [" ".join(body.get_content().split()) for body in bodies if body is not None]


@pytest.fixture(scope="module")
def morning(served: Feed, tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Path:
    """Return the folder of an install whose readers were planned while no source answered, on Tuesday 24 November."""
    served.is_up = False
    folder = tmp_path_factory.mktemp("morning")
    shutil.copy(_sqlite_template, folder / "digestd.db")
    with outage(folder / "run", f"sqlite:///{folder / 'digestd.db'}", served):
        return folder


@pytest.fixture
def day(morning: Path, tmp_path: Path, feed: Feed) -> Iterator[Day]:
    """Return a copy of that install."""
    shutil.copytree(morning, tmp_path, dirs_exist_ok=True)
    made = reopen(tmp_path / "run", f"sqlite:///{tmp_path / 'digestd.db'}", datetime.fromisoformat("2026-11-24T06:50Z"))
    yield Day(made, feed)
    made.db.close()


@contextmanager
def outage(folder: Path, url: str, feed: Feed) -> Iterator[Day]:
    """Return such an install on a database."""
    made = install(folder, url, datetime.fromisoformat("2026-11-24T06:50Z"))
    common = {"topics": ["protein folding"]}
    made.people(
        [
            {"email": ADDRESS, **common},
            {"email": TOLD, "when_empty": True, **common},
            {"email": "weekly@example.net", "cadence": "weekly", "weekday": "tue", **common},
            {"email": "berlin@example.net", "timezone": "Europe/Berlin", **common},
            {"email": "auckland@example.net", "timezone": "Pacific/Auckland", "hour": 18, **common},
        ]
    )
    one = Day(made, feed)
    one.pipeline(MORNING, OUTAGE)
    yield one
    made.db.close()


def test_papers_of_an_outage_arrive_the_same_day(day: Day) -> None:
    assert day.mails() == []
    assert "no source answered" in day.run(MORNING, "explain", ADDRESS)
    assert "no source answered" in day.run(MORNING, "status")
    [told] = day.texts(TOLD)
    assert f"{SILENT}, so we could not look for new papers." in told
    assert "Nothing new on your topic" not in told
    day.feed.is_up = True
    day.pipeline(LATER, BACK)
    for address in (ADDRESS, "weekly@example.net", "berlin@example.net", "auckland@example.net"):
        [text] = day.texts(address)
        assert "Folding proteins by their contacts" in text
        assert f"{SILENT} when a digest for you was due." in text
    day.feed.titles.append("Folding proteins by evolution")
    day.pipeline("2026-11-24T10:00:30Z", "2026-11-24T10:00Z")
    assert len(day.mails()) == len(day.mails(TOLD)) == 1
    day.pipeline("2026-11-25T07:00:30Z")
    assert "Folding proteins by their contacts" in day.texts(TOLD)[1]
    assert "by evolution" in day.texts()[1]
    assert SILENT not in day.texts()[1]
    assert day.made.unsafe == {}


def test_next_digest_says_that_no_source_answered(day: Day) -> None:
    day.feed.is_up = True
    day.pipeline("2026-11-25T07:00:30Z", "2026-11-25T06:58Z")
    assert f"{SILENT} when a digest for you was due." in day.texts()[0]
    assert len(day.mails()) == 1
    assert [state for state in day.made.states if state is State.EMPTY] == [State.EMPTY]


def test_imported_papers_count_as_late_papers(day: Day) -> None:
    (day.made.folder / "late.jsonl").write_text('{"title": "Protein folding in cells", "abstract": "On it."}\n')
    day.run(BACK, "paper", "import", "late.jsonl")
    day.pipeline(LATER)
    assert len(day.mails()) == 1


def test_send_fills_the_empty_digest(day: Day) -> None:
    assert "has no papers" in day.command(MORNING, "delivery", "resend", ADDRESS).run().output
    assert "nothing to send" in day.command(MORNING, "send", ADDRESS).run().output
    day.feed.is_up = True
    day.run(BACK, "ingest")
    day.run(LATER, "send", ADDRESS)
    assert len(day.mails()) == 1
    day.pipeline(LATER)
    assert len(day.mails()) == 1
    day.run(LATER, "delivery", "resend", ADDRESS, "--state", "accepted")
    day.pipeline(LATER)
    assert len(day.mails()) == 2


def test_send_with_a_date_has_the_papers_of_an_empty_day(day: Day) -> None:
    day.feed.is_up = True
    day.run(BACK, "ingest")
    day.run("2026-11-25T01:00Z", "send", ADDRESS, "--date", "2026-11-24")
    assert "Folding proteins by their contacts" in day.texts()[0]


def test_two_planners_fill_an_empty_digest_once(tmp_path: Path, database_url: str, feed: Feed) -> None:
    with outage(tmp_path / "run", database_url, feed) as day:
        feed.is_up = True
        day.run(BACK, "ingest")
        both = [day.command(LATER, "plan").start() for _ in range(2)]
        ended = [running.end() for running in both]
        assert [end.code for end in ended] == [0, 0], ended
        day.pipeline(LATER)
        assert len(day.mails()) == 1
        assert day.made.unsafe == {}


@pytest.mark.parametrize(("call", "nth"), [("pwrite64", 8), ("fdatasync", 1)])
def test_killed_planner_fills_the_digest_once(tmp_path: Path, sqlite_url: str, feed: Feed, call: str, nth: int) -> None:
    if not can_trace():
        pytest.skip("strace cannot trace here")
    made = install(tmp_path / "run", sqlite_url, datetime.fromisoformat("2026-11-24T06:50Z"))
    made.people([{"email": ADDRESS, "topics": ["protein folding"]}])
    day = Day(made, feed)
    day.pipeline(MORNING, OUTAGE)
    feed.is_up = True
    day.run(BACK, "ingest")
    assert day.command(LATER, "plan").run_killed_at(call, nth).killed
    assert made.unsafe == {}
    day.pipeline("2026-11-24T09:10Z")  # each command starts its clock anew
    assert len(day.mails()) == 1
    assert made.unsafe == {}
    made.db.close()
