"""The subject of a paper: the chance that it is about a topic, whatever else it mentions."""

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import Cells, cells
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, SparseValues, Words

NAME = "subject"
KINDS = (ReasonKind.NEAR_TOPIC, ReasonKind.BACKGROUND, ReasonKind.TOPIC, ReasonKind.TITLE)
"""Kinds of reasons, the weakest first: nothing names the topic, the background does, the work does, the title does."""


def score(candidates: CandidateSet, profiles: Profiles) -> SparseValues:
    """Return the chance that the paper is about the topic that fits best."""
    topics = profiles.topics
    about, chances = topics.subjects.about, topics.subjects.chances
    order = np.argsort(-chances, kind="stable")
    once, first, _ = cells(topics.of.owner[about.rows[order]], about.columns[order], len(candidates))
    return SparseValues(once, chances[order][first])


evidence = score


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence | None:
    """Return the topic that fits best, first of all one that the title names, with a quote from the paper."""
    topics, subjects = profiles.topics, profiles.topics.subjects
    if not len(subjects.about):
        return None
    asked, rows = topics.of.members(at.rows)
    found = subjects.about.find(Cells(rows, at.columns[asked.owner]), len(candidates))
    titled = subjects.titled
    chances = np.append(subjects.chances + titled, np.float32(0))[found]  # -1: the appended 0
    most, where = asked.peaks(chances)
    best, cell = (rows[where], found[where]) if len(rows) else (where, where)
    topic, topic_text, quote = best.tolist(), profiles.topic_text(), subjects.quotes(cell)
    kinds = (
        (subjects.lengths[cell] > 0).astype(np.intp) + subjects.named[cell] + titled[cell].astype(np.intp)
    ).tolist()

    def words(k: int) -> Words:
        return topic_text(topic[k]), quote(k)

    def kind(k: int) -> ReasonKind:
        return KINDS[kinds[k]]

    return ReasonEvidence(ReasonKind.TOPIC, most, words, best * len(candidates) + at.columns, kind)
