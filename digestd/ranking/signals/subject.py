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
    about, chances = topics.subjects.about, topics.subjects.chances
    order = np.argsort(-chances, kind="stable")
    once, first, _ = cells(topics.of.owner[about.rows[order]], about.columns[order], len(candidates))
    return SparseValues(once, chances[order][first])


evidence = score


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return the topic that fits best, with the words that name it in the paper."""
    topics, subjects = profiles.topics, profiles.topics.subjects
    asked, rows = topics.of.members(at.rows)
    found = subjects.about.find(Cells(rows, at.columns[asked.owner]), len(candidates))
    chances = np.where(found >= 0, np.append(subjects.chances, np.float32(0))[found], np.float32(0))
    most, where = asked.peaks(chances)
    best, cell = (rows[where], found[where]) if len(rows) else (where, where)
    topic, topic_text = best.tolist(), profiles.topic_text()

    def words(k: int) -> Words:
        return topic_text(topic[k]), subjects.words(cell[k])

    def kind(k: int) -> ReasonKind:
        return ReasonKind.TOPIC if subjects.lengths[cell[k]] else ReasonKind.NEAR_TOPIC

    return ReasonEvidence(ReasonKind.TOPIC, most, words, best * len(candidates) + at.columns, kind)
