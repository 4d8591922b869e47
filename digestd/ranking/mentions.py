"""Mentions: where and how the day's papers name the concepts that subscribers ask for.

A concept of several words is named where they stand in order within a short window, or as two neighbours the other
way round ("generation of videos"). Scattered words name nothing. An acronym is named where it is written as one.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np

from digestd.domain.paper import Paper
from digestd.ranking.arrays import Floats, Ints
from digestd.ranking.concepts import understand
from digestd.ranking.inverted_index import InvertedIndex
from digestd.ranking.lexicon import acronym, definitions, lemmas, lemmas_with_words
from digestd.ranking.model import TextModel

GAP = 1
"""Words that may stand between two words of a form, as in "video *world* generation"."""
OPENING = 25
"""Words after the title, stop words not counted, that say what the paper is about: two sentences."""
BETWEEN = [("", "")] * (GAP + 2)
"""A gap between title and abstract, so that no phrase stands across."""
OFTEN = 8
"""Mentions beyond this number say no more."""

FEATURES = ("title", "opening", "often", "hinted", "hinted in title", "single", "category")
"""The columns of `Mentions.features`.

title, opening          a form or an acronym stands in the title, in the opening sentences
often                   ln(1 + number of mentions)
hinted, … in title      only the form without its head noun stands ("diffusion" of "diffusion models")
single                  what stands is a single word
category                the paper is in an arXiv category that is the concept as a whole
"""

Posting: TypeAlias = list[tuple[int, list[int]]]


@dataclass(frozen=True, slots=True, eq=False)
class Mentions:
    """The k papers that mention a concept.

    Attributes:
        papers: (k,) sorted positions in the candidate set.
        features: (k, f) values of FEATURES.
        words: For each, the words as written there; empty for a category.
    """

    papers: Ints
    features: Floats
    words: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class MentionIndex:
    """The words of the day's papers by position.

    Attributes:
        words: Lemma → papers and the positions there; stop words have none.
        acronyms: The same for words written as acronyms.
        defined: For each paper, what it says that its acronyms stand for.
        written: For each paper, the word at each position.
        titles: For each paper, the number of positions in its title.
    """

    model: TextModel
    inverted_index: InvertedIndex
    words: Mapping[str, Posting]
    acronyms: Mapping[str, Posting]
    defined: Sequence[Mapping[str, str]]
    written: Sequence[Sequence[str]]
    titles: Sequence[int]

    def of(self, topic: str) -> Mentions:
        """Return the mentions of the concept that a topic names."""
        concept = understand(topic, self.model)
        named = _collected(self._standing(form) for form in concept.forms)
        for short in concept.acronyms:
            for paper, positions in self.acronyms.get(short, ()):
                long_form = self.defined[paper].get(short)
                if long_form is None or not concept.forms or tuple(lemmas(long_form)) in concept.forms:
                    named.setdefault(paper, []).extend(_single(positions))
        hinted = _collected(self._standing(core) for core in concept.cores)
        hinted = {paper: places for paper, places in hinted.items() if paper not in named}
        categories = {int(j) for label in concept.categories for j in self.inverted_index.category(label)}
        papers = sorted({*named, *hinted, *categories})
        rows = [self._features(j, named.get(j), hinted.get(j), j in categories) for j in papers]
        places = [min(named.get(j) or hinted.get(j) or [range(0)], key=lambda place: place.start) for j in papers]
        return Mentions(
            np.array(papers, dtype=np.intp),
            np.array(rows, dtype=np.float32).reshape(-1, len(FEATURES)),
            [_trimmed(self.written[j], place) for j, place in zip(papers, places, strict=True)],
        )

    def _features(
        self, paper: int, named: Sequence[range] | None, hinted: Sequence[range] | None, in_category: bool
    ) -> tuple[float, ...]:
        title = self.titles[paper]
        starts = {place.start for place in named or hinted or ()}
        single = bool(starts) and all(len(place) == 1 for place in named or hinted or ())
        return (
            float(bool(named) and min(starts) < title),
            float(bool(named) and min(starts) < title + OPENING),
            float(np.log1p(min(len(starts), OFTEN))),
            float(bool(hinted)),
            float(bool(hinted) and min(starts) < title),
            float(single),
            float(in_category),
        )

    def _standing(self, form: Sequence[str]) -> Iterable[tuple[int, list[range]]]:
        """Yield the papers in which a form stands, with its places."""
        postings = [self.words.get(one, []) for one in form]
        if len(form) == 1:
            for paper, positions in postings[0]:
                yield paper, _single(positions)
        elif all(postings):
            others = [dict(posting) for posting in postings[1:]]
            for paper, first in postings[0]:
                rest = [other[paper] for other in others if paper in other]
                if len(rest) == len(others) and (places := _places([first, *rest])):
                    yield paper, places


def build_mention_index(papers: Sequence[Paper], model: TextModel, inverted_index: InvertedIndex) -> MentionIndex:
    """Index the words of the papers' titles and abstracts."""
    titles = [list(lemmas_with_words(paper.plain_title)) for paper in papers]
    texts = [
        [*title, *BETWEEN, *lemmas_with_words(paper.plain_abstract)]
        for title, paper in zip(titles, papers, strict=True)
    ]
    return MentionIndex(
        model=model,
        inverted_index=inverted_index,
        words=_postings([[base for base, _ in text] for text in texts]),
        acronyms=_postings([[acronym(word) for _, word in text] for text in texts]),
        defined=[dict(definitions(paper.text)) for paper in papers],
        written=[[word for _, word in text] for text in texts],
        titles=list(map(len, titles)),
    )


def _postings(texts: Sequence[Sequence[str]]) -> dict[str, Posting]:
    """Return name → papers and positions; an empty name is none."""
    postings: dict[str, Posting] = {}
    for j, names in enumerate(texts):
        for position, name in enumerate(names):
            if name:
                posting = postings.setdefault(name, [])
                if not posting or posting[-1][0] != j:
                    posting.append((j, []))
                posting[-1][1].append(position)
    return postings


def _collected(found: Iterable[Iterable[tuple[int, list[range]]]]) -> dict[int, list[range]]:
    """Join the places of several searches by paper."""
    joined: dict[int, list[range]] = {}
    for paper, places in chain.from_iterable(found):
        joined.setdefault(paper, []).extend(places)
    return joined


def _single(positions: Sequence[int]) -> list[range]:
    return [range(position, position + 1) for position in positions]


def _places(positions: Sequence[Sequence[int]]) -> list[range]:
    """Return the places where words with these positions stand in order, or two of them as neighbours reversed."""
    found = []
    for first in positions[0]:
        last = first
        for later in positions[1:]:
            place = bisect_right(later, last)
            last = later[place] if place < len(later) and later[place] <= last + 1 + GAP else -1
            if last < 0:
                break
        else:
            found.append(range(first, last + 1))
    if len(positions) == 2:
        before = frozenset(positions[1])
        found += [range(first - 1, first + 1) for first in positions[0] if first - 1 in before]
    return found


def _trimmed(written: Sequence[str], place: range) -> tuple[str, ...]:
    return tuple(dict.fromkeys(written[position] for position in place))
