"""Measure pages under load, and previews, with wrk (Debian package `wrk`).

    python -m tests.bench.pages --papers 1000 --seconds 10 [--json]

One server process runs on one core, wrk on another. `preview_ms`: one visitor after another, each with other generated
interests, after the day has been read. For each page: requests per second with 20 connections at full speed
(`a_second`), then with pauses, so that about 200 per second arrive (`paced`), with the median and the 99th percentile
of the response time in milliseconds. Goals: 200 requests per second, and 250 ms. `cpu_ms` is the server's CPU time per
request, which does not depend on the load of the machine.
"""

import argparse
import json
import multiprocessing
import os
import re
import subprocess
import time
import urllib.parse
import urllib.request
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

import numpy as np
import uvicorn

from digestd import app as wiring
from digestd.domain.interest import Interest, Kind
from digestd.evaluation.bench import synthetic_data
from digestd.logs import configure
from digestd.papers.paper_import import import_papers
from digestd.security.links import Purpose, make_token
from digestd.settings import load
from digestd.subscribers.admin_edits import add
from digestd.subscribers.subscriber_record import parse
from digestd.web import build
from digestd.web import preview as limits
from digestd.web.connection_limits import server_config
from tests.postgres import free_port

VISITORS = 50
"""Below the number of previews that one network may request per minute."""
NEEDED_A_SECOND, NEEDED_MS = 200, 250
PREVIEW_MS = 100
CONNECTIONS, PAUSE_MS = 20, (60, 100)
"""200 to 250 requests per second in total, if responses take less than 20 ms."""
_RATE = r"Requests/sec:\s+([\d.]+)"
_KINDS = {Kind.TOPIC: "topics", Kind.AUTHOR: "authors", Kind.CATEGORY: "categories", Kind.PAPER: "papers"}


def main() -> None:
    """Measure and print; exit with 1 if a goal is missed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--papers", type=int, default=1000)
    options.add_argument("--seconds", type=int, default=10)
    options.add_argument("--json", action="store_true")
    args = options.parse_args()
    found = measure(args.papers, args.seconds)
    print(json.dumps(found, indent=None if args.json else 2))
    raise SystemExit(0 if found["holds"] else 1)


def measure(papers: int, seconds: int) -> dict[str, object]:
    """Serve `papers` of today, request previews, then load each page for `seconds`."""
    with TemporaryDirectory() as folder:
        here, there = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(Path(folder), papers, there))
        server.start()
        home, paths = here.recv()
        assert server.pid
        shown = _previews(home, papers, server.pid)
        pages = {name: _hammered(f"{home}{path}", seconds, server.pid) for name, path in paths.items()}
        server.terminate()
        server.join()
    fast = all(page["a_second"] >= NEEDED_A_SECOND and page["p99_ms"] <= NEEDED_MS for page in pages.values())
    return {"preview_ms": shown, "pages": pages, "holds": fast and shown["p95"] <= PREVIEW_MS}


def _serve(folder: Path, papers: int, parent: Connection) -> None:
    os.chdir(folder)
    _stay_on(0)
    configure("console", "error")
    port = free_port()
    app = wiring.initialise(load({"DIGESTD_SOURCES": "none", "DIGESTD_PUBLIC_URL": f"http://127.0.0.1:{port}"}))
    import_papers(app.db, list(synthetic_data.synthetic_papers(papers, 1, "new")), app.clock())
    add(app.db, app.notices, parse({"email": "reader@example.net"}), app.clock())
    parent.send((f"http://127.0.0.1:{port}", _paths(make_token(app.keys, Purpose.UNSUBSCRIBE, 1, app.clock()))))
    uvicorn.Server(server_config(build(app), "127.0.0.1", port)).run()


def _paths(leave: str) -> dict[str, str]:
    return {"front": "/", "papers": "/papers", "resend": "/resend", "unsubscribe": f"/u/{leave}", "none": "/nowhere"}


def _stay_on(core: int) -> None:
    available = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {available[core % len(available)]})


def _previews(home: str, papers: int, server: int) -> dict[str, float]:
    """Return the milliseconds per preview; the first, which reads the day, apart."""
    assert VISITORS < limits.PER_NETWORK
    people = list(synthetic_data.synthetic_subscribers(VISITORS, papers, 5))
    first, before = _preview(home, people[0].interests), _cpu_ms(server)
    spans = [_preview(home, person.interests) for person in people[1:]]
    cpu = (_cpu_ms(server) - before) / len(spans)
    median, p95 = np.quantile(spans, [0.5, 0.95])
    return {"first": first, "median": round(float(median), 1), "p95": round(float(p95), 1), "cpu": round(cpu, 1)}


def _preview(home: str, interests: tuple[Interest, ...]) -> float:
    form = {field: "\n".join(i.value for i in interests if i.kind is kind) for kind, field in _KINDS.items()}
    begun = time.perf_counter()
    with _asked(f"{home}/preview/picks", urllib.parse.urlencode(form).encode()) as answer:
        assert b'class="picks"' in answer.read()
    return round(1000 * (time.perf_counter() - begun), 1)


def _asked(url: str, body: bytes) -> "urllib.response.addinfourl":
    for _ in range(100):
        try:
            found: urllib.response.addinfourl = urllib.request.urlopen(url, body, timeout=60)
        except urllib.error.URLError as problem:
            if not isinstance(problem.reason, ConnectionRefusedError):
                raise
            time.sleep(0.1)
        else:
            return found
    raise TimeoutError("the server did not start")


def _hammered(url: str, seconds: int, server: int) -> dict[str, float]:
    before = _cpu_ms(server)
    flat_out = _wrk(url, seconds)
    count = _found(r"(\d+) requests in", flat_out)
    cpu = (_cpu_ms(server) - before) / count
    with NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"function delay() return math.random({PAUSE_MS[0]}, {PAUSE_MS[1]}) end\n")
        script.flush()
        paced = _wrk(url, seconds, "--script", script.name)
    return {
        "a_second": round(_found(_RATE, flat_out)),
        "paced": round(_found(_RATE, paced)),
        "p50_ms": _percentile(paced, 50),
        "p99_ms": _percentile(paced, 99),
        "cpu_ms": round(cpu, 2),
    }


def _wrk(url: str, seconds: int, *more: str) -> str:
    options = ["--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s", "--latency", *more]
    return subprocess.run(["wrk", *options, url], check=True, capture_output=True, text=True).stdout


def _found(pattern: str, output: str) -> float:
    match = re.search(pattern, output)
    assert match, output
    return float(match[1])


def _cpu_ms(process: int) -> float:
    """Return the CPU time of a process so far (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _percentile(output: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", output)
    assert found, output
    return round(float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]], 2)


if __name__ == "__main__":
    main()
