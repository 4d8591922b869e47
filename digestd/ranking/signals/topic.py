"""Words of the topics in the text.

BM25 over the day's papers, all topics together.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import Bools, Cells, Floats, Ints
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, Words

NAME = "topic"
FEW = 3
"""Up to this many stems a topic is a name, as most are; a longer one is a description."""
PART, PART_OF_MANY = 0.5, 0.3
"""The share of a topic's idf that must occur in a paper, for names and for descriptions.

'learning' alone is not 'metric learning', but half the words of a sentence are something.
"""

MEANT = 0.4
"""Factor for a paper that contains the words but means something else.

Of papers with all words of a topic, those near its meaning were right four to nine times as often as those far off.
"""


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:  # noqa: ARG001  # the interface of all signals
    """Return the sum of BM25 over the stems of all topics."""
    return profiles.topics.bm25


def evidence(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the covered share of the best topic's idf.

    It is reduced if the paper's meaning is far from it.
    """
    topics = profiles.topics
    covered = _met(topics.covered, topics.stems.sizes)
    covered *= _meant(topics.lsa_cosine, topics.placed, candidates.model.near)
    return topics.of.best(covered)


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return the topic that matches best, with its words as written in the paper."""
    topics = profiles.topics
    groups, rows = topics.of.members(at.rows)
    columns = at.columns[groups.owner]
    covered = _met(topics.covered[rows, columns], topics.stems.sizes[rows])
    covered *= _meant(topics.lsa_cosine[rows, columns], topics.placed[rows], candidates.model.near)
    most, where = groups.peaks(covered)
    best = rows[where] if len(rows) else where
    topic, paper, topic_words = best.tolist(), at.columns.tolist(), _asked_for(candidates, profiles)

    def words(k: int) -> Words:
        value, stems = topic_words(topic[k])
        return value, tuple(dict.fromkeys(filter(None, map(candidates.surface_forms[paper[k]].get, stems))))

    return ReasonEvidence(ReasonKind.TOPIC, most, words, best * len(candidates) + at.columns)


def _asked_for(candidates: CandidateSet, profiles: Profiles) -> Callable[[int], tuple[str, list[str]]]:
    """Return a function that gives a topic as typed, and its stems.

    Only stems that occur in the day's papers.
    """
    stems = profiles.topics.stems
    starts, sizes, rows = stems.starts.tolist(), stems.sizes.tolist(), profiles.topics.rows.tolist()
    topic_text, known = profiles.topic_text(), candidates.bm25_index.stems

    @cache
    def topic_words(number: int) -> tuple[str, list[str]]:
        own = rows[starts[number] : starts[number] + sizes[number]]
        return topic_text(number), [known[row] for row in own if row >= 0]

    return topic_words


def _met(covered: Floats, stems: Ints) -> Floats:
    """Map covered shares of idf (t, …) to [0, 1] by the number of stems (t,)."""
    part = np.where(stems <= FEW, PART, PART_OF_MANY).astype(np.float32)
    part = part.reshape(-1, *[1] * (covered.ndim - 1))
    far: Floats = covered - part
    far *= 1 / (1 - part)
    return np.clip(far, 0, 1, out=far)


def _meant(lsa_cosine: Floats, placed: Bools, near: float) -> Floats:
    """Map LSA cosines (t, …) to [MEANT, 1]; 1 if the model knows none of the words."""
    far: Floats = lsa_cosine * np.float32((1 - MEANT) / near)
    far += np.float32(MEANT)
    np.clip(far, MEANT, 1, out=far)
    far[~placed] = 1
    return far
