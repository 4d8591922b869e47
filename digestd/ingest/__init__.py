"""Fetch papers politely, decide which sightings are one work, and store them.

Entry points: `ingest` reads every source, `import_papers` a file; `merge_papers` and
`split_paper` act for an operator; `read_library` reads a subscriber's library, of which
nothing becomes a paper; `embed` encodes papers for the dense model. Knows nothing of
subscribers, digests or mail.

Fetching:
    fetch               one polite fetcher; it knows no formats
    host_scheduler      when a host may be asked, over all processes
    rate_limit_headers  what a host's headers ask for (pure)
    circuit_breaker     hosts that keep failing are left alone
    network             connections to exactly the address that was checked
    ssrf_guard          which addresses are public (pure)
    body, files         answers and files within limits
    credentials         which key goes to which host
    recordings          answers kept in a folder, and read from it
    reader              answers parsed in a process of its own (confined, decoding)

One paper from many sightings:
    identity            by identifiers (pure)
    similarity          by title, authors and abstract (pure; normalization)
    deduplication       papers merged by similarity or by an operator, and split again
    merge               what to write for a page (pure; text_selection)
    pages               one page into the store

Every day of every source:
    run, visit, reading every source, one of them, its pages; report: the outcome
    expected_schedule   when a day's papers are due, and how many (pure)
    coverage            the state of each day (pure); format_change: lost fields (pure)
    backfill            missed days, from another interface of the same source
    check               `source check`: one page, and what looks wrong with it
"""

from digestd.ingest.deduplication import merge_papers, split_paper
from digestd.ingest.embed import embed
from digestd.ingest.fetch import Client, Fetcher, Limits
from digestd.ingest.host_scheduler import NotNowError
from digestd.ingest.imports import PaperImportReport, import_papers
from digestd.ingest.libraries import KeyRefused, LibraryGone, Listing, ask_rights, keyed, read_library
from digestd.ingest.reader import AnswerParser
from digestd.ingest.report import IngestReport, SourceReport
from digestd.ingest.run import Via, ingest, ingest_files

__all__ = [
    "AnswerParser",
    "Client",
    "Fetcher",
    "IngestReport",
    "KeyRefused",
    "LibraryGone",
    "Limits",
    "Listing",
    "NotNowError",
    "PaperImportReport",
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
