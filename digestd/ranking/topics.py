"""Topics: what subscribers ask for in free text.

They are matched against the day's papers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Floats, Groups, Ints, stacked
from digestd.ranking.concepts import Concept, Names, understand
from digestd.ranking.dense import EmbeddingSpace
from digestd.ranking.glossary import narrower_text
from digestd.ranking.judgments import Judged
from digestd.ranking.model import TextModel, unit
from digestd.ranking.subjects import Queries, Subjects
from digestd.ranking.text import analyse


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """One query: all or a part of what a typed topic means, which any of its queries meets.

    Attributes:
        terms, values: The TF-IDF row, including pairs of stems; its squared length is the share of known words.
        stems: Columns of its distinct stems that the model knows.
        vector: (e,) embedding in half precision; e = 0 without a dense model.
        names: What names it in papers.
    """

    terms: Ints
    values: Floats
    stems: Ints
    vector: Floats
    names: Names


@dataclass(frozen=True, slots=True, eq=False)
class Topics:
    """The t queries of a block of n subscribers against m papers; each typed topic has one or several.

    Attributes:
        of: Owner of each query.
        subjects: How likely the papers are about them.
        judged: What a language model says, by query and paper.
    """

    of: Groups
    subjects: Subjects
    judged: Judged


def compile_topics(values: Iterable[str], model: TextModel, space: EmbeddingSpace) -> dict[str, tuple[Topic, ...]]:
    """Compile the queries of each distinct topic that has a content word."""
    understood = [(value, concept) for value in dict.fromkeys(values) for concept in understand(value, model)]
    docs = analyse([concept.words for _, concept in understood])
    rows = model.tfidf(docs)
    lengths = np.sqrt(model.known_shares([concept.text for _, concept in understood]))
    stems = [dict.fromkeys(doc) for doc in docs]
    columns = [np.array([model.vocabulary[s] for s in own if s in model.vocabulary], dtype=np.intp) for own in stems]
    vectors = _vectors([concept for _, concept in understood], space)
    found: dict[str, tuple[Topic, ...]] = {}
    for i, (value, concept) in enumerate(understood):
        if docs[i]:
            own = slice(*rows.indptr[i : i + 2])
            terms, values_of = rows.indices[own].astype(np.intp), rows.data[own] * lengths[i]
            query = Topic(terms, values_of, columns[i], vectors[i], concept.names)
            found[value] = (*found.get(value, ()), query)
    return found


def as_queries(topics: Sequence[Topic], model: TextModel) -> Queries:
    """Return compiled queries as they are matched against papers."""
    return Queries(
        names=[topic.names for topic in topics],
        words=stacked([topic.terms for topic in topics], [topic.values for topic in topics], len(model.vocabulary)),
        vectors=np.array([topic.vector for topic in topics], dtype=np.float32),
    )


def _vectors(concepts: list[Concept], space: EmbeddingSpace) -> Floats:
    """Return the embedding of each concept (n, e): between its text, that of its subjects, and the nearest papers."""
    encoder = space.topic_encoder
    vectors = encoder.encode([concept.text for concept in concepts])
    if not vectors.size:
        return vectors
    listed = encoder.encode([". ".join(map(narrower_text, concept.subjects)) or concept.text for concept in concepts])
    return space.expanded(unit(vectors + listed))
