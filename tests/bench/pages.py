"""Measure the CPU time of pages, and how long they take at a rate.

    python -m tests.bench.pages [--papers 500] [--subscribers 100] [--rate 200] [--seconds 20] [--json]

`digestd web` serves subscribers who all have a digest. Each page is first requested over one connection, for one
subscriber after the other; then those marked * are requested together, so many per second.

    ms        CPU milliseconds of the service per page, the best of ROUNDS
    p50, p99  milliseconds from the time at which a request was due until the page has arrived
"""

import argparse
import http.client
import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from threading import local

from digestd.security.tokens import Purpose, make_token
from digestd.store.ledger import queries
from tests.bench.pages_service import MORNING, PagesService, pages_service
from tests.bench.synthetic_data import synthetic_subscribers

ROUNDS = 7
CLIENTS = 16
"""Connections over which pages are requested at a rate."""
ARCHIVE = 1_000
Paths = Mapping[str, Iterator[str]]


def paths(service: PagesService, papers: int, subscribers: int) -> Paths:
    """Return the paths of each page, in endless turn."""
    app, people = service.app, range(1, subscribers + 1)
    with app.db.read() as session:
        digests = [found for one in people if (found := queries.newest_digest(session, one))]

    def links(form: str, purpose: Purpose, numbers: Sequence[int], pick: int = 0) -> Iterator[str]:
        return cycle([form.format(make_token(app.keys, purpose, one, MORNING, pick)) for one in numbers])

    return {
        "home *": cycle(["/"]),
        "papers of a day *": cycle(["/papers"]),
        "one paper *": cycle([f"/paper/new:{number}" for number in range(papers)]),
        "a digest in the browser *": links("/d/{}", Purpose.VIEW, digests),
        "settings *": links("/p/{}", Purpose.PREFERENCES, people),
        "saved papers": links("/p/{}/saved", Purpose.PREFERENCES, people),
        "importing papers": links("/p/{}/import", Purpose.PREFERENCES, people),
        "rating a paper": links("/f/{}", Purpose.FEEDBACK, digests, 1),
        "unsubscribing": links("/u/{}", Purpose.UNSUBSCRIBE, people),
    }


def measure_cpu(service: PagesService, pages: Paths, each: int) -> dict[str, float]:
    """Return the CPU milliseconds of each page, for `each` requests in a round."""
    connection = service.connect()
    spent: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(1 + ROUNDS):  # the first compiles templates
        for name, found in pages.items():
            before = service.cpu_ms()
            for path in islice(found, each):
                _get(connection, path)
            spent[name].append((service.cpu_ms() - before) / each)
    connection.close()
    return {name: round(min(found[1:]), 2) for name, found in spent.items()}


def measure_rate(service: PagesService, pages: Paths, rate: int, seconds: int) -> dict[str, float]:
    """Return percentiles of the milliseconds until the marked pages have arrived, requested together."""
    together = [found for name, found in pages.items() if name.endswith("*")]
    mine = local()

    def visit(due: float, path: str) -> float:
        if not hasattr(mine, "connection"):
            mine.connection = service.connect()
        time.sleep(max(0.0, due - time.perf_counter()))
        _get(mine.connection, path)
        return (time.perf_counter() - due) * 1_000

    first = time.perf_counter() + 0.5
    with ThreadPoolExecutor(CLIENTS) as clients:
        visits = [
            clients.submit(visit, first + number / rate, next(together[number % len(together)]))
            for number in range(rate * seconds)
        ]
    taken = statistics.quantiles((one.result() for one in visits), n=100)
    return {"p50": round(taken[49], 1), "p99": round(taken[98], 1)}


def _get(connection: http.client.HTTPConnection, path: str) -> None:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{path} answered {answer.status}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, default=500)
    parser.add_argument("--subscribers", type=int, default=100)
    parser.add_argument("--each", type=int, default=100, help="requests for a page in a round")
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    people = synthetic_subscribers(given.subscribers, ARCHIVE, 5)
    with pages_service(given.papers, ARCHIVE, "none", people) as service:
        pages = paths(service, given.papers, given.subscribers)
        cpu = measure_cpu(service, pages, given.each)
        at_rate = measure_rate(service, pages, given.rate, given.seconds) if given.seconds else {}
    if given.json:
        print(json.dumps({"ms": cpu, **at_rate}))
    else:
        print("| page | ms |", "|---|---|", *(f"| {name} | {ms} |" for name, ms in cpu.items()), sep="\n")
        print(*(f"{name}: {ms} ms" for name, ms in at_rate.items()))


if __name__ == "__main__":
    main()
