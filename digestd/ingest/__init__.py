"""Fetch politely, tell which sightings are one work, and put them into the store.

fetch       one polite fetcher: pace, validators, limits
identity    which sightings are one work (pure)
merge       what to write of them, given what is known (pure)
pages       one page into the store: gather, decide, apply
run         every source, page by page
imports     `paper import`: lines of JSON, in blocks
embed       let the dense model, where there is one, read every paper once
"""

from digestd.ingest.embed import embed
from digestd.ingest.fetch import Client, Fetcher, Limits
from digestd.ingest.imports import ImportReport, import_papers
from digestd.ingest.run import IngestReport, SourceReport, ingest, ingest_files

__all__ = [
    "Client",
    "Fetcher",
    "ImportReport",
    "IngestReport",
    "Limits",
    "SourceReport",
    "embed",
    "import_papers",
    "ingest",
    "ingest_files",
]
