"""Topics: the chance that a paper is about what a subscriber asked for."""

from functools import cache

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.judgments import WANTED
from digestd.ranking.mentions import TITLE
from digestd.ranking.profile import Profiles
from digestd.ranking.quotes import BACKGROUND
from digestd.ranking.signals.base import ReasonEvidence, Words
from digestd.ranking.subjects import ABOUT_LOG_ODDS, Subjects

NAMED_FIRST = np.float32(100)
"""Larger than differences of log odds."""

SURE = np.float32(2)
"""Log odds from which a better fit counts for less: among papers that surely fit, what others think of them decides."""


def subject(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the log odds that the paper is about the topic that fits best, levelling off at SURE; 0 without topics."""
    chances = subject_evidence(candidates, profiles)
    log_odds: Floats = np.log(np.maximum(chances, 1e-9) / (1 - chances * (1 - np.exp(-SURE))))
    log_odds[profiles.topics.of.sizes == 0] = 0
    return log_odds


def subject_evidence(candidates: CandidateSet, profiles: Profiles) -> Floats:  # noqa: ARG001  # the interface of all signals
    """Return the chance that the paper is about the topic that fits best; 0 without topics."""
    chance: Floats = (1 / (1 + np.exp(-profiles.topics.of.best(profiles.topics.subjects.log_odds)))).astype(np.float32)
    chance[profiles.topics.of.sizes == 0] = 0
    return chance


def query_expansion(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the weighted TF-IDF cosine with the archive texts that match all topics best (pseudo-relevance feedback).

    It prefers papers at the crossing of several topics: +.03 to +.06 nDCG@10 for lists of keywords.
    """
    return candidates.expansion.like(profiles.expansion)


def explain_subject(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence | None:
    """Return the topic that fits best, with a quote from the paper; one that the title names before others."""
    topics, subjects = profiles.topics, profiles.topics.subjects
    if not len(topics.of.owner):
        return None
    asked, rows = topics.of.members(at.rows)
    among = Cells(rows, at.columns[asked.owner])
    log_odds = subjects.log_odds[among.rows, among.columns]
    most, _ = asked.peaks(log_odds)
    is_named = subjects.titled(among) & (log_odds >= ABOUT_LOG_ODDS)
    _, where = asked.peaks(np.where(is_named, log_odds + NAMED_FIRST, log_odds))
    best = rows[where] if len(rows) else where
    query, paper, topic_text = best.tolist(), at.columns.tolist(), profiles.topic_text()
    chances = np.where(asked.sizes > 0, 1 / (1 + np.exp(-most)), 0).astype(np.float32)

    @cache
    def said(k: int) -> tuple[ReasonKind, tuple[str, ...]]:
        if grade := topics.judged.get((query[k], paper[k])):
            return (ReasonKind.JUDGED if grade == WANTED else ReasonKind.JUDGED_NEAR), ()
        return _found(subjects, query[k], paper[k], topic_text(query[k]))

    def words(k: int) -> Words:
        return profiles.topic_words(query[k], *said(k)[1])

    def kind(k: int) -> ReasonKind:
        return said(k)[0]

    return ReasonEvidence(ReasonKind.TOPIC, chances, words, best * len(candidates) + at.columns, kind)


def _found(subjects: Subjects, query: int, paper: int, typed: str) -> tuple[ReasonKind, tuple[str, ...]]:
    """Return where a paper names a topic, or comes near it, with a quote.

    Neither meaning nor one word of several relates: faults may be Byzantine, but are no Byzantine pottery.
    """
    mentions, (named, place) = subjects.index.mentions, subjects.places(query, paper)
    quote = tuple(filter(None, [mentions.quote(*place)])) if place else ()
    if named and mentions.tells[named[0]] > BACKGROUND and subjects.has_words(query, paper, typed):
        return (ReasonKind.TITLE if mentions.tells[named[0]] == TITLE else ReasonKind.TOPIC), quote
    if place is None or (not named and place[1] == 1 < len(subjects.names[query].forms[0])):
        return ReasonKind.NEAREST, ()
    return (ReasonKind.NEAR_TOPIC if mentions.tells[place[0]] == TITLE else ReasonKind.BACKGROUND), quote
