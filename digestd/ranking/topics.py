"""Topics: a subscriber's free text, read against the day's papers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Floats, Ints
from digestd.ranking.pool import Pool
from digestd.ranking.text import analyse


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """`value` as typed; `weights`: stem → its part of the topic's whole idf; `vector` (d,) its latent place,
    `dense` (e,) that of the dense model.

    `rows`: the stems that stand in the pool's lexicon, `shares` their weights. `terms`: the model's columns of its
    stems, to look it up in the archive.
    """

    value: str
    weights: Mapping[str, float]
    vector: Floats
    dense: Floats
    rows: Ints
    shares: Floats
    terms: Ints


def compile_topics(values: Iterable[str], pool: Pool) -> dict[str, Topic]:
    """Each distinct topic that has a content word, in one batch."""
    distinct = list(dict.fromkeys(values))
    docs = analyse(distinct)
    vectors = pool.model.encode_tokens(docs).dense
    dense = pool.space.encoder.encode(distinct)
    return {
        value: _topic(pool, value, doc, vectors[i], dense[i])
        for i, (value, doc) in enumerate(zip(distinct, docs, strict=True))
        if doc
    }


def _topic(pool: Pool, value: str, doc: list[str], vector: Floats, dense: Floats) -> Topic:
    idf = {stem: pool.lexicon.idf(stem) for stem in doc}
    whole = sum(idf.values()) or 1.0
    weights = {stem: value / whole for stem, value in idf.items()}
    present = [stem for stem in weights if stem in pool.lexicon.columns]
    return Topic(
        value=value,
        weights=weights,
        vector=vector,
        dense=dense,
        rows=np.array([pool.lexicon.columns[stem] for stem in present], dtype=np.intp),
        shares=np.array([weights[stem] for stem in present], dtype=np.float32),
        terms=np.array([pool.model.vocabulary[s] for s in weights if s in pool.model.vocabulary], dtype=np.intp),
    )
