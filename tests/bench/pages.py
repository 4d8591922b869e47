"""Measure the web pages: CPU time per request, and response times at a fixed rate.

    python -m tests.bench.pages [--rate 200] [--seconds 10] [--json]

A real `digestd web` serves 1,000 subscribers with a digest on each of three days of 100 papers. It runs on one core and
this program on another. `cpu_ms` is the server's CPU time per request of one page, from 300 requests one after another.
`mixed` requests four pages in turn, `--rate` a second in total, each at its time whether or not earlier ones were
answered: median and 99th percentile of the milliseconds from that time to the answer, and the server's CPU time. Every
request is for another subscriber or paper, and everything was requested once before. `preview_ms` is for one visitor
after another, each with other interests. The exit status is 1 if a goal is missed.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sqlalchemy import select

from digestd.domain.interest import Interest, Kind
from digestd.evaluation.bench import synthetic_data
from digestd.logs import configure
from digestd.security.links import Purpose, make_token
from digestd.store import core
from digestd.web import preview as limits
from tests.postgres import free_port
from tests.support import sample_data
from tests.support.install import Install, install

DAYS = 3
LIKED_FROM = 900_000
"""Number of the first paper that every other subscriber likes five of."""
REQUESTS = 300
CONNECTIONS = 50
VISITORS = 50
"""Below the number of previews that one network may request per minute."""
MIX = ("home", "paper", "digest", "settings")
P99_MS, DIGEST_CPU_MS, PREVIEW_MS = 50, 5, 250
NOW = datetime(2026, 11, 24, 6, 55, tzinfo=UTC)
_KINDS = {Kind.TOPIC: "topics", Kind.AUTHOR: "authors", Kind.CATEGORY: "categories", Kind.PAPER: "papers"}


@dataclass(frozen=True)
class Server:
    """A running `digestd web`."""

    port: int
    process: int

    def cpu_ms(self) -> float:
        """Return the CPU time of the process so far (proc_pid_stat(5), fields 14 and 15)."""
        fields = Path(f"/proc/{self.process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--subscribers", type=int, default=1_000)
    options.add_argument("--papers", type=int, default=100, help="papers per day")
    options.add_argument("--rate", type=int, default=200, help="requests per second of the four pages")
    options.add_argument("--seconds", type=int, default=10)
    options.add_argument("--json", action="store_true")
    args = options.parse_args()
    configure("console", "error")
    with TemporaryDirectory(prefix="digestd-") as folder:
        home = prepare(Path(folder), args.subscribers, args.papers)
        found = measure(home, args.rate, args.seconds)
    print(json.dumps(found, indent=None if args.json else 2))
    raise SystemExit(0 if found["holds"] else 1)


def prepare(folder: Path, subscribers: int, papers: int) -> Install:
    """Return an installation whose subscribers all have a digest of each day."""
    home = install(folder, f"sqlite:///{folder / 'digestd.db'}", NOW)
    home.papers(sample_data.papers(papers, first=LIKED_FROM))
    likes = [
        [f"invented:{LIKED_FROM + (number + step) % papers:06}" for step in range(5)] for number in range(subscribers)
    ]
    home.people(
        person | {"likes": liked if number % 2 else []}
        for number, (person, liked) in enumerate(zip(sample_data.people(subscribers), likes, strict=True))
    )
    home.clock.now = NOW.replace(hour=7, minute=5)
    for day in range(DAYS):
        home.next_day(day, papers)
        home.plan()
    return home


def measure(home: Install, rate: int, seconds: int) -> dict[str, object]:
    """Serve the installation and request its pages."""
    pages = paths(home)
    with serving(home) as server:
        preview = _previews(server)
        cpu = {name: round(_cpu(server, some), 2) for name, some in pages.items()}
        mixed = _mixed(server, [pages[name] for name in MIX], rate, seconds)
    holds = cpu["digest"] <= DIGEST_CPU_MS and mixed["p99_ms"] <= P99_MS and preview["p95"] <= PREVIEW_MS
    return {"cpu_ms": cpu, "mixed": mixed, "preview_ms": preview, "holds": holds}


def paths(home: Install) -> dict[str, list[str]]:
    """Return the paths of each kind of page, for other subscribers and papers in turn."""
    with home.db.read() as session:
        readers = session.connection().execute(select(core.subscriber.c.id)).scalars().all()
        digests = session.connection().execute(select(core.delivery.c.id)).scalars().all()
        names = session.connection().execute(select(core.paper.c.paper_id)).scalars().all()

    def signed(purpose: Purpose, prefix: str, numbers: "list[int]") -> list[str]:
        return [f"{prefix}{make_token(home.app.keys, purpose, number, home.clock.now)}" for number in numbers]

    return {
        "home": ["/"],
        "papers": ["/papers", f"/papers/{home.clock.now.date()}"],
        "paper": [f"/paper/{name}" for name in names],
        "digest": signed(Purpose.VIEW, "/d/", list(digests)),
        "settings": signed(Purpose.PREFERENCES, "/p/", list(readers)),
        "unsubscribe": signed(Purpose.UNSUBSCRIBE, "/u/", list(readers)),
        "not found": ["/nowhere"],
    }


@contextlib.contextmanager
def serving(home: Install) -> Iterator[Server]:
    """Run `digestd web` until the end of the block."""
    cores = sorted(os.sched_getaffinity(0))
    port = free_port()
    environment = os.environ | home.environment(
        DIGESTD_WEB_PORT=str(port), DIGESTD_PUBLIC_URL=f"http://127.0.0.1:{port}", DIGESTD_LOG_LEVEL="warning"
    )
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    os.sched_setaffinity(0, {cores[0]})  # inherited
    process = subprocess.Popen([sys.executable, "-m", "digestd", "web"], cwd=home.folder, env=environment)
    os.sched_setaffinity(0, {cores[-1]})
    server = Server(port, process.pid)
    try:
        _wait_until_answers(server)
        yield server
    finally:
        process.terminate()
        process.wait()
        os.sched_setaffinity(0, cores)


def _wait_until_answers(server: Server) -> None:
    for _ in range(600):
        with contextlib.suppress(ConnectionRefusedError):
            _request(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60), "/healthz")
            return
        time.sleep(0.1)
    raise TimeoutError("the server did not start")


def _request(connection: http.client.HTTPConnection, path: str, body: str | None = None) -> bytes:
    headers = {} if body is None else {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("GET" if body is None else "POST", path, body, headers)
    answer = connection.getresponse()
    assert answer.status in ((404,) if path == "/nowhere" else (200,)), (path, answer.status)
    return answer.read()


def _cpu(server: Server, some: list[str]) -> float:
    """Return the CPU milliseconds of a request, after one round of warming up."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    before = 0.0
    for number, path in enumerate(islice(cycle(some), 2 * REQUESTS)):
        if number == REQUESTS:
            before = server.cpu_ms()
        _request(connection, path)
    return (server.cpu_ms() - before) / REQUESTS


