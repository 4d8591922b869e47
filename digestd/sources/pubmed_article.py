"""Convert one PubMed XML record to sightings.

https://www.nlm.nih.gov/bsd/licensee/elements_descriptions.html. Retraction notices withdraw the article they are
about; errata and expressions of concern are skipped. Titles end with a full stop, translated ones are in
brackets; dates may be a season or a span of years.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from xml.etree.ElementTree import Element

from digestd.domain.paper import NAME_MAX, PaperId, Sighting, doi_id
from digestd.errors import BadRecord
from digestd.sources.arxiv.api import unique_ids
from digestd.sources.dates import midnight, publication_day
from digestd.sources.retractions import retraction
from digestd.sources.source import clean_line, make_words
from digestd.sources.xml_elements import child_text, text_of

_RETRACTED = "Retracted Publication"
_NOTICES = frozenset(
    {"Retraction of Publication", "Retraction Notice", "Published Erratum", "Expression of Concern"}
)  # fmt: skip
_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
           "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}  # fmt: skip
_YEAR = re.compile(r"\b(?:19|20|21)\d\d\b")
_UNKNOWN = re.compile(r"\W*not available\W*", re.IGNORECASE)


def read_article(record: Element) -> Iterator[Sighting]:
    """Yield the article, or those that it retracts if it is a notice.

    Raises BadRecord.
    """
    kinds = {kind.text or "" for kind in record.iterfind(".//PublicationType")}
    if retracted := _related(record, "RetractionOf"):
        for original in retracted:
            yield retraction(original, _title(record), _entered(record))
    elif not kinds & _NOTICES:
        yield _sighting(record, kinds)


def pmid(record: Element) -> str:
    """Return PubMed's number of a record, as written there."""
    return clean_line(child_text(record, "MedlineCitation/PMID") or child_text(record, "BookDocument/PMID"), 40)


def parse_pmid(number: str) -> PaperId | None:
    """Return the paper of a PubMed number, or None if it is none."""
    number = number.strip()
    is_number = number.isascii() and number.isdigit() and len(number) <= 12
    return PaperId(f"pmid:{int(number)}") if is_number else None


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
        venue=clean_line(_journal(record), NAME_MAX),
    )


def _related(record: Element, kind: str) -> list[PaperId]:
    found = record.iterfind(f"MedlineCitation/CommentsCorrectionsList/CommentsCorrections[@RefType='{kind}']/PMID")
    return list(unique_ids(parse_pmid(other.text or "") for other in found))


def _other_ids(record: Element) -> Iterator[PaperId | None]:
    """Yield DOI and PubMed Central id.

    Those in the list of references belong to other papers.
    """
    paths = ("PubmedData/ArticleIdList/ArticleId", "PubmedBookData/ArticleIdList/ArticleId")
    for path in paths:
        for other in record.iterfind(path):
            identifier = clean_line(other.text or "", 400)
            if other.get("IdType") == "doi":
                yield doi_id(identifier)
            elif other.get("IdType") == "pmc" and re.fullmatch(r"PMC\d{1,12}", identifier):
                yield PaperId(f"pmcid:{identifier}")
    for other in record.iterfind("MedlineCitation/Article/ELocationID[@EIdType='doi']"):
        if other.get("ValidYN") != "N":
            yield doi_id(clean_line(other.text or "", 400))


def _title(record: Element) -> str:
    """Return the English title, or the original one if PubMed has none in English."""
    paths = ("MedlineCitation/Article/ArticleTitle", "MedlineCitation/Article/VernacularTitle",
             "BookDocument/ArticleTitle", "BookDocument/Book/BookTitle")  # fmt: skip
    for path in paths:
        title = plain_title(text_of(record.find(path)))
        if title and not _UNKNOWN.fullmatch(title):
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
    """Return `ForeName LastName Suffix` or the name of a group.

    A book's editors are not its authors.
    """
    paths = ("MedlineCitation/Article/AuthorList", "BookDocument/AuthorList", "BookDocument/Book/AuthorList")
    lists = [one for path in paths for one in record.iterfind(path) if one.get("Type") != "editors"]
    found = [author for author in (lists[0] if lists else []) if author.get("ValidYN") != "N"]
    return [text_of(author.find("CollectiveName")) or _name(author) for author in found]


def _name(author: Element) -> str:
    given = child_text(author, "ForeName") or child_text(author, "Initials")
    return " ".join([given, child_text(author, "LastName"), child_text(author, "Suffix")])


def _categories(record: Element) -> list[str]:
    """Return the journal, then the keywords."""
    return [_journal(record), *(text_of(word) for word in record.iterfind("MedlineCitation/KeywordList/Keyword"))]


def _journal(record: Element) -> str:
    """Return the name of the journal or book, or empty."""
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
    """Return year, month and day as far as given (`2026`, `Nov` or `11`, `24`).

    A MedlineDate's first year.
    """
    if date is None:
        return []
    year = _YEAR.search(child_text(date, "Year") or child_text(date, "MedlineDate"))
    month = child_text(date, "Month").strip().lower()
    parts: list[object] = [year[0] if year else None, _MONTHS.get(month[:3], month), child_text(date, "Day").strip()]
    return parts[: next((place for place, part in enumerate(parts) if not part), 3)]
