"""Measure a back-fill of arXiv's size: parse, identify, store OAI-PMH pages.

    python -m tests.bench.ingest --records 100000 [--database URL] [--json]

A process of its own fetches pages of generated records from itself, so that neither the network nor arXiv's rate limit
is measured. The time of a run without records is subtracted as start-up. `ratio`: records
per second divided by those of lxml, which only iterates over all elements of the same bytes. `flat_memory`: peak memory
with all records divided by that with a tenth; 1 is flat.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from lxml import etree

from digestd import app as wiring
from digestd.fetching.fetch import Answer, Validators
from digestd.papers.embedding import embed_papers
from digestd.papers.ingest import IngestOptions, ingest
from digestd.sources import parse_source
from digestd.sources.source import RateLimit, Request
from tests.support import sample_data
from tests.support.install import install

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
FIRST = date(2025, 1, 1)
PAGE = 1_000
SPEC = "arxiv-oai:cs"


@dataclass(frozen=True)
class Pages:
    """A fetcher that answers with pages of generated records, as arXiv would."""

    count: int

    async def fetch(self, request: Request, rate_limit: RateLimit, validators: Validators | None = None) -> Answer:
        """Return the page of a resumption token."""
        del rate_limit, validators
        _, _, token = request.url.partition("resumptionToken=")
        return Answer(page(int(token or 0), self.count), Validators())


def page(number: int, count: int) -> bytes:
    """Return the records of one page; `count` is the total over all pages."""
    first = number * PAGE
    last = min(first + PAGE, count)
    records = "".join(_record(n, paper) for n, paper in enumerate(sample_data.papers(last - first, first=first), first))
    token = f"<resumptionToken>{number + 1}</resumptionToken>" if last < count else ""
    listed = f"<ListRecords>{records}{token}</ListRecords>" if records else '<error code="noRecordsMatch"/>'
    head = '<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
    return f"{head}<responseDate>2026-11-24T07:00:00Z</responseDate>{listed}</OAI-PMH>".encode()


def _record(number: int, paper: dict[str, object]) -> str:
    day = FIRST + timedelta(days=number // 400)
    name = f"{day:%y%m}.{number % 90_000 + 10_000:05}"
    authors = "".join(
        f"<author><keyname>{escape(author.split()[-1])}</keyname><forenames>{escape(author.split()[0])}</forenames></author>"
        for author in _names(paper)
    )
    formula = " We show that $\\alpha_{n} \\leq \\sqrt{n}$." if number % 10 == 0 else ""
    return (
        f"<record><header><identifier>oai:arXiv.org:{name}</identifier><datestamp>{day}</datestamp>"
        f"<setSpec>cs:cs:AI</setSpec></header><metadata><arXiv xmlns='http://arxiv.org/OAI/arXiv/'><id>{name}</id>"
        f"<created>{day}</created><authors>{authors}</authors><title>{escape(str(paper['title']))}</title>"
        f"<categories>cs.AI cs.LG</categories><license>CC0</license>"
        f"<abstract>  {escape(str(paper['abstract']))}{formula}\n</abstract></arXiv></metadata></record>"
    )


def _names(paper: dict[str, object]) -> list[str]:
    authors = paper["authors"]
    assert isinstance(authors, list)
    return authors


def fetch_all(count: int) -> int:
    """Ingest all pages into the installation of the environment; return the number of new papers."""
    app = wiring.build()
    since = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    options = IngestOptions(fetcher=Pages(count))
    report = asyncio.run(ingest(app.db, [parse_source(SPEC)], app.client, app.clock, since, options))
    embed_papers(app.db, app.encoder)
    return sum(source.new for source in report.sources)


@dataclass(frozen=True)
class Spent:
    """Wall-clock seconds, CPU seconds with children, and peak memory in MiB."""

    seconds: float
    cpu: float
    rss_mib: float
    new: int


def spend(count: int, folder: Path, database: str) -> Spent:
    """Run one back-fill into a new installation."""
    url = database or f"sqlite:///{folder / 'digestd.db'}"
    environment = {**install(folder / "home", url, NOW).environment(), "DIGESTD_SOURCES": "none"}
    digestd = str(Path(sys.executable).with_name("digestd"))
    subprocess.run([digestd, "init"], env={**os.environ, **environment}, check=True, capture_output=True)
    words = [sys.executable, "-m", "tests.bench.ingest", "--child", str(count)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.Popen(words, env={**os.environ, **environment}, stdout=subprocess.PIPE)
    assert done.stdout is not None
    new = done.stdout.read()
    _, status, usage = os.wait4(done.pid, 0)
    done.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit("ingest failed")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(seconds, cpu, usage.ru_maxrss / 1024, int(new))


def bare_parse(count: int) -> float:
    """Return the seconds that lxml needs to iterate over the same pages."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    seconds = 0.0
    for number in range((count + PAGE - 1) // PAGE):
        body = page(number, count)
        began = time.perf_counter()
        assert sum(1 for _ in etree.fromstring(body, parser).iter()) > 0
        seconds += time.perf_counter() - began
    return seconds


def measure(records: int, database: str) -> dict[str, object]:
    """Return the figures."""
    with _scratch() as empty, _scratch() as small, _scratch() as large:
        idle = spend(0, Path(empty), database)
        tenth = spend(records // 10, Path(small), database)
        full = spend(records, Path(large), database)
    if full.new != records:
        raise SystemExit(f"{full.new} of {records} records were stored")
    bare = bare_parse(records)
    rate = records / (full.seconds - idle.seconds)
    return {
        "records": records,
        "records_per_second": round(rate),
        "cpu_us_per_record": round((full.cpu - idle.cpu) / records * 1e6),
        "lxml_us_per_record": round(bare / records * 1e6, 1),
        "ratio": round(rate * bare / records, 4),
        "rss_mib": round(full.rss_mib),
        "flat_memory": round(full.rss_mib / tenth.rss_mib, 2),
    }


def _scratch() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="digestd-bench-")


def main() -> Iterator[str]:
    """Print the report line by line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--records", type=int, default=100_000)
    arguments.add_argument("--database", default="")
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--child", type=int, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.child is not None:
        yield str(fetch_all(chosen.child))
        return
    found = measure(chosen.records, chosen.database)
    if chosen.json:
        yield json.dumps(found)
        return
    yield from (f"{name:20} {value}" for name, value in found.items())


if __name__ == "__main__":
    for line in main():
        print(line)
