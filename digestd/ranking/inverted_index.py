"""Indexes of the day's papers.

Literal phrases, authors, categories, institutions and venues (`InvertedIndex`), and BM25 (`BM25Index`).

BM25 follows Robertson & Zaragoza 2009, eq. 3.15, with k₁ = 1.5, b = .75 and the title counted twice. Document
frequencies are counted over the model's texts and the day's papers together: on a thin day, common words stay common,
and words unknown to the model still count.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.domain.interest import Kind
from digestd.domain.paper import Paper
from digestd.ranking.arrays import NOWHERE, Ints, Sparse
from digestd.ranking.model import TextModel, bm25_idf, bm25_weights
from digestd.ranking.places import Places, index_institutions, index_venues
from digestd.ranking.text import folded_tokens, phrase_form
from digestd.ranking.vocabulary import count_terms
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


@dataclass(frozen=True, slots=True, eq=False)
class BM25Index:
    """S stems × m papers.

    Attributes:
        stems: The stem of each row.
        rows: Stem → row of `bm25`.
        row_of: (V,) row of each model term, −1 if no paper has it.
        bm25: (S, m) weights, present where a paper contains the stem.
    """

    stems: Sequence[str]
    rows: Mapping[str, int]
    row_of: Ints
    bm25: Sparse

    def holding(self, stems: Iterable[str]) -> Ints:
        """Return the papers that contain all of these stems; none if there are no stems."""
        rows = [self._papers(stem) for stem in stems]
        if not rows:
            return NOWHERE
        found = rows[0]
        for row in rows[1:]:
            found = np.intersect1d(found, row, assume_unique=True)
        return np.sort(found)

    def _papers(self, stem: str) -> Ints:
        row = self.rows.get(stem)
        if row is None:
            return NOWHERE
        start, end = self.bm25.indptr[row : row + 2]
        return self.bm25.indices[start:end].astype(np.intp)


def build_bm25_index(titles: Sequence[Sequence[str]], docs: Sequence[Sequence[str]], model: TextModel) -> BM25Index:
    """Build the index from the stems of each paper's title and of its full text."""
    frequency: Counter[str] = Counter()
    for doc in docs:
        frequency.update(set(doc))
    rows = {stem: row for row, stem in enumerate(sorted(frequency))}
    texts = model.size + len(docs)
    known = np.array([_frequency(model, stem) for stem in rows], dtype=np.float32)
    idf = bm25_idf(known + np.array([frequency[stem] for stem in rows], dtype=np.float32), texts)
    tf = count_terms([[*title, *doc] for title, doc in zip(titles, docs, strict=True)], rows)
    row_of = np.full(len(model.vocabulary), -1, dtype=np.intp)
    both = [(model.vocabulary[stem], row) for stem, row in rows.items() if stem in model.vocabulary]
    row_of[[column for column, _ in both]] = [row for _, row in both]
    return BM25Index(list(rows), rows, row_of, bm25_weights(tf, idf).T.tocsr())


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


def _frequency(model: TextModel, stem: str) -> float:
    known = model.vocabulary.get(stem)
    return 0.0 if known is None else float(model.frequency[known])
