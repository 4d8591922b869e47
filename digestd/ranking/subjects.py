"""Subjects: the chance that a paper is about a topic, not merely mentions its words.

    log odds = bias + Σ weight · feature,

with the features below. The weights are a logistic regression on pairs of topic and paper that were judged by reading;
`python -m tests.fitting topics` fits them and says what each feature is worth. Without a dense model there are other
weights and no feature of meaning. A title that names a topic by two words or more is a match, whatever else.

What the glossary knows as narrower than a topic counts for it: a paper on named entity recognition is about information
extraction, though it may mention neither word.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from math import log
from typing import NamedTuple, TypeAlias

import numpy as np

from digestd.ranking.arrays import Bools, Cells, Floats, Sparse, sparse
from digestd.ranking.concepts import HEAD_NOUNS, Names, narrower_names, part_names
from digestd.ranking.dense import EmbeddingSpace
from digestd.ranking.glossary import is_foreign_name, narrower_text
from digestd.ranking.lexicon import lemmas
from digestd.ranking.mentions import TITLE, MentionIndex, Mentions, Place
from digestd.ranking.quotes import BACKGROUND
from digestd.ranking.text import analyse

ABOUT = 0.35
"""The chance from which a paper counts as about a topic where topics are counted."""
ABOUT_LOG_ODDS = log(ABOUT / (1 - ABOUT))
TITLED = 0.75
"""The least chance of a paper whose title names a topic by two words or more."""
TITLED_LOG_ODDS = np.float32(log(TITLED / (1 - TITLED)))
FEATURES = ("often", "narrower", "category", "words", "cosine")
"""The features of a topic and a paper.

