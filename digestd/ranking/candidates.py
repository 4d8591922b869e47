"""The candidate set: the day's papers, with everything that is computed once per planning run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from digestd.domain.paper import Paper
from digestd.ranking.arrays import Floats
from digestd.ranking.author_kernel import build_author_kernel
from digestd.ranking.bm25 import BM25Index, build_bm25_index
from digestd.ranking.dense import NO_SPACE, EmbeddingSpace
from digestd.ranking.diversity import PaperSimilarity
from digestd.ranking.inverted_index import InvertedIndex, build_inverted_index
from digestd.ranking.lengths import lengths, table
from digestd.ranking.model import EncodedTexts, TextModel
from digestd.ranking.negative_prior import NegativePrior, build_negative_prior
from digestd.ranking.query_expansion import ExpansionIndex, build_expansion_index
from digestd.ranking.seeds import SeedEncoder
from digestd.ranking.text import analyse, analysed
from digestd.ranking.trend import ranks, trend, weighted_votes


@dataclass(frozen=True, slots=True, eq=False)
class CandidateSet:
    """m papers.

    Attributes:
        features, prior, leave_one_out: (m, b), (m,), (m,) against the shared negative examples.
        lengths: (m, 2) length of title and abstract.
        weighted_votes, trend, popularity: (m,) each.
        archive_votes: Votes of archive papers, for comparison.
        surface_forms: For each paper, stem → the first word with that stem.
        vectors: (m, e) embeddings in the dense `space`.
        similarity: LSA similarity between the papers.
    """

    papers: tuple[Paper, ...]
    model: TextModel
    encoded: EncodedTexts
    bm25_index: BM25Index
    inverted_index: InvertedIndex
    negative_prior: NegativePrior
    lengths: Floats
    features: Floats
    prior: Floats
    leave_one_out: Floats
    weighted_votes: Floats
    trend: Floats
    popularity: Floats
    archive_votes: Floats
    surface_forms: tuple[Mapping[str, str], ...]
    seed_encoder: SeedEncoder
    space: EmbeddingSpace
    vectors: Floats
    expansion: ExpansionIndex
    similarity: PaperSimilarity

    def __len__(self) -> int:
        return len(self.papers)

    def with_archive_votes(self, votes: Sequence[float]) -> "CandidateSet":
        """Return a copy that ranks likes among these archive votes; unchanged if there are none."""
        return replace(self, archive_votes=np.array(votes, dtype=np.float32)) if len(votes) else self


def build_candidates(
    papers: Sequence[Paper],
    model: TextModel,
    now: datetime,
    negative_prior: NegativePrior | None = None,
    space: EmbeddingSpace = NO_SPACE,
    vectors: Floats | None = None,
) -> CandidateSet:
    """Read and index the papers once.

    Args:
        now: Time of planning.
        negative_prior: The model's, if known already.
        vectors: The papers' embeddings, if known already.
    """
    texts = [paper.text for paper in papers]
    docs, surface_forms = analysed(texts)
    encoded = model.encode_tokens(docs)
    across = encoded.sparse.T.tocsr()
    negative_prior = negative_prior or build_negative_prior(model.negative_prior)
    inverted_index = build_inverted_index(papers)
    features = negative_prior.features(encoded.sparse)
    author_kernel = build_author_kernel([paper.words.authors for paper in papers])
    votes = weighted_votes(papers)
    vectors = space.encoder.encode(texts) if vectors is None else vectors
    return CandidateSet(
        papers=tuple(papers),
        model=model,
        encoded=encoded,
        bm25_index=build_bm25_index(analyse([paper.plain_title for paper in papers]), docs, model),
        inverted_index=inverted_index,
        negative_prior=negative_prior,
        lengths=table(lengths(paper.plain_title, paper.text) for paper in papers),
        features=features.astype(np.float32),
        prior=negative_prior.prior(features).astype(np.float32),
        leave_one_out=negative_prior.lift(encoded.sparse).astype(np.float32),
        weighted_votes=votes,
        trend=trend(papers, votes, now),
        popularity=ranks(votes, votes),
        archive_votes=votes,
        surface_forms=tuple(surface_forms),
        seed_encoder=SeedEncoder(model, negative_prior, encoded, across, author_kernel, space.encoder),
        space=space,
        vectors=vectors,
        expansion=build_expansion_index(model.archive, across),
        similarity=PaperSimilarity(encoded.dense),
    )
