"""Semantic Scholar: citation counts and summaries (`s2-citations`), similar papers (`s2-recommend:ID+ID`).

POST https://api.semanticscholar.org/graph/v1/paper/batch and the recommendations API, documented at
https://api.semanticscholar.org/api-docs/. Both work without a key from a shared pool that is often exhausted.
Subscribers' interests are never sent: the papers asked about are the week's candidates, and the seeds of
recommendations are set by the operator.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from urllib.parse import urlencode

from digestd.domain.paper import SUMMARY_MAX, Paper, PaperId, Sighting, Words, doi_id, paper_id
from digestd.errors import BadInput, BadRecord, SourceFailed
from digestd.sources.dates import iso_day, midnight, publication_day
from digestd.sources.identifiers import unique_ids
from digestd.sources.json_records import (
    JsonObject,
    list_at,
    load_json,
    object_at,
    objects_at,
    parse_count,
    require_object,
    text_at,
)
from digestd.sources.paging import Listing, PagedSource
from digestd.sources.source import (
    Page,
    RateLimit,
    Request,
    check_rejects,
    clean_line,
    make_words,
    quote_service,
    read_each,
    venue_name,
    web_url,
)

BATCH = 500
"""So many papers may be asked about at once."""
RECOMMENDED = 100
SEEDS_MAX = 10

_API = "https://api.semanticscholar.org"
_PACE = RateLimit("api.semanticscholar.org", 1.5, exclusive=True)
"""A key allows one request a second; without one, patience does not help, but is fair."""
_MEASURED = "externalIds,title,citationCount,influentialCitationCount,tldr"
_TOLD = "externalIds,title,abstract,authors,year,publicationDate,venue"
_SIGNALS = {"citations": "citationCount", "influential_citations": "influentialCitationCount"}
_SCHEMES = {"arxiv": "ARXIV:", "doi": "DOI:"}


@dataclass(frozen=True, slots=True)
class CitationCounts:
    """Citation counts and summaries. `papers`: names, titles and authors of the papers to ask about."""

    papers: tuple[tuple[PaperId, Words], ...] = ()

    name = "s2-citations"
    rate_limit = _PACE
    """Limit shared by both Semantic Scholar sources."""

    def for_papers(self, papers: Sequence[Paper]) -> Self:
        """Return a source for those of these papers that have an arXiv id or a DOI."""
        found = {
            paper.id: Words(paper.words.title, authors=paper.words.authors) for paper in papers if _theirs(paper.id)
        }
        return replace(self, papers=tuple(found.items()))

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the next batch; None without papers."""
        del since
        batch = self._batch(cursor)
        if not batch:
            return None
        body = json.dumps({"ids": [_theirs(name) for name, _ in batch]}).encode()
        return Request(f"{_API}/graph/v1/paper/batch?{urlencode({'fields': _MEASURED})}", fresh=True, body=body)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse a batch: one result per paper in the order asked, null for unknown papers."""
        batch = self._batch(cursor)
        answers = _answers(body)
        if len(answers) != len(batch):
            raise SourceFailed(f"{len(batch)} papers were asked about and {len(answers)} answers came")
        answered = ((name, (name, words, answer)) for (name, words), answer in zip(batch, answers, strict=True))
        sightings, rejects = read_each(answered, lambda one: _measured(*one))
        after = _start(cursor) + len(batch)
        return check_rejects(Page(tuple(sightings), str(after) if after < len(self.papers) else None, tuple(rejects)))

    def _batch(self, cursor: str | None) -> tuple[tuple[PaperId, Words], ...]:
        return self.papers[_start(cursor) :][:BATCH]


@dataclass(frozen=True, slots=True)
class Recommendations(PagedSource):
    """Papers similar to some seed papers."""

    seeds: tuple[PaperId, ...]

    rate_limit = _PACE
    """Limit shared by both Semantic Scholar sources."""

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from seed papers."""
        try:
            seeds = tuple(dict.fromkeys(paper_id(given) for given in argument.split("+")))
        except BadRecord as error:
            raise BadInput(f"s2-recommend: {error.message}") from error
        if len(seeds) > SEEDS_MAX or len("+".join(seeds)) > 180 or "," in argument or not all(map(_theirs, seeds)):
            raise BadInput(
                f"s2-recommend: {argument[:80]!r} is not a list of papers; write 1 to {SEEDS_MAX} arXiv ids or DOIs, "
                "as in s2-recommend:arxiv:2401.00001+doi:10.1101/2024.01.01"
            )
        return cls(seeds)

    @property
    def name(self) -> str:
        return f"s2-recommend:{'+'.join(self.seeds)}"

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the only request: recommendations are current, whatever `since` is."""
        del since
        if cursor is not None:
            return None
        body = json.dumps({"positivePaperIds": [_theirs(name) for name in self.seeds], "negativePaperIds": []}).encode()
        query = urlencode({"fields": _TOLD, "limit": RECOMMENDED})
        return Request(f"{_API}/recommendations/v1/papers?{query}", fresh=True, body=body)

    def open(self, found: JsonObject) -> Listing:
        _refuse_error(found)
        return Listing(list_at(found, "recommendedPapers"))

    def read(self, record: JsonObject) -> Iterator[Sighting]:
        """Yield the paper."""
        ids = _ids(record)
        own = text_at(record, "paperId")
        if not ids and not (own.isalnum() and own.isascii()):
            raise BadRecord("paperId", "there is not an arXiv id, no DOI, and no id of Semantic Scholar's")
        authors, venue = [text_at(author, "name") for author in objects_at(record, "authors")], text_at(record, "venue")
        yield Sighting(
            ids=ids or (PaperId(f"s2:{own.lower()[:100]}"),),
            words=make_words(text_at(record, "title"), text_at(record, "abstract"), authors, [venue]),
            published=_published(record),
            url=None if ids else web_url(f"https://www.semanticscholar.org/paper/{own[:100]}"),
            venue=venue_name(venue),
        )


def _theirs(name: PaperId) -> str:
    scheme, _, value = name.partition(":")
    return _SCHEMES[scheme] + value if scheme in _SCHEMES else ""


def _start(cursor: str | None) -> int:
    return int(cursor or "0")


def _answers(body: bytes) -> list[object]:
    found = load_json(body)
    if isinstance(found, dict):
        _refuse_error(found)
    if not isinstance(found, list):
        raise SourceFailed("the answer is not a list of papers; its format has changed")
    return found


def _refuse_error(found: JsonObject) -> None:
    message = found.get("error") or found.get("message")
    if message:
        raise SourceFailed(quote_service("Semantic Scholar", message))


def _measured(name: PaperId, words: Words, answer: object) -> Iterator[Sighting]:
    """Yield the signals and the summary of a paper under our own title and authors; theirs are not used."""
    if answer is None:
        return
    record = require_object(answer, "record")
    named = _ids(record)
    if name not in named and any(other.partition(":")[0] == name.partition(":")[0] for other in named):
        raise BadRecord("externalIds", f"is {', '.join(named)[:100]}, another paper than was asked about")
    counts = {signal: parse_count(record.get(key)) for signal, key in _SIGNALS.items()}
    signals = {signal: float(count) for signal, count in counts.items() if count is not None and count < 10**9}
    summary = clean_line(text_at(object_at(record, "tldr"), "text"), SUMMARY_MAX)
    if summary:
        yield Sighting((name,), words, announced="replace", signals=signals, summary=summary)
    elif signals:
        yield Sighting((name,), Words(words.title), announced="signals", signals=signals)


def _ids(record: JsonObject) -> tuple[PaperId, ...]:
    given = object_at(record, "externalIds")
    arxiv, doi = text_at(given, "ArXiv"), text_at(given, "DOI")
    return unique_ids([doi_id(f"10.48550/arXiv.{arxiv}") if arxiv else None, doi_id(doi) if doi else None])


def _published(record: JsonObject) -> datetime | None:
    """Return the publication day, else the first day of the year, else None."""
    found = iso_day(text_at(record, "publicationDate")) or publication_day([record.get("year")], None)
    return midnight(found) if found else None
