"""Hints about topics for commands and mails: the papers of the last days are read when somebody enters a topic.

Web pages use the day that their preview keeps.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import TypeAlias, TypeVar

from digestd.digests.resource_limits import single_blas_thread
from digestd.digests.text_model import stored_embeddings, text_model
from digestd.domain.digest import WINDOW
from digestd.domain.interest import HINTED_MAX, TopicHint
from digestd.logs import found_or_none
from digestd.ranking.dense import Encoder
from digestd.ranking.subjects import index_subjects
from digestd.ranking.text import analyse
from digestd.ranking.topic_hints import TopicHints
from digestd.store import papers
from digestd.store.database import Database

T = TypeVar("T")
_Read: TypeAlias = tuple[datetime, TopicHints]
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
        return self._found(now, lambda hints: hints.of(topics[:HINTED_MAX])) if topics else []

    def not_understood(self, topics: Iterable[str], now: datetime) -> Sequence[str]:
        """Return the topics of which no paper has a word. None as for `hints`; cheap for thousands of topics."""
        return self._found(now, lambda hints: hints.without_known_word(topics))

    def _found(self, now: datetime, find: Callable[[TopicHints], list[T]]) -> Sequence[T]:
        def locked() -> list[T]:
            with self._lock, single_blas_thread():
                if self._read is None or abs(now - self._read[0]) > FRESH:
                    self._read = self._read_papers(now)
                read = self._read
                return find(read[1]) if read else []

        return found_or_none("hints", locked)

    def _read_papers(self, now: datetime) -> "_Read | None":
        """Return the hints by the papers of the last week; None without papers.

        The first to ask fits the text model, as the first planning would: 6 s for 10,000 papers.
        """
        with self._db.read() as session:
            found = papers.candidates(session, now - WINDOW, now + WINDOW)
        if not found:
            return None
        model = text_model(self._db, now)
        titles, texts = (analyse(each) for each in ([p.plain_title for p in found], [p.text for p in found]))
        with self._db.read() as session:
            space, vectors = stored_embeddings(session, self._encoder(), found)
        return now, TopicHints(
            model, index_subjects(model.vocabulary.keys(), titles, texts, model.tfidf(texts).T.tocsr(), space, vectors)
        )
