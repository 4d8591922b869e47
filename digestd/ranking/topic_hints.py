"""Hints: what subscribers should know about a topic when they enter it.

How it is spelt or spelt out, and how many papers of the last days are about it.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, islice

import numpy as np

from digestd.domain.interest import TopicHint
from digestd.ranking.arrays import grouped
from digestd.ranking.glossary import known as glossary_entry
from digestd.ranking.model import TextModel
from digestd.ranking.subjects import SubjectIndex
from digestd.ranking.text import phrase_form, tokens
from digestd.ranking.topics import as_queries, compile_topics
from digestd.ranking.wishes import understand

BLOCK = 100
"""Topics that are compared with all papers at once."""


class TopicHints:
    """Hints by the papers of the last days."""

    def __init__(self, model: TextModel, subjects: SubjectIndex) -> None:
        self._model = model
        self._subjects = subjects

    def of(self, topics: Sequence[str]) -> list[TopicHint]:
        """Return a hint about each topic, in order; none if there are no papers, which would say nothing about them."""
        if not len(self._subjects):
            return []
        papers = self._papers(topics)
        return [self._hint(topic, papers.get(topic, 0)) for topic in topics]

    def without_known_word(self, topics: Iterable[str]) -> list[str]:
        """Return the topics of which no paper has a word, and that are not in the glossary.

        Unlike hints, this is cheap for thousands of topics.
        """
        return [topic for topic in topics if not self._has_known_word(topic)]

    def _papers(self, topics: Sequence[str]) -> dict[str, int]:
        """Return how many papers are about each topic that has a content word."""
        compiled = compile_topics(topics, self._model, self._subjects.space)
        found: dict[str, int] = {}
        for start in range(0, len(compiled), BLOCK):
            block = dict(islice(compiled.items(), start, start + BLOCK))
            queries = as_queries(list(chain(*block.values())), self._model, self._subjects.space.dims)
            about = grouped([len(own) for own in block.values()]).best(self._subjects.about(queries).astype(np.float32))
            found |= zip(block, about.sum(axis=1).astype(int).tolist(), strict=True)
        return found

    def _hint(self, topic: str, papers: int) -> TopicHint:
        wishes = understand(topic, self._model)
        is_corrected = any(wish.is_corrected for wish in wishes)
        name = ", ".join(wish.name for wish in wishes)
        is_as_typed = phrase_form(name) == phrase_form(topic) or (len(wishes) > 1 and not is_corrected)
        return TopicHint(
            topic=topic,
            understood="" if is_as_typed else name,
            is_corrected=is_corrected,
            papers=papers,
            is_unknown=not papers and not self._has_known_word(topic),
        )

    def _has_known_word(self, topic: str) -> bool:
        known = self._model.vocabulary, self._subjects.papers
        return glossary_entry(topic) is not None or any(stem in words for stem in tokens(topic) for words in known)
