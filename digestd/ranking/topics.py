"""Topics: what subscribers ask for in free text.

They are matched against the day's papers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Bools, Floats, Groups, Ints, Sparse, grouped
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.model import TextModel, bm25_idf, lsa_vectors
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
    """

    stems: tuple[str, ...]
    columns: Ints
    shares: Floats
    terms: Ints
    values: Floats
    place: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Topics:
    """The t topics of a block of n subscribers against m papers.

    Attributes:
        of: Owner of each topic.
        stems: Stems of each topic, as groups.
        rows: Row of each stem in the BM25 index, −1 if no paper has it.
        bm25: (n, m) sum over all topics of a subscriber.
        covered: (t, m) share of a topic's idf that occurs in a paper.
        closeness: (t, m) LSA cosine.
        places: (t, d) LSA vectors.
    """

    of: Groups
    stems: Groups
    rows: Ints
    bm25: Floats
    covered: Floats
    lsa_cosine: Floats
    places: Floats

    @property
    def placed(self) -> Bools:
        """Return whether each topic has an LSA vector (t,)."""
        return np.asarray(self.places.any(axis=1), dtype=np.bool_)


def compile_topics(values: Iterable[str], model: TextModel) -> dict[str, Topic]:
    """Compile each distinct topic that has a content word, in one batch."""
    distinct = list(dict.fromkeys(values))
    docs = analyse(distinct)
    encoded = model.encode_tokens(docs)
    ends = encoded.sparse.indptr
    return {
        value: _topic(model, doc, encoded.sparse, slice(ends[i], ends[i + 1]), encoded.dense[i])
        for i, (value, doc) in enumerate(zip(distinct, docs, strict=True))
        if doc
    }


def _topic(model: TextModel, doc: Sequence[str], rows: Sparse, own: slice, place: Floats) -> Topic:
    stems = tuple(dict.fromkeys(doc))
    columns = np.array([model.vocabulary.get(stem, UNKNOWN) for stem in stems], dtype=np.intp)
    idf = _idf(model, columns)
    return Topic(
        stems=stems,
        columns=columns,
        shares=idf / np.float32(float(idf.sum()) or 1.0),
        terms=rows.indices[own].astype(np.intp),
        values=rows.data[own],
        place=place,
    )


def _idf(model: TextModel, columns: Ints) -> Floats:
    """Return the idf of stems by the model alone, independent of the day."""
    frequency = np.zeros(len(columns), dtype=np.float32)
    known = columns != UNKNOWN
    frequency[known] = model.frequency[columns[known]]
    return bm25_idf(frequency, model.size)


def read_topics(
    candidates: CandidateSet, of: Groups, stems: Groups, rows: Ints, shares: Floats, terms: Sparse
) -> Topics:
    """Match the topics of a block against the candidates.

    Args:
        of: Owner of each topic.
        stems: Stems of each topic, as groups.
        rows: Row of each stem in the BM25 index.
        shares: Share of each stem.
        terms: (t, V) TF-IDF rows.
    """
    here = rows >= 0
    unique_rows, which = np.unique(rows[here], return_inverse=True)
    bm25 = candidates.bm25_index.bm25[unique_rows].toarray()  # mostly zeros, but sparse sums take six times as long
    there = (bm25 > 0).astype(np.float32)
    held = grouped(np.bincount(stems.owner[here], minlength=len(stems)))
    counted = grouped(np.bincount(of.owner[held.owner], minlength=len(of)))
    ones = np.ones(len(which), dtype=np.float32)
    places = lsa_vectors(terms, candidates.model.components)
    return Topics(
        of=of,
        stems=stems,
        rows=rows,
        bm25=counted.summing(ones, which, len(unique_rows)) @ bm25,
        covered=held.summing(shares[here], which, len(unique_rows)) @ there,
        lsa_cosine=places @ candidates.encoded.dense.T,
        places=places,
    )
