"""Fetch new papers from every source and store them.

Also record how complete each day is.

One failing source does not stop the others. Validators are stored only if a source was
read to its end, so that the next run repeats what failed. Sources that add to stored
papers come last.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from digestd.fetching.answer_parser import AnswerParser
from digestd.fetching.fetch import Client, Fetcher, read_file
from digestd.papers.ingest_report import IngestReport, SourceReport
from digestd.papers.page_reader import IngestContext
from digestd.papers.page_store import store_page
from digestd.papers.source_runner import visit_source
from digestd.sources.jsonl import JsonlFile
from digestd.sources.source import EnrichmentSource, Source
from digestd.store.database import Database
from digestd.tracing import span


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """Options of a run: `on_page` gets each page's size."""

    on_page: Callable[[int], None] = lambda _records: None


async def ingest(
    db: Database,
    sources: Iterable[Source],
    client: Client,
    clock: Callable[[], datetime],
    since: datetime | None = None,
    options: IngestOptions | None = None,
) -> IngestReport:
    """Fetch new papers from every source, since its last answer (at most 7 days ago) or since `since`.

    Sources run one at a time: arXiv allows one connection.
    """
    options = options or IngestOptions()
    async with Fetcher(db, client, clock) as fetcher, AnswerParser() as parser:
        context = IngestContext(db, fetcher, parser, clock, options.on_page)
        in_order = sorted(sources, key=lambda source: isinstance(source, EnrichmentSource))
        reports = []
        for source in in_order:
            with span("ingest", source=source.name):
                reports.append(await visit_source(context, source, since))
        return IngestReport(tuple(reports))


def ingest_files(db: Database, files: Sequence[tuple[str, Path]], now: datetime) -> IngestReport:
    """Store JSONL files as sources of these names: a sample day without network."""
    reports = []
    for name, path in files:
        report = SourceReport(name)
        page = JsonlFile(path).parse(read_file(path))
        report.count(page, store_page(db, name, page.sightings, now))
        reports.append(report)
    return IngestReport(tuple(reports))
