"""The text model: TF-IDF over stems and pairs of stems, and a latent space (LSA) below it.

Fitted now and then on the known papers; unseen texts are encoded the same way. TF-IDF is
(1 + ln tf) · (1 + ln((1+N)/(1+df)))^1.5 in unit rows; the power, between the usual 1 and 2 (idf on both sides), gives
rare names more weight. LSA is a truncated SVD of these rows with the power taken back to 1, over the commonest terms
(Deerwester et al. 1990; randomised solver: Halko et al. 2011).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from digestd.ranking.archive import Archive, build_archive, rarity
from digestd.ranking.arrays import Floats, Sparse
from digestd.ranking.corpus import Corpus, read_corpus
from digestd.ranking.lsa import TERMS, components, precision, spread
from digestd.ranking.text import analyse
from digestd.ranking.vocabulary import CHUNK, choose, counts, tally

FORM = 4
"""Version of the stored format; other versions are not read."""
BACKGROUND = 300
"""Texts that serve as negative examples for everybody; 300 to 500 measured alike."""
KEPT = 10_000
"""Texts kept in the archive for query expansion."""
POWER = 1.5
"""Power of the idf; against 1: citeulike ±0, HF authors +.011, HF submitters +.003 nDCG@10."""
WHERE = ("indices", "indptr")


@dataclass(frozen=True, slots=True, eq=False)
class EncodedTexts:
    """n texts: TF-IDF rows `sparse` (n, V) and LSA vectors `dense` (n, d); unit length, or 0 without known words."""

    sparse: Sparse
    dense: Floats

    def __len__(self) -> int:
        return int(self.dense.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class TextModel:
    """Parameters learned from N texts with V terms and d latent dimensions.

    Attributes:
        version: hash of the content.
        frequency: (V,) document frequency.
        components: (v, d) LSA axes of the v ≤ V commonest terms.
        mean, precision: (d,) mean of the LSA vectors, and (d, d) inverse of their shrunk covariance.
        kept, heads: (r, V) term counts of a random sample of the texts, and of their titles.
        archive: the same sample, indexed.
    """

    version: str
    size: int
    vocabulary: Mapping[str, int]
    frequency: Floats
    idf: Floats
    components: Floats
    mean: Floats
    precision: Floats
    kept: Sparse
    heads: Sparse
    archive: Archive

    @property
    def dims(self) -> int:
        """Return the number of latent dimensions d."""
        return int(self.components.shape[1])

    @property
    def negative_prior(self) -> Sparse:
        """Return TF-IDF rows (b, V) of a sample of the texts: the negative examples for everybody."""
        return self.archive.rows[:BACKGROUND]

    @property
    def near(self) -> float:
        """Return the LSA cosine above which two texts are similar; chance gives 0 ± 1/√d."""
        return 0.25 + 2 / float(np.sqrt(max(self.dims, 1)))

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode texts, independently of the rest of the batch."""
        return self.encode_tokens(analyse(texts))

    def encode_tokens(self, docs: Sequence[Sequence[str]]) -> EncodedTexts:
        """Encode texts given as stems."""
        sparse = weighted(counts(docs, self.vocabulary), self.idf)
        return EncodedTexts(sparse, latent(sparse, self.components))


def weighted(tf: Sparse, idf: Floats) -> Sparse:
    """Return unit TF-IDF rows from counts (n, V)."""
    data = np.log(tf.data)
    data += 1
    data *= idf[tf.indices]
    squares = csr_array((np.square(data), tf.indices, tf.indptr), shape=tf.shape)
    lengths = np.sqrt(squares @ np.ones(tf.shape[1], dtype=np.float32))
    data /= np.repeat(lengths, np.diff(tf.indptr))
    return csr_array((data, tf.indices, tf.indptr), shape=tf.shape)


def latent(rows: Sparse, axes: Floats) -> Floats:
    """Return unit LSA vectors (n, d) of TF-IDF rows (n, V).

    Args:
        rows: (n, V) TF-IDF rows.
        axes: (v, d) axes of the v ≤ V commonest terms.
    """
    return unit(rows[:, : len(axes)] @ axes)


