"""Watch every process with strace: it writes only to its folders, and calls only what a setting names.

The home folder is empty, or not set at all, and the built-in encoder is used. What a dependency writes to a cache,
looks up in the DNS or sends to its makers shows up as a system call.
"""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import pytest

from digestd.ranking.encoders import RUNTIME
from tests.conftest import NOW
from tests.support import sample_data
from tests.support.command_process import can_trace
from tests.support.postgres import free_port
from tests.support.tiers import sized
from tests.support.waiting import PATIENCE_SECONDS, until

UP_SECONDS = sized(5, 90)
"""Time that the service idles. ONNX Runtime wrote its files at once, and its first report left after some 10 s."""
WRITING = ("creat", "mkdir", "mkdirat", "mknod", "mknodat", "rename", "renameat", "renameat2", "link", "linkat")
CALLS = (*WRITING, "symlink", "symlinkat", "unlink", "unlinkat", "truncate", "open", "openat", "network", "execve")
TOPICS = [" ".join(words[:2]) for words in sample_data.vocabulary()]
"""Topics that the invented papers are about."""
_PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)<(?P<folder>[^>]*)>, )?"(?P<name>(?:[^"\\]|\\.)*)"')
_INTERNET = re.compile(r"sin6?_port=htons\((\d+)\).*?\"([0-9a-f.:]+)\"")
_FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Invented</title>{items}</channel></rss>"""
_ITEM = """<item><title>{title}</title><link>http://localhost/{number}</link><guid>{number}</guid>
<description>{abstract}</description></item>"""

pytestmark = pytest.mark.skipif(not can_trace(), reason="strace may not trace here")


@dataclass(frozen=True)
class Watched:
    """An installation whose commands run under strace. `allowed`: the ports that its settings name."""

    folder: Path
    environment: Mapping[str, str]
    web_port: int
    allowed: frozenset[int]

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start a command; its calls go to `trace`, its output to `output`."""
        strace = ["strace", "-f", "-y", "--seccomp-bpf", "-qq", "-s", "300", "-o", str(self.trace)]
        command = [*strace, "-e", f"trace={','.join(CALLS)}", sys.executable, "-m", "digestd", *words]
        with self.output.open("wb") as output:
            return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=output, stderr=output)

    def run(self, *words: str) -> None:
        """Run a command to its end."""
        assert self.start(*words).wait(PATIENCE_SECONDS) == 0, self.output.read_text()

    @property
    def trace(self) -> Path:
        """Return the file of the calls of the last command."""
        return self.folder.parent / "trace"

    @property
    def output(self) -> Path:
        """Return the file of what the last command printed."""
        return self.folder.parent / "output"

    def assert_silent(self) -> None:
        """Assert that the last command wrote, and connected to, nothing that it should not."""
        lines = self.trace.read_text(errors="replace").splitlines()
        assert lines
        kept = (f"{self.folder}/", f"{self.environment['TMPDIR']}/", "/dev/", "/proc/self/")
        assert [line for line in lines if (path := _written(line, self.folder)) and not path.startswith(kept)] == []
        named = {("127.0.0.1", port) for port in self.allowed}
        assert [line for line in lines if (peer := _peer(line)) and peer not in named] == []
        assert not re.search(r"onnx|telemetry|Microsoft", self.output.read_text()), self.output.read_text()


@pytest.fixture(params=["empty", pytest.param("unset", marks=pytest.mark.long)])
def watched(request: pytest.FixtureRequest, tmp_path: Path, feed_port: int) -> Watched:
    """Return an installation with a subscriber and a source on this machine."""
    if missing := [name for name in RUNTIME if find_spec(name) is None]:
        pytest.skip(f"the built-in encoder is not installed here: {missing}")
    for name in ("home", "tmp", "run"):
        (tmp_path / name).mkdir()
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(tmp_path / "tmp"),
        "DIGESTD_NOW": NOW.isoformat(),
        "DIGESTD_SOURCES": f"feed:http://127.0.0.1:{feed_port}/feed.xml",
        "DIGESTD_EMBEDDING_MODEL": "",
        "DIGESTD_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DIGESTD_WEB_PORT": str(port),
        **({"HOME": str(tmp_path / "home")} if request.param == "empty" else {}),
    }
    made = Watched(tmp_path / "run", environment, port, frozenset({port, feed_port}))
    made.run("init")
    made.run("subscriber", "add", "ada@example.org", *(f"--topic={topic}" for topic in TOPICS))
    return made


@pytest.fixture
def feed_port() -> Iterator[int]:
    """Return the port of a server that gives a feed with other papers each time."""

    class Feed(BaseHTTPRequestHandler):
        asked = 0

        def do_GET(self) -> None:
            Feed.asked += 1
            papers = list(sample_data.papers(30 * Feed.asked, seed=1))
            items = "".join(_ITEM.format(number=number, **paper) for number, paper in enumerate(papers))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(_FEED.format(items=items).encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Feed)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def test_commands_and_service_are_silent(watched: Watched) -> None:
    for command in ("ingest", "plan", "ingest", "deliver"):
        watched.run(command)
        watched.assert_silent()
    _serve(watched, "web", _nothing)  # fits another model, so that an hour later a refit deletes the first
    watched.assert_silent()
    later = (NOW + timedelta(hours=2)).isoformat()
    _serve(replace(watched, environment={**watched.environment, "DIGESTD_NOW": later}), "up", _idle)
    watched.assert_silent()


def _nothing(_watched: Watched) -> None:
    """Do nothing more."""


def _idle(watched: Watched) -> None:
    """Wait for the jobs of the start, then for what a dependency does by itself."""
    until(lambda: _did_all(watched.output.read_text()), watched.output.read_text)
    time.sleep(UP_SECONDS)


def _did_all(output: str) -> bool:
    return "embedded papers" in output and "text model and profiles prepared" in output


def _serve(watched: Watched, command: str, then: Callable[[Watched], None]) -> None:
    """Run a service, visit its pages, do something else, and stop it."""
    service = watched.start(command)
    until(lambda: "listening" in watched.output.read_text() or service.poll() is not None, watched.output.read_text)
    try:
        for path in ("/", "/healthz", "/papers.json"):
            urllib.request.urlopen(f"http://127.0.0.1:{watched.web_port}{path}").read()
        then(watched)
    finally:
        children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)  # strace passes no signals on
        assert service.wait(PATIENCE_SECONDS) == 0, watched.output.read_text()


def _written(line: str, folder: Path) -> str:
    """Return the path that a call creates, changes or removes; "" for other calls."""
    call = line.partition(" ")[2].lstrip().partition("(")[0]
    opened = call in ("open", "openat") and re.search(r"O_(CREAT|WRONLY|RDWR|TRUNC|TMPFILE)", line)
    if not opened and call not in (*WRITING, "symlink", "symlinkat", "unlink", "unlinkat", "truncate"):
        return ""
    if "= -1 " in line or "/__pycache__/" in line:  # the interpreter's own, beside the modules
        return ""
    found = [os.path.normpath(folder / (one["folder"] or "") / one["name"]) for one in _PATH.finditer(line)]
    return found[-1] if found else ""


def _peer(line: str) -> tuple[str, int] | None:
    """Return the address that a call names, of an internet socket."""
    if not re.search(r"\b(connect|sendto|sendmsg|sendmmsg)\(", line) or not (found := _INTERNET.search(line)):
        return None
    return found[2], int(found[1])
