"""PubMed search: `pubmed:lake ecology[mesh] AND freezing`.

GET https://eutils.ncbi.nlm.nih.gov/entrez/eutils/esearch.fcgi, then efetch.fcgi, documented at
https://www.ncbi.nlm.nih.gov/books/NBK25499/ (E-utilities) and in the PubMed DTD. A search for recent entries
(`edat`) is stored on the server (`usehistory`) and its records are fetched page by page; the cursor tells the two
kinds of answers apart. Errors also arrive with status 200.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

from digestd.domain.paper import PaperId, Sighting, doi_id
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.dates import midnight, publication_day
from digestd.sources.identifiers import parse_pmcid, parse_pmid, unique_ids
from digestd.sources.json_records import JsonObject, as_list, load_object, object_at, parse_count, text_at
from digestd.sources.retractions import merge_retractions, retraction
from digestd.sources.source import (
    Page,
    RateLimit,
    Reject,
    Request,
    check_rejects,
    clean_line,
    counted,
    make_words,
    quote_service,
    reject_of,
    search_query,
    venue_name,
)
from digestd.sources.xml_elements import XmlElements, child_text, text_of

LATE = timedelta(days=1)
"""Overlap with the last run: dates have no time and are those of Washington."""
PAGE_SIZE = 200
_ROOTS = frozenset({"PubmedArticleSet", "eFetchResult"})
MOST = 9_999
"""Maximum number of records that PubMed returns for one search."""

_UTILITIES = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
_DOCTYPE = re.compile(
    rb"""(\s*(?:<\?xml[^<>]{0,200}\?>\s*)?)<!DOCTYPE\s+(?:PubmedArticleSet|eFetchResult)"""
    rb"""(?:\s+(?:PUBLIC\s+"[^"<>\[\]]*"|SYSTEM)\s+"[^"<>\[\]]*")?\s*>"""
)
_ERRORS = ("ERROR", "Error", "error")


_RETRACTED = "Retracted Publication"
_NOTICES = frozenset(
    {"Retraction of Publication", "Retraction Notice", "Published Erratum", "Expression of Concern"}
)  # fmt: skip
_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
           "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}  # fmt: skip
_YEAR = re.compile(r"\b(?:19|20|21)\d\d\b")


@dataclass(frozen=True, slots=True)
class Pubmed:
    """New PubMed entries that match a search."""

    term: str

    rate_limit = RateLimit("eutils.ncbi.nlm.nih.gov", 0.5, exclusive=True)
    """Two requests per second; three are allowed without a key."""

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        return cls(search_query("pubmed", argument))

    @property
    def name(self) -> str:
        return f"pubmed:{self.term}"

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the search, then the pages of its result."""
        if not cursor:
            search = {
                "db": "pubmed",
                "term": self.term,
                "datetype": "edat",
                "mindate": f"{since - LATE:%Y/%m/%d}",
                "maxdate": "3000",
                "usehistory": "y",
                "retmax": "0",
                "retmode": "json",
                "tool": "digestd",
            }
            return Request(f"{_UTILITIES}/esearch.fcgi?{urlencode(search)}", fresh=True)
        place = _Position.from_cursor(cursor)
        fetch = {
            "db": "pubmed",
            "query_key": place.key,
            "WebEnv": place.environment,
            "retstart": str(place.start),
            "retmax": str(PAGE_SIZE),
            "retmode": "xml",
            "tool": "digestd",
        }
        return Request(f"{_UTILITIES}/efetch.fcgi?{urlencode(fetch)}", fresh=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        return _articles(body, cursor) if cursor else _found(body)


@dataclass(frozen=True, slots=True)
class _Position:
    """A page of a search stored on the server; its text form is the cursor."""

    start: int
    count: int
    key: str
    environment: str

    @classmethod
    def from_cursor(cls, cursor: str) -> Self:
        start, count, key, environment = cursor.split("/", 3)
        return cls(int(start), int(count), key, environment)

    def __str__(self) -> str:
        return f"{self.start}/{self.count}/{self.key}/{self.environment}"


def _found(body: bytes) -> Page:
    answer = load_object(body)
    try:
        result = object_at(answer, "esearchresult")
        _refuse_error(answer, result)
        count = parse_count(result.get("count"))
        place = _Position(0, count or 0, text_at(result, "querykey"), text_at(result, "webenv"))
    except BadRecord as error:
        raise SourceFailed(f"the answer is not a search result ({error}); its format has changed") from error
    if count is None or (place.count and not (place.key and place.environment)):
        raise SourceFailed("the answer does not say how many were found, or where; its format has changed")
    too_many = (
        Reject("the search", "count", f"finds {place.count} records, PubMed gives the first {MOST}; narrow the search"),
    )
    return Page(
        next=str(place) if place.count else None, rejects=too_many if place.count > MOST else (), total=place.count
    )


def _refuse_error(answer: JsonObject, result: JsonObject) -> None:
    for part in (answer, result):
        for key in _ERRORS:
            if key in part:
                raise SourceFailed(quote_service("PubMed", part[key]))
    unknown = [str(word) for word in as_list(object_at(result, "errorlist").get("fieldsnotfound"))]
    if unknown:
        raise SourceFailed(f"{quote_service('PubMed', 'unknown field ' + ', '.join(unknown))}; correct the search")


def _articles(body: bytes, cursor: str) -> Page:
    place = _Position.from_cursor(cursor)
    page, read = _read_articles(body)
    return check_rejects(Page(merge_retractions(page.sightings), _after(place, read), page.rejects, place.count))


def _read_articles(body: bytes) -> tuple[Page, int]:
    """Return the papers of PubMed XML, and the number of records. Raises SourceFailed if it is no PubMed XML."""
    elements = XmlElements(_without_doctype(body), _ROOTS)
    sightings: list[Sighting] = []
    rejects: list[Reject] = []
    read = 0
    for element in counted(elements.read("PubmedArticle", "PubmedBookArticle", "ERROR")):
        if element.tag == "ERROR":
            raise SourceFailed(quote_service("PubMed", element.text or ""))
        read += 1
        try:
            sightings += read_article(element)
        except Exception as error:  # one odd record hides no other
            rejects.append(reject_of(f"PMID {pmid(element)}", error))
    if elements.broken:
        rejects.append(Reject("the answer", "body", elements.broken))
    return Page(tuple(sightings), None, tuple(rejects)), read


def _without_doctype(body: bytes) -> bytes:
    """Remove PubMed's own DOCTYPE, which only names the DTD.

    Any other DOCTYPE, or one with declarations, is left for XmlElements to refuse, so that no entity other
    than XML's own five can be expanded.
    """
    found = _DOCTYPE.match(body[:1_000])
    return found[1] + body[found.end() :] if found else body


def _after(place: _Position, read: int) -> str | None:
    """Return the next cursor, which starts after the records received.

    Records deleted since the search leave a small gap at the end; a larger gap means an empty answer in the
    middle of the result.
    """
    start = place.start + read
    gap = min(place.count, MOST) - start
    is_gap = not read and start > 0 and gap <= max(5, place.count // 20)
    return None if gap <= 0 or is_gap else str(_Position(start, place.count, place.key, place.environment))


def read_article(record: Element) -> Iterator[Sighting]:
    """Yield the article, or those that it retracts if it is a notice. Raises BadRecord."""
    kinds = {kind.text or "" for kind in record.iterfind(".//PublicationType")}
    if retracted := _related(record, "RetractionOf"):
        for original in retracted:
            yield retraction(original, _title(record), _entered(record))
    elif not kinds & _NOTICES:
        yield _sighting(record, kinds)


def pmid(record: Element) -> str:
    """Return PubMed's number of a record, as written there."""
    return clean_line(child_text(record, "MedlineCitation/PMID") or child_text(record, "BookDocument/PMID"), 40)


def plain_title(title: str) -> str:
    """Return a title without its full stop, and without the brackets of a translated one."""
    title = title.strip().removesuffix(".")
    if title.startswith("[") and title.endswith("]"):
        title = title[1:-1].strip().removesuffix(".")
    return title


def _sighting(record: Element, kinds: set[str]) -> Sighting:
    own = parse_pmid(pmid(record))
    if own is None:
        raise BadRecord("PMID", f"{pmid(record)!r} is not a number")
    withdrawn = _RETRACTED in kinds
    # "Update in" leads from a preprint to its article; of other records, to a newer edition: another work.
    article = _related(record, "UpdateIn") if "Preprint" in kinds else []
    return Sighting(
        ids=unique_ids([own, *_other_ids(record), *article[:1]]),
        words=make_words(_title(record), _abstract(record), _authors(record), _categories(record)),
        published=_published(record),
        announced="replace" if withdrawn else "new",
        url=f"https://pubmed.ncbi.nlm.nih.gov/{own.removeprefix('pmid:')}/",
        day=_entered(record),
        withdrawn=withdrawn,
        venue=venue_name(_journal(record)),
    )


def _related(record: Element, kind: str) -> list[PaperId]:
    found = record.iterfind(f"MedlineCitation/CommentsCorrectionsList/CommentsCorrections[@RefType='{kind}']/PMID")
    return list(unique_ids(parse_pmid(other.text or "") for other in found))


def _other_ids(record: Element) -> Iterator[PaperId | None]:
    """Yield DOI and PubMed Central id. Those in the list of references belong to other papers."""
    paths = ("PubmedData/ArticleIdList/ArticleId", "PubmedBookData/ArticleIdList/ArticleId")
    for path in paths:
        for other in record.iterfind(path):
            identifier = clean_line(other.text or "", 400)
            if other.get("IdType") == "doi":
                yield doi_id(identifier)
            elif other.get("IdType") == "pmc":
                yield parse_pmcid(identifier)
    for other in record.iterfind("MedlineCitation/Article/ELocationID[@EIdType='doi']"):
        if other.get("ValidYN") != "N":
            yield doi_id(clean_line(other.text or "", 400))


def _title(record: Element) -> str:
    """Return the English title, or the original one if PubMed has none in English."""
    paths = ("MedlineCitation/Article/ArticleTitle", "MedlineCitation/Article/VernacularTitle",
             "BookDocument/ArticleTitle", "BookDocument/Book/BookTitle")  # fmt: skip
    for path in paths:
        title = plain_title(text_of(record.find(path)))
        if title and title.strip(" .[]").lower() != "not available":
            return title
    raise BadRecord("ArticleTitle", "is missing or empty; every paper needs one")


def _abstract(record: Element) -> str:
    """Return the English abstract, its parts with their labels."""
    parts = [*record.iterfind("MedlineCitation/Article/Abstract/AbstractText"),
             *record.iterfind("BookDocument/Abstract/AbstractText")]  # fmt: skip
    return " ".join(f"{_label(part)}{text_of(part)}" for part in parts)


def _label(part: Element) -> str:
    label = (part.get("Label") or "").strip()
    return f"{label}: " if label and label.upper() != "UNLABELLED" else ""


def _authors(record: Element) -> list[str]:
    """Return `ForeName LastName Suffix` or the name of a group. A book's editors are not its authors."""
    paths = ("MedlineCitation/Article/AuthorList", "BookDocument/AuthorList", "BookDocument/Book/AuthorList")
    lists = [one for path in paths for one in record.iterfind(path) if one.get("Type") != "editors"]
    found = [author for author in (lists[0] if lists else []) if author.get("ValidYN") != "N"]
    return [text_of(author.find("CollectiveName")) or _name(author) for author in found]


def _name(author: Element) -> str:
    given = child_text(author, "ForeName") or child_text(author, "Initials")
    return " ".join([given, child_text(author, "LastName"), child_text(author, "Suffix")])


def _categories(record: Element) -> list[str]:
    return [_journal(record), *(text_of(word) for word in record.iterfind("MedlineCitation/KeywordList/Keyword"))]


def _journal(record: Element) -> str:
    journal = child_text(record, "MedlineCitation/Article/Journal/Title")
    return journal or child_text(record, "BookDocument/Book/BookTitle")


def _published(record: Element) -> datetime:
    """Return the online publication date, else the issue's date."""
    entered = _entered(record)
    paths = ("MedlineCitation/Article/ArticleDate", "MedlineCitation/Article/Journal/JournalIssue/PubDate",
             "BookDocument/ContributionDate", "BookDocument/Book/PubDate")  # fmt: skip
    for path in paths:
        if found := publication_day(_parts(record.find(path)), entered):
            return midnight(found)
    if entered is None:
        raise BadRecord("PubDate", "no date that can be read")
    return midnight(entered)


def _entered(record: Element) -> date | None:
    """Return the day of entry into PubMed, by which the search selects."""
    for data in ("PubmedData", "PubmedBookData"):
        if found := publication_day(_parts(record.find(f"{data}/History/PubMedPubDate[@PubStatus='entrez']")), None):
            return found
    return None


def _parts(date: Element | None) -> list[object]:
    """Return year, month and day as far as given (`2026`, `Nov` or `11`, `24`). A MedlineDate's first year."""
    if date is None:
        return []
    year = _YEAR.search(child_text(date, "Year") or child_text(date, "MedlineDate"))
    month = child_text(date, "Month").strip().lower()
    parts: list[object] = [year[0] if year else None, _MONTHS.get(month[:3], month), child_text(date, "Day").strip()]
    return parts[: next((place for place, part in enumerate(parts) if not part), 3)]
