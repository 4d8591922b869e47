"""New works in journals, by ISSN: `crossref:1234-5679+2049-3630`; preprints of ChemRxiv: `chemrxiv`.

GET https://api.crossref.org/works, documented at https://api.crossref.org/swagger-ui/index.html. Works are
selected by the day Crossref registered them (`from-created-date`): publication dates may lie in the future
or be a year only, and the index date changes with every citation. Works published more than a year earlier
are back files and excluded. The contact in the User-Agent opens the polite pool. Retractions withdraw the
work they are about; corrections and similar notices are skipped.
"""

import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Self
from urllib.parse import urlencode

from digestd.domain.paper import PaperId, Sighting, doi_id
from digestd.errors import BadInput, BadRecord, SourceFailed
from digestd.sources.dates import midnight, publication_day
from digestd.sources.identifiers import doi_at, doi_page, is_preprint, registrant, unique_ids, without_version
from digestd.sources.json_records import (
    JsonObject,
    as_list,
    list_at,
    object_at,
    objects_at,
    parse_count,
    text_at,
    text_values,
)
from digestd.sources.paging import Listing, PagedSource, Place
from digestd.sources.retractions import retraction
from digestd.sources.source import (
    RateLimit,
    Request,
    affiliations_of,
    clean_line,
    make_words,
    quote_service,
    venue_name,
    with_ror,
    with_subtitle,
)
from digestd.text.markup import html_to_text, with_spaces

LATE = timedelta(days=1)
"""Overlap with the last run: dates have no time, and works are indexed some time after deposit."""
BACK_FILE = timedelta(days=365)
PAGE_SIZE = 200

_ISSN = re.compile(r"\d{4}-\d{3}[\dX]")
_SELECT = (
    "DOI,title,subtitle,author,abstract,container-title,issued,published-online,posted,created,type,relation,update-to,"
    "group-title"
)
_DATES = ("published-online", "posted", "issued", "created")
_NO_PAPERS = frozenset({"journal", "journal-issue", "journal-volume", "proceedings", "component", "peer-review"})
_TAKES_BACK = frozenset({"retraction", "withdrawal", "removal"})
_CORRECTION = re.compile(
    r"(?:(?:author|publisher)(?:[’']s)? )?(?:correction|corrigendum|erratum)(?: to\b| for\b|:)", re.IGNORECASE
)
_TAKEN_BACK = re.compile(r"\A\W*(retracted|withdrawn)(\s+(article|paper|chapter))?\s*[:\])–—-]\s*", re.IGNORECASE)
PREFIX = "10.26434"
_SUBJECT = re.compile(r"[A-Z][A-Za-z ]{2,60}")
_VERSIONED = re.compile(r"(doi:10\.26434/chemrxiv[^\s/]{1,80}?)[-./]v(\d{1,3})")


class _Works(PagedSource):
    """Works at Crossref. The mark of a page is Crossref's cursor, which expires after five minutes."""

    __slots__ = ()
    rate_limit = RateLimit("api.crossref.org", 1.0, exclusive=True)
    """Far below both pools: they had 5 to 10 requests per second in 2026, see `x-rate-limit-limit`."""
    repeats_mark = True
    has_notices = True

    @abstractmethod
    def filters(self) -> list[str]:
        """Return what selects the works, besides their days."""

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the next page."""
        created = (since - LATE).date()
        days = [f"from-created-date:{created}", f"from-pub-date:{created - BACK_FILE}"]
        query = {
            "filter": ",".join([*self.filters(), *days]),
            "select": _SELECT,
            "rows": str(PAGE_SIZE),
            "cursor": Place.from_cursor(cursor).mark or "*",
        }
        return Request(f"https://api.crossref.org/works?{urlencode(query)}", fresh=True)

    def open(self, found: JsonObject) -> Listing:
        message = read_message(found)
        return Listing(list_at(message, "items"), parse_count(message.get("total-results")), message.get("next-cursor"))

    def read(self, record: JsonObject) -> Iterator[Sighting]:
        return read_work(record)


@dataclass(frozen=True, slots=True)
class Crossref(_Works):
    """New works of some journals."""

    issns: tuple[str, ...]

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from ISSNs."""
        found = tuple(dict.fromkeys(argument.upper().replace(" ", "+").split("+")))
        if not 1 <= len(found) <= 18 or not all(_ISSN.fullmatch(issn) for issn in found):
            raise BadInput(f"crossref: {argument[:80]!r} is not a list of ISSNs; write 1 to 18 of them like 1234-5679")
        return cls(found)

    @property
    def name(self) -> str:
        return f"crossref:{'+'.join(self.issns)}"

    def filters(self) -> list[str]:
        return [f"issn:{issn}" for issn in self.issns]


