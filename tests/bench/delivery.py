"""Plan and deliver for many subscribers, by the real commands, to smtp-sink; what it costs, and that it is right.

    python -m tests.bench.delivery --subscribers 20000 --papers 500 [--database URL] [--json]

Each stage is a process of its own whose time and peak memory the kernel tells. The same stage with
nothing to do is its start-up, which is taken off the figures per subscriber and per message.
`ratio`: messages a second of `deliver` to those of smtp-source with mails of the same size, same sink.
`flat_memory`: peak memory at all subscribers to that at a tenth of them; 1 is flat.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from digestd.deliver import Composer
from digestd.domain.delivery import State
from digestd.store import core
from digestd.store.database import open_database
from digestd.store.ledger import reading
from digestd.store.migrate import migrate
from tests.parts import library
from tests.parts.install import Install, install
from tests.parts.postfix import Sink, smtp_sink, tool

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
_MIB = 1024


@dataclass(frozen=True)
class Spent:
    """What a process used: seconds on the clock and of CPU, and its peak memory."""

    seconds: float
    cpu: float
    rss_mib: float
    said: dict[str, int]

    def less(self, idle: "Spent", count: int) -> tuple[float, float]:
        """Microseconds (on the clock, of CPU) for each of `count`, without start-up."""
        return (self.seconds - idle.seconds) / count * 1e6, (self.cpu - idle.cpu) / count * 1e6


def spend(words: Sequence[str], environment: dict[str, str]) -> Spent:
    """Run a digestd command."""
    began = time.perf_counter()
    command = [str(Path(sys.executable).with_name("digestd")), *words, "--json"]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    cpu = usage.ru_utime + usage.ru_stime
    return Spent(time.perf_counter() - began, cpu, usage.ru_maxrss / _MIB, json.loads(said))


def measure(subscribers: int, papers: int, database: str, pairs: int) -> dict[str, object]:
    """One size, from an empty database to every mail at the sink."""
    with _scratch() as folder, smtp_sink(folder) as sink:
        url = database or f"sqlite:///{folder / 'digestd.db'}"
        migrate(open_database(url))
        built = install(folder / "home", url, NOW, sink.url)
        built.papers(library.papers(papers))
        built.people(library.people(subscribers, size=15))
        built = built.to(sink.url, connections=8)
        planned = spend(["plan"], built.environment())
        idle_plan = spend(["plan"], built.environment())
        size = _composed(built, folder / "mail")
        rate, sent = [], []
        for pair in range(pairs):
            share = {"DIGESTD_NOW": built.clock.now.isoformat()}
            limit = [] if pair == pairs - 1 else ["--limit", str(subscribers // pairs)]
            rate.append(_smtp_source(sink, folder / "mail", min(subscribers // pairs, 20_000)))
            before = sink.count
            sent.append((spend(["deliver", "--drain", *limit], {**built.environment(), **share}), sink.count - before))
        idle_deliver = spend(["deliver", "--drain"], built.environment())
        return _report(built, (planned, idle_plan), (sent, idle_deliver), (rate, size))


def _report(
    built: Install,
    plan: tuple[Spent, Spent],
    deliver: tuple[list[tuple[Spent, int]], Spent],
    source: tuple[list[float], int],
) -> dict[str, object]:
    planned, idle_plan = plan
    sent, idle = deliver
    due = planned.said["due"]
    total = sum(count for _, count in sent)
    each = [spent.less(idle, count) for spent, count in sent]
    ratios = [1e6 / wall / rate for (wall, _), rate in zip(each, source[0], strict=True)]
    return {
        "subscribers": due,
        "planned": planned.said["planned"],
        "plan": asdict(planned),
        "plan_us": [round(us, 1) for us in planned.less(idle_plan, due)],
        "deliver": [asdict(spent) for spent, _ in sent],
        "deliver_us": [[round(us, 1) for us in pair] for pair in each],
        "startup_cpu": {"plan": idle_plan.cpu, "deliver": idle.cpu},
        "mail_bytes": source[1],
        "smtp_source_per_second": [round(rate) for rate in source[0]],
        "ratio": [round(ratio, 3) for ratio in ratios],
        "sink_count": total,
        "ledger_count": _accepted(built),
        "broken": sorted(built.broken),
        "database_mib": round(built.db.file.stat().st_size / 2**20, 1) if built.db.file else None,
        "rss_mib": {"plan": planned.rss_mib, "deliver": max(spent.rss_mib for spent, _ in sent)},
    }


def _accepted(built: Install) -> int:
    with built.db.read() as session:
        query = select(func.count()).where(core.delivery.c.state == State.ACCEPTED)
        return int(session.connection().execute(query).scalar_one())


def _composed(built: Install, file: Path) -> int:
    """Write one planned digest as smtp-source wants it, and tell its size on the wire."""
    with built.db.read() as session:
        claim = reading.as_claim(session, 1)
    assert claim is not None
    composer = Composer(built.db, built.app.sender)
    composer.prepare([claim])
    mail = composer.compose(claim)
    file.write_bytes(mail.replace(b"\r\n", b"\n"))
    return len(mail)


def _smtp_source(sink: Sink, mail: Path, count: int) -> float:
    """Messages a second of smtp-source."""
    command = [tool("smtp-source"), "-4", "-s", "8", "-d", "-F", str(mail), "-m", str(count)]
    began = time.perf_counter()
    subprocess.run([*command, f"127.0.0.1:{sink.port}"], check=True, capture_output=True)
    return count / (time.perf_counter() - began)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="digestd-bench-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def main() -> None:
    """Measure at all subscribers and at a tenth of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=20_000)
    parser.add_argument("--papers", type=int, default=500)
    parser.add_argument("--database", default="", help="an empty database; by default SQLite in a temporary folder")
    parser.add_argument("--pairs", type=int, default=1, help="smtp-source and deliver in turn, so many times")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    full = measure(given.subscribers, given.papers, given.database, given.pairs)
    if not given.database:
        tenth = measure(given.subscribers // 10, given.papers, "", 1)
        large, small = full["rss_mib"], tenth["rss_mib"]
        assert isinstance(large, dict)
        assert isinstance(small, dict)
        full["rss_mib_at_a_tenth"] = small
        full["flat_memory"] = {stage: round(large[stage] / small[stage], 3) for stage in large}
    print(json.dumps(full, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
