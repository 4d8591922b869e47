"""Fetch politely, tell which sightings are one work, and put them into the store.

Asking:
    fetch        one polite fetcher; it knows no formats
    turns        when a host may be asked, over all processes; manners, breaker: what it asks of us, how it fails
    network      connections to exactly the address that was checked; inward: which lead inside
    body, files  answers within limits; files read as if they had been fetched
    credentials  which key goes to which host
    recordings   answers kept in a folder, and read from it
    reader       answers parsed in a process of their own (confined); decoding: what it sends, checked

One paper of many sightings:
    identity     by identifiers (pure)
    likeness…    by title, authors and abstract, where no identifier says so (pure)
    merge        what to write of a page, given what is known (pure); wording: in whose words (pure)
    pages        one page into the store: gather, decide, apply
    twins        papers joined by likeness or by an operator, and split again
    imports      `paper import`: lines of JSON, in blocks
    libraries    subscribers' libraries at Zotero or ORCID, read at their keeper; nothing of them becomes a paper
    embed        the dense model, where there is one, reads every paper once

Every day of every source:
    run          every source; visit: one of them; reading: its pages; report: what came of it
    rhythm       when a day's papers are due, and about how many (pure)
    coverage     what became of each day (pure); drift: whether answers lost what they had (pure)
    backfill     missed days, by another interface of the same source
    check        `source check`: a page, and what looks wrong with it
"""

from digestd.ingest.deduplication import merge_papers, split_paper
from digestd.ingest.embed import embed
from digestd.ingest.fetch import Client, Fetcher, Limits
from digestd.ingest.host_scheduler import NotNowError
from digestd.ingest.imports import ImportReport, import_papers
from digestd.ingest.libraries import KeyRefused, LibraryGone, Listing, ask_rights, keyed, read_library
from digestd.ingest.reader import Reader
from digestd.ingest.report import IngestReport, SourceReport
from digestd.ingest.run import Via, ingest, ingest_files

__all__ = [
    "Client",
    "Fetcher",
    "ImportReport",
    "IngestReport",
    "KeyRefused",
    "LibraryGone",
    "Limits",
    "Listing",
    "NotNowError",
    "Reader",
    "SourceReport",
    "Via",
    "ask_rights",
    "embed",
    "import_papers",
    "ingest",
    "ingest_files",
    "keyed",
    "merge_papers",
    "read_library",
    "split_paper",
]
