"""A cold start: somebody's own references become papers they like.

The file is read in the confined process, as every stranger's bytes are. What it says stays with the subscriber: a
paper that a source knows is liked as that paper, any other as their private reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from digestd.domain.paper import Sighting
from digestd.domain.reference import reference_of
from digestd.fetching.parser_process import ParserProcess
from digestd.sources.imports import FormatDetector, ReferenceFile
from digestd.sources.source import Page, Reject
from digestd.store.database import Database
from digestd.subscribers.liking import like

_UNDATED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Started:
    """What became of the papers of a file; `refused`: the entries that did not go in."""

    added: int
    unchanged: int
    refused: tuple[Reject, ...]


async def read_references(body: bytes, form: str = "") -> tuple[str, Page]:
    """The format of a file, named or recognised, and what it says.

    Raises SourceFailed with the remedy, BadInput for a format there is none of.
    """
    asked = ReferenceFile(form)
    async with ParserProcess() as reader:
        if not form:
            form = (await reader.parse(FormatDetector(), body, None)).next or ""
            asked = ReferenceFile(form)
        return form, await reader.parse(asked, body, None)


def start(db: Database, subscriber: int, page: Page, now: datetime) -> Started:
    """Have a subscriber like the papers of a page, the newest first where there is no room for all. Raises NotFound."""
    brought = [reference_of(sighting) for sighting in _newest_first(page.sightings)]
    liked = like(db, subscriber, brought, now)
    beyond = [Reject((one.words.title or one.name)[:80], "likes", _FULL) for one in liked.beyond]
    return Started(len(liked.added), len(liked.unchanged), (*page.rejects, *beyond))


_FULL = "there is no room for it; drop liked papers, or let a shorter file name the ones that count"


def _newest_first(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Those without a date last, in the order of the file."""
    return sorted(sightings, key=lambda sighting: sighting.published or _UNDATED, reverse=True)