def _previews(server: Server) -> dict[str, float]:
    """Return the milliseconds of a preview; the first, which may read the day, apart."""
    assert VISITORS < limits.PER_NETWORK
    people = list(synthetic_data.synthetic_subscribers(VISITORS, 100, 5))
    first, before = _preview(server, people[0].interests), server.cpu_ms()
    spans = [_preview(server, person.interests) for person in people[1:]]
    cpu = (server.cpu_ms() - before) / len(spans)
    median, p95 = np.quantile(spans, [0.5, 0.95])
    return {"first": first, "median": round(float(median), 1), "p95": round(float(p95), 1), "cpu": round(cpu, 1)}


def _preview(server: Server, interests: tuple[Interest, ...]) -> float:
    form = {field: "\n".join(i.value for i in interests if i.kind is kind) for kind, field in _KINDS.items()}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    begun = time.perf_counter()
    answer = _request(connection, "/preview/picks", urllib.parse.urlencode(form))
    assert b'class="picks"' in answer
    return round(1000 * (time.perf_counter() - begun), 1)


def _mixed(server: Server, kinds: list[list[str]], rate: int, seconds: int) -> dict[str, float]:
    """Request one page of each kind in turn; return the milliseconds until the answers."""
    several = [cycle(some) for some in kinds]
    wanted = [next(several[number % len(several)]) for number in range(rate * seconds)]
    before = server.cpu_ms()
    spans = 1000 * np.array(asyncio.run(_paced(server.port, wanted, rate)))
    cpu = (server.cpu_ms() - before) / len(wanted)
    p50, p99 = np.quantile(spans, [0.5, 0.99])
    return {
        "rate": rate,
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "cpu_ms": round(cpu, 2),
    }


async def _paced(port: int, wanted: list[str], rate: int) -> list[float]:
    """Return the seconds from the time of each request to its answer."""
    loop = asyncio.get_running_loop()
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    begun = loop.time()

    async def request(due: float, path: str) -> float:
        await asyncio.sleep(due - loop.time())
        reader, writer = await idle.get()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), (path, head)
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
        idle.put_nowait((reader, writer))
        return loop.time() - due

    spans = await asyncio.gather(*(request(begun + number / rate, path) for number, path in enumerate(wanted)))
    while not idle.empty():
        idle.get_nowait()[1].close()
    return list(spans)


if __name__ == "__main__":
    main()
