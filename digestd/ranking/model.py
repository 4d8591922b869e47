"""The text model: TF-IDF over stems and their pairs, LSA, and an archive of texts.

Fitted now and then on the known papers (`fit`); unseen texts are encoded the same way.

- TF-IDF is (1 + ln tf) · (1 + ln((1+N)/(1+df)))^1.5 in unit rows. The power, between the usual 1 and 2 (idf on both
  sides), gives rare names more weight.
- LSA is a truncated SVD of these rows with the power taken back to 1, over the commonest terms (Deerwester et al.
  1990; randomised solver: Halko et al. 2011), with the inverse of its shrunk covariance as metric.
- The archive is a sample of the texts. It serves query expansion (pseudo-relevance feedback: Rocchio 1971; Ruthven &
  Lalmas 2003): a topic of two or three words matches few of the day's papers, but the archive papers that match it
  best describe it in a hundred words. The first EXPANSION_TEXTS texts by BM25 are kept with weights proportional to its
  square. Its first rows are also the shared negative examples of `negative_prior`.
- Term counts of a text are stored as bytes (`encode_term_counts`), so that it can be encoded again without being
  tokenised and stemmed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from digestd.ranking.arrays import Floats, Halves, Ints, Sparse, grouped, sparse, stacked
from digestd.ranking.lexicon import Lexicon, build_lexicon
from digestd.ranking.text import analyse
from digestd.ranking.vocabulary import (
    Corpus,
    choose_vocabulary,
    count_corpus_terms,
    count_terms,
    grams,
    read_corpus,
)

LSA_DIMS = 200
"""Latent dimensions."""
LSA_BLOCK = 500
"""Texts whose terms' axes are widened to single precision at a time: 10 MB."""
SVD_OVERSAMPLING = 10
SVD_POWER_STEPS = 4
"""Settings of the randomised solver: Halko et al. 2011, section 4."""
LSA_TERMS = 60_000
"""Only the commonest terms span the latent space."""
DEPENDENT_SHARE = 1e-9
"""Directions with less than this share of the largest squared length are rounding errors."""
CHAMPION_LIST_SIZE = 2_000
"""Length of a term's champion list (Manning et al. 2008, 7.1.3): only its strongest texts are searched."""
EXPANSION_TEXTS = 5
"""Expansion texts. Ten measured the same."""
BM25_K1 = 1.5
BM25_B = 0.75
"""Term saturation and length normalisation of BM25."""
MODEL_FORMAT = 7
"""Version of the stored model format; other versions are not read."""
NEGATIVE_EXAMPLES = 300
"""Texts that serve as negative examples for everybody; 300 to 500 measured alike."""
ARCHIVE_TEXTS = 10_000
"""Texts kept in the archive for query expansion."""
IDF_POWER = 1.5
"""Power of the idf; against 1: citeulike ±0, HF authors +.011, HF submitters +.003 nDCG@10."""
_CSR_INDEX_ARRAYS = ("indices", "indptr")
"""Names of the index arrays of a CSR matrix in a stored model."""
TERM_BYTES = 6
"""Bytes per term: four for its column, then, after all columns, two for its count."""
MAX_COUNT = 65_535
"""Largest count that is stored."""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedTexts:
    """n texts as unit vectors, or 0 without known words.

    TF-IDF rows `sparse` (n, V) and LSA vectors `dense` (n, d).
    """

    sparse: Sparse
    dense: Floats

    def __len__(self) -> int:
        return int(self.dense.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """r texts, indexed.

    TF-IDF `rows` (r, V) of length 1; BM25 `postings` (V, r).
    """

    rows: Sparse
    postings: Sparse

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def best(self, queries: Sequence[Ints]) -> list[tuple[Ints, Floats]]:
        """Return the texts that match each query best.

        Args:
            queries: For each query, the vocabulary columns of its terms.

        Returns:
            For each query, rows of the archive and their weights, which sum to 1.
        """
        ones = [np.ones(len(query), dtype=np.float32) for query in queries]
        found: Sparse = (stacked(queries, ones, self.rows.shape[1]) @ self.postings).tocsr()
        out = []
        for start, end in pairwise(found.indptr):
            rows, scores = _top(EXPANSION_TEXTS, found.indices[start:end].astype(np.intp), found.data[start:end])
            scores = np.square(scores)
            out.append((rows, (scores / max(float(scores.sum()), 1e-9)).astype(np.float32)))
        return out


@dataclass(frozen=True, eq=False)
class TextModel:
    """Parameters learned from N texts with V terms and d latent dimensions.

    Attributes:
        version: hash of the content.
        frequency: (V,) document frequency.
        components: (v, d) LSA axes of the v ≤ V commonest terms; half precision, without measurable loss.
        kept, heads: (r, V) term counts of a random sample of the texts, and of their titles.
        lexicon: what the texts say about words.
    """

    version: str
    size: int
    vocabulary: Mapping[str, int]
    frequency: Floats
    idf: Floats
    components: Halves
    kept: Sparse
    heads: Sparse
    lexicon: Lexicon

    @cached_property
    def archive(self) -> Archive:
        rows = tfidf_rows(self.kept, self.idf)
        postings = bm25_weights((self.kept + self.heads).tocsr(), bm25_idf(self.frequency, self.size)).T.tocsr()
        return Archive(rows, _champions(postings))

    @property
    def dims(self) -> int:
        return int(self.components.shape[1])

    @property
    def negative_prior(self) -> Sparse:
        """Return TF-IDF rows (b, V) of a sample of the texts: the negative examples for everybody."""
        return self.archive.rows[:NEGATIVE_EXAMPLES]

    @property
    def near(self) -> float:
        """Return the LSA cosine above which two texts are similar; chance gives 0 ± 1/√d."""
        return 0.25 + 2 / float(np.sqrt(max(self.dims, 1)))

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode texts, independently of the rest of the batch."""
        return self.encode_tokens(analyse(texts))

    def known_shares(self, texts: Sequence[str]) -> Floats:
        """Return the share of the distinct words of each text that the model knows (n,); 1 without words."""
        stems = [set(doc) for doc in analyse(texts)]
        return np.array([len(own & self.vocabulary.keys()) / len(own) if own else 1 for own in stems], dtype=np.float32)

    def encode_tokens(self, docs: Sequence[Sequence[str]]) -> EncodedTexts:
        sparse = self.tfidf(docs)
        return EncodedTexts(sparse, lsa_vectors(sparse, self.components))

    def tfidf(self, docs: Sequence[Sequence[str]]) -> Sparse:
        """Return the TF-IDF rows of texts, given as stems."""
        return tfidf_rows(count_terms(map(grams, docs), self.vocabulary), self.idf)


def fit(texts: Iterable[str], *, seed: int = 0) -> TextModel:
    """Fit a model on any number of texts, even none.

    Same texts and seed give the same model.
    """
    return fit_corpus(read_corpus(texts), seed)


def fit_corpus(corpus: Corpus, seed: int = 0) -> TextModel:
    """Fit a model on a corpus."""
    terms = choose_vocabulary(corpus)
    size, frequency = len(corpus), terms.frequency
    usual = (1 + np.log((1 + size) / (1 + frequency))).astype(np.float32)
    idf = usual**IDF_POWER
    tf = count_corpus_terms(corpus, terms)
    sample = np.random.default_rng(seed).permutation(size)[:ARCHIVE_TEXTS]
    kept, heads = tf[sample], count_corpus_terms(corpus.titles(sample), terms)
    basis = (_common_axes(tf, usual, seed) / (idf / usual)[:LSA_TERMS, None]).astype(np.float16)
    model = TextModel(
        version="",
        size=size,
        vocabulary=terms.columns,
        frequency=frequency,
        idf=idf,
        components=basis,
        kept=kept,
        heads=heads,
        lexicon=build_lexicon(corpus.words, corpus.long_forms, size),
    )
    return replace(model, version=fingerprint(model))


def is_readable(version: str) -> bool:
    return version.startswith(f"{MODEL_FORMAT}-")


def dumps(model: TextModel) -> bytes:
    """Serialise a model as a NumPy archive, without pickles."""
    lexicon = model.lexicon
    words = {
        "version": model.version,
        "terms": list(model.vocabulary),
        "lexicon": [lexicon.frequency, lexicon.spellings, lexicon.long_forms],
    }
    out = BytesIO()
    np.savez(
        out,
        allow_pickle=False,
        form=np.int64(MODEL_FORMAT),
        size=np.int64(model.size),
        words=np.frombuffer(json.dumps(words, ensure_ascii=False).encode(), dtype=np.uint8),
        frequency=model.frequency,
        idf=model.idf,
        components=model.components,
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
        if int(file["form"]) != MODEL_FORMAT:
            raise ValueError(f"text model of format {int(file['form'])}, expected {MODEL_FORMAT}; refit it")
        part = dict(file.items())
    words: dict[str, Any] = json.loads(part.pop("words").tobytes())
    shape = (len(part["indptr"]) - 1, len(words["terms"]))
    kept, heads = (
        csr_array(
            (part[f"{of}data"], *(part[f"{of}{which}"].astype(np.int32) for which in _CSR_INDEX_ARRAYS)), shape=shape
        )
        for of in ("", "head_")
    )
    return TextModel(
        version=words["version"],
        size=int(part["size"]),
        vocabulary={term: i for i, term in enumerate(words["terms"])},
        frequency=part["frequency"],
        idf=part["idf"],
        components=part["components"],
        kept=kept,
        heads=heads,
        lexicon=Lexicon(int(part["size"]), *words["lexicon"]),
    )


def fingerprint(model: TextModel) -> str:
    """Return the version of a model: its format and 16 hexadecimal digits of a hash of its content."""
    lexicon = [*model.lexicon.frequency, *(f"{short} {long}" for short, long in model.lexicon.long_forms.items())]
    digest = sha256("\n".join([str(MODEL_FORMAT), *model.vocabulary, *lexicon]).encode())
    for part in (model.idf, model.components):
        digest.update(np.ascontiguousarray(part).tobytes())
    for rows in (model.kept, model.heads):
        digest.update(b"".join(part.astype(np.float64).tobytes() for part in (rows.indptr, rows.indices, rows.data)))
    return f"{MODEL_FORMAT}-{digest.hexdigest()[:16]}"


def encode_term_counts(model: TextModel, texts: Sequence[str]) -> list[bytes]:
    """Tokenise texts and encode the counts of the model's terms."""
    tf = count_terms(map(grams, analyse(texts)), model.vocabulary)
    columns, often = tf.indices.astype("<i4"), np.minimum(tf.data, MAX_COUNT).astype("<u2")
    return [columns[a:b].tobytes() + often[a:b].tobytes() for a, b in zip(tf.indptr, tf.indptr[1:], strict=False)]


def decode_term_counts(model: TextModel, terms: Sequence[bytes]) -> Sparse:
    """Decode term counts (n, V)."""
    each = grouped([len(packed) // TERM_BYTES for packed in terms])
    columns = b"".join(packed[: 4 * (len(packed) // TERM_BYTES)] for packed in terms)
    often = b"".join(packed[4 * (len(packed) // TERM_BYTES) :] for packed in terms)
    return each.summing(
        np.frombuffer(often, dtype="<u2").astype(np.float32),
        np.frombuffer(columns, dtype="<i4").astype(np.intp),
        len(model.vocabulary),
    )


def tfidf_rows(tf: Sparse, idf: Floats) -> Sparse:
    """Return unit TF-IDF rows from counts (n, V)."""
    data = np.log(tf.data)
    data += 1
    data *= idf[tf.indices]
    squares = csr_array((np.square(data), tf.indices, tf.indptr), shape=tf.shape)
    lengths = np.sqrt(squares @ np.ones(tf.shape[1], dtype=np.float32))
    data /= np.repeat(lengths, np.diff(tf.indptr))
    return csr_array((data, tf.indices, tf.indptr), shape=tf.shape)


def lsa_vectors(rows: Sparse, axes: Halves) -> Floats:
    """Return unit LSA vectors (n, d) of TF-IDF rows (n, V).

    Args:
        rows: (n, V) TF-IDF rows.
        axes: (v, d) axes of the v ≤ V commonest terms.
    """
    vectors = np.zeros((rows.shape[0], axes.shape[1]), dtype=np.float32)
    for first in range(0, rows.shape[0], LSA_BLOCK):
        block = rows[first : first + LSA_BLOCK, : len(axes)]
        used, columns = np.unique(block.indices, return_inverse=True)
        vectors[first : first + LSA_BLOCK] = sparse(block.data, columns, block.indptr, len(used)) @ axes[used].astype(
            np.float32
        )
    return unit(vectors)


def unit(rows: Floats) -> Floats:
    """Scale rows to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 1e-9)
    return scaled


def _common_axes(tf: Sparse, usual: Floats, seed: int) -> Floats:
    return fit_lsa_axes(tfidf_rows(tf[:, :LSA_TERMS], usual), seed)


def fit_lsa_axes(rows: Sparse, seed: int) -> Floats:
    """Return the axes (V, d).

    d ≤ 200 and smaller than both dimensions of `rows` (n, V).
    """
    dims = min(LSA_DIMS, min(rows.shape) - 1)
    if dims < 1:
        return np.zeros((rows.shape[1], 0), dtype=np.float32)
    return _axes(rows, dims, seed)


def _axes(rows: Sparse, dims: int, seed: int) -> Floats:
    """Approximate the first right singular vectors (V, dims) of `rows`.

    Randomised subspace iteration: Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1. For 9,868 texts it takes
    9 s of CPU; scipy.linalg.qr instead of `_orthonormal` takes 17 s, and scipy.sparse.linalg.svds 27 s.
    """
    sketch = min(dims + SVD_OVERSAMPLING, min(rows.shape))
    basis = np.random.default_rng(seed).standard_normal((rows.shape[0], sketch)).astype(np.float32)
    for _ in range(SVD_POWER_STEPS):
        basis = _orthonormal(rows @ (rows.T @ basis))
    wide = _orthonormal(rows.T @ basis)
    inside = rows @ wide
    turn = np.linalg.eigh((inside.T @ inside).astype(np.float64))[1][:, ::-1][:, :dims]
    axes: Floats = wide @ turn.astype(np.float32)
    return axes


def _orthonormal(columns: Floats) -> Floats:
    """Orthonormalise columns (…, s); dependent ones become 0.

    Uses the eigenvectors of the Gram matrix, twice because of rounding: NumPy's QR works in double precision only.
    """
    for _ in range(2):
        values, turn = np.linalg.eigh((columns.T @ columns).astype(np.float64))
        scale = np.where(values > DEPENDENT_SHARE * values.max(initial=0), 1 / np.sqrt(np.maximum(values, 1e-30)), 0)
        columns = columns @ (turn * scale).astype(np.float32)
    return columns


def bm25_weights(tf: Sparse, idf: Floats) -> Sparse:
    """Return BM25 weights.

    Idf · tf·(k₁+1) / (tf + k₁(1 − b + b·length/mean)), k₁ = 1.5, b = .75.

    Source: Robertson & Zaragoza 2009, eq. 3.15.
    """
    lengths = np.asarray(tf.sum(axis=1), dtype=np.float32)
    mean = max(float(lengths.mean()), 1.0) if lengths.size else 1.0
    scale = np.repeat(BM25_K1 * (1 - BM25_B + BM25_B * lengths / mean), np.diff(tf.indptr))
    weights = tf.copy()
    weights.data = (idf[tf.indices] * tf.data * (BM25_K1 + 1) / (tf.data + scale)).astype(np.float32)
    return weights


def bm25_idf(frequency: Floats | float, texts: int) -> Floats:
    """Return BM25's idf, ln(1 + (N − df + ½)/(df + ½)), which is never negative."""
    df = np.minimum(np.asarray(frequency, dtype=np.float32), texts)
    value: Floats = np.log1p((texts - df + 0.5) / (df + 0.5)).astype(np.float32)
    return value


def _champions(postings: Sparse) -> Sparse:
    """Keep the CHAMPIONS largest values of each row."""
    keep = np.ones(len(postings.data), dtype=np.bool_)
    for row in np.flatnonzero(np.diff(postings.indptr) > CHAMPION_LIST_SIZE):
        own = slice(*postings.indptr[row : row + 2])
        keep[own] = postings.data[own] >= np.partition(postings.data[own], -CHAMPION_LIST_SIZE)[-CHAMPION_LIST_SIZE]
    before = np.concatenate([[0], np.cumsum(keep)])
    return sparse(postings.data[keep], postings.indices[keep], before[postings.indptr], postings.shape[1])


def _top(count: int, rows: Ints, weights: Floats) -> tuple[Ints, Floats]:
    """Return the rows with the largest weights.

    Among equals the smaller row number wins.
    """
    if len(rows) > count:
        kept = np.flatnonzero(weights >= np.partition(weights, -count)[-count])
        rows, weights = rows[kept], weights[kept]
    order = np.lexsort((rows, -weights))[:count]
    return rows[order], weights[order]
