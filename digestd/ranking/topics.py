"""Topics: what subscribers ask for in free text, and how the day's papers match it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Bools, Floats, Groups, Ints, Sparse, grouped
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.dense import Encoder
from digestd.ranking.model import TextModel, latent, rarity
from digestd.ranking.text import analyse

UNKNOWN = -1
"""Column of a stem that the text model does not know."""


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """One topic.

    Attributes:
        stems: Distinct stems in order.
        columns: Their columns in the model's vocabulary.
        shares: Their shares of the topic's total idf.
        terms, values: The TF-IDF row, including pairs of stems.
        place: (d,) LSA vector.
        vector: (e,) embedding in half precision; e = 0 without a dense model.
    """

    stems: tuple[str, ...]
    columns: Ints
    shares: Floats
    terms: Ints
    values: Floats
    place: Floats
    vector: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Topics:
    """The t topics of a block of n subscribers against m papers.

    Attributes:
        of: Owner of each topic.
        stems: Stems of each topic, as groups.
        rows: Row of each stem in the BM25 index, −1 if no paper has it.
        bm25: (n, m) sum over all topics of a subscriber.
        covered: (t, m) share of a topic's idf that occurs in a paper.
        lsa_cosine: (t, m) LSA cosine.
        places: (t, d) LSA vectors.
        vectors: (t, e) embeddings; e = 0 without a dense model.
        dense_cosine: (t, m) cosine of embeddings; 0 without a dense model.
    """

    of: Groups
    stems: Groups
    rows: Ints
    bm25: Floats
    covered: Floats
    lsa_cosine: Floats
    places: Floats
    vectors: Floats
    dense_cosine: Floats

    @property
    def placed(self) -> Bools:
        """Return whether each topic has an LSA vector (t,)."""
        return np.asarray(self.places.any(axis=1), dtype=np.bool_)


def compile_topics(values: Iterable[str], model: TextModel, encoder: Encoder) -> dict[str, Topic]:
    """Compile each distinct topic that has a content word."""
    distinct = list(dict.fromkeys(values))
    docs = analyse(distinct)
    encoded = model.encode_tokens(docs)
    vectors = encoder.encode(distinct)
    ends = encoded.sparse.indptr
    return {
        value: _topic(model, doc, encoded.sparse, slice(ends[i], ends[i + 1]), (encoded.dense[i], vectors[i]))
        for i, (value, doc) in enumerate(zip(distinct, docs, strict=True))
        if doc
    }


def _topic(model: TextModel, doc: Sequence[str], rows: Sparse, own: slice, places: tuple[Floats, Floats]) -> Topic:
    stems = tuple(dict.fromkeys(doc))
    columns = np.array([model.vocabulary.get(stem, UNKNOWN) for stem in stems], dtype=np.intp)
    idf = _idf(model, columns)
    return Topic(
        stems=stems,
        columns=columns,
        shares=idf / np.float32(float(idf.sum()) or 1.0),
        terms=rows.indices[own].astype(np.intp),
        values=rows.data[own],
        place=places[0],
        vector=places[1],
    )


def _idf(model: TextModel, columns: Ints) -> Floats:
    """Return the idf of stems by the model alone, independent of the day."""
    frequency = np.zeros(len(columns), dtype=np.float32)
    known = columns != UNKNOWN
    frequency[known] = model.frequency[columns[known]]
    return rarity(frequency, model.size)


def read_topics(
    candidates: CandidateSet, of: Groups, stems: tuple[Groups, Ints, Floats], terms: Sparse, vectors: Floats
) -> Topics:
    """Match the topics of a block against the candidates.

    Args:
        of: Owner of each topic.
        stems: Stems of each topic, as groups, with the row of each stem in the BM25 index and its share.
        terms: (t, V) TF-IDF rows.
        vectors: (t, e) embeddings.
    """
    stems_of, rows, shares = stems
    here = rows >= 0
    asked, which = np.unique(rows[here], return_inverse=True)
    bm25 = candidates.bm25_index.bm25[asked].toarray()  # mostly zeros, but sparse sums take six times as long
    there = (bm25 > 0).astype(np.float32)
    held = grouped(np.bincount(stems_of.owner[here], minlength=len(stems_of)))
    counted = grouped(np.bincount(of.owner[held.owner], minlength=len(of)))
    ones = np.ones(len(which), dtype=np.float32)
    places = latent(terms, candidates.model.components)
    return Topics(
        of=of,
        stems=stems_of,
        rows=rows,
        bm25=counted.summing(ones, which, len(asked)) @ bm25,
        covered=held.summing(shares[here], which, len(asked)) @ there,
        lsa_cosine=places @ candidates.encoded.dense.T,
        places=places,
        vectors=vectors,
        dense_cosine=vectors @ candidates.vectors.T,
    )
