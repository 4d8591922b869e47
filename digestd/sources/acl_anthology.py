"""Proceedings in the ACL Anthology by venue: `acl-anthology:acl`, `acl-anthology:findings`.

GET https://raw.githubusercontent.com/acl-org/acl-anthology/master/data/xml/YEAR.VENUE.xml, what the Anthology is
made of (CC BY 4.0), documented at https://github.com/acl-org/acl-anthology and in `data/xml/schema.rnc` there. One file
holds all volumes of a venue in a year and grows with each. It is read if it has changed; in January and February last
year's is read as well. `ingest-date` is the day on which a volume was added.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Self
from xml.etree.ElementTree import Element

from digestd.domain.paper import NAME_MAX, PaperId, Sighting, doi_id
from digestd.errors import BadInput, BadRecord
from digestd.sources.dates import iso_day, midnight, written_date
from digestd.sources.identifiers import unique_ids
from digestd.sources.source import (
    ITEMS_MAX,
    Page,
    RateLimit,
    Reject,
    Request,
    affiliations_of,
    check_rejects,
    clean_line,
    make_words,
    read_each,
    venue_name,
)
from digestd.sources.xml_elements import XmlElements, child_text

LATE = timedelta(days=60)
"""Volumes of December are added in the new year."""

_VENUE = re.compile(r"[a-z][a-z0-9]{1,29}")
_PAPER = re.compile(r"[a-z0-9.]{1,40}-[a-z0-9]{1,20}\.\d{1,5}|[A-Z]\d{2}-\d{4}")
_MISSING = b"404"


@dataclass(frozen=True, slots=True)
class AclAnthology:
    """The papers of a venue."""

    venue: str

    rate_limit = RateLimit("raw.githubusercontent.com", 1.0, exclusive=True)
    """One request at a time, as GitHub's best practices ask for."""

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source from the Anthology's name of a venue."""
        if not _VENUE.fullmatch(argument):
            raise BadInput(
                f"acl-anthology: {argument[:80]!r} is not a venue; write its name in the addresses of "
                "https://aclanthology.org/venues/, as in acl-anthology:emnlp"
            )
        return cls(argument)

    @property
    def name(self) -> str:
        return f"acl-anthology:{self.venue}"

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the file of the year, then that of the year before if it may still grow."""
        years = list(dict.fromkeys((since.year, (since - LATE).year)))
        place = int(cursor or "0")
        if place >= len(years):
            return None
        path = f"acl-org/acl-anthology/master/data/xml/{years[place]}.{self.venue}.xml"
        return Request(f"https://raw.githubusercontent.com/{path}", may_be_gone=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the volumes of a year; a missing file has none yet."""
        after = str(int(cursor or "0") + 1)
        if body[:20].startswith(_MISSING):
            return Page(next=after)
        elements = XmlElements(body, frozenset({"collection"}))
        papers = (
            (f"paper {_address(paper) or paper.get('id', '')}"[:80], (volume, paper))
            for volume in elements.read("volume")
            for paper in volume.iterfind("paper")
        )
        sightings, rejects = read_each(islice(papers, ITEMS_MAX), lambda one: _sightings(*one))
        if elements.broken:
            rejects.append(Reject("the answer", "body", elements.broken))
        return check_rejects(Page(tuple(sightings), after, tuple(rejects)))


def _sightings(volume: Element, paper: Element) -> Iterator[Sighting]:
    """Yield the paper; nothing for one that was removed."""
    if paper.find("removed") is not None:
        return
    own = _address(paper)
    if not _PAPER.fullmatch(own):
        raise BadRecord("url", f"{own[:80]!r} is not an id like 2026.lakes-long.1")
    added, withdrawn = iso_day(volume.get("ingest-date", "")), paper.find("retracted") is not None
    yield Sighting(
        ids=unique_ids([PaperId(f"acl:{own}"), doi_id(child_text(paper, "doi"))]),
        words=make_words(
            _marked(paper.find("title")), _marked(paper.find("abstract")), list(map(_name, paper.iterfind("author")))
        ),
        published=_published(volume, added),
        announced="replace" if withdrawn else "new",
        url=f"https://aclanthology.org/{own}/",
        links={"pdf": f"https://aclanthology.org/{own}.pdf"},
        day=added,
        withdrawn=withdrawn,
        venue=venue_name(_marked(volume.find("meta/booktitle"))),
        affiliations=affiliations_of(
            clean_line(one.text or "", NAME_MAX) for one in paper.iterfind("author/affiliation")
        ),
    )


def _address(paper: Element) -> str:
    """Return the Anthology's id of a paper, which its file is named by."""
    return child_text(paper, "url").strip()


def _marked(element: Element | None) -> str:
    """Return the text of an element, formulas between dollar signs."""
    if element is None:
        return ""
    parts = [element.text or ""]
    for child in element:
        inner = _marked(child)
        parts += [f"${inner}$" if child.tag == "tex-math" else inner, child.tail or ""]
    return "".join(parts)


def _name(author: Element) -> str:
    return f"{child_text(author, 'first')} {child_text(author, 'last')}"


def _published(volume: Element, added: date | None) -> datetime:
    """Return the month of the conference, but no day after the volume was added."""
    held = written_date(f"{child_text(volume, 'meta/month')} {child_text(volume, 'meta/year')}")
    days = [day for day in (held, added) if day]
    if not days:
        raise BadRecord("year", "no date that can be read")
    return midnight(min(days))
