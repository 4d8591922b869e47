"""The subject of a paper: the chance that it is about a topic, whatever else it mentions."""

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import Cells, cells
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, SparseValues, Words

NAME = "subject"


def score(candidates: CandidateSet, profiles: Profiles) -> SparseValues:
    """Return the chance that the paper is about the topic that fits best."""
    topics = profiles.topics
    about, chances = topics.about, topics.chances
    order = np.argsort(-chances, kind="stable")
    once, first, _ = cells(topics.of.owner[about.rows[order]], about.columns[order], len(candidates))
    return SparseValues(once, chances[order][first])


evidence = score


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return the topic that fits best, with the words that name it in the paper."""
    topics = profiles.topics
    asked, rows = topics.of.members(at.rows)
    columns = at.columns[asked.owner]
    found = topics.about.find(Cells(rows, columns), len(candidates))
    chances = np.where(found >= 0, np.append(topics.chances, np.float32(0))[found], np.float32(0))
    most, where = asked.peaks(chances)
    best = rows[where] if len(rows) else where
    topic, paper, topic_text = best.tolist(), at.columns.tolist(), profiles.topic_text()

    def words(k: int) -> Words:
        return topic_text(topic[k]), topics.subjects[topic[k]].words(paper[k])

    def kind(k: int) -> ReasonKind:
        return ReasonKind.TOPIC if topics.subjects[topic[k]].words(paper[k]) else ReasonKind.NEAR_TOPIC

    return ReasonEvidence(ReasonKind.TOPIC, most, words, best * len(candidates) + at.columns, kind)
