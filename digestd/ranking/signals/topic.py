"""Words of a topic stand in the paper: BM25 over the day's papers, all topics together."""

from digestd.domain.digest import Why
from digestd.ranking.arrays import Cells, Floats, above
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Evidence, Words

NAME = "topic"
PART = 0.3
"""The part of a topic's idf that must stand in a paper to mean anything: 'learning' alone is not 'metric learning'."""


def score(pool: Pool, profiles: Profiles) -> Floats:  # noqa: ARG001 - every signal is asked alike
    """The sum of BM25 over all topics' stems; a stem of two topics counts twice."""
    return profiles.topics.bm25


def evidence(pool: Pool, profiles: Profiles) -> Floats:  # noqa: ARG001 - every signal is asked alike
    """The part of the best topic's idf that stands in the paper."""
    return above(profiles.topics.of.best(profiles.topics.covered), PART)


def explain(pool: Pool, profiles: Profiles, at: Cells) -> Evidence:
    """The topic of which most stands in the paper, with the words that stand there."""
    topics = profiles.topics
    asked, rows = topics.of.members(at.rows)
    most, where = asked.peaks(topics.covered[rows, at.columns[asked.owner]])
    best = rows[where] if len(rows) else where

    def said(k: int) -> Words:
        topic, here = int(best[k]), pool.surface[at.columns[k]]
        stems = map(pool.lexicon.stems.__getitem__, topics.rows_of(topic))
        return profiles.topic(topic), tuple(dict.fromkeys(here[s] for s in stems if s in here))

    return Evidence(Why.TOPIC, above(most, PART), said, best * len(pool) + at.columns)