def unit(rows: Floats) -> Floats:
    """Scale rows to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 1e-9)
    return scaled


def fit(texts: Iterable[str], *, seed: int = 0) -> TextModel:
    """Fit a model on any number of texts, even none. Same texts and seed give the same model."""
    return fit_corpus(read_corpus(texts), seed)


def fit_corpus(corpus: Corpus, seed: int = 0) -> TextModel:
    """Fit a model on a corpus."""
    terms = choose(corpus)
    size, frequency = len(corpus), terms.frequency
    usual = (1 + np.log((1 + size) / (1 + frequency))).astype(np.float32)
    idf = usual**POWER
    tf = tally(corpus, terms)
    sample = np.random.default_rng(seed).permutation(size)[:KEPT]
    kept, heads = tf[sample], tally(corpus.titles(sample), terms)
    basis = _half_precision(_axes(tf, usual, seed) / (idf / usual)[:TERMS, None])
    dense = (latent(weighted(tf[first : first + CHUNK], idf), basis) for first in range(0, size, CHUNK))
    mean, cov = spread(dense, basis.shape[1])
    model = TextModel(
        version="",
        size=size,
        vocabulary=terms.columns,
        frequency=frequency,
        idf=idf,
        components=basis,
        mean=mean,
        precision=precision(cov),
        kept=kept,
        heads=heads,
        archive=_archive(kept, heads, idf, basis, rarity(frequency, size)),
    )
    return replace(model, version=fingerprint(model))


def _axes(tf: Sparse, usual: Floats, seed: int) -> Floats:
    """Return the LSA axes of the commonest terms, computed with the usual idf."""
    return components(weighted(tf[:, :TERMS], usual), seed)


def _half_precision(axes: Floats) -> Floats:
    """Round to half precision, in which models are stored: half the bytes, no measurable loss."""
    return axes.astype(np.float16).astype(np.float32)


def _archive(kept: Sparse, heads: Sparse, idf: Floats, axes: Floats, rare: Floats) -> Archive:
    rows = weighted(kept, idf)
    return build_archive((kept + heads).tocsr(), rows, latent(rows, axes), rare)


def fingerprint(model: TextModel) -> str:
    """Return the version of a model: its format and 16 hexadecimal digits of a hash of its content."""
    digest = sha256("\n".join([str(FORM), *model.vocabulary]).encode())
    for part in (model.idf, model.components, model.precision):
        digest.update(np.ascontiguousarray(part).tobytes())
    for rows in (model.kept, model.heads):
        digest.update(b"".join(part.astype(np.float64).tobytes() for part in (rows.indptr, rows.indices, rows.data)))
    return f"{FORM}-{digest.hexdigest()[:16]}"


def is_readable(version: str) -> bool:
    """Return True if this release can read a model of this version."""
    return version.startswith(f"{FORM}-")


def dumps(model: TextModel) -> bytes:
    """Serialise a model as a NumPy archive, without pickles."""
    words = {"version": model.version, "terms": list(model.vocabulary)}
    out = BytesIO()
    np.savez(
        out,
        allow_pickle=False,
        form=np.int64(FORM),
        size=np.int64(model.size),
        words=np.frombuffer(json.dumps(words, ensure_ascii=False).encode(), dtype=np.uint8),
        frequency=model.frequency,
        idf=model.idf,
        components=model.components.astype(np.float16),
        mean=model.mean,
        precision=model.precision,
        data=model.kept.data,
        indices=model.kept.indices,
        indptr=model.kept.indptr,
        head_data=model.heads.data,
        head_indices=model.heads.indices,
        head_indptr=model.heads.indptr,
    )
    return out.getvalue()


def loads(data: bytes) -> TextModel:
    """Deserialise what `dumps` wrote. Raises ValueError for anything else."""
    with np.load(BytesIO(data), allow_pickle=False) as file:
        if int(file["form"]) != FORM:
            raise ValueError(f"text model of format {int(file['form'])}, expected {FORM}; refit it")
        part = dict(file.items())
    words: dict[str, Any] = json.loads(part.pop("words").tobytes())
    shape = (len(part["indptr"]) - 1, len(words["terms"]))
    kept, heads = (
        csr_array((part[f"{of}data"], *(part[f"{of}{which}"].astype(np.int32) for which in WHERE)), shape=shape)
        for of in ("", "head_")
    )
    frequency, idf, axes, size = (
        part["frequency"],
        part["idf"],
        part["components"].astype(np.float32),
        int(part["size"]),
    )
    return TextModel(
        version=words["version"],
        size=size,
        vocabulary={term: i for i, term in enumerate(words["terms"])},
        frequency=frequency,
        idf=idf,
        components=axes,
        mean=part["mean"],
        precision=part["precision"],
        kept=kept,
        heads=heads,
        archive=_archive(kept, heads, idf, axes, rarity(frequency, size)),
    )
