"""The day's papers as bags of stems: BM25 weights and who holds what.

BM25 (Robertson & Zaragoza 2009, eq. 3.15), k₁ = 1.5, b = .75, the title counted twice. The inverse
document frequency counts the model's texts and the day's together, so that a thin day does not
make every word rare and a word the model never saw is not lost.
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
    """S stems of m papers: `rows` stem → row of `bm25` (S, m), which has a number where a paper holds the stem.

    `stems`: that of each row. `row_of` (V,): the row of each term of the model, −1 where it has none.
    """

    stems: Sequence[str]
    rows: Mapping[str, int]
    row_of: Ints
    bm25: Sparse

    def holding(self, stems: Iterable[str]) -> Ints:
        """Papers that hold all of these stems; none for no stems."""
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
    """From the stems of each paper's title and of its whole text."""
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
