"""New works in journals, by ISSN: `crossref:1234-5679+2049-3630`.

https://api.crossref.org/swagger-ui/index.html. Works are found by the day Crossref first heard of
them (`from-created-date`): the date of publication is often a month to come or only a year, and the
index date changes with every new citation. What was published more than a year before is a back
file, and not asked for. A contact is given in the User-Agent, which opens the polite pool.
Retractions withdraw the work they are about; corrections and the like are no papers and left out.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Self
from urllib.parse import urlencode

from digestd.domain.paper import PaperId, Sighting, doi_id
from digestd.errors import BadInput, BadRecord, SourceFailed
from digestd.sources.dates import midnight, presumed
from digestd.sources.jats import words_of
from digestd.sources.json_records import Object, load, many, number, part, read, records, text, texts
from digestd.sources.retractions import heeded, title_repeated
from digestd.sources.source import Pace, Page, Request, reported, squeeze, trusted, web_url, words

LATE = timedelta(days=1)
"""Asked for again: dates are whole days, and a work is indexed some time after its deposit."""
BACK_FILE = timedelta(days=365)
PAGE_SIZE = 200

_ISSN = re.compile(r"\d{4}-\d{3}[\dX]")
_SELECT = "DOI,title,author,abstract,container-title,issued,published-online,posted,created,type,relation,update-to"
_DATES = ("published-online", "posted", "issued", "created")
_NO_PAPERS = frozenset({"journal", "journal-issue", "journal-volume", "proceedings", "component", "peer-review"})
_TAKES_BACK = frozenset({"retraction", "withdrawal", "removal"})
_TAKEN_BACK = re.compile(r"\A\W*(retracted|withdrawn)(\s+(article|paper|chapter))?\s*[:\])–—-]\s*", re.IGNORECASE)
_PREPRINT = re.compile(r"arxiv:.*|doi:10\.(1101|64898)/(\d{4}\.\d\d\.\d\d\.)?\d{6,8}")


@dataclass(frozen=True, slots=True)
class Crossref:
    """What Crossref newly knows of some journals."""

    issns: tuple[str, ...]

    @classmethod
    def of(cls, argument: str) -> Self:
        """Of a spec's ISSNs."""
        found = tuple(dict.fromkeys(argument.upper().replace(" ", "+").split("+")))
        if not 1 <= len(found) <= 18 or not all(_ISSN.fullmatch(issn) for issn in found):
            raise BadInput(f"crossref: {argument[:80]!r} is no list of ISSNs; write 1 to 18 of them like 1234-5679")
        return cls(found)

    @property
    def name(self) -> str:
        """`crossref:` and the ISSNs."""
        return f"crossref:{'+'.join(self.issns)}"

    @property
    def pace(self) -> Pace:
        """Far below what either pool allows (5 to 10 a second in 2026, told in `x-rate-limit-limit`)."""
        return Pace("api.crossref.org", 1.0, alone=True)

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """The next page; Crossref's own cursor, which lives for five minutes, is the last part of ours."""
        created = (since - LATE).date()
        filters = [f"issn:{issn}" for issn in self.issns]
        filters += [f"from-created-date:{created}", f"from-pub-date:{created - BACK_FILE}"]
        query = {
            "filter": ",".join(filters),
            "select": _SELECT,
            "rows": str(PAGE_SIZE),
            "cursor": _place(cursor)[1],
        }
        return Request(f"https://api.crossref.org/works?{urlencode(query)}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Read one page; an empty one before all have come is to be asked for again."""
        message = _message(load(body))
        works = records(message, "items")
        before, _ = _place(cursor)
        total = number(message.get("total-results"))
        after = _next(message, before + len(works), total) if works else None
        if not works and before < (total or 0):
            after = cursor or "0"
        sightings, rejects = read(works, _sightings)
        return trusted(Page(heeded(sightings), after, tuple(rejects), total))


def _place(cursor: str | None) -> tuple[int, str]:
    """How many works came before a page, and Crossref's cursor for it."""
    before, _, theirs = (cursor or "0").partition("@")
    return int(before), theirs or "*"


def _next(message: Object, received: int, total: int | None) -> str | None:
    theirs = message.get("next-cursor")
    if not isinstance(theirs, str) or not theirs or (total is not None and received >= total):
        return None
    return f"{received}@{squeeze(theirs, 1_000)}"


def _message(found: Object) -> Object:
    """What is in the envelope. Raises SourceFailed with Crossref's words where it is an error."""
    message = found.get("message")
    if found.get("status") == "ok" and isinstance(message, dict):
        return message
    said = [str(error.get("message")) for error in many(message) if isinstance(error, dict)]
    if not said:
        raise SourceFailed("the answer is no list of works; its form has changed")
    raise SourceFailed(reported("Crossref", "; ".join(said)))


def _sightings(work: Object) -> Iterator[Sighting]:
    """What a work says: of itself, or as a notice of those that it takes back."""
    updates = [update for update in many(work.get("update-to")) if isinstance(update, dict)]
    kinds = {text(update, "type") for update in updates}
    if kinds & _TAKES_BACK:
        yield from _taken_back(work, updates)
    elif not kinds - {"new_version", "new_edition"} and text(work, "type") not in _NO_PAPERS:
        yield _sighting(work)


def _taken_back(notice: Object, updates: Sequence[Object]) -> Iterator[Sighting]:
    """The works that a notice takes back, under the title that it repeats; some are taken back in their own place."""
    own, title = doi_id(text(notice, "DOI")), _title(notice)
    for update in updates:
        if text(update, "type") not in _TAKES_BACK:
            continue
        original = doi_id(text(update, "DOI"))
        if original is None:
            raise BadRecord("update-to", f"{text(update, 'DOI')[:80]!r} is no DOI")
        found = _sighting(notice) if original == own else Sighting((original,), words(title_repeated(title)))
        yield replace(found, announced="replace", day=_created(notice), withdrawn=True)


def _sighting(work: Object) -> Sighting:
    own = doi_id(text(work, "DOI"))
    if own is None:
        raise BadRecord("DOI", f"{text(work, 'DOI')[:80]!r} is no DOI")
    title = _title(work)
    withdrawn = _TAKEN_BACK.match(title) is not None
    return Sighting(
        ids=_ids(own, work),
        words=words(
            _TAKEN_BACK.sub("", title, 1) or title,
            words_of(text(work, "abstract")),
            _authors(work),
            [words_of(name) for name in texts(work.get("container-title"))],
        ),
        published=_published(work),
        announced="replace" if withdrawn else "new",
        url=web_url(f"https://doi.org/{own.removeprefix('doi:')}") if own.startswith("doi:") else None,
        day=_created(work),
        withdrawn=withdrawn,
    )


def _title(work: Object) -> str:
    """The first title; the list of them is empty for covers and lists of contents."""
    titles = texts(work.get("title"))
    if not titles:
        raise BadRecord("title", "is missing or empty; every paper needs one")
    return squeeze(words_of(titles[0]), 10_000)


def _authors(work: Object) -> list[str]:
    """`given family suffix`, or the name of a group."""
    found = [author for author in many(work.get("author")) if isinstance(author, dict)]
    return [
        text(author, "name") or " ".join(text(author, key) for key in ("given", "family", "suffix")) for author in found
    ]


def _ids(own: PaperId, work: Object) -> tuple[PaperId, ...]:
    """Its own, and the one other identifier of the same work that Crossref knows.

    A preprint's journal version, or a version at arXiv, bioRxiv or medRxiv. Where several are
    named, one of them may be another work, so none counts.
    """
    relation = part(work, "relation")
    journals = _related(relation, "is-preprint-of")
    versions = chain(_related(relation, "has-preprint"), _related(relation, "is-version-of"))
    others = {*journals, *(name for name in versions if _PREPRINT.fullmatch(name))} - {own}
    return (own, *others) if len(others) == 1 else (own,)


def _related(relation: Object, kind: str) -> Iterator[PaperId]:
    for other in many(relation.get(kind)):
        if isinstance(other, dict) and text(other, "id-type") in {"doi", "arxiv"}:
            written = text(other, "id")
            named = doi_id(written) or doi_id(f"10.48550/arXiv.{written}")
            if named:
                yield named


def _published(work: Object) -> datetime:
    created = _created(work)
    for key in _DATES:
        if found := presumed(_parts(work, key), created):
            return midnight(found)
    raise BadRecord("issued", "no date that can be read")


def _created(work: Object) -> date | None:
    return presumed(_parts(work, "created"), None)


def _parts(work: Object, key: str) -> list[object]:
    """`date-parts`: [[2026, 11, 24]], [[2026, 11]], [[2026]], and [[null]] for none."""
    return many(next(iter(many(part(work, key).get("date-parts"))), None))[:3]
