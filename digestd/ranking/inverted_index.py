"""Index of the day's papers: literal phrases, authors, categories, institutions and venues."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.domain.interest import Kind
from digestd.domain.paper import Paper
from digestd.ranking.arrays import NOWHERE, Ints
from digestd.ranking.places import Places, index_institutions, index_venues
from digestd.ranking.text import folded_tokens, phrase_form
from digestd.text.people import PersonName, may_be_same_person, parse_person_name
from digestd.text.scripts import fold


@dataclass(frozen=True, slots=True, eq=False)
class InvertedIndex:
    """Postings over the papers.

    Every lookup returns sorted positions in the candidate set.

    Attributes:
        texts: Normalised text of each paper.
        postings: Folded word → papers.
        author_keys: Surname → (name, paper, spelling in the paper).
        labels: Category or parent category → papers.
        institutions, venues: As written → papers.
    """

    texts: tuple[str, ...]
    postings: Mapping[str, Sequence[int]]
    author_keys: Mapping[str, Sequence[tuple[PersonName, int, str]]]
    labels: Mapping[str, Ints]
    institutions: Places
    venues: Places

    @property
    def finders(self) -> Mapping[Kind, Callable[[str], Collection[int]]]:
        """Return the lookups by kind of interest."""
        return {
            Kind.PHRASE: self.phrase,
            Kind.AUTHOR: self.author,
            Kind.CATEGORY: self.category,
            Kind.INSTITUTION: self.institutions.find,
            Kind.VENUE: self.venues.find,
        }

    def phrase(self, phrase: str) -> Ints:
        """Return the papers that contain the phrase as whole words."""
        wanted = phrase_form(phrase)
        if not any(map(str.isalnum, wanted)):
            return NOWHERE
        holding = [j for j in self._with_words(wanted) if wanted in self.texts[j]]
        return sorted_positions(filter(lambda j: phrase_pattern(wanted).search(self.texts[j]), holding))

    def author(self, name: str) -> dict[int, str]:
        """Return the papers by this person: position → the name as written there."""
        sought = parse_person_name(name)
        if sought is None:
            return {}
        return {
            j: written
            for known, j, written in self.author_keys.get(sought.surname, ())
            if may_be_same_person(sought, known)
        }

    def category(self, label: str) -> Ints:
        """Return the papers in this category or below it: `cs` and `cs.*` match `cs.LG`."""
        return in_category(self.labels, label)

    def _with_words(self, wanted: str) -> Iterable[int]:
        found = sorted((self.postings.get(word, ()) for word in folded_tokens(wanted)), key=len)
        return frozenset(found[0]).intersection(*found[1:]) if found else range(len(self.texts))


def build_inverted_index(papers: Sequence[Paper]) -> InvertedIndex:
    """Index the papers."""
    texts = tuple(phrase_form(paper.text) for paper in papers)
    postings: defaultdict[str, list[int]] = defaultdict(list)
    author_keys: defaultdict[str, list[tuple[PersonName, int, str]]] = defaultdict(list)
    for j, paper in enumerate(papers):
        for word in dict.fromkeys(folded_tokens(texts[j])):
            postings[word].append(j)
        for written in paper.words.authors:
            if name := parse_person_name(written):
                author_keys[name.surname].append((name, j, written))
    return InvertedIndex(
        texts=texts,
        postings=dict(postings),
        author_keys=dict(author_keys),
        labels=index_categories(papers),
        institutions=index_institutions(
            (j, name) for j, paper in enumerate(papers) for name in paper.facts.affiliations
        ),
        venues=index_venues((j, paper.facts.venue) for j, paper in enumerate(papers) if paper.facts.venue),
    )


def index_categories(papers: Sequence[Paper]) -> dict[str, Ints]:
    """Return the papers of each category and parent category."""
    labels: defaultdict[str, set[int]] = defaultdict(set)
    for j, paper in enumerate(papers):
        for label in paper.words.categories:
            for level in category_levels(label):
                labels[level].add(j)
    return {label: sorted_positions(found) for label, found in labels.items()}


def in_category(labels: Mapping[str, Ints], label: str) -> Ints:
    return labels.get(fold(label).strip().removesuffix(".*"), NOWHERE)


def sorted_positions(found: Iterable[int]) -> Ints:
    return np.array(sorted(found), dtype=np.intp)


def category_levels(label: str) -> list[str]:
    """Return a category and its parents: `cs.lg` → `cs.lg`, `cs`."""
    parts = fold(label).strip().split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]


def phrase_pattern(wanted: str) -> re.Pattern[str]:
    """Return a pattern for a phrase in normalised text.

    The pattern has word boundaries in scripts that have letter case.
    """
    before = r"(?<!\w)" if _has_word_boundary(wanted[0]) else ""
    after = r"(?!\w)" if _has_word_boundary(wanted[-1]) else ""
    return re.compile(before + re.escape(wanted) + after)


def _has_word_boundary(letter: str) -> bool:
    return letter.isdigit() or letter.lower() != letter.upper()
