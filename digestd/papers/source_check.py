"""Fetch one page of a source for `source check`.

Store nothing, and report what looks wrong.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digestd.domain.paper import Paper, Sighting
from digestd.errors import SourceFailed
from digestd.fetching.answer_parser import AnswerParser
from digestd.fetching.fetch import Client, Fetcher, Validators, fetch_file
from digestd.sources.source import EnrichmentSource, Page, Request, Source
from digestd.store.database import Database

LOOK_BACK = timedelta(days=3)
PAGES = 3
"""So many pages are asked for until one has papers: a search gives a list first, then the papers."""
OLD = timedelta(days=7)
MOST = 0.5
"""More than this share of the records lacking something looks like another form, not like an odd record."""


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """One page of a source. `asked`: the address; `concerns`: one sentence per problem."""

    source: str
    asked: str
    size: int
    page: Page
    concerns: tuple[str, ...]


async def sample_source(
    db: Database, source: Source, client: Client, clock: Callable[[], datetime], known: Sequence[Paper] = ()
) -> SourceCheck:
    """Fetch the first page with papers and parse it.

    `known`: papers to ask citations or stars for.

    Raises SourceFailed where there is no usable answer.
    """
    if isinstance(source, EnrichmentSource):
        source = source.for_papers(known)
    since, cursor = clock() - LOOK_BACK, None
    request = source.requests(since, cursor)
    if request is None:
        raise SourceFailed(
            f"{source.name} only adds to known papers, and there are none yet; `digestd ingest` fetches some"
        )
    async with Fetcher(db, client, clock) as fetcher, AnswerParser() as parser:
        for _page in range(PAGES):
            sent, body = request, await _body(fetcher, source, request)
            page = await parser.parse(source, body, cursor)
            cursor = page.next
            request = source.requests(since, cursor) if cursor else None
            if page.sightings or page.rejects or request is None:
                break
    return SourceCheck(source.name, sent.url, len(body), page, tuple(concerns(page, clock())))


def concerns(page: Page, now: datetime) -> Iterator[str]:
    """Yield what looks wrong with a page."""
    found = page.sightings
    if page.rejects:
        yield f"{len(page.rejects)} of {len(found) + len(page.rejects)} records cannot be read"
    if not found:
        yield "no paper came; on a weekend or a holiday that may be right"
        return
    if all(sighting.announced == "signals" for sighting in found):
        return
    yield from _lacking(found)
    dates = [sighting.published for sighting in found if sighting.published]
    if dates and max(dates) < now - OLD:
        yield f"the newest paper is of {max(dates):%Y-%m-%d}; the source may have stopped"
    if dates and max(dates) > now + timedelta(days=2):
        yield f"a paper is dated {max(dates):%Y-%m-%d}, which is yet to come"
    names = [sighting.ids[0] for sighting in found]
    if len(set(names)) < len(names):
        yield f"{len(names) - len(set(names))} records name a paper that another one names too"


async def _body(fetcher: Fetcher, source: Source, request: Request) -> bytes:
    if request.url.startswith("file:"):
        return fetch_file(request.url, Validators()).body or b""
    answer = await fetcher.fetch(request, source.rate_limit)
    return answer.body or b""


def _lacking(found: Sequence[Sighting]) -> Iterator[str]:
    parts: dict[str, Callable[[Sighting], object]] = {
        "abstract": lambda sighting: sighting.words.abstract,
        "author": lambda sighting: sighting.words.authors,
        "date": lambda sighting: sighting.published,
        "web address": lambda sighting: sighting.url or not sighting.ids[0].startswith("feed:"),
    }
    for name, part in parts.items():
        without = sum(not part(sighting) for sighting in found)
        if without > MOST * len(found):
            yield f"{without} of {len(found)} papers have no {name}"
    nameless = sum(sighting.ids[0].startswith("feed:") for sighting in found)
    if nameless > MOST * len(found):
        yield f"{nameless} of {len(found)} papers have neither arXiv id nor DOI: other sources are harder to join"
