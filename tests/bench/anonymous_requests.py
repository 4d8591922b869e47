"""Measure the CPU time of every request that somebody without a link or a token can send.

    python -m tests.bench.anonymous_requests [--papers N] [--archive N] [--rounds N] [--json]

The routes are those of the application, so none can be forgotten. Each is requested with all inputs that fit its
method, within the limits of size: long queries and headers, large bodies, forms with many fields or full of topics,
multipart bodies of many parts, nested JSON. Links and tokens in the requests are well formed, but no key signed them.
Each request comes from another network, so that no rate limit answers it.

Per route: the input that takes longest, and the median and maximum of its CPU milliseconds in the service, from the
first byte to the last. The exit code is 1 if the median of a route exceeds LIMIT_MS, other than of a preview.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from digestd.security.keys import Keys
from digestd.security.tokens import Purpose, make_token
from digestd.web import body_limit, build
from digestd.web.connection_limits import HEAD_MAX
from digestd.web.middleware import BODY_MAX
from tests.bench.pages_service import FORM, NOW, PagesService, pages_service, preview, topics

LIMIT_MS = 20.0
PREVIEWS = ("/preview", "/preview/picks")
"""The routes that may take longer; `preview_flood` judges them."""
AGAIN = 4
LONG = HEAD_MAX - 1_024
_ALL_TOPICS = 50
_JSON = {"Content-Type": "application/json"}
_MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


class Route(NamedTuple):
    """A method and a path, with its parameters in braces."""

    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Input:
    """What a request brings along."""

    name: str
    query: str = ""
    headers: Mapping[str, str] | None = None
    body: bytes = b""
    token: str = ""


def routes(web: Any) -> list[Route]:
    """Return all routes of an application, those of mounted ones included; HEAD is answered as GET is."""
    return [Route(method, path) for path, methods in _walk(web.routes, "") for method in sorted(methods - {"HEAD"})]


def _walk(found: Iterable[Any], prefix: str) -> Iterator[tuple[str, set[str]]]:
    for route in found:
        inner = getattr(route, "original_router", None)  # how FastAPI keeps included routers
        if inner is not None:
            yield from _walk(inner.routes, prefix)
        elif hasattr(getattr(route, "app", None), "routes"):
            yield from _walk(route.app.routes, prefix + route.path)
        else:
            yield prefix + route.path, set(route.methods)


def uncached() -> list[Input]:
    """Return requests for pages that no cache holds yet: in each language by query, then by header.

    The first ones also compile the templates of their language.
    """
    tags = ("en", "de", "de-formal")
    return [
        *(Input("not cached", query=f"?lang={tag}") for tag in tags),
        *(Input("not cached", headers={"Accept-Language": tag}) for tag in tags),
    ]


def inputs(route: Route, body_max: int) -> Iterator[Input]:
    """Return what to send to a route."""
    yield Input("plain")
    yield Input("long query", query="?" + "a=b&" * (LONG // 4))
    yield Input("long language", query=f"?lang={'de-' * (LONG // 3)}")
    yield Input("Accept-Language", headers={"Accept-Language": "a;q=0.1," * (LONG // 8)})
    yield Input("cookies", headers={"Cookie": "a=b; " * (LONG // 5)})
    yield Input("many headers", headers={f"X-{n}": "" for n in range(LONG // 10)})
    if "{" in route.path:
        yield Input("long link", token="a." * (LONG // 2))
    if route.method != "GET":
        yield from _bodies(body_max)


def _bodies(size: int) -> Iterator[Input]:
    yield Input("one field", headers=FORM, body=b"topics=" + b"a" * (size - 7))
    yield Input("escapes", headers=FORM, body=b"topics=" + b"%0A" * ((size - 7) // 3))
    yield Input("many fields", headers=FORM, body=b"a&" * (size // 2))
    yield Input("1,000 fields", headers=FORM, body=b"&".join([b"a=" + b"b" * (size // 1_000 - 3)] * 1_000))
    yield Input("all topics", headers=FORM, body=preview(topics(_ALL_TOPICS)))
    yield Input("full form", headers=FORM, body=_full_form())
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    yield Input("parts", headers=_MULTIPART, body=part * (size // len(part) - 1) + b"--b--\r\n")
    file = b'--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n\r\n'
    yield Input("files", headers=_MULTIPART, body=file * min(1_000, size // len(file) - 1) + b"--b--\r\n")
    yield Input("boundaries", headers=_MULTIPART, body=part + b"\r\n--" * (size // 4 - len(part)) + b"--b--\r\n")
    yield Input("nested JSON", headers=_JSON, body=b"[" * size)
    yield Input("wide JSON", headers=_JSON, body=b'{"topics":[' + b'"a",' * (size // 4 - 4) + b'"a"]}')


def _full_form() -> bytes:
    """Return a form with as many topics, authors, categories and papers as fit into a body."""
    fields = {
        "email": "ada@example.org",
        "topics": "\n".join(topics(_ALL_TOPICS, 1)),
        "authors": "\n".join(f"Bace Difo {n}" for n in range(190)),
        "categories": " ".join(f"inv.{n}" for n in range(190)),
        "papers": "\n".join(f"2611.{n:05}" for n in range(50)),
    }
    return urlencode(fields).encode()[:BODY_MAX]


def _path(route: Route, given: Input, token: str) -> str:
    values = {
        "day": "2026-11-25",
        "ending": "bib",
        "period": "2026-11-24",
        "n": "1",
        "n:int": "1",
        "action": "more",
        "name:path": "new:1",
        "id:path": "new:1",
        "number": "1",
        "subscriber": "1",
        "provider": "sendgrid",
        "name": "style.css",
    }
    path = route.path
    for name, value in {"token": token, **values}.items():
        path = path.replace(f"{{{name}}}", given.token or quote(value, safe=":"))
    return path + given.query


def measure(service: PagesService, rounds: int) -> list[dict[str, object]]:
    """Return a row per route: its worst input, and the median and maximum of its CPU milliseconds.

    What exceeds the limit is measured again, as other programs and the garbage collector cost time too.
    """
    service.load_day()
    return [_row(service, route, rounds) for route in routes(build(service.app))]


def _row(service: PagesService, route: Route, rounds: int) -> dict[str, object]:
    token = make_token(Keys(b"a secret of somebody else's service"), Purpose.PREFERENCES, 1, NOW)
    most, _ = body_limit(service.app, _path(route, Input(""), token))
    # the best of three: they cannot be repeated
    spans = {"not cached": [min([_cpu_ms(service, route, given, token) for given in uncached()][3:])]}
    for given in inputs(route, most):
        each = [_cpu_ms(service, route, given, token) for _ in range(rounds)]
        if statistics.median(each) > LIMIT_MS:
            each = [_cpu_ms(service, route, given, token) for _ in range(rounds + AGAIN)]
        spans[given.name] = each
    worst = max(spans, key=lambda name: statistics.median(spans[name]))
    return {
        "route": f"{route.method} {route.path}",
        "median_ms": round(statistics.median(spans[worst]), 1),
        "max_ms": round(max(map(max, spans.values())), 1),
        "worst": worst,
    }


def _cpu_ms(service: PagesService, route: Route, given: Input, token: str) -> float:
    connection = service.connect()
    before = service.cpu_ms()
    service.request(connection, route.method, _path(route, given, token), given.body, given.headers or {})
    spent = service.cpu_ms() - before
    connection.close()
    return spent


def judged(rows: Iterable[Mapping[str, object]], limit: float = LIMIT_MS) -> list[str]:
    """Return the routes other than previews that take longer than `limit`."""
    return [
        f"{row['route']}: {row['median_ms']} ms ({row['worst']})"
        for row in rows
        if float(str(row["median_ms"])) > limit and str(row["route"]).partition(" ")[2] not in PREVIEWS
    ]


def main() -> None:
    """Print the table, the slowest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, default=500)
    parser.add_argument("--archive", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with pages_service(given.papers, given.archive, public_papers="true") as service:
        rows = sorted(measure(service, given.rounds), key=lambda row: -float(str(row["median_ms"])))
    if given.json:
        print(json.dumps({"routes": rows, "judged": judged(rows)}))
    else:
        print("| route | median ms | max ms | worst input |\n|---|---|---|---|")
        for row in rows:
            print(f"| `{row['route']}` | {row['median_ms']} | {row['max_ms']} | {row['worst']} |")
    sys.exit(bool(judged(rows)))


if __name__ == "__main__":
    main()
