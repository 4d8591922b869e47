"""Term counts of a text as bytes, so that it can be encoded again without being tokenised and stemmed."""

from collections.abc import Sequence

import numpy as np

from digestd.ranking.arrays import Sparse, grouped
from digestd.ranking.model import TextModel
from digestd.ranking.text import analyse
from digestd.ranking.vocabulary import counts

SIZE = 6
"""Bytes per term: four for its column, then, after all columns, two for its count."""
MOST = 65_535


def read_terms(model: TextModel, texts: Sequence[str]) -> list[bytes]:
    """Tokenise texts and encode the counts of the model's terms."""
    tf = counts(analyse(texts), model.vocabulary)
    columns, often = tf.indices.astype("<i4"), np.minimum(tf.data, MOST).astype("<u2")
    return [columns[a:b].tobytes() + often[a:b].tobytes() for a, b in zip(tf.indptr, tf.indptr[1:], strict=False)]


def term_counts(model: TextModel, terms: Sequence[bytes]) -> Sparse:
    """Decode term counts (n, V)."""
    each = grouped([len(packed) // SIZE for packed in terms])
    columns = b"".join(packed[: 4 * (len(packed) // SIZE)] for packed in terms)
    often = b"".join(packed[4 * (len(packed) // SIZE) :] for packed in terms)
    return each.summing(
        np.frombuffer(often, dtype="<u2").astype(np.float32),
        np.frombuffer(columns, dtype="<i4").astype(np.intp),
        len(model.vocabulary),
    )
