"""The subject of a paper: the chance that it is about a topic, whatever else it mentions."""

from functools import cache

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import Cells, cells
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.mentions import TITLE
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


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence | None:
    """Return the topic that fits best, first of all one that the title names, with a quote from the paper."""
    topics, subjects = profiles.topics, profiles.topics.subjects
    if not len(subjects.about):
        return None
    asked, rows = topics.of.members(at.rows)
    found = subjects.about.find(Cells(rows, at.columns[asked.owner]), len(candidates))
    titled, named = subjects.titled, subjects.named
    chances = np.append(subjects.chances + titled, np.float32(0))[found]  # -1: the appended 0
    most, where = asked.peaks(chances)
    best, cell = (rows[where], found[where]) if len(rows) else (where, where)
    topic, cells_at, topic_text = best.tolist(), cell.tolist(), profiles.topic_text()

    @cache
    def place(k: int) -> tuple[int, int] | None:
        return subjects.place(cells_at[k])

    def words(k: int) -> Words:
        found = place(k)
        return topic_text(topic[k]), (subjects.mentions.quote(*found),) if found else ()

    def kind(k: int) -> ReasonKind:
        if titled[cells_at[k]]:
            return ReasonKind.TITLE
        if named[cells_at[k]]:
            return ReasonKind.TOPIC
        found = place(k)
        is_of_abstract = found is not None and subjects.mentions.tells[found[0]] != TITLE
        return ReasonKind.BACKGROUND if is_of_abstract else ReasonKind.NEAR_TOPIC

    return ReasonEvidence(ReasonKind.TOPIC, most, words, best * len(candidates) + at.columns, kind)
