"""Topics: what subscribers ask for in free text, read once, and what the day's papers have of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.ranking.archive import rarity
from digestd.ranking.arrays import Bools, Floats, Groups, Ints, Sparse, grouped
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.model import TextModel, latent
from digestd.ranking.text import analyse

UNKNOWN = -1
"""The column of a stem that the model never saw."""


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """One topic, as the text model has it.

    `stems` in order, each once, their `columns` in the model's vocabulary and their `shares` of the topic's whole
    idf; `terms` and `values`: its TF-IDF row, pairs of stems too; `place` (d,): its latent place.
    """

    stems: tuple[str, ...]
    columns: Ints
    shares: Floats
    terms: Ints
    values: Floats
    place: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Topics:
    """The t topics of a block of subscribers before the m papers of the day.

    `of`: whose they are. `stems`: the stems of each, `rows` of the lexicon (−1 for one that is not there). `bm25`
    (n, m): the sum over all of a subscriber's. `covered` (t, m): the part of a topic's idf that stands in a paper.
    `places` (t, d): their latent places, and `closeness` (t, m): the cosine of these with papers.
    """

    of: Groups
    stems: Groups
    rows: Ints
    bm25: Floats
    covered: Floats
    closeness: Floats
    places: Floats

    @property
    def placed(self) -> Bools:
        """Whether each has a latent place at all (t,)."""
        return np.asarray(self.places.any(axis=1), dtype=np.bool_)


def compile_topics(values: Iterable[str], model: TextModel) -> dict[str, Topic]:
    """Each distinct topic that has a content word, in one batch."""
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
    """How telling stems are by the model alone, whatever the day holds."""
    frequency = np.zeros(len(columns), dtype=np.float32)
    known = columns != UNKNOWN
    frequency[known] = model.frequency[columns[known]]
    return rarity(frequency, model.size)


def read_topics(
    candidates: CandidateSet, of: Groups, stems: Groups, rows: Ints, shares: Floats, terms: Sparse
) -> Topics:
    """The topics of a block before the pool: `rows` of the lexicon and `shares` of their stems, `terms` (t, V)."""
    here = rows >= 0
    asked, which = np.unique(rows[here], return_inverse=True)
    bm25 = candidates.bm25_index.bm25[asked].toarray()  # mostly zeros, but sums of sparse rows take six times as long
    there = (bm25 > 0).astype(np.float32)
    held = grouped(np.bincount(stems.owner[here], minlength=len(stems)))
    counted = grouped(np.bincount(of.owner[held.owner], minlength=len(of)))
    ones = np.ones(len(which), dtype=np.float32)
    places = latent(terms, candidates.model.components)
    return Topics(
        of=of,
        stems=stems,
        rows=rows,
        bm25=counted.summing(ones, which, len(asked)) @ bm25,
        covered=held.summing(shares[here], which, len(asked)) @ there,
        closeness=places @ candidates.encoded.dense.T,
        places=places,
    )
