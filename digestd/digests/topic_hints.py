"""Hints about topics for commands and mails: the papers of the last days are read when somebody enters a topic.

Web pages use the day that their preview keeps.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock
from typing import TypeAlias, TypeVar

import numpy as np

from digestd.digests.resource_limits import single_blas_thread
from digestd.digests.text_model import stored_embeddings, text_model
from digestd.domain.digest import WINDOW
from digestd.domain.interest import HINTED_MAX, TopicHint
from digestd.domain.paper import Paper
from digestd.logs import found_or_none
from digestd.ranking.dense import NO_SPACE, Encoder
from digestd.ranking.inverted_index import index_categories
from digestd.ranking.mentions import build_mention_index
from digestd.ranking.subjects import SubjectIndex
from digestd.ranking.text import analyse
from digestd.ranking.topic_hints import TopicHints, is_understood
from digestd.store import papers
from digestd.store.database import Database

T = TypeVar("T")
_Read: TypeAlias = tuple[datetime, list[Paper], SubjectIndex]
FRESH = timedelta(minutes=10)
"""Time for which the papers are kept."""


class TopicHinter:
    """Gives hints about topics by the papers of the last week."""

    def __init__(self, db: Database, encoder: Callable[[], Encoder]) -> None:
        """Keep the database, and how to open the encoder, whose file takes a while to check."""
        self._db = db
        self._encoder = encoder
        self._lock = Lock()
        self._read: _Read | None = None

    def hints(self, topics: Sequence[str], now: datetime) -> Sequence[TopicHint]:
        """Return a hint about each of the first HINTED_MAX topics.

        None without papers, or if they fail: whatever they go with is done without them.
        """
        return self._found(now, lambda read: self._hints(topics[:HINTED_MAX], *read[1:])) if topics else []

    def not_understood(self, topics: Iterable[str], now: datetime) -> Sequence[str]:
        """Return the topics of which neither the glossary nor any paper knows a word, or that seem not to be English.

        None as for `hints`. Unlike hints, this is cheap for thousands of topics.
        """
        return self._found(now, lambda read: [topic for topic in topics if not is_understood(topic, read[2])])

    def _found(self, now: datetime, find: Callable[["_Read"], list[T]]) -> Sequence[T]:
        def locked() -> list[T]:
            with self._lock, single_blas_thread():
                if self._read is None or abs(now - self._read[0]) > FRESH:
                    self._read = self._read_subjects(now)
                read = self._read
                return find(read) if read else []

        return found_or_none("hints", locked)

    def _hints(self, topics: Sequence[str], found: list[Paper], subjects: SubjectIndex) -> list[TopicHint]:
        """Return hints by the words of the papers; by their meaning too only where no paper has the words.

        The sentence encoder takes longer to load than all else.
        """
        hints = TopicHints(subjects).of(topics)
        if all(hint.papers for hint in hints):
            return hints
        with self._db.read() as session:
            space, vectors = stored_embeddings(session, self._encoder(), found)
        if space.is_empty:
            return hints
        return TopicHints(replace(subjects, space=space, vectors=vectors)).of(topics)

    def _read_subjects(self, now: datetime) -> "_Read | None":
        """Return the papers of the last week, and by their subjects; None without papers.

        The first to ask fits the text model, as the first planning would: 6 s for 10,000 papers.
        """
        with self._db.read() as session:
            found = papers.candidates(session, now - WINDOW, now + WINDOW)
        if not found:
            return None
        model = text_model(self._db, now)
        mentions = build_mention_index(found, model, index_categories(found))
        words = model.tfidf(analyse([paper.text for paper in found])).T.tocsr()
        return (
            now,
            found,
            SubjectIndex(mentions, words, NO_SPACE, np.zeros((len(found), 0), dtype=np.float32)),
        )
