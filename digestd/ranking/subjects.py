"""Subjects: the chance that a paper is about what somebody asks for.

    log odds = bias + Σ weight · feature,

with the features below: one logistic regression on pairs of wish and paper that were read (`tests/evaluation/topics`).
`python -m tests.fitting topics` fits it and says what each feature is worth. Without a dense model there are other
weights and no feature of meaning. A title that has the topic as a whole is a match, whatever else.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from importlib.resources import files
from math import log
from typing import NamedTuple

import numpy as np

from digestd.ranking.arrays import Bools, Floats, Sparse
from digestd.ranking.dense import EmbeddingSpace

ABOUT = 0.5
"""The chance from which a paper counts as about a topic where papers are counted, and is said to be about it."""
ABOUT_LOG_ODDS = log(ABOUT / (1 - ABOUT))
TITLED = 0.75
"""The least chance of a paper whose title has the whole topic of two or more words."""
TITLED_LOG_ODDS = np.float32(log(TITLED / (1 - TITLED)))
LONE = 0.5
"""The value of a name of a single word in the title."""
UNHEARD = np.float32(0.12)
"""The TF-IDF cosine assumed where a paper has all words of a name and the text model does not know all of them."""
FEATURES = ("cosine", "words", "titled")
"""The features of a wish and a paper.

cosine      cosine of wish and paper in the dense space
words       TF-IDF cosine of the paper with the names of the wish and of narrower subjects
titled      1 if the title has all stems of a name next to one another, in order; LONE of a single one
"""
MEANING = frozenset({"cosine"})
"""The features that need a dense model."""


class Coefficients(NamedTuple):
    """The coefficients of the formula above; `weights` in the order of FEATURES."""

    bias: float
    weights: tuple[float, ...]


def parse_coefficients(text: str) -> tuple[Coefficients, Coefficients]:
    """Return the coefficients with and without a dense model."""
    both = json.loads(text)
    dense, sparse = (
        Coefficients(each["bias"], tuple(each.get(name, 0.0) for name in FEATURES))
        for each in (both["dense"], both["sparse"])
    )
    return dense, sparse


DENSE, SPARSE = parse_coefficients(files(__package__).joinpath("subjects.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """t wishes, as compiled.

    Attributes:
        forms: The stems of the names of each.
        words: (t, V) TF-IDF rows.
        vectors: (t, e) embeddings.
    """

    forms: Sequence[Sequence[Sequence[str]]]
    words: Sparse
    vectors: Floats

    def __len__(self) -> int:
        return len(self.forms)


@dataclass(frozen=True, slots=True, eq=False)
class SubjectIndex:
    """The day's m papers.

    Attributes:
        known: The stems that the text model knows.
        papers: Stem → the papers that contain it.
        titles: The stems of each title in order, joined and surrounded by blanks.
        words: (V, m) TF-IDF columns.
        vectors: (m, e) embeddings in `space`.
    """

    known: Set[str]
    papers: Mapping[str, frozenset[int]]
    titles: Sequence[str]
    words: Sparse
    space: EmbeddingSpace
    vectors: Floats

    def __len__(self) -> int:
        return len(self.titles)

    def log_odds(self, queries: Queries) -> Floats:
        """Return the log odds (t, m) that the papers are about each wish."""
        shape = len(queries), len(self)
        log_odds, worded = (np.full(shape, each.bias, dtype=np.float32) for each in (DENSE, SPARSE))
        for n, values in enumerate(self.features(queries)):
            log_odds += values * np.float32(DENSE.weights[n])
            worded += values * np.float32(SPARSE.weights[n])
        unread = ~self.vectors.any(axis=1)  # papers that the encoder has not read yet; all of them without one
        log_odds[:, unread] = worded[:, unread]
        is_titled = (values == 1) | (unread & (values > 0))  # the last feature
        return np.maximum(log_odds, TITLED_LOG_ODDS, out=log_odds, where=is_titled)

    def about(self, queries: Queries) -> Bools:
        """Return which papers are about which wish (t, m), with a chance of ABOUT or more."""
        about: Bools = self.log_odds(queries) >= ABOUT_LOG_ODDS
        return about

    def features(self, queries: Queries) -> Iterator[Floats]:
        """Yield the values (t, m) of each of FEATURES."""
        yield queries.vectors @ self.vectors.T
        words = (queries.words @ self.words).toarray()
        for row, forms in enumerate(queries.forms):
            for form in forms:
                if not set(form) <= self.known:
                    np.maximum(words[row], UNHEARD * self._shares(form), out=words[row])
        yield words
        titled = np.zeros((len(queries), len(self)), dtype=np.float32)
        for row, forms in enumerate(queries.forms):
            for form in forms:
                found = self._titled(form)
                titled[row, found] = np.maximum(titled[row, found], 1 if len(form) > 1 else LONE)
        yield titled

    def with_all(self, stems: Iterable[str]) -> frozenset[int]:
        """Return the papers that contain all of these stems; none if there are no stems."""
        found = sorted((self.papers.get(stem, frozenset()) for stem in stems), key=len)
        return found[0].intersection(*found[1:]) if found else frozenset()

    def _shares(self, form: Sequence[str]) -> Floats:
        """Return the share of the stems of a name that each paper has (m,)."""
        shares = np.zeros(len(self), dtype=np.float32)
        for stem in form:
            shares[list(self.papers.get(stem, ()))] += 1 / len(form)
        return shares

    def _titled(self, form: Sequence[str]) -> list[int]:
        name = f" {' '.join(form)} "
        return [paper for paper in self.with_all(form) if name in self.titles[paper]]


def index_subjects(
    known: Set[str],
    titles: Sequence[Sequence[str]],
    texts: Sequence[Sequence[str]],
    words: Sparse,
    space: EmbeddingSpace,
    vectors: Floats,
) -> SubjectIndex:
    """Index the papers by the stems of each title and full text."""
    papers: defaultdict[str, set[int]] = defaultdict(set)
    for paper, stems in enumerate(texts):
        for stem in stems:
            papers[stem].add(paper)
    named = {stem: frozenset(found) for stem, found in papers.items()}
    return SubjectIndex(known, named, [f" {' '.join(title)} " for title in titles], words, space, vectors)
