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
from digestd.ranking.arrays import Ints, Sparse
from digestd.ranking.lookup import NOWHERE
from digestd.ranking.model import TextModel
from digestd.ranking.vocabulary import counts


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """S stems of m papers: `columns` stem → row of `bm25` and of `presence`, 1 where the paper has it; both (S, m)."""

    model: TextModel
    columns: Mapping[str, int]
    bm25: Sparse
    presence: Sparse

    def idf(self, stem: str) -> float:
        """How telling a stem is by the model alone, whatever the day holds."""
        return float(rarity(_frequency(self.model, stem), self.model.size))

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
        row = self.columns.get(stem)
        if row is None:
            return NOWHERE
        start, end = self.presence.indptr[row : row + 2]
        return self.presence.indices[start:end].astype(np.intp)


def build_lexicon(titles: Sequence[Sequence[str]], docs: Sequence[Sequence[str]], model: TextModel) -> Lexicon:
    """From the stems of each paper's title and of its whole text."""
    seen: Counter[str] = Counter()
    for doc in docs:
        seen.update(set(doc))
    columns = {stem: row for row, stem in enumerate(sorted(seen))}
    texts = model.size + len(docs)
    known = np.array([_frequency(model, stem) for stem in columns], dtype=np.float32)
    idf = rarity(known + np.array([seen[stem] for stem in columns], dtype=np.float32), texts)
    tf = counts([[*title, *doc] for title, doc in zip(titles, docs, strict=True)], columns)
    weights = bm25(tf, idf).T.tocsr()
    presence = weights.astype(np.bool_).astype(np.float32)
    return Lexicon(model, columns, weights, presence)


def _frequency(model: TextModel, stem: str) -> float:
    known = model.vocabulary.get(stem)
    return 0.0 if known is None else float(model.frequency[known])
