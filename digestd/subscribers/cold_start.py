"""Start a profile from a reference file: its entries become liked papers.

The file is parsed in the confined parser process, like all untrusted input. Its entries stay with the subscriber: one
that a source knows is liked as that paper, any other as a private reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from digestd.domain.paper import Sighting
from digestd.domain.reference import reference_of
from digestd.fetching.answer_parser import AnswerParser
from digestd.sources.imports import FormatDetector, ReferenceFile
from digestd.sources.source import Page, Reject
from digestd.store.database import Database
from digestd.subscribers.liked_papers import add_likes

_UNDATED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ColdStartReport:
    """Counts of the entries of a file, and the entries that were rejected."""

    added: int
    unchanged: int
    refused: tuple[Reject, ...]


async def read_references(body: bytes, form: str = "") -> tuple[str, Page]:
    """Parse a reference file.

    Args:
        form: the name of its format; empty to recognise it.

    Returns:
        The name of the format, and the entries.

    Raises:
        SourceFailed: the file cannot be parsed; the message says what to do.
        BadInput: there is no such format.
    """
    source = ReferenceFile(form)
    async with AnswerParser() as parser:
        if not form:
            form = (await parser.parse(FormatDetector(), body, None)).next or ""
            source = ReferenceFile(form)
        return form, await parser.parse(source, body, None)


def import_references(db: Database, subscriber: int, page: Page, now: datetime) -> ColdStartReport:
    """Add the entries of a parsed file to the liked papers.

    The newest first if there is not room for all.

    Raises:
        NotFound: there is no such subscriber.
    """
    references = [reference_of(sighting) for sighting in _newest_first(page.sightings)]
    report = add_likes(db, subscriber, references, now)
    beyond = [Reject((one.words.title or one.name)[:80], "likes", _FULL) for one in report.beyond]
    return ColdStartReport(len(report.added), len(report.unchanged), (*page.rejects, *beyond))


_FULL = "there is no room for it; drop liked papers, or let a shorter file name the ones that count"


def _newest_first(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Sort by date, newest first.

    Entries without a date come last in the order of the file.
    """
    return sorted(sightings, key=lambda sighting: sighting.published or _UNDATED, reverse=True)
