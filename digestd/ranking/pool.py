"""The pool: the day's candidate papers, with everything computed once per planning run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from digestd.domain.paper import Paper
from digestd.ranking.arrays import Floats
from digestd.ranking.background import Background, build_background
from digestd.ranking.company import drawn
from digestd.ranking.dense import SILENCE, Space
from digestd.ranking.diversity import Likeness
from digestd.ranking.echoes import Echoes, build_echoes
from digestd.ranking.folk import build_folk
from digestd.ranking.lengths import lengths, table
from digestd.ranking.lexicon import Lexicon, build_lexicon
from digestd.ranking.lookup import Lookup, build_lookup
from digestd.ranking.model import Encoded, TextModel
from digestd.ranking.seeds import Shelves
from digestd.ranking.text import analyse, analysed
from digestd.ranking.trend import newness, points, ranks, trend


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """m papers.

    `drawn` (m, d): their latent places, each drawn towards its company in the archive; `lengths` (m, 2) of titles and
    abstracts. `features` (m, b), `prior` and `lift` (m,) against the background; (m,) as well `points`, `trend`,
    `newness` and `fame`; `heard`: the votes of archive papers. `surface`: for each paper, stem → the first word that
    stands for it there. `vectors` (m, e) in the dense `space`, and `leaning` (m, e), each drawn towards its company.
    `likeness`: how alike the papers are.
    """

    papers: tuple[Paper, ...]
    model: TextModel
    encoded: Encoded
    lexicon: Lexicon
    lookup: Lookup
    background: Background
    drawn: Floats
    lengths: Floats
    features: Floats
    prior: Floats
    lift: Floats
    points: Floats
    trend: Floats
    newness: Floats
    fame: Floats
    heard: Floats
    surface: tuple[Mapping[str, str], ...]
    shelves: Shelves
    space: Space
    vectors: Floats
    leaning: Floats
    echoes: Echoes
    likeness: Likeness

    def __len__(self) -> int:
        return len(self.papers)

    def hearing(self, votes: Sequence[float]) -> "Pool":
        """The same, with the votes of archive papers to compare those of likes with; without any, its own stay."""
        return replace(self, heard=np.array(votes, dtype=np.float32)) if len(votes) else self


def build_pool(
    papers: Sequence[Paper],
    model: TextModel,
    now: datetime,
    background: Background | None = None,
    space: Space = SILENCE,
    vectors: Floats | None = None,
) -> Pool:
    """Read the papers once. `now` is the time of planning.

    `background`: that of the model, and `vectors`: the papers' own, where they are known already.
    """
    texts = [paper.text for paper in papers]
    docs, surface = analysed(texts)
    encoded = model.encode_tokens(docs)
    across = encoded.sparse.T.tocsr()
    background = background or build_background(model.background)
    lookup = build_lookup(papers)
    features = background.features(encoded.sparse)
    folk = build_folk([paper.words.authors for paper in papers])
    votes = points(papers)
    vectors = space.encoder.encode(texts) if vectors is None else vectors
    return Pool(
        papers=tuple(papers),
        model=model,
        encoded=encoded,
        lexicon=build_lexicon(analyse([paper.plain_title for paper in papers]), docs, model),
        lookup=lookup,
        background=background,
        drawn=drawn(encoded.dense, model.archive.dense),
        lengths=table(lengths(paper.plain_title, paper.text) for paper in papers),
        features=features.astype(np.float32),
        prior=background.prior(features).astype(np.float32),
        lift=background.lift(encoded.sparse).astype(np.float32),
        points=votes,
        trend=trend(papers, votes, now),
        newness=newness(papers),
        fame=ranks(votes, votes),
        heard=votes,
        surface=tuple(surface),
        shelves=Shelves(model, background, encoded, across, lookup, folk, space.encoder),
        space=space,
        vectors=vectors,
        leaning=drawn(vectors, space.archive),
        echoes=build_echoes(model.archive, across),
        likeness=Likeness(encoded.dense),
    )
