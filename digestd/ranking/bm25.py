"""BM25 index over the day's papers (Robertson & Zaragoza 2009, eq. 3.15).

k₁ = 1.5, b = .75, the title counted twice. Document frequencies are counted over the model's texts and the day's
papers together: on a thin day, common words stay common, and words unknown to the model still count.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digestd.ranking.archive import bm25, rarity
from digestd.ranking.arrays import NOWHERE, Ints, Sparse
from digestd.ranking.model import TextModel
from digestd.ranking.vocabulary import counts


@dataclass(frozen=True, slots=True, eq=False)
class BM25Index:
    """S stems × m papers.

    Attributes:
        stems: The stem of each row.
        rows: Stem → row of `bm25`.
        row_of: (V,) row of each model term, −1 if no paper has it.
        bm25: (S, m) weights, present where a paper contains the stem.
    """

    stems: Sequence[str]
    rows: Mapping[str, int]
    row_of: Ints
    bm25: Sparse

    def holding(self, stems: Iterable[str]) -> Ints:
        """Return the papers that contain all of these stems; none if there are no stems."""
        rows = [self._papers(stem) for stem in stems]
        if not rows:
            return NOWHERE
        found = rows[0]
        for row in rows[1:]:
            found = np.intersect1d(found, row, assume_unique=True)
        return np.sort(found)

    def _papers(self, stem: str) -> Ints:
        row = self.rows.get(stem)
        if row is None:
            return NOWHERE
        start, end = self.bm25.indptr[row : row + 2]
        return self.bm25.indices[start:end].astype(np.intp)


def build_bm25_index(titles: Sequence[Sequence[str]], docs: Sequence[Sequence[str]], model: TextModel) -> BM25Index:
    """Build the index from the stems of each paper's title and of its full text."""
    seen: Counter[str] = Counter()
    for doc in docs:
        seen.update(set(doc))
    rows = {stem: row for row, stem in enumerate(sorted(seen))}
    texts = model.size + len(docs)
    known = np.array([_frequency(model, stem) for stem in rows], dtype=np.float32)
    idf = rarity(known + np.array([seen[stem] for stem in rows], dtype=np.float32), texts)
    tf = counts([[*title, *doc] for title, doc in zip(titles, docs, strict=True)], rows)
    row_of = np.full(len(model.vocabulary), -1, dtype=np.intp)
    both = [(model.vocabulary[stem], row) for stem, row in rows.items() if stem in model.vocabulary]
    row_of[[column for column, _ in both]] = [row for _, row in both]
    return BM25Index(list(rows), rows, row_of, bm25(tf, idf).T.tocsr())


def _frequency(model: TextModel, stem: str) -> float:
    known = model.vocabulary.get(stem)
    return 0.0 if known is None else float(model.frequency[known])
