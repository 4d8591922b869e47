"""Apply retraction notices to the papers they are about."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from digestd.domain.paper import PaperId, Sighting
from digestd.sources.source import make_words

_OPENING = re.compile(
    r"\A\W*((statement|notice|note|announcement)\s+of\s+)?((editorial|article|author|publisher)\s+)?"
    r"(retraction|retracted|withdrawal|withdrawn|removal)(\s+(notes?|notices?|articles?|papers?|statements?))?"
    r"\]?(\s*(:|to:?|of:?|for:?|–|—|-)(\s+|$)|\s+|\W*$)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[“\"‘](.{10,1000})[”\"’]")
_PLACE = re.compile(r"\s{0,3}[\[(][^\[\]()]{0,200}\d[^\[\]]{0,100}[\])]\W{0,3}\Z")
_EDGES = " \t“”\"‘’'.,"


def retracted_title(title: str) -> str:
    """Return the title of the retracted paper from that of its notice, or "" if it is not in it.

    `Retraction: T`, `Notice of retraction: T`, `Retraction notice to “T” [J. Lakes 1 (2026) 2]`.
    """
    about = _OPENING.sub("", title, count=1)
    if about == title:
        return title
    quoted = _QUOTED.search(about)
    return (quoted[1] if quoted else _PLACE.sub("", about)).strip(_EDGES)


def retraction(paper: PaperId, notice: str, day: date | None) -> Sighting:
    """Return the sighting that withdraws a paper.

    Args:
        notice: the title of the notice. If it does not repeat the paper's, the identifier stands for it.
    """
    words = make_words(retracted_title(notice) or f"Retracted paper {paper}")
    return Sighting((paper,), words, announced="replace", day=day, withdrawn=True)


def merge_retractions(sightings: Sequence[Sighting]) -> tuple[Sighting, ...]:
    """Mark papers as withdrawn if the same answer holds their retraction.

    The order does not matter.

    A notice has few words; they are used only if the paper itself is missing.
    """
    gone = {sighting.ids[0] for sighting in sightings if sighting.withdrawn}
    papers = {sighting.ids[0] for sighting in sightings if not sighting.withdrawn}
    return tuple(
        replace(sighting, withdrawn=True) if sighting.ids[0] in gone else sighting
        for sighting in sightings
        if not (sighting.withdrawn and sighting.ids[0] in papers)
    )
