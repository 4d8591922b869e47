"""Words of a topic stand in the paper: BM25 over the day's papers, all topics together."""

from collections.abc import Callable
from functools import cache

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Bools, Cells, Floats, Ints
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, Words

NAME = "topic"
FEW = 3
"""Stems of a topic that is a name, as most are; a longer one is a description."""
PART, PART_OF_MANY = 0.5, 0.3
"""The part of a topic's idf that must stand in a paper to mean anything, of few stems and of many.

'learning' alone is not 'metric learning', nor are half the words of a sentence nothing.
"""

MEANT = 0.4
"""What words of a topic count in a paper that means something else: they stand scattered through it. Of papers that
hold a topic whole, those near its meaning were right four to nine times as often as those far from it."""


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:  # noqa: ARG001 - every signal is asked alike
    """The sum of BM25 over all topics' stems; a stem of two topics counts twice."""
    return profiles.topics.bm25


def evidence(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """The part of the best topic's idf that stands in the paper, the less the farther off the paper's meaning is."""
    topics = profiles.topics
    met = _met(topics.covered, topics.stems.sizes)
    met *= _meant(topics.lsa_cosine, topics.placed, candidates.model.near)
    return topics.of.best(met)


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """The topic that is met best, with the words that stand there."""
    topics = profiles.topics
    asked, rows = topics.of.members(at.rows)
    columns = at.columns[asked.owner]
    met = _met(topics.covered[rows, columns], topics.stems.sizes[rows])
    met *= _meant(topics.lsa_cosine[rows, columns], topics.placed[rows], candidates.model.near)
    most, where = asked.peaks(met)
    best = rows[where] if len(rows) else where
    topic, paper, topic_words = best.tolist(), at.columns.tolist(), _asked_for(candidates, profiles)

    def said(k: int) -> Words:
        value, stems = topic_words(topic[k])
        return value, tuple(dict.fromkeys(filter(None, map(candidates.surface_forms[paper[k]].get, stems))))

    return ReasonEvidence(Why.TOPIC, most, said, best * len(candidates) + at.columns)


def _asked_for(candidates: CandidateSet, profiles: Profiles) -> Callable[[int], tuple[str, list[str]]]:
    """What gives a topic as typed, and those of its stems that any of the day's papers holds."""
    stems = profiles.topics.stems
    starts, sizes, rows = stems.starts.tolist(), stems.sizes.tolist(), profiles.topics.rows.tolist()
    topic_text, known = profiles.topic_text(), candidates.bm25_index.stems

    @cache
    def topic_words(number: int) -> tuple[str, list[str]]:
        own = rows[starts[number] : starts[number] + sizes[number]]
        return topic_text(number), [known[row] for row in own if row >= 0]

    return topic_words


def _met(covered: Floats, stems: Ints) -> Floats:
    """How far topics of so many stems (t,) are met where these parts of their idf (t, …) stand: in [0, 1]."""
    part = np.where(stems <= FEW, PART, PART_OF_MANY).astype(np.float32)
    part = part.reshape(-1, *[1] * (covered.ndim - 1))
    far: Floats = covered - part
    far *= 1 / (1 - part)
    return np.clip(far, 0, 1, out=far)


def _meant(lsa_cosine: Floats, placed: Bools, near: float) -> Floats:
    """How far papers mean what topics (t, …) mean: in [MEANT, 1]; 1 where all words are new to the model."""
    far: Floats = lsa_cosine * np.float32((1 - MEANT) / near)
    far += np.float32(MEANT)
    np.clip(far, MEANT, 1, out=far)
    far[~placed] = 1
    return far
