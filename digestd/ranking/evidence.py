"""Evidence: where a paper's own words show what somebody asked for, so that the reason can quote them.

The words of a topic show it where they stand together in the title or in a sentence about the work; in what was known
before, or where only some of them stand together, they relate to it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from digestd.domain.paper import Paper
from digestd.ranking.quotes import BACKGROUND, CONTRIBUTION, excerpt, sentences
from digestd.ranking.text import STOP_WORDS, stems

TITLE = CONTRIBUTION + 1
"""The level of a title, above those of the sentences of an abstract."""
GAP, WINDOW = 1, 5
"""Words that may stand between those of a topic, and words within which some of them stand together."""
PAPERS_KEPT, FOUND_KEPT = 2_000, 50_000
"""Papers whose words are kept, some 40 MB, and pairs of topic and paper whose evidence is."""
_WORD = re.compile(r"\w+")
_TORN = re.compile(rf"[,;:]|(?<!\S)(?:{'|'.join(STOP_WORDS)})(?!\S)", re.IGNORECASE)
"""Signs and words between those of a term that only stand near each other: "agents in mobile"."""


class Evidence(NamedTuple):
    """The place that shows a topic best.

    Attributes:
        tells: TITLE, or what its sentence tells.
        quote: What can be quoted; may be empty.
        is_whole: Whether it has all words of the topic.
    """

    tells: int
    quote: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a paper that tell something: where each stands, its clause, what it tells; the places by stem."""

    text: str
    spans: Sequence[tuple[int, int]]
    clauses: Sequence[int]
    tells: Sequence[int]
    places: Mapping[str, Sequence[int]]


class EvidenceFinder:
    """Finds evidence in the day's papers, and keeps what it read."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self._papers = papers
        self._words: dict[int, _Words] = {}
        self._found: dict[tuple[Sequence[Sequence[str]], int], Evidence | None] = {}

    def find(self, forms: Sequence[Sequence[str]], paper: int) -> Evidence | None:
        """Return what shows best that a paper is about a topic; None if no words do.

        Args:
            forms: The stems of the names of the topic.
        """
        key = tuple(map(tuple, forms)), paper
        if key not in self._found:
            if len(self._words) >= PAPERS_KEPT or len(self._found) >= FOUND_KEPT:
                self._words.clear()
                self._found.clear()
            self._found[key] = self._find(forms, paper)
        return self._found[key]

    def _find(self, forms: Sequence[Sequence[str]], paper: int) -> Evidence | None:
        words = self._words.get(paper) or self._words.setdefault(paper, _read(self._papers[paper]))
        places = [place for form in forms for place in _places(words, form)]
        if not places:
            return None
        is_whole, tells, _, (first, last) = max(places, key=_weight)
        start, end = words.spans[first][0], words.spans[last][1]
        term = words.text[start:end]
        quote = excerpt(words.text, start, end) if BACKGROUND < tells < TITLE else ""
        return Evidence(tells, quote or ("" if _TORN.search(term) else term), is_whole)


def _weight(place: "_Place") -> tuple[bool, bool, int, int]:
    """Return how well a place shows a topic: with all words where it tells of the work, then by its other values."""
    is_whole, tells, many, _ = place
    return is_whole and tells > BACKGROUND, is_whole, tells, many


def _read(paper: Paper) -> _Words:
    text, title = paper.text, len(paper.plain_title)
    found = list(_WORD.finditer(text))
    stems_of = stems({match[0] for match in found})
    ends = [(title, TITLE), *sentences(text, title)]
    spans: list[tuple[int, int]] = []
    clauses: list[int] = []
    tells: list[int] = []
    places: dict[str, list[int]] = {}
    clause = sentence = before = 0
    for match in found:
        start, end = match.span()
        while sentence < len(ends) - 1 and start >= ends[sentence][0]:
            sentence, clause = sentence + 1, clause + 1
        clause += bool(re.search(r"[,;:()]", text[before:start]))
        for stem in stems_of[match[0]]:
            places.setdefault(stem, []).append(len(spans))
            spans.append((start, end))
            clauses.append(clause)
            tells.append(ends[sentence][1])
        before = end
    return _Words(text, spans, clauses, tells, places)


_Place: TypeAlias = tuple[bool, int, int, tuple[int, int]]
"""A place: whether it has all stems of a form, what it tells, how many stems it has, and its first and last word."""


def _places(words: _Words, form: Sequence[str]) -> Iterator[_Place]:
    """Yield where two or more different stems of a form, or its only one, stand together in a clause.

    "Open-world models" have no whole "world models".
    """
    known = [(place, stem) for stem in form for place in words.places.get(stem, ())]
    known.sort()
    for n, (first, stem) in enumerate(known):
        near = {stem: first}
        for place, other in known[n + 1 :]:
            if place >= first + max(WINDOW, len(form) + GAP) or words.clauses[place] != words.clauses[first]:
                break
            near.setdefault(other, place)
        last = max(near.values())
        is_torn = len(near) > 1 and words.text[words.spans[first][0] - 1 : words.spans[first][0]] == "-"
        is_whole = len(near) == len(form) and last - first < len(form) + GAP and not is_torn
        if is_whole or (len(near) > 1 and 2 * len(near) >= len(form)):
            yield is_whole, words.tells[first], len(near), (first, last)
