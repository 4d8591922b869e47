"""Fetch politely, tell which sightings are one work, and put them into the store.

fetch       one polite fetcher: pace, validators, limits
identity    which sightings are one work (pure)
merge       what to write of them, given what is known (pure)
pages       one page into the store: gather, decide, apply
likeness    whether two sightings without an identifier in common are one work (pure)
twins       papers joined by likeness or by an operator, and split again
reading     one source, page by page
drift       whether an answer has lost what all before it had (pure)
rhythm      when a day's papers are due, and about how many (pure)
coverage    what became of each day of a source (pure)
backfill    missed days, by another interface of the same source
visit       one source from gathering to noting
run         every source
imports     `paper import`: lines of JSON, in blocks
embed       let the dense model, where there is one, read every paper once
"""

from digestd.ingest.embed import embed
from digestd.ingest.fetch import Client, Fetcher, Limits
from digestd.ingest.imports import ImportReport, import_papers
from digestd.ingest.report import IngestReport, SourceReport
from digestd.ingest.run import Via, ingest, ingest_files
from digestd.ingest.twins import merge_papers, split_paper

__all__ = [
    "Client",
    "Fetcher",
    "ImportReport",
    "IngestReport",
    "Limits",
    "SourceReport",
    "Via",
    "embed",
    "import_papers",
    "ingest",
    "ingest_files",
    "merge_papers",
    "split_paper",
]
