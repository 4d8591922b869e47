"""Subjects: the chance that a paper is about a topic, not merely mentions its words.

    log odds = BIAS + LEXICAL · features of the mentions + COSINE · c + DEVIATION · z + LATENT · l,

where c is the cosine of topic and paper in the dense space, z its distance from the archive's mean cosine with this
topic in standard deviations, and l the LSA cosine. The coefficients are a logistic regression on 2,646 pairs of topic
and paper that one reader judged, 70 topics in three weeks of Hugging Face and arXiv papers. On topics left out of the
fit, papers with a chance of MIN_CHANCE or more were right in 83 %, and half right in another 9 %; they were 68 % of
the right ones, the rest of which hardly shares a word or a meaning with the topic. Cosines alone reach 45 % at the
same recall. Without a dense model the LSA cosine takes the place of both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from digestd.ranking.arrays import Bools, Cells, Floats, Ints, marked
from digestd.ranking.concepts import Names
from digestd.ranking.dense import EmbeddingSpace
from digestd.ranking.mentions import TITLE, MentionIndex
from digestd.ranking.quotes import BACKGROUND

MIN_CHANCE = 0.3
"""Below this chance a paper does not match the topic."""
MIN_LOG_ODDS = log(MIN_CHANCE / (1 - MIN_CHANCE))
UNKNOWN_LATENT = 0.15
"""The LSA cosine assumed for a topic whose words the text model has never seen."""
RELIABLE_DIMS = 50
"""In a space of fewer dimensions, cosines are high by chance; they count less and UNKNOWN_LATENT the more."""
MIN_COSINE = 0.4
"""The cosine that a paper needs which does not mention the topic: its deviation alone is large for absent subjects."""


@dataclass(frozen=True, slots=True)
class Coefficients:
    """The coefficients of the formula above; `lexical` in the order of FEATURES."""

    bias: float
    lexical: tuple[float, ...]
    cosine: float
    deviation: float
    latent: float


DENSE = Coefficients(-4.73, (1.2, 1.9, 1.05, 0.75, 1.4, 1.05, 4.0), 1.4, 0.42, 5.0)
SPARSE = Coefficients(-4.12, (1.35, 2.3, 0.8, 0.6, 1.65, 1.0, 4.0), 0.0, 0.0, 6.0)


@dataclass(frozen=True, slots=True, eq=False)
class Subjects:
    """The c (topic, paper) cells in which a paper is about a topic.

    Attributes:
        chances: (c,) at least MIN_CHANCE.
        starts, lengths: (c,) the words in `mentions` that name the topic there; length 0 if none do.
        topics: What names each topic in papers.
    """

    about: Cells
    chances: Floats
    starts: Ints
    lengths: Ints
    mentions: MentionIndex
    topics: Sequence[Names]

    @property
    def titled(self) -> Bools:
        titled: Bools = self.mentions.tells[self.starts] == TITLE  # false at 0, which is in a gap
        return titled

    @property
    def named(self) -> Bools:
        """Return whether the title or the work of the authors names the topic, not only what was known before (c,)."""
        named: Bools = (self.lengths > 0) & (self.mentions.tells[self.starts] > BACKGROUND)
        return named

    def place(self, cell: int) -> tuple[int, int] | None:
        """Return the start and length of what names the topic of a cell, else of what comes nearest; None without."""
        if self.lengths[cell]:
            return int(self.starts[cell]), int(self.lengths[cell])
        forms = self.topics[self.about.rows[cell]].forms
        return self.mentions.related(forms[0], int(self.about.columns[cell])) if forms else None


@dataclass(frozen=True, slots=True, eq=False)
class SubjectIndex:
    """The day's papers by subject.

    Attributes:
        latent: (m, d) LSA vectors of the papers.
        vectors: (m, e) their embeddings in `space`.
    """

    mentions: MentionIndex
    latent: Floats
    space: EmbeddingSpace
    vectors: Floats

    def of(self, topics: Sequence[Names], places: Floats, vectors: Floats) -> Subjects:
        """Return the papers about each of t topics.

        Args:
            topics: What names them in papers.
            places: (t, d) LSA vectors of the topics.
            vectors: (t, e) embeddings of the topics.
        """
        log_odds, is_near = self._by_meaning(places, vectors)
        found = self.mentions.of(topics)
        named = found.cells
        log_odds[named.rows, named.columns] += found.features @ np.array(self._coefficients.lexical, dtype=np.float32)
        is_near[named.rows, named.columns] = True
        about = marked((log_odds >= MIN_LOG_ODDS) & is_near)
        chances = (1 / (1 + np.exp(-log_odds[about.rows, about.columns]))).astype(np.float32)
        where = named.find(about, len(self.mentions))
        starts, lengths = (np.append(each, 0)[where] for each in (found.starts, found.lengths))  # −1: the appended 0
        return Subjects(about, chances, starts, lengths, self.mentions, topics)

    def _by_meaning(self, places: Floats, vectors: Floats) -> tuple[Floats, Bools]:
        """Return the log odds (t, m) without the lexical features, and whether the meaning alone may suffice (t, m)."""
        weights, space = self._coefficients, self.space
        model = self.mentions.model
        log_odds: Floats = places @ self.latent.T
        is_near = log_odds >= model.near
        counts = places.any(axis=1, keepdims=True) * np.float32(min(1, model.dims / RELIABLE_DIMS))
        log_odds *= np.float32(weights.latent) * counts  # in place: these are the largest arrays of a shard
        log_odds += np.float32(weights.latent * UNKNOWN_LATENT) * (1 - counts) + np.float32(weights.bias)
        if space.is_empty:
            return log_odds, is_near
        cosine: Floats = vectors @ self.vectors.T
        deviation = np.sqrt(np.maximum((vectors @ space.covariance * vectors).sum(axis=1), 1e-6))
        log_odds += np.float32(weights.cosine) * cosine
        log_odds += np.float32(weights.deviation) * (cosine - (vectors @ space.mean)[:, None]) / deviation[:, None]
        return log_odds, cosine >= MIN_COSINE

    @property
    def _coefficients(self) -> Coefficients:
        return SPARSE if self.space.is_empty else DENSE
