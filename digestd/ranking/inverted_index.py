"""Where things stand in the day's papers: literal phrases, people, categories."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.domain.paper import Paper
from digestd.ranking.arrays import NOWHERE, Ints
from digestd.ranking.person_names import PersonName, parse, same
from digestd.ranking.text import flat, fold, folded_tokens


@dataclass(frozen=True, slots=True, eq=False)
class InvertedIndex:
    """Inverted indices over the papers; every finder answers with sorted positions in the pool.

    `texts`: flat text per paper. `postings`: folded word → papers. `people`: surname → (name, paper, as written).
    """

    texts: tuple[str, ...]
    postings: Mapping[str, Sequence[int]]
    author_keys: Mapping[str, Sequence[tuple[PersonName, int, str]]]
    labels: Mapping[str, Ints]

    def phrase(self, phrase: str) -> Ints:
        """Papers in whose text the phrase stands as whole words."""
        wanted = flat(phrase)
        if not any(map(str.isalnum, wanted)):
            return NOWHERE
        holding = [j for j in self._with_words(wanted) if wanted in self.texts[j]]
        return positions(filter(lambda j: literal(wanted).search(self.texts[j]), holding))

    def author(self, name: str) -> dict[int, str]:
        """Papers by that person: position → the name as the paper writes it."""
        sought = parse(name)
        if sought is None:
            return {}
        return {j: written for known, j, written in self.author_keys.get(sought.surname, ()) if same(sought, known)}

    def category(self, label: str) -> Ints:
        """Papers in that category or one below it: `cs` and `cs.*` hold `cs.LG`."""
        return self.labels.get(fold(label).strip().removesuffix(".*"), NOWHERE)

    def _with_words(self, wanted: str) -> Iterable[int]:
        found = sorted((self.postings.get(word, ()) for word in folded_tokens(wanted)), key=len)
        return frozenset(found[0]).intersection(*found[1:]) if found else range(len(self.texts))


def build_inverted_index(papers: Sequence[Paper]) -> InvertedIndex:
    """Index the papers."""
    texts = tuple(flat(paper.text) for paper in papers)
    postings: defaultdict[str, list[int]] = defaultdict(list)
    author_keys: defaultdict[str, list[tuple[PersonName, int, str]]] = defaultdict(list)
    labels: defaultdict[str, set[int]] = defaultdict(set)
    for j, paper in enumerate(papers):
        for word in dict.fromkeys(folded_tokens(texts[j])):
            postings[word].append(j)
        for written in paper.words.authors:
            if name := parse(written):
                author_keys[name.surname].append((name, j, written))
        for label in paper.words.categories:
            for level in levels(label):
                labels[level].add(j)
    return InvertedIndex(
        texts=texts,
        postings=dict(postings),
        author_keys=dict(author_keys),
        labels={label: positions(found) for label, found in labels.items()},
    )


def positions(found: Iterable[int]) -> Ints:
    """Sorted, as an array."""
    return np.array(sorted(found), dtype=np.intp)


def levels(label: str) -> list[str]:
    """A category and those above it: `cs.lg` → `cs.lg`, `cs`."""
    parts = fold(label).strip().split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]


def literal(wanted: str) -> re.Pattern[str]:
    """The phrase in flat text, untouched by letters or digits; a script without case has no such edges."""
    before = r"(?<!\w)" if _edged(wanted[0]) else ""
    after = r"(?!\w)" if _edged(wanted[-1]) else ""
    return re.compile(before + re.escape(wanted) + after)


def _edged(letter: str) -> bool:
    return letter.isdigit() or letter.lower() != letter.upper()
