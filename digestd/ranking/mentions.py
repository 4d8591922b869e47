"""Mentions: where and how the day's papers name the concepts that subscribers ask for.

A concept of several words is named where they stand in order within a short window, or as two neighbours the other
way round ("generation of videos"). Scattered words name nothing. An acronym is named where it is written as one.

The words of all papers form one sequence of numbers, in which the concepts of many topics are searched for at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from digestd.domain.paper import Paper
from digestd.ranking.arrays import NOWHERE, Cells, Columns, Floats, Groups, Ints, grouped
from digestd.ranking.concepts import Names
from digestd.ranking.inverted_index import in_category
from digestd.ranking.lexicon import acronym, definitions, lemmas, lemmas_with_words
from digestd.ranking.model import TextModel

GAP = 1
"""Words that may stand between two words of a form, as in "video *world* generation"."""
OPENING = 25
"""Words after the title, stop words not counted, that say what the paper is about: two sentences."""
BETWEEN = [("", "")] * (GAP + 2)
"""A gap between title and abstract, and between papers, so that no phrase stands across."""
OFTEN = 8
"""Mentions beyond this number say no more."""
NAMED, HINTED, LISTED = range(3)
"""What a place in a paper tells: a form or an acronym, a form without its head noun, only the category; best first."""

FEATURES = ("title", "opening", "often", "hinted", "hinted in title", "single", "category")
"""The columns of `Mentions.features`.

