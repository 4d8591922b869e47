"""The candidate set: the day's papers, and everything that is computed once per planning run.

Trend: log1p(weighted votes) minus the mean of papers of the same age in days, so that new papers are not punished for
having had no time; within a day, older votes decay with a half-life of 3 days. Where few papers have the same age, the
mean is shrunk towards that of all. Popularity is the rank of a paper's votes among comparable papers: the day's for
candidates, the archive's for old ones, which had time to collect votes.

"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from digestd.domain.paper import Paper, trending_order, votes
from digestd.ranking.arrays import Bools, Columns, Floats, Ints, Sparse, sparse
from digestd.ranking.community import NO_COMMUNITY, Community, build_community
from digestd.ranking.dense import NO_SPACE, EmbeddingSpace
from digestd.ranking.diversity import PaperSimilarity
from digestd.ranking.evidence import EvidenceFinder
from digestd.ranking.inverted_index import InvertedIndex, build_inverted_index
from digestd.ranking.judgments import NO_JUDGMENTS, Judgments
from digestd.ranking.kernel_ridge import NegativePrior, build_author_kernel, build_negative_prior
from digestd.ranking.model import Archive, EncodedTexts, TextModel
from digestd.ranking.seeds import SeedEncoder
from digestd.ranking.subjects import SubjectIndex, index_subjects
from digestd.ranking.text import analyse, surfaces

VOTE_HALF_LIFE = 3.0
"""Days in which the weight of votes halves."""
AGE_PRIOR = 5
"""Weight of the overall mean in the mean of an age, in papers."""


@dataclass(frozen=True, slots=True, eq=False)
class ExpansionIndex:
    """Cosines between archive texts and m papers.

    Many subscribers share topics, so a run caches the cosines it has computed: at most archive × papers.

    Attributes:
        across: (V, m) TF-IDF columns of the candidates.
        cosine, done: (r, m) cosines computed so far, and which rows those are.
    """

    archive: Archive
    across: Sparse
    cosine: Floats
    done: Bools

    def like(self, shares: Sparse) -> Floats:
        """Return the weighted mean TF-IDF cosine with archive papers.

        It is (n, m), for each candidate.

        Args:
            shares: (n, r) weights of the archive papers.
        """
        wanted, columns = np.unique(shares.indices, return_inverse=True)
        self._look_up(wanted[~self.done[wanted]])
        means: Floats = sparse(shares.data, columns, shares.indptr, len(wanted)) @ self.cosine[wanted]
        return means

    def _look_up(self, rows: Columns) -> None:
        if rows.size:
            self.cosine[rows] = (self.archive.rows[rows] @ self.across).toarray()
            self.done[rows] = True


@dataclass(frozen=True, slots=True, eq=False)
class CandidateSet:
    """m papers.

    Attributes:
        features, prior, leave_one_out: (m, b), (m,), (m,) against the shared negative examples.
        weighted_votes, trend, popularity: (m,) each.
        trending_ranks: (m,) places of the papers by `trending_order`, from 0.
        archive_votes: Votes of archive papers, for comparison.
        vectors: (m, e) embeddings in the dense `space`.
        similarity: LSA similarity between the papers.
        subjects: The papers by the topics that they are about.
        evidence: Where their words show a topic.
        community: What other people liked; empty if it does not count.
        judgments: What a language model says of papers and topics; empty if none judges.
    """

    papers: tuple[Paper, ...]
    model: TextModel
    encoded: EncodedTexts
    inverted_index: InvertedIndex
    negative_prior: NegativePrior
    features: Floats
    prior: Floats
    leave_one_out: Floats
    weighted_votes: Floats
    trend: Floats
    popularity: Floats
    trending_ranks: Floats
    archive_votes: Floats
    seed_encoder: SeedEncoder
    space: EmbeddingSpace
    vectors: Floats
    expansion: ExpansionIndex
    similarity: PaperSimilarity
    subjects: SubjectIndex
    evidence: EvidenceFinder
    community: Community = NO_COMMUNITY
    judgments: Judgments = NO_JUDGMENTS
    _surfaces: dict[int, Mapping[str, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.papers)

    def surfaces(self, j: int) -> Mapping[str, str]:
        """Return the first word of a paper with each stem."""
        if j not in self._surfaces:
            [self._surfaces[j]] = surfaces([self.papers[j].text])
        return self._surfaces[j]

    def with_archive_votes(self, votes: Sequence[float]) -> "CandidateSet":
        """Return a copy that ranks likes among these archive votes, unchanged if there are none."""
        return replace(self, archive_votes=np.array(votes, dtype=np.float32)) if len(votes) else self

    def with_likes(self, people: Ints, papers: Ints) -> "CandidateSet":
        """Return a copy with the likes of a community: who liked which paper, both by row number (l,)."""
        return replace(self, community=build_community(people, papers, [paper.key for paper in self.papers]))


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
    docs = analyse(texts)
    encoded = model.encode_tokens(docs)
    across = encoded.sparse.T.tocsr()
    negative_prior = negative_prior or build_negative_prior(model.negative_prior)
    inverted_index = build_inverted_index(papers)
    titles = analyse([paper.plain_title for paper in papers])
    features = negative_prior.features(encoded.sparse)
    author_kernel = build_author_kernel([paper.words.authors for paper in papers])
    votes = weighted_votes(papers)
    vectors = space.encoder.encode(texts) if vectors is None else vectors
    return CandidateSet(
        papers=tuple(papers),
        model=model,
        encoded=encoded,
        inverted_index=inverted_index,
        negative_prior=negative_prior,
        features=features.astype(np.float32),
        prior=negative_prior.prior(features).astype(np.float32),
        leave_one_out=negative_prior.lift(encoded.sparse).astype(np.float32),
        weighted_votes=votes,
        trend=trend(papers, votes, now),
        popularity=popularity_ranks(votes, votes),
        trending_ranks=trending_ranks(papers),
        archive_votes=votes,
        seed_encoder=SeedEncoder(model, negative_prior, encoded, across, author_kernel, space.encoder, vectors),
        space=space,
        vectors=vectors,
        expansion=build_expansion_index(model.archive, across),
        similarity=PaperSimilarity(encoded.dense),
        subjects=index_subjects(model.vocabulary.keys(), titles, docs, across, space, vectors),
        evidence=EvidenceFinder(papers),
    )


def build_expansion_index(archive: Archive, across: Sparse) -> ExpansionIndex:
    """Return an empty cache for the TF-IDF columns (V, m) of the candidates."""
    cosine = np.zeros((len(archive), across.shape[1]), dtype=np.float32)
    return ExpansionIndex(archive, across, cosine, np.zeros(len(archive), dtype=np.bool_))


def weighted_votes(papers: Sequence[Paper]) -> Floats:
    return np.array([votes(paper.signals) for paper in papers], dtype=np.float32)


def trend(papers: Sequence[Paper], voted: Floats, now: datetime) -> Floats:
    """Return the trend of each paper (m,) from its weighted votes."""
    if not papers:
        return np.zeros(0, dtype=np.float32)
    ages = np.array([max(0.0, (now - paper.first_seen).total_seconds() / 86_400) for paper in papers])
    faded = np.log1p(voted.astype(np.float64)) - ages % 1 * np.log(2) / VOTE_HALF_LIFE
    _, cohort = np.unique(np.floor(ages), return_inverse=True)
    sums = np.bincount(cohort, faded) + AGE_PRIOR * faded.mean()
    usual = sums / (np.bincount(cohort) + AGE_PRIOR)
    value: Floats = (faded - usual[cohort]).astype(np.float32)
    return value


def trending_ranks(papers: Sequence[Paper]) -> Floats:
    """Return the place of each paper (m,) by `trending_order`, from 0."""
    values = [trending_order(paper.signals, paper.first_seen.timestamp(), paper.key) for paper in papers]
    ranks = np.empty(len(papers), dtype=np.float32)
    ranks[sorted(range(len(papers)), key=values.__getitem__, reverse=True)] = np.arange(len(papers))
    return ranks


def popularity_ranks(values: Floats, among: Floats) -> Floats:
    """Return mid-ranks of `values` among other papers.

    They have mean 0 and, without ties, variance 1.
    """
    usual = np.sort(among)
    below, upto = (np.searchsorted(usual, values, side) for side in ("left", "right"))
    found = (below + upto) / (2 * max(len(usual), 1)) - 0.5
    return np.where(len(usual) > 0, np.sqrt(12) * found, 0).astype(np.float32)
