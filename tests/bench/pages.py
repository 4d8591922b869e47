"""Request the pages of a running service: CPU time per request, and response times at a fixed rate.

Every request is for another subscriber or paper, and everything was requested once before.
"""

import asyncio
import http.client
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import cycle, islice

import numpy as np

from digestd.app import App
from digestd.domain.delivery import State
from digestd.domain.interest import Interest, Kind
from digestd.security.tokens import Purpose, make_token
from digestd.store.ledger import queries
from digestd.store.ledger.queries import DeliveryFilter
from tests.bench import synthetic_data
from tests.bench.running_service import RunningService

REQUESTS = 300
"""Requests of one page after another, whose CPU time is measured."""
READERS = 1_000
"""Digests and subscribers that are requested in turn."""
CONNECTIONS = 50
VISITORS = 50
"""Below the number of previews that one network may request per minute."""
MIX = ("home", "paper", "digest", "settings")
_KINDS = {Kind.TOPIC: "topics", Kind.AUTHOR: "authors", Kind.CATEGORY: "categories", Kind.PAPER: "papers"}


def measure_pages(
    service: RunningService, pages: Mapping[str, Sequence[str]], rate: int, seconds: int
) -> dict[str, object]:
    """Request pages and return the figures by name.

    Args:
        service: the service.
        pages: paths by the name of the page; those of MIX are also requested at a fixed rate.
        rate: requests per second.
        seconds: for how long.
    """
    preview = _previews(service)
    cpu = {name: round(_cpu_ms(service, some), 2) for name, some in pages.items()}
    return {
        "cpu_ms": cpu,
        "mixed": _mixed(service, [pages[name] for name in MIX], rate, seconds),
        "preview_ms": preview,
    }


def paths(app: App, papers: int, now: datetime) -> dict[str, list[str]]:
    """Return the paths of each page for subscribers who have a digest, and for generated papers."""
    with app.db.read() as session:
        entries = list(queries.entries(session, READERS, DeliveryFilter(State.ACCEPTED)))

    def signed(purpose: Purpose, prefix: str, numbers: Sequence[int]) -> list[str]:
        return [f"{prefix}{make_token(app.keys, purpose, number, now)}" for number in numbers]

    readers = range(1, len(entries) + 1)
    return {
        "home": ["/"],
        "papers": ["/papers", f"/papers/{now.date()}"],
        "paper": [f"/paper/new:{number}" for number in range(papers)],
        "digest": signed(Purpose.VIEW, "/d/", [entry.key for entry in entries]),
        "settings": signed(Purpose.PREFERENCES, "/p/", readers),
        "unsubscribe": signed(Purpose.UNSUBSCRIBE, "/u/", readers),
    }


def _connect(service: RunningService) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)


def _request(connection: http.client.HTTPConnection, path: str, body: str | None = None) -> bytes:
    headers = {} if body is None else {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("GET" if body is None else "POST", path, body, headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{path} was answered with {answer.status}")
    return answer.read()


def _cpu_ms(service: RunningService, some: Sequence[str]) -> float:
    """Return the CPU milliseconds of a request, after one round of warming up."""
    connection, before = _connect(service), 0.0
    for number, path in enumerate(islice(cycle(some), 2 * REQUESTS)):
        if number == REQUESTS:
            before = service.cpu()
        _request(connection, path)
    return 1_000 * (service.cpu() - before) / REQUESTS


def _previews(service: RunningService) -> dict[str, float]:
    """Return the milliseconds of a preview; the first, which may read the day, apart."""
    people = list(synthetic_data.synthetic_subscribers(VISITORS, 100, 5))
    first = _preview(service, people[0].interests)
    spans = [_preview(service, person.interests) for person in people[1:]]
    median, p95 = np.quantile(spans, [0.5, 0.95])
    return {"first": round(first, 1), "median": round(float(median), 1), "p95": round(float(p95), 1)}


def _preview(service: RunningService, interests: Sequence[Interest]) -> float:
    form = {field: "\n".join(i.value for i in interests if i.kind is kind) for kind, field in _KINDS.items()}
    connection, begun = _connect(service), time.perf_counter()
    _request(connection, "/preview/picks", urllib.parse.urlencode(form))
    return 1_000 * (time.perf_counter() - begun)


def _mixed(service: RunningService, kinds: Sequence[Sequence[str]], rate: int, seconds: int) -> dict[str, float]:
    """Request one page of each kind in turn; return the milliseconds until the answers."""
    several = [cycle(some) for some in kinds]
    wanted = [next(several[number % len(several)]) for number in range(rate * seconds)]
    before = service.cpu()
    spans = 1_000 * np.array(asyncio.run(_paced(service.port, wanted, rate)))
    cpu = 1_000 * (service.cpu() - before) / len(wanted)
    p50, p99 = np.quantile(spans, [0.5, 0.99])
    return {
        "rate": rate,
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "cpu_ms": round(cpu, 2),
    }


async def _paced(port: int, wanted: Sequence[str], rate: int) -> list[float]:
    """Return the seconds from the time of each request to its answer, whether or not earlier ones were answered."""
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
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path} was answered with {head[:20]!r}")
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
        idle.put_nowait((reader, writer))
        return loop.time() - due

    spans = await asyncio.gather(*(request(begun + number / rate, path) for number, path in enumerate(wanted)))
    while not idle.empty():
        idle.get_nowait()[1].close()
    return list(spans)