@dataclass(frozen=True, slots=True)
class Chemrxiv(_Works):
    """New preprints of ChemRxiv, of some subjects or of all.

    ChemRxiv's own interface went with its former platform. Crossref has titles, abstracts, people, the subject
    (`group-title`) and the article that a preprint became. Each version of a preprint has a DOI of its own, which ends
    with `-v2` or `/v2`.
    """

    subjects: tuple[str, ...] = ()

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from subjects."""
        found = tuple(dict.fromkeys(" ".join(name.split()) for name in argument.split("+"))) if argument else ()
        if len(argument) > 180 or not all(_SUBJECT.fullmatch(name) for name in found):
            raise BadInput(
                f"chemrxiv: {argument[:80]!r} is not a list of subjects; write them like chemrxiv:Catalysis+Energy, or "
                "chemrxiv alone for all"
            )
        return cls(found)

    @property
    def name(self) -> str:
        return f"chemrxiv:{'+'.join(self.subjects)}" if self.subjects else "chemrxiv"

    def filters(self) -> list[str]:
        """Return the DOI prefix and type of the preprints; Crossref cannot select their subjects."""
        return [f"prefix:{PREFIX}", "type:posted-content"]

    def read(self, record: JsonObject) -> Iterator[Sighting]:
        """Yield a preprint of the subjects, under the DOI of its first version."""
        subject = clean_line(html_to_text(text_at(record, "group-title")), 100)
        if self.subjects and subject.lower() not in {name.lower() for name in self.subjects}:
            return
        for sighting in read_work(record):
            words = replace(sighting.words, categories=(subject,) if subject else ())
            yield _as_version(replace(sighting, words=words, venue=""))


def read_message(found: JsonObject) -> JsonObject:
    """Return the message of the envelope. Raises SourceFailed quoting Crossref's error."""
    message = found.get("message")
    if found.get("status") == "ok" and isinstance(message, dict):
        return message
    messages = [str(error.get("message")) for error in as_list(message) if isinstance(error, dict)]
    if not messages:
        raise SourceFailed("the answer is not a list of works; its format has changed")
    raise SourceFailed(quote_service("Crossref", "; ".join(messages)))


def read_work(work: JsonObject) -> Iterator[Sighting]:
    """Yield the work, or the works that it retracts if it is a notice."""
    updates = objects_at(work, "update-to")
    kinds = {text_at(update, "type") for update in updates}
    if kinds & _TAKES_BACK:
        yield from _taken_back(work, updates)
    elif not kinds - {"new_version", "new_edition"} and not _is_notice(work):
        yield _sighting(work)


def _is_notice(work: JsonObject) -> bool:
    """Return True for what is no paper, and for corrections that do not say what they correct."""
    title = next(iter(text_values(work.get("title"))), "")
    return text_at(work, "type") in _NO_PAPERS or (
        _CORRECTION.match(title) is not None and not html_to_text(text_at(work, "abstract")).strip()
    )


def _taken_back(notice: JsonObject, updates: Sequence[JsonObject]) -> Iterator[Sighting]:
    """Yield the works that a notice retracts, under the title it repeats. Some are retracted in place."""
    own, title = doi_id(text_at(notice, "DOI")), _title(notice)
    for update in updates:
        if text_at(update, "type") not in _TAKES_BACK:
            continue
        original = doi_id(text_at(update, "DOI"))
        if original is None:
            raise BadRecord("update-to", f"{text_at(update, 'DOI')[:80]!r} is not a DOI")
        if original == own:
            yield replace(_sighting(notice), announced="replace", day=_created(notice), withdrawn=True)
        else:
            yield retraction(original, title, _created(notice))


