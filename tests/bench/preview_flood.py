"""Measure how long other pages take while many visitors ask for previews with as many topics as allowed.

    python -m tests.bench.preview_flood [--papers N] [--archive N] [--visitors 40] [--seconds 15] [--json]

Each visitor has a network of their own and asks again as soon as they are answered, always by topics that nobody has
asked for before; whoever is refused waits as long as the answer says, like the script of the page. Meanwhile other
pages are requested at a fixed rate.

    preview_ms   CPU milliseconds of a preview with 1, 10 and 50 topics, nothing else running: median and maximum
    unit_ms      the same for each request that a preview counts as, by script: the median of the dearer of forms with
                 many short topics and with few long ones
    unit_ratio   the dearest script to English
    quiet        milliseconds until other pages are answered: p50, p99, maximum
    flood        the same beside the previews
    ratio        flood to quiet
    cores        CPU time of the service over wall-clock time during the flood
    answers      answers to previews, by status

The exit code is 1 if p99 beside the previews exceeds P99_MS, a preview takes longer than CPU_MS (median), or one of any
script more than UNIT_MS for what it counts as: 60 a minute and network are then at most 3 s of CPU.
"""

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from string import ascii_lowercase
from threading import Event, Thread

from digestd.web.preview_day import price_of
from tests.bench.pages_service import FORM, PagesService, pages_service, preview, topics

P99_MS = 200.0
CPU_MS = {1: 100.0, 50: 250.0}
UNIT_MS = 50.0
RATE = 40
"""Other pages per second."""
OTHERS = ("/", "/papers", "/healthz", "/paper/new:{n}", "/p/nonsense")
MOST = 50
"""Topics of one form."""
MEASURED = 9
"""Previews per number of topics."""
SCRIPTS: Mapping[str, Callable[[Random], str]] = {
    "English": lambda rng: f"{topics(1, rng.randrange(1 << 30))[0]} ",
    "Chinese": lambda rng: chr(rng.randrange(0x4E00, 0x9FA0)),
    "Korean": lambda rng: chr(rng.randrange(0xAC00, 0xD7A4)),
    "Russian": lambda rng: rng.choice("абвгдежзиклмнопрстуфхцчшщыэюя "),
    "letters": lambda rng: f"{rng.choice(ascii_lowercase)} ",
    "numbers": lambda rng: rng.choice("0123456789 "),
    "signs": lambda rng: rng.choice("a.b-c+"),
}
"""What makes the next part of a topic."""
FORMS = ((50, 20), (4, 400))
"""Topics of a form, and letters of each."""


def measure(service: PagesService, visitors: int, seconds: int) -> dict[str, object]:
    """Return the figures by name."""
    service.load_day()
    _request_others(service, 2)  # compiles templates
    wanted = topics(MEASURED * (1 + 10 + MOST) + visitors * seconds * MOST)
    spent = {}
    for number in (1, 10, MOST):
        forms = [preview([wanted.pop() for _ in range(number)]) for _ in range(MEASURED)]
        spent[number] = [_cpu_ms(service, form) for form in forms]
    units = {script: _unit_ms(service, letters) for script, letters in SCRIPTS.items()}
    quiet = _request_others(service, seconds)
    forms = [preview(wanted[k : k + MOST]) for k in range(0, visitors * seconds * MOST, MOST)]
    stop, answers, cpu, began = Event(), Counter[str](), service.cpu_ms(), time.perf_counter()
    crowd = [Thread(target=_visit, args=(service, n, forms[n::visitors], stop, answers)) for n in range(visitors)]
    for one in crowd:
        one.start()
    flood = _request_others(service, seconds)
    cores = (service.cpu_ms() - cpu) / 1_000 / (time.perf_counter() - began)
    stop.set()
    for one in crowd:
        one.join()
    return {
        "preview_ms": {
            number: {"median": round(statistics.median(each), 1), "max": round(max(each), 1)}
            for number, each in spent.items()
        },
        "unit_ms": units,
        "unit_ratio": round(max(units.values()) / units["English"], 1),
        "quiet": quiet,
        "flood": flood,
        "ratio": {name: round(flood[name] / quiet[name], 1) for name in quiet},
        "cores": round(cores, 2),
        "answers": dict(sorted(answers.items())),
    }


