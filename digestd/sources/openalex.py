"""New works of topics, authors and institutions: `openalex:T10102+I27837315`, `openalex:A5048491430+preprint`.

GET https://api.openalex.org/works, documented at https://developers.openalex.org/api-reference/works. Identifiers of
one kind are alternatives; different kinds must all hold. Words such as `preprint` are work types. Selecting by the day
OpenAlex learned of a work needs a paid plan, so the works of the last month are read each time and `created_date` is
their day. Pages are numbered, at most 10,000 works: cursors are refused without a key. Abstracts are an index of words
by their positions. A free key (`DIGESTD_OPENALEX_KEY`) raises the daily allowance tenfold, see
https://developers.openalex.org/api-reference/authentication.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from urllib.parse import urlencode

from digestd.domain.paper import PaperId, Sighting, arxiv_id, doi_id
from digestd.errors import BadInput, BadRecord, SourceFailed
from digestd.sources.dates import iso_day, published_at
from digestd.sources.identifiers import doi_page, pubmed_address, unique_ids
from digestd.sources.json_records import (
    TEXT_MAX,
    JsonObject,
    as_list,
    list_at,
    object_at,
    objects_at,
    text_at,
    total_at,
)
from digestd.sources.paging import Listing, PagedSource, Place
from digestd.sources.source import (
    RateLimit,
    Reject,
    Request,
    affiliations_of,
    https_url,
    make_words,
    pdf_link,
    quote_service,
    venue_name,
    with_ror,
)
from digestd.text.markup import html_to_text

LATE = timedelta(days=30)
"""OpenAlex learns of most works within days of their publication, of some only weeks later."""
PAGE_SIZE = 100
MOST = 10_000
"""Maximum number of works that numbered pages reach."""
WORDS_MAX = 20_000

_FILTERS = {"T": "topics.id", "A": "authorships.author.id", "I": "authorships.institutions.lineage"}
_ID = re.compile(r"[TAI]\d{1,12}")
_TYPE = re.compile(r"[a-z]{2,20}(-[a-z]{2,20}){0,2}")
_SELECT = (
    "id,doi,ids,title,type,is_retracted,is_paratext,publication_date,created_date,authorships,primary_location,"
    "best_oa_location,topics,abstract_inverted_index"
)
_NO_PAPERS = frozenset({"dataset", "erratum", "grant", "libguides", "paratext", "peer-review", "retraction", "software",
                        "supplementary-materials"})  # fmt: skip
_WORK = re.compile(r"https://openalex\.org/(W\d{1,15})")
_HEADING = re.compile(r"\A(?:\s{0,3}(?:Abstract|ABSTRACT)\s{0,3}[:.]?\s{1,3}(?=[A-Z])){1,2}")


@dataclass(frozen=True, slots=True)
class Openalex(PagedSource):
    """New works that have these topics, authors and institutions, of some types or of all."""

    ids: tuple[str, ...]
    types: tuple[str, ...] = ()

    rate_limit = RateLimit("api.openalex.org", 1.0, exclusive=True)
    """One request per second, far below the allowed hundred."""

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from OpenAlex ids and work types."""
        parts = list(dict.fromkeys(argument.replace(" ", "+").split("+")))
        ids = tuple(part for part in parts if _ID.fullmatch(part))
        types = tuple(part for part in parts if _TYPE.fullmatch(part))
        if not ids or len(ids) + len(types) < len(parts) or len(argument) > 180:
            raise BadInput(
                f"openalex: {argument[:80]!r} is not a list of OpenAlex ids; write ids of topics, authors or "
                "institutions as in openalex:T10102+I27837315, and work types behind them as in openalex:T1+preprint"
            )
        return cls(ids, types)

    @property
    def name(self) -> str:
        return f"openalex:{'+'.join([*self.ids, *self.types])}"

    page_size = PAGE_SIZE
    most = MOST

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the next page, newest works first."""
        filters = [
            f"{field}:{'|'.join(found)}"
            for kind, field in _FILTERS.items()
            if (found := [one for one in self.ids if one.startswith(kind)])
        ]
        filters.append(f"from_publication_date:{(since - LATE).date()}")
        if self.types:
            filters.append(f"type:{'|'.join(self.types)}")
        query = {
            "filter": ",".join(filters),
            "sort": "publication_date:desc",
            "per_page": str(PAGE_SIZE),
            "page": str(max(Place.from_cursor(cursor).start, 1)),
            "select": _SELECT,
        }
        return Request(f"https://api.openalex.org/works?{urlencode(query)}", fresh=True)

    def open(self, found: JsonObject) -> Listing:
        """Return the works of a page."""
        if "results" not in found and ("error" in found or "message" in found):
            raise SourceFailed(quote_service("OpenAlex", found.get("message") or found.get("error")))
        works, total = list_at(found, "results"), total_at(found, "meta", "count")
        narrower = f"has {total} works, OpenAlex gives the first {MOST}; name fewer ids or a work type"
        return Listing(works, total, rejects=(Reject("the list", "count", narrower),) if total > MOST else ())

    def read(self, record: JsonObject) -> Iterator[Sighting]:
        """Yield the work; nothing for data, notices and covers."""
        if text_at(record, "type") in _NO_PAPERS or record.get("is_paratext") is True:
            return
        own = _WORK.fullmatch(text_at(record, "id"))
        if own is None:
            raise BadRecord("id", f"{text_at(record, 'id')[:80]!r} is not the address of a work")
        place = object_at(record, "primary_location")
        page = https_url(text_at(place, "landing_page_url"))
        found = unique_ids([doi_id(text_at(record, "doi")), pubmed_address(text_at(object_at(record, "ids"), "pmid"))])
        named = arxiv_id(page or "")
        ids = found or ((named[0],) if named else ())
        created, withdrawn = iso_day(text_at(record, "created_date")), record.get("is_retracted") is True
        yield Sighting(
            ids=ids or (PaperId(f"openalex:{own[1]}"),),
            words=make_words(
                html_to_text(text_at(record, "title")),
                _HEADING.sub("", html_to_text(_abstract(record))),
                _authors(record),
                [text_at(topic, "display_name") for topic in objects_at(record, "topics")],
            ),
            published=published_at(record, "publication_date", created),
            announced="replace" if withdrawn else "new",
            url=doi_page(ids) or page or own[0],
            links=pdf_link(text_at(object_at(record, "best_oa_location"), "pdf_url"))
            or pdf_link(text_at(place, "pdf_url")),
            day=created,
            withdrawn=withdrawn,
            venue=_venue(place),
            affiliations=affiliations_of(_institutions(record)),
        )


def _abstract(work: JsonObject) -> str:
    """Return the abstract, whose words the work lists with their positions."""
    index = object_at(work, "abstract_inverted_index")
    placed = [
        (place, word)
        for word, places in index.items()
        for place in as_list(places)
        if type(place) is int and 0 <= place < WORDS_MAX
    ]
    return " ".join(word for _, word in sorted(placed)[:WORDS_MAX])[:TEXT_MAX]


def _authors(work: JsonObject) -> list[str]:
    """Return the authors' names, or as they are written on the work."""
    return [
        text_at(object_at(one, "author"), "display_name") or text_at(one, "raw_author_name")
        for one in objects_at(work, "authorships")
    ]


def _institutions(work: JsonObject) -> Iterator[str]:
    for one in objects_at(work, "authorships"):
        for institution in objects_at(one, "institutions"):
            yield with_ror(text_at(institution, "display_name"), text_at(institution, "ror"))


def _venue(place: JsonObject) -> str:
    """Return the journal or conference; a repository is none."""
    source = object_at(place, "source")
    return "" if text_at(source, "type") == "repository" else venue_name(text_at(source, "display_name"))
