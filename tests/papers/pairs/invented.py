"""Pairs of invented works.

One work in two forms, and works that are hard to tell apart.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from digestd.domain.paper import PaperId, Sighting, Words
from tests.papers.pairs.forms import FORMS, dblp, initials, journal, later, of, pubmed, subtitled

_HERE = Path(__file__).parent
_NOTICES = (
    "Erratum to: {}", "Corrigendum: {}", "Comment on “{}”", "Reply to comment on “{}”", "Author Correction: {}",
    "Retraction: {}", "Addendum to {}", "{}: supplementary material", "Expression of concern: {}",
    "{} revisited", "Discussion of “{}”", "Rejoinder: {}", "Response to “{}”", "Erratum zu: {}",
)  # fmt: skip
_MONTHS = ("January", "February", "March", "April", "May", "June")


@dataclass(frozen=True)
class Pair:
    """Two sightings; whether they are one work; what makes it hard.

    Whether rules may be tuned on it.
    """

    one: Sighting
    other: Sighting
    same: bool
    kind: str
    held_out: bool


def pairs() -> list[Pair]:
    """Return every pair.

    Those of the odd works, and every other of those written one by one, are held out.
    """
    works = [json.loads(line) for line in (_HERE / "works.jsonl").read_text().splitlines()]
    found = []
    for place, work in enumerate(works):
        other = works[(place + 2) % len(works)]
        for kind, same, one, twin in (*_positives(work), *_negatives(work, other, place)):
            found.append(Pair(one, twin, same, kind, bool(place % 2)))
    return [*found, *special()]


Made = tuple[str, bool, Sighting, Sighting]


def sighting(record: dict[str, Any], name: str = "arxiv:2601.00001") -> Sighting:
    """A record of words as a sighting."""
    words = Words(record["title"], record.get("abstract", ""), tuple(record["authors"]))
    dated = record.get("published")
    published = datetime.fromisoformat(dated).replace(tzinfo=UTC) if dated else None
    return Sighting((PaperId(record.get("id", name)),), words, published)


def _positives(record: dict[str, Any]) -> Iterator[Made]:
    work = sighting(record)
    for kind, form in FORMS.items():
        yield kind, True, work, form(work)
    if ": " in record["title"] and len(record["title"].partition(": ")[0]) > 30:
        yield "subtitle dropped", True, work, subtitled(work)
    abstract = f"{record['abstract']} A longer version has further tables."
    retitled = of(work, "doi:10.5555/v2", title=record["retitled"], abstract=abstract)
    yield "retitled", True, work, later(retitled, 90)
    yield "retitled, other names", True, work, initials_kept(retitled)
    rewritten = of(work, "pmid:2", abstract=record["rewritten"])
    yield "abstract written anew", True, work, later(rewritten, 400)
    yield "all but the title anew", True, work, pubmed(rewritten)
    yield "translated title", True, work, of(work, "pmid:3", title=f"[{record['translated']}]")


def initials_kept(work: Sighting) -> Sighting:
    """With initials, the abstract whole."""
    return of(work, "doi:10.5555/v3", authors=initials(work).words.authors)


def _negatives(record: dict[str, Any], other: dict[str, Any], place: int) -> Iterator[Made]:
    work = sighting(record)
    sibling = of(work, "doi:10.5555/s", **record["sibling"])
    yield "another by the same group", False, work, sibling
    yield "another by the same group, bare", False, work, journal(sibling)
    yield "two bare titles of one group", False, dblp(work), journal(sibling)
    title, abstract = record["title"], record["abstract"]
    mine = record["sibling"]["abstract"]
    yield "parts", False, of(work, "x:1", title=f"{title}. Part I"), of(work, "y:2", title=f"{title}. Part II")
    yield "part and whole", False, work, of(work, "y:2", title=f"{title}, II", abstract=mine)
    bare = [of(dblp(work), f"{name}:1", title=f"{title} – {number}.") for name, number in (("x", "III"), ("y", "IV"))]
    yield "bare parts", False, bare[0], bare[1]
    notice = _NOTICES[place % len(_NOTICES)].format(title)
    yield "notice", False, work, of(work, "y:3", title=notice, abstract="")
    again = _NOTICES[(place + 5) % len(_NOTICES)].format(title)
    yield "notice with the abstract", False, work, later(of(work, "y:4", title=again), 200)
    yield "survey of it", False, work, of(work, "y:5", title=f"{title}: a survey", abstract=mine)
    stranger = of(work, "y:6", authors=tuple(other["authors"]), abstract=other["abstract"])
    yield "same title by others", False, work, stranger
    yield "same title by others, bare", False, dblp(work), journal(stranger)
    namesake = of(stranger, "y:7", authors=(record["authors"][0], *other["authors"][1:]))
    yield "namesake", False, work, namesake
    editions = [of(work, f"e{year}:1", title=f"{title}: results of {year}") for year in (2024, 2025)]
    yield "editions by year", False, editions[0], editions[1]
    counted = [of(work, f"{n}:1", title=f"The {n} challenge on {title}", abstract="") for n in ("third", "fourth")]
    yield "editions by number", False, counted[0], counted[1]
    head = title.partition(": ")[0]
    report = of(work, "x:r1", title=f"Annual report of the {record['field']} station", abstract="")
    yield "the same title every year", False, report, later(of(report, "y:r2"), 365)
    yield "versions", False, of(work, "x:1", title=f"{head} v2"), of(work, "y:2", title=f"{head} v3")
    months = [
        of(work, f"x{n}:1", title=f"{head}: observations of {_MONTHS[(place + n) % 6]}", abstract=part)
        for n, part in enumerate((abstract, mine))
    ]
    yield "months", False, months[0], months[1]
    one, twin = record["swap"]
    if one in abstract:
        swapped = of(work, "y:8", title=f"{head}: the case of {twin}", abstract=abstract.replace(one, twin))
        yield "template", False, of(work, "x:8", title=f"{head}: the case of {one}"), swapped
        yield "template, bare", False, dblp(of(work, "x:8", title=f"{head}: the case of {one}")), journal(swapped)
    colleague = of(work, "y:9", title=other["title"], abstract=other["abstract"])
    yield "another work by the same authors", False, work, colleague


def special() -> Iterator[Pair]:
    """Return the pairs that are written one by one."""
    for number, line in enumerate((_HERE / "special.jsonl").read_text().splitlines()):
        record = json.loads(line)
        one, other = (sighting(record[name], f"{name}:1") for name in ("a", "b"))
        yield Pair(one, other, record["same"], record["kind"], bool(number % 2))
