"""Ingest: ask every source, put what it says into the store, and note how complete each of its days is.

Each source stands alone: one that fails is reported and the others go on. Validators are kept only
when a source was read to its end, so that a failure half-way is made good by the next run. Sources
that add to known papers are asked last.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from digestd.ingest.fetch import Client, Fetcher
from digestd.ingest.files import read_file
from digestd.ingest.pages import take_in
from digestd.ingest.reader import Reader
from digestd.ingest.reading import Desk
from digestd.ingest.recordings import Fetching
from digestd.ingest.report import IngestReport, SourceReport
from digestd.ingest.visit import visit_source
from digestd.sources import Enriching, Jsonl, Source
from digestd.store.database import Database


@dataclass(frozen=True, slots=True)
class Via:
    """How to ask. `fetching`: stands before the fetcher, as a recorder; `told`: hears the records of each page."""

    fetching: Callable[[Fetcher], Fetching] = lambda fetcher: fetcher
    told: Callable[[int], None] = lambda _records: None


async def ingest(
    db: Database,
    sources: Iterable[Source],
    client: Client,
    clock: Callable[[], datetime],
    since: datetime | None = None,
    via: Via | None = None,
) -> IngestReport:
    """Ask every source for what is new since it last answered (at most 7 days), or since `since`.

    One at a time: arXiv allows one connection, and no source is in a hurry.
    """
    via = via or Via()
    async with Fetcher(db, client, clock) as fetcher, Reader() as reader:
        desk = Desk(db, via.fetching(fetcher), reader, clock, via.told)
        in_order = sorted(sources, key=lambda source: isinstance(source, Enriching))
        return IngestReport(tuple([await visit_source(desk, source, since) for source in in_order]))


def ingest_files(db: Database, files: Sequence[tuple[str, Path]], now: datetime) -> IngestReport:
    """Take in files of JSON lines as sources of these names: a sample day, without any network."""
    reports = []
    for name, path in files:
        report = SourceReport(name)
        page = Jsonl(path).parse(read_file(path))
        report.count(page, take_in(db, name, page.sightings, now))
        reports.append(report)
    return IngestReport(tuple(reports))