def _sighting(work: JsonObject) -> Sighting:
    own = doi_at(work, "DOI")
    title = _title(work)
    withdrawn = _TAKEN_BACK.match(title) is not None
    journals = [html_to_text(name) for name in text_values(work.get("container-title"))]
    return Sighting(
        ids=_ids(own, work),
        words=make_words(
            _TAKEN_BACK.sub("", title, 1) or title,
            html_to_text(with_spaces(text_at(work, "abstract"))),
            _authors(work),
            journals,
        ),
        published=_published(work),
        announced="replace" if withdrawn else "new",
        url=doi_page([own]),
        day=_created(work),
        withdrawn=withdrawn,
        venue=venue_name(journals[0]) if journals else "",
        affiliations=affiliations_of(_affiliations(work)),
    )


def _title(work: JsonObject) -> str:
    """Return the first title with its subtitle; covers and tables of contents have none."""
    titles = text_values(work.get("title"))
    if not titles:
        raise BadRecord("title", "is missing or empty; every paper needs one")
    return with_subtitle(_plain(titles[0]), _plain(next(iter(text_values(work.get("subtitle"))), "")))


def _plain(marked: str) -> str:
    return clean_line(html_to_text(with_spaces(marked)), 10_000)


def _authors(work: JsonObject) -> list[str]:
    """Return `given family suffix`, or the name of a group."""
    return [
        text_at(author, "name") or " ".join(text_at(author, key) for key in ("given", "family", "suffix"))
        for author in objects_at(work, "author")
    ]


def _affiliations(work: JsonObject) -> Iterator[str]:
    for author in objects_at(work, "author"):
        for one in objects_at(author, "affiliation"):
            ids = (text_at(named, "id") for named in objects_at(one, "id") if text_at(named, "id-type") == "ROR")
            yield with_ror(html_to_text(text_at(one, "name")), next(ids, ""))


def _ids(own: PaperId, work: JsonObject) -> tuple[PaperId, ...]:
    """Return the DOI, and the identifiers of its preprint or its journal version that Crossref knows.

    A preprint may be on several servers and in several versions. If two works of one server are named, or two
    journals, one of them is another work, and none of them is used.
    """
    relation = object_at(work, "relation")
    versions = (name for name in _related(relation, "is-version-of") if is_preprint(name))
    servers: dict[str, list[PaperId]] = {"journal": list(_related(relation, "is-preprint-of"))}
    for name in chain(filter(_may_be_preprint, _related(relation, "has-preprint")), versions):
        servers.setdefault(registrant(name), []).append(name)
    clear = (names for names in servers.values() if len({*map(without_version, names)}) == 1)
    return unique_ids([own, *chain.from_iterable(clear)])


def _may_be_preprint(name: PaperId) -> bool:
    """Return False for a journal of the registrant of bioRxiv, such as Genome Research."""
    return is_preprint(name) or registrant(name) not in {"10.1101", "10.64898"}


def _related(relation: JsonObject, kind: str) -> Iterator[PaperId]:
    for other in objects_at(relation, kind):
        if text_at(other, "id-type") in {"doi", "arxiv"}:
            written = text_at(other, "id")
            named = doi_id(written) or doi_id(f"10.48550/arXiv.{written}")
            if named:
                yield named


def _published(work: JsonObject) -> datetime:
    created = _created(work)
    for key in _DATES:
        if found := publication_day(_parts(work, key), created):
            return midnight(found)
    raise BadRecord("issued", "no date that can be read")


def _created(work: JsonObject) -> date | None:
    return publication_day(_parts(work, "created"), None)


def _parts(work: JsonObject, key: str) -> list[object]:
    """Return the first of `date-parts`. [[2026, 11, 24]], [[2026, 11]], [[2026]], or [[null]] for none."""
    return as_list(next(iter(as_list(object_at(work, key).get("date-parts"))), None))[:3]


def _as_version(sighting: Sighting) -> Sighting:
    own, *others = sighting.ids
    found = _VERSIONED.fullmatch(own)
    if found is None:
        return sighting
    version = int(found[2])
    announced = sighting.announced if version <= 1 else "replace"
    return replace(sighting, ids=unique_ids([PaperId(found[1]), own, *others]), version=version, announced=announced)
