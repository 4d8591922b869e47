"""Topics: what subscribers ask for in free text, compiled and matched against the day's papers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Floats, Groups, Ints, stacked
from digestd.ranking.dense import EmbeddingSpace
from digestd.ranking.judgments import Judged
from digestd.ranking.model import TextModel, unit
from digestd.ranking.subjects import Queries, SubjectIndex
from digestd.ranking.text import analyse
from digestd.ranking.wishes import Wish, understand


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """One query: all that a typed topic asks for, or a part of it; a paper that meets any of them meets the topic.

    Attributes:
        forms: The stems of its names.
        terms, values: Its words as a TF-IDF row of the text model.
        stems: Columns of its distinct stems that the text model knows.
        vector: (e,) embedding in half precision; e = 0 without a dense model.
        part: The part that it is; empty if it is the topic as a whole.
    """

    forms: Sequence[Sequence[str]]
    terms: Ints
    values: Floats
    stems: Ints
    vector: Floats
    part: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Topics:
    """The t queries of a block of n subscribers against m papers; each typed topic has one or several.

    Attributes:
        of: Owner of each query.
        log_odds: (t, m) of the chance that the paper is about the query.
        forms: The stems of the names of each query.
        parts: The part of its topic that each query is; empty if all.
        judged: What a language model says, by query and paper.
        index: The papers.
    """

    of: Groups
    log_odds: Floats
    forms: Sequence[Sequence[Sequence[str]]]
    parts: Sequence[str]
    judged: Judged
    index: SubjectIndex


def compile_topics(values: Iterable[str], model: TextModel, space: EmbeddingSpace) -> dict[str, tuple[Topic, ...]]:
    """Compile the queries of each distinct topic that has a content word."""
    understood = {value: understand(value, model) for value in dict.fromkeys(values)}
    wishes = [wish for own in understood.values() for wish in own]
    rows = model.tfidf(analyse([wish.words for wish in wishes]))
    known = np.sqrt(model.known_shares([wish.words for wish in wishes]))
    vectors = _vectors(wishes, space)
    topics = []
    for n, wish in enumerate(wishes):
        columns = [model.vocabulary[stem] for stem in dict.fromkeys(sum(wish.forms, ())) if stem in model.vocabulary]
        own = slice(*rows.indptr[n : n + 2])
        terms = rows.indices[own].astype(np.intp)
        topics.append(
            Topic(wish.forms, terms, rows.data[own] * known[n], np.array(columns, dtype=np.intp), vectors[n], wish.part)
        )
    found = iter(topics)
    return {value: tuple(next(found) for _ in own) for value, own in understood.items() if own}


def as_queries(topics: Sequence[Topic], model: TextModel, dims: int) -> Queries:
    """Return compiled queries as they are matched against papers.

    Args:
        dims: The length of their vectors.
    """
    vectors = np.array([topic.vector for topic in topics], dtype=np.float32).reshape(len(topics), dims)
    words = stacked([topic.terms for topic in topics], [topic.values for topic in topics], len(model.vocabulary))
    return Queries([topic.forms for topic in topics], words, vectors)


def _vectors(wishes: Sequence[Wish], space: EmbeddingSpace) -> Floats:
    """Return the embedding of each wish (n, e): between its text, that of narrower subjects, and the nearest papers."""
    encode = space.topic_encoder.encode
    vectors = encode([wish.text for wish in wishes])
    if not vectors.size:
        return vectors
    return space.expanded(unit(vectors + encode([wish.listed or wish.text for wish in wishes])))
