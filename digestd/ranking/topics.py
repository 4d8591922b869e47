"""Topics: what subscribers ask for in free text.

They are matched against the day's papers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Floats, Groups, Ints, Sparse, grouped
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.concepts import Names, understand
from digestd.ranking.dense import Encoder
from digestd.ranking.model import TextModel, lsa_vectors
from digestd.ranking.subjects import Subjects
from digestd.ranking.text import analyse

UNKNOWN = -1
"""Column of a stem that the text model does not know."""


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """One query: all or a part of what a typed topic means, which any of its queries meets.

    Attributes:
        stems: Distinct stems in order.
        columns: Their columns in the model's vocabulary.
        terms, values: The TF-IDF row, including pairs of stems.
        place: (d,) LSA vector.
        vector: (e,) embedding in half precision; e = 0 without a dense model.
        names: What names it in papers.
    """

    stems: tuple[str, ...]
    columns: Ints
    terms: Ints
    values: Floats
    place: Floats
    vector: Floats
    names: Names


@dataclass(frozen=True, slots=True, eq=False)
class Topics:
    """The t queries of a block of n subscribers against m papers; each typed topic has one or several.

    Attributes:
        of: Owner of each query.
        stems: Stems of each query, as groups.
        rows: Row of each stem in the BM25 index, −1 if no paper has it.
        bm25: (n, m) sum over all topics of a subscriber.
        places: (t, d) LSA vectors.
        vectors: (t, e) embeddings; e = 0 without a dense model.
        subjects: The papers that the topics are the subjects of.
    """

    of: Groups
    stems: Groups
    rows: Ints
    bm25: Floats
    places: Floats
    vectors: Floats
    subjects: Subjects


def compile_topics(values: Iterable[str], model: TextModel, encoder: Encoder) -> dict[str, tuple[Topic, ...]]:
    """Compile the queries of each distinct topic that has a content word."""
    understood = [(value, concept) for value in dict.fromkeys(values) for concept in understand(value, model)]
    concepts = [concept for _, concept in understood]
    docs = analyse([concept.words for concept in concepts])
    encoded = model.encode_tokens(docs)
    vectors = encoder.encode([concept.text for concept in concepts])
    ends = encoded.sparse.indptr
    found: dict[str, tuple[Topic, ...]] = {}
    for i, ((value, concept), doc) in enumerate(zip(understood, docs, strict=True)):
        if doc:
            places = encoded.dense[i], vectors[i]
            query = _topic(model, doc, encoded.sparse, slice(ends[i], ends[i + 1]), places, concept.names)
            found[value] = (*found.get(value, ()), query)
    return found


def _topic(
    model: TextModel, doc: Sequence[str], rows: Sparse, own: slice, places: tuple[Floats, Floats], names: Names
) -> Topic:
    stems = tuple(dict.fromkeys(doc))
    columns = np.array([model.vocabulary.get(stem, UNKNOWN) for stem in stems], dtype=np.intp)
    return Topic(
        stems=stems,
        columns=columns,
        terms=rows.indices[own].astype(np.intp),
        values=rows.data[own],
        place=places[0],
        vector=places[1],
        names=names,
    )


def read_topics(
    candidates: CandidateSet,
    of: Groups,
    stems: tuple[Groups, Ints],
    terms: Sparse,
    named: tuple[Sequence[Names], Floats],
) -> Topics:
    """Match the topics of a block against the candidates.

    Args:
        of: Owner of each topic.
        stems: Stems of each topic, as groups, with the row of each stem in the BM25 index.
        terms: (t, V) TF-IDF rows.
        named: What names the topics in papers, and their embeddings (t, e).
    """
    stems_of, rows = stems
    names, vectors = named
    here = rows >= 0
    asked, which = np.unique(rows[here], return_inverse=True)
    bm25 = candidates.bm25_index.bm25[asked].toarray()  # mostly zeros, but sparse sums take six times as long
    held = grouped(np.bincount(stems_of.owner[here], minlength=len(stems_of)))
    counted = grouped(np.bincount(of.owner[held.owner], minlength=len(of)))
    ones = np.ones(len(which), dtype=np.float32)
    places = lsa_vectors(terms, candidates.model.components)
    return Topics(
        of=of,
        stems=stems_of,
        rows=rows,
        bm25=counted.summing(ones, which, len(asked)) @ bm25,
        places=places,
        vectors=vectors,
        subjects=candidates.subjects.of(names, places, vectors),
    )