title, opening          a form or an acronym stands in the title, in the opening sentences
often                   ln(1 + number of mentions)
hinted, … in title      only the form without its head noun stands ("diffusion" of "diffusion models")
single                  what stands is a single word
category                the paper is in an arXiv category that is the concept as a whole
"""


@dataclass(frozen=True, slots=True, eq=False)
class Mentions:
    """The k (topic, paper) cells in which a paper mentions the concept of a topic.

    Attributes:
        features: (k, f) values of FEATURES.
        starts, lengths: (k,) the first place in the index that names it; length 0 for a category.
    """

    cells: Cells
    features: Floats
    starts: Ints
    lengths: Ints


@dataclass(frozen=True, slots=True, eq=False)
class MentionIndex:
    """The w words of m papers without stop words, one paper after the other with gaps between them.

    Attributes:
        categories: Category → papers.
        words: Lemma → its number, from 1.
        sequence: (w,) number of each word; 0 in a gap.
        postings, ends: (w,) the places of each number, one number after the other; those of k end before ends[k].
        acronyms: Acronym → the places where it is written.
        defined: Acronym → the papers that define it, each with the lemmas of its long form there.
        written: (w,) the words as written.
        papers: (w,) the paper of each word.
        begins, titles: (m,) first place of each paper, and the number of words in its title.
    """

    model: TextModel
    categories: Mapping[str, Ints]
    words: Mapping[str, int]
    sequence: Columns
    postings: Ints
    ends: Ints
    acronyms: Mapping[str, Ints]
    defined: Mapping[str, Sequence[tuple[int, tuple[str, ...]]]]
    written: Sequence[str]
    papers: Ints
    begins: Ints
    titles: Ints

    def __len__(self) -> int:
        return len(self.titles)

    def of(self, topics: Sequence[Names]) -> Mentions:
        """Return the mentions of concepts, by what names them."""
        places = np.concatenate([self._standing(topics), self._acronyms(topics), self._listed(topics)])
        topic, paper, kind, start, length = places[np.lexsort(places.T[3::-1])].T
        first = np.flatnonzero(np.diff(topic * len(self) + paper, prepend=-1))  # of each cell
        sizes = np.diff(first, append=len(topic))
        told, named, hinted = kind[first], kind[first] == NAMED, kind[first] == HINTED
        used = kind == np.repeat(np.where(told == LISTED, -1, told), sizes)
        counted = used & (np.diff(start, prepend=-1) != 0)
        counted[first] = used[first]
        position = start[first] - self.begins[paper[first]]
        titles = self.titles[paper[first]]
        features = [
            named & (position < titles),
            named & (position < titles + OPENING),
            np.log1p(np.minimum(np.add.reduceat(counted, first, dtype=np.intp), OFTEN)),
            hinted,
            hinted & (position < titles),
            np.maximum.reduceat(np.where(used, length, 0), first) == 1,
            kind[first + sizes - 1] == LISTED,
        ]
        return Mentions(
            Cells(topic[first], paper[first]),
            np.column_stack(features).astype(np.float32),
            start[first],
            length[first],
        )

    def quote(self, start: int, length: int) -> tuple[str, ...]:
        """Return the distinct words that stand at a place, as written."""
        return tuple(dict.fromkeys(self.written[start : start + length]))

    def _standing(self, topics: Sequence[Names]) -> Ints:
        """Return the places of forms, with and without their head noun."""
        wanted = [
            (topic, kind, numbers)
            for topic, names in enumerate(topics)
            for kind, forms in ((NAMED, names.forms), (HINTED, names.cores))
            for form in forms
            if all(numbers := [self.words.get(word, 0) for word in form])
        ]
        forms = [numbers for _, _, numbers in wanted]
        swapped = [numbers[::-1] if len(numbers) == 2 else [] for numbers in forms]
        found = np.concatenate([self._search(forms, GAP), self._search(swapped, 0)])
        form, start, length = found[np.argsort(found[:, 0], kind="stable")].T
        told = np.array([(topic, kind) for topic, kind, _ in wanted], dtype=np.intp).reshape(-1, 2)[form]
        return np.column_stack([told[:, 0], self.papers[start], told[:, 1], start, length])

    def _search(self, forms: Sequence[Sequence[int]], gap: int) -> Ints:
        """Return where forms stand: rows of the number of the form, the place, and its length.

        Args:
            forms: The numbers of their words; an empty form stands nowhere.
            gap: Words that may stand between two of them.
        """
        spans = grouped([len(form) for form in forms])
        words = np.array(list(chain.from_iterable(forms)), dtype=np.intp)
        form, start = self._starts(spans, words, gap)
        last, length, found = start, 1, [np.zeros((0, 3), dtype=np.intp)]
        while len(form):
            ended = spans.sizes[form] == length
            found.append(np.column_stack([form[ended], start[ended], last[ended] + 1 - start[ended]]))
            form, start, last = form[~ended], start[~ended], last[~ended]
            step = np.zeros(len(form), dtype=np.intp)
            for distance in range(gap + 1, 0, -1):
                step[self.sequence[last + distance] == words[spans.starts[form] + length]] = distance
            form, start, last, length = form[step > 0], start[step > 0], (last + step)[step > 0], length + 1
        return np.concatenate(found)

    def _starts(self, spans: Groups, words: Ints, gap: int) -> tuple[Ints, Ints]:
        """Return the places of first words of forms that stand as far before the rarest word as they may.

        Returns:
            The number of the form, and the place.
        """
        counts = np.diff(self.ends, prepend=0)[words]
        _, where = spans.peaks(-counts.astype(np.float32))
        form = np.flatnonzero(spans.sizes)
        rarest, before = words[where[form]], (where - spans.starts)[form]
        each = grouped(counts[where[form]])
        place = self.postings[(self.ends[rarest - 1] - each.starts)[each.owner] + np.arange(len(each.owner))]
        form, before = form[each.owner], before[each.owner]
        found = []
        for distance in range((gap + 1) * int(before.max(initial=0)) + 1):
            start = np.maximum(place - distance, 0)
            may = (before <= distance) & (distance <= (gap + 1) * before)
            may &= self.sequence[start] == words[spans.starts[form]]
            found.append(form[may] * len(self.sequence) + start[may])
        form, start = np.divmod(np.unique(np.concatenate(found)), len(self.sequence))
        return form, start

    def _acronyms(self, topics: Sequence[Names]) -> Ints:
        """Return the places of acronyms, save in papers in which they stand for something else."""
        places = [
            (topic, place)
            for topic, names in enumerate(topics)
            for short in names.acronyms
            for place in self._meant(short, names.forms).tolist()
        ]
        topic, start = np.array(places, dtype=np.intp).reshape(-1, 2).T
        return np.column_stack([topic, self.papers[start], np.full_like(topic, NAMED), start, np.ones_like(topic)])

    def _meant(self, short: str, forms: Sequence[tuple[str, ...]]) -> Ints:
        found = self.acronyms.get(short, NOWHERE)
        others = [paper for paper, long_form in self.defined.get(short, ()) if forms and long_form not in forms]
        return found[~np.isin(self.papers[found], others)] if others else found

    def _listed(self, topics: Sequence[Names]) -> Ints:
        """Return the papers in the categories of concepts, as places of no length."""
        found = [
            (topic, paper, LISTED, 0, 0)
            for topic, names in enumerate(topics)
            for label in names.categories
            for paper in in_category(self.categories, label).tolist()
        ]
        return np.array(found, dtype=np.intp).reshape(-1, 5)


def build_mention_index(papers: Sequence[Paper], model: TextModel, categories: Mapping[str, Ints]) -> MentionIndex:
    """Index the words of the papers' titles and abstracts.

    Args:
        categories: Category → papers.
    """
    titles = [list(lemmas_with_words(paper.plain_title)) for paper in papers]
    texts = [
        [*BETWEEN, *title, *BETWEEN, *lemmas_with_words(paper.plain_abstract)]
        for title, paper in zip(titles, papers, strict=True)
    ]
    pairs = [*chain.from_iterable(texts), *BETWEEN]
    sizes = np.array([*map(len, texts), len(BETWEEN)], dtype=np.intp)
    words = {"": 0}
    sequence = np.array([words.setdefault(lemma, len(words)) for lemma, _ in pairs], dtype=np.int32)
    acronyms: dict[str, list[int]] = {}
    for place, (_, word) in enumerate(pairs):
        if short := acronym(word):
            acronyms.setdefault(short, []).append(place)
    defined: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
    for j, paper in enumerate(papers):
        for short, long_form in dict(definitions(paper.text)).items():
            defined.setdefault(short, []).append((j, tuple(lemmas(long_form))))
    return MentionIndex(
        model=model,
        categories=categories,
        words=words,
        sequence=sequence,
        postings=np.argsort(sequence, kind="stable"),
        ends=np.cumsum(np.bincount(sequence)),
        acronyms={short: np.array(places) for short, places in acronyms.items()},
        defined=defined,
        written=[word for _, word in pairs],
        papers=np.repeat(np.arange(len(sizes)), sizes),
        begins=np.cumsum(sizes)[:-1] - sizes[:-1] + len(BETWEEN),
        titles=np.array(list(map(len, titles)), dtype=np.intp),
    )