def _cpu_ms(service: PagesService, form: bytes) -> float:
    connection, before = service.connect(), service.cpu_ms()
    status, _ = service.request(connection, "POST", "/preview/picks", form, FORM)
    if status != 200:
        raise RuntimeError(f"a preview was answered with {status}")
    return service.cpu_ms() - before


def _unit_ms(service: PagesService, part: Callable[[Random], str]) -> float:
    """Return the CPU milliseconds of each request that previews in one script count as: the dearer kind of form."""
    rng, found = Random(1), []
    for number, letters in FORMS:
        spent = []
        for _ in range(3):
            wanted = [_text(part, rng, letters) for _ in range(number)]
            spent.append(_cpu_ms(service, preview(wanted)) / price_of(wanted))
        found.append(statistics.median(spent))
    return round(max(found), 1)


def _text(part: Callable[[Random], str], rng: Random, letters: int) -> str:
    text = "x"
    while len(text) < letters:
        text += part(rng)
    return text[:letters]


def _visit(service: PagesService, number: int, forms: Sequence[bytes], stop: Event, answers: Counter[str]) -> None:
    """Ask for previews from one network until told to stop."""
    connection = service.connect()
    for form in forms:
        headers = {**FORM, "X-Forwarded-For": f"192.0.2.{number}"}
        connection.request("POST", "/preview/picks", form, headers)
        answer = connection.getresponse()
        answer.read()
        answers[str(answer.status)] += 1
        if stop.wait(float(answer.headers.get("Retry-After", 0))):
            break
    connection.close()


def _request_others(service: PagesService, seconds: int) -> dict[str, float]:
    """Request other pages at a fixed rate; return the milliseconds from when each was due to its answer."""
    spans: list[float] = []
    begun = time.perf_counter()

    def request(numbers: Sequence[int]) -> None:
        connection = service.connect()
        for number in numbers:
            due = begun + number / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            path = OTHERS[number % len(OTHERS)].format(n=number % 50)
            service.request(connection, "GET", path, b"", {})
            spans.append(1_000 * (time.perf_counter() - due))
        connection.close()

    total = range(RATE * seconds)
    lanes = [Thread(target=request, args=(total[n::8],)) for n in range(8)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    p50, p99 = (statistics.quantiles(spans, n=100, method="inclusive")[n - 1] for n in (50, 99))
    return {"p50_ms": round(p50, 1), "p99_ms": round(p99, 1), "max_ms": round(max(spans), 1)}


def judged(found: Mapping[str, object]) -> list[str]:
    """Return the missed goals."""
    flood, spent = found["flood"], found["preview_ms"]
    assert isinstance(flood, dict)
    assert isinstance(spent, dict)
    far = [f"p99 beside previews: {flood['p99_ms']} ms"] if flood["p99_ms"] > P99_MS else []
    medians = {number: spent[number]["median"] for number in CPU_MS}
    far += [f"{number} topics: {ms} ms of CPU" for number, ms in medians.items() if ms > CPU_MS[number]]
    units = found["unit_ms"]
    assert isinstance(units, dict)
    return far + [f"a unit of {script}: {ms} ms of CPU" for script, ms in units.items() if ms > UNIT_MS]


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, default=500)
    parser.add_argument("--archive", type=int, default=2_000)
    parser.add_argument("--visitors", type=int, default=40)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with pages_service(given.papers, given.archive) as service:
        found = measure(service, given.visitors, given.seconds)
    found |= {"judged": judged(found)}
    print(json.dumps(found, indent=None if given.json else 2))
    sys.exit(bool(found["judged"]))


if __name__ == "__main__":
    main()