often       ln(1 + number of times that the paper names the topic)
narrower    the same for the names of narrower subjects; of a topic that joins two, for the one that is named less
category    1 if the paper is in an arXiv category that is the topic as a whole
words       TF-IDF cosine of the paper with the topic and the names of narrower subjects
cosine      cosine of paper and topic in the dense space
"""

UNHEARD = np.float32(0.12)
"""The TF-IDF cosine assumed where a paper names a topic and the model knows no word of it; less if it knows some."""
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
    """t queries, as compiled.

    Attributes:
        names: What names them in papers.
        words: (t, V) TF-IDF rows; the squared length of each is the share of its words that the model knows.
        vectors: (t, e) embeddings.
    """

    names: Sequence[Names]
    words: Sparse
    vectors: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Subjects:
    """t queries against m papers.

    Attributes:
        log_odds: (t, m) of the chance that the paper is about the query.
    """

    log_odds: Floats
    index: "SubjectIndex"
    names: Sequence[Names]
    mentioned: Mentions
    parts: "_Parts"

    @property
    def about(self) -> Bools:
        """Return which papers are about which query (t, m), with a chance of ABOUT or more."""
        about: Bools = self.log_odds >= ABOUT_LOG_ODDS
        return about

    def places(self, query: int, paper: int) -> tuple[Place | None, Place | None]:
        """Return what names a query, or a narrower subject, in a paper, and else what comes nearest; None without.

        What the glossary calls narrower may only be related. It names the query if that is a field, if the paper names
        the query, too, or by the same head noun: "tumor segmentation" for image segmentation, but not "brain tumor".
        """
        mentions, names = self.index.mentions, self.names[query]
        named, narrower = self.mentioned.place(query, paper), []
        if not named or mentions.tells[named[0]] <= BACKGROUND:
            narrower = self._narrower(query, paper)
            heads = {mentions.words.get(form[-1], 0) for form in names.forms}
            is_any = named or names.categories or names.parts
            claimed = [place for place in narrower if is_any or mentions.sequence[sum(place) - 1] in heads]
            named = self._most_telling([named, *claimed])
        if named and mentions.tells[named[0]] > BACKGROUND:
            return named, named
        nearest = self._most_telling([named, *narrower])
        return named, nearest or (mentions.related(names.forms[0], paper) if names.forms else None)

    def has_words(self, query: int, paper: int, typed: str) -> bool:
        """Return True if a paper has the words of a query as typed, close together, or its acronym.

        The glossary's other names of a subject do not count: "sparse attention" is no linear attention. They do if what
        was typed is no English name, but an acronym or in another language.
        """
        mentions, names, own = self.index.mentions, self.names[query], tuple(lemmas(typed))
        place = self.mentioned.place(query, paper)
        if own not in names.forms or not typed.isascii() or is_foreign_name(typed):
            return place is not None
        if place and mentions.sequence[place[0]] in {mentions.words.get(short.lower(), -1) for short in names.acronyms}:
            return True
        forms = [form for form in names.forms if sorted(form) == sorted(own)]
        forms += [form[:-1] for form in forms if len(form) > 1 and form[-1] in HEAD_NOUNS]
        return any(mentions.has_close(form, paper) for form in forms)

    def titled(self, at: Cells) -> Bools:
        """Return in which of q (query, paper) the title names the query (q,)."""
        mentioned = self.mentioned
        found = mentioned.cells.find(at, mentioned.papers)
        is_titled = (mentioned.lengths > 0) & (self.index.mentions.tells[mentioned.starts] == TITLE)
        return np.append(is_titled, False)[found]  # −1: the appended False

    def _narrower(self, query: int, paper: int) -> list[Place]:
        """Return the starts and lengths of what names the narrower subjects of a query, or all parts, in a paper."""
        names, (rows, mentioned) = self.names[query], self.parts
        parts = [mentioned.place(rows[phrase], paper) for phrase in names.parts]
        subjects = [self.index.subjects[name] for name in names.subjects]
        found = [subject.mentioned.place(subject.row, paper) for subject in subjects]
        return [place for place in (*found, *(parts if all(parts) else ())) if place]

    def _most_telling(self, places: Sequence[Place | None]) -> Place | None:
        tells = self.index.mentions.tells
        return max(filter(None, places), key=lambda place: tells[place[0]], default=None)


_Parts: TypeAlias = tuple[Mapping[str, int], Mentions]
"""The row of each part of queries, and its mentions."""


@dataclass(frozen=True, slots=True, eq=False)
class _Subject:
    """A subject of the glossary: what the papers have of its narrower ones, and its features (m,) by name.

    `row`: its number among the subjects that are looked up in the papers together.
    """

    mentioned: Mentions
    row: int
    features: dict[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class SubjectIndex:
    """The day's papers by subject.

    Attributes:
        words: (V, m) TF-IDF columns of the papers.
        vectors: (m, e) their embeddings in `space`.
        subjects: Those of the glossary that were looked up so far, by first English name.
    """

    mentions: MentionIndex
    words: Sparse
    space: EmbeddingSpace
    vectors: Floats
    subjects: dict[str, _Subject] = field(default_factory=dict)

    def of(self, queries: Queries) -> Subjects:
        """Return the papers about each query."""
        coefficients = SPARSE if self.space.is_empty else DENSE
        log_odds = np.full((len(queries.names), len(self.mentions)), coefficients.bias, dtype=np.float32)
        mentioned, parts = self.mentions.of(queries.names), self._parts_of(queries.names)
        for weight, values in zip(coefficients.weights, self.features(queries, mentioned, parts), strict=True):
            values *= np.float32(weight)  # in place: these are the largest arrays of a shard
            log_odds += values
        titled = mentioned.titled(self.mentions.tells)
        log_odds[titled.rows, titled.columns] = np.maximum(log_odds[titled.rows, titled.columns], TITLED_LOG_ODDS)
        return Subjects(log_odds, self, queries.names, mentioned, parts)

    def features(
        self, queries: Queries, mentioned: Mentions | None = None, parts: "_Parts | None" = None
    ) -> Iterator[Floats]:
        """Yield the values (t, m) of each of FEATURES, to be changed at will.

        Args:
            mentioned, parts: The mentions of the queries and of their parts, if known already.
        """
        mentioned = mentioned or self.mentions.of(queries.names)
        rows, named = parts or self._parts_of(queries.names)
        self._look_up(name for own in queries.names for name in own.subjects)
        shape = len(queries.names), len(self.mentions)
        often = mentioned.cells.to_dense(mentioned.often, shape)
        narrower = self._by_subject("narrower", queries.names, np.zeros(shape, dtype=np.float32))
        either = named.cells.to_dense(named.often, (len(rows), len(self.mentions)))
        for row, own in enumerate(queries.names):
            if own.parts:
                narrower[row] = either[[rows[phrase] for phrase in own.parts]].min(axis=0)
        is_named = (often > 0) | (narrower > 0)
        yield often
        yield narrower
        yield mentioned.cells.to_dense(mentioned.is_listed.astype(np.float32), shape)
        words = self._by_subject("words", queries.names, (queries.words @ self.words).toarray())
        unheard = self._by_subject("unheard", queries.names, _unheard(queries.words))
        yield np.add(words, unheard[:, None], out=words, where=is_named)
        yield queries.vectors @ self.vectors.T

    def _look_up(self, names: Iterable[str]) -> None:
        """Look up what the papers say about subjects of the glossary, given by their first English names."""
        new = [name for name in dict.fromkeys(names) if name not in self.subjects]
        if not new:
            return
        model, texts = self.mentions.model, [*map(narrower_text, new)]
        rows = model.tfidf(analyse(texts))
        shares = np.repeat(np.sqrt(model.known_shares(texts)), np.diff(rows.indptr))
        rows = sparse(rows.data * shares, rows.indices, rows.indptr, len(model.vocabulary))
        mentioned = self.mentions.of([*map(narrower_names, new)])
        narrower = mentioned.cells.to_dense(mentioned.often, (len(new), len(self.mentions)))
        features = zip(narrower, (rows @ self.words).toarray(), _unheard(rows), strict=True)
        for row, (name, values) in enumerate(zip(new, features, strict=True)):
            self.subjects[name] = _Subject(mentioned, row, dict(zip(_OF_SUBJECTS, values, strict=True)))

    def _parts_of(self, names: Sequence[Names]) -> "_Parts":
        phrases = list(dict.fromkeys(phrase for own in names for phrase in own.parts))
        return {phrase: row for row, phrase in enumerate(phrases)}, self.mentions.of([*map(part_names, phrases)])

    def _by_subject(self, feature: str, names: Sequence[Names], values: Floats) -> Floats:
        """Put a feature of the subjects that queries are in place of their own values."""
        for row, own in enumerate(names):
            for name in own.subjects:
                values[row] = self.subjects[name].features[feature]
        return values


_OF_SUBJECTS = ("narrower", "words", "unheard")
"""The features of subjects of the glossary."""


def _unheard(rows: Sparse) -> Floats:
    """Return the TF-IDF cosine assumed for the words of each query that the text model does not know (t,)."""
    known: Floats = rows.power(2).sum(axis=1)
    return UNHEARD * np.maximum(1 - known, 0)
