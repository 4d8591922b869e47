"""Hints: what subscribers should know about a topic when they enter it.

How the topic is understood, how many papers of the last days are about it and, if there are none, the nearest topics
that would bring some. Nearest topics come from the glossary and from long forms of acronyms in the archive, never from
other subscribers. They are ranked by meaning, and by words in any language of the glossary ("redes neuronales
profundas" is near "redes neuronales", a neural network).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from itertools import chain, islice, product
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz, process

from digestd.domain.interest import TopicHint
from digestd.ranking.arrays import Sparse, grouped
from digestd.ranking.concepts import Concept, understand
from digestd.ranking.glossary import glossary_names, narrower_text
from digestd.ranking.lexicon import lemmas
from digestd.ranking.model import TextModel
from digestd.ranking.subjects import SubjectIndex
from digestd.ranking.text import analyse, phrase_form
from digestd.ranking.topics import Topic, as_queries, compile_topics
from digestd.ranking.translation import LETTERS_TELLING, is_foreign

NEAREST = 3
"""Maximum number of nearest topics."""
SHORTLIST = 15
"""Names by meaning, and by words, that are tried."""
SAME_WORDS = 82
"""Similarity of words (0 to 100, rapidfuzz) from which a name is near."""
NEAR_DENSE, NEAR_WORDS = 0.44, 0.35
"""Cosine from which a name is near in meaning: in the dense space, and without one of TF-IDF rows."""
LETTERS_COMPARED = 6
"""Shorter topics are not compared by words: NER and NeRF have little to do with each other."""
BLOCK = 100
"""Topics that are compared with all papers at once."""


class _Near(NamedTuple):
    """A name as a topic, by its queries, and how many papers are about it."""

    queries: tuple[Topic, ...]
    papers: int


def is_understood(topic: str, subjects: SubjectIndex) -> bool:
    """Return False if neither the glossary nor any paper knows a word of a topic, or if it seems not to be English."""
    if _is_in_glossary(understand(topic, subjects.mentions.model)):
        return True
    return _has_known_word(topic, subjects) and not is_foreign(topic, lambda word: _is_known(word, subjects))


class TopicHints:
    """Hints by the papers of the last days. What was found for names that may be near a topic is remembered."""

    def __init__(self, subjects: SubjectIndex) -> None:
        self._subjects = subjects
        self._known: dict[str, _Near | None] = {}

    def of(self, topics: Sequence[str], may_encode: Callable[[], bool] = lambda: True) -> list[TopicHint]:
        """Return a hint about each topic, in order; none if there are no papers, which would say nothing about them.

        `may_encode` is called for each name near a topic that the encoder, if there is one, would have to read.
        """
        if not len(self._subjects.mentions):
            return []
        found = self._find(topics)
        lacking = {topic: self._shortlist(topic, it) for topic, it in found.items() if not (it and it.papers)}
        near = dict.fromkeys(name for names in lacking.values() for name in chain(*names))
        is_free = self._subjects.space.is_empty
        known = self._look_up([name for name in near if name not in self._known and (is_free or may_encode())])
        nearest = {
            topic: _nearest(topic, found[topic], *names, known, self._subjects) for topic, names in lacking.items()
        }
        return [
            _hint(topic, near.papers if near else 0, nearest.get(topic, ()), self._subjects)
            for topic, near in ((topic, found[topic]) for topic in topics)
        ]

    def _shortlist(self, topic: str, near: _Near | None) -> tuple[list[str], list[str]]:
        """Return the names that are near a topic by their words, and that may be by their meaning, best first."""
        respelt = " ".join(map(self._model.lexicon.corrected, topic.split()))  # the archive may not have the phrase
        own = [respelt] if respelt != topic else []
        return [*own, *_by_words(topic)], self._by_meaning(near.queries[0]) if near else []

    def _by_meaning(self, query: Topic) -> list[str]:
        """Return up to SHORTLIST names of subjects that have most to do with a query, best first."""
        row = as_queries([query], self._model).words
        nearness = (row @ self._rows).toarray()[0]
        order = np.argsort(-nearness, kind="stable")[:SHORTLIST]
        return [self._names[k] for k in order if nearness[k] > 0]

    @cached_property
    def _names(self) -> Sequence[str]:
        return list(dict.fromkeys([*glossary_names().values(), *self._model.lexicon.long_forms.values()]))

    @cached_property
    def _rows(self) -> Sparse:
        """Return the TF-IDF columns (V, names) of the names with those of narrower subjects."""
        return self._model.tfidf(analyse([narrower_text(name) for name in self._names])).T.tocsr()

    def _look_up(self, names: Sequence[str]) -> Mapping[str, _Near | None]:
        """Return what is known about names, and these new ones. What a visitor has typed is not remembered."""
        found = self._find(names)
        self._known.update((name, found[name]) for name in found.keys() & set(self._names))
        return {**self._known, **found}

    def _find(self, topics: Sequence[str]) -> dict[str, _Near | None]:
        """Return each topic and the number of papers about it; None without a content word."""
        if not topics:
            return {}
        compiled = compile_topics(topics, self._model, self._subjects.space)
        found: dict[str, _Near | None] = dict.fromkeys(topics)
        for start in range(0, len(compiled), BLOCK):
            block = dict(islice(compiled.items(), start, start + BLOCK))
            of, queries = grouped([len(own) for own in block.values()]), list(chain(*block.values()))
            about = self._subjects.of(as_queries(queries, self._model)).about
            counts = of.best(about.astype(np.float32)).sum(axis=1).astype(int).tolist()
            found |= {topic: _Near(own, papers) for (topic, own), papers in zip(block.items(), counts, strict=True)}
        return found

    @property
    def _model(self) -> TextModel:
        return self._subjects.mentions.model


def _hint(topic: str, papers: int, nearest: tuple[str, ...], subjects: SubjectIndex) -> TopicHint:
    concepts = understand(topic, subjects.mentions.model)
    corrected = concepts[0].corrected if len(concepts) == 1 else topic
    is_corrected = phrase_form(corrected) != phrase_form(topic)
    name = corrected if is_corrected else ", ".join(dict.fromkeys(concept.name for concept in concepts))
    is_translated = any(concept.is_translated for concept in concepts)
    is_named = topic.isascii() and not is_translated and tuple(lemmas(topic)) in concepts[0].forms
    understood = "" if is_named or lemmas(name) == lemmas(topic) else name
    return TopicHint(
        topic=topic,
        understood=understood,
        is_corrected=is_corrected,
        papers=papers,
        nearest=nearest,
        is_unknown=not papers and not _is_in_glossary(concepts) and not _has_known_word(topic, subjects),
        is_translated=bool(understood) and is_translated,
        is_foreign=not _is_in_glossary(concepts) and is_foreign(topic, lambda word: _is_known(word, subjects)),
    )


def _is_in_glossary(concepts: Iterable[Concept]) -> bool:
    return any(concept.is_translated or concept.subjects for concept in concepts)


def _has_known_word(topic: str, subjects: SubjectIndex) -> bool:
    all_words = lemmas(topic)
    telling = [word for word in all_words if len(word) >= LETTERS_TELLING or not word.isascii()]
    return any(_is_known_lemma(word, subjects) for word in telling or all_words)


def _is_known(word: str, subjects: SubjectIndex) -> bool:
    return all(_is_known_lemma(one, subjects) for one in lemmas(word))


def _is_known_lemma(word: str, subjects: SubjectIndex) -> bool:
    return word in subjects.mentions.model.lexicon.frequency or word in subjects.mentions.words


def _nearest(
    topic: str,
    near: _Near | None,
    by_words: Sequence[str],
    by_meaning: Sequence[str],
    known: Mapping[str, _Near | None],
    subjects: SubjectIndex,
) -> tuple[str, ...]:
    """Return the nearest names of subjects that papers are about."""
    own = lemmas(topic)
    nearness = {
        name: 1.0 if name in by_words else _cosine(near, other, subjects)
        for name in dict.fromkeys([*by_words, *by_meaning])
        if (other := known.get(name)) and other.papers and lemmas(name) != own
    }
    names = [name for name, value in nearness.items() if value > 0]
    return tuple(sorted(names, key=lambda name: -nearness[name])[:NEAREST])


@cache
def _glossary_words() -> tuple[Mapping[str, str], Mapping[str, Sequence[str]]]:
    """Return the names of the glossary with their words in order, and the names that each word is part of."""
    in_order, holding = {}, defaultdict[str, list[str]](list)
    for name in glossary_names():
        distinct = sorted(name.split())
        in_order[name] = " ".join(distinct)
        for word in dict.fromkeys(distinct):
            holding[word].append(name)
    return in_order, holding


def _by_words(topic: str) -> list[str]:
    """Return names of the glossary whose words in any language are like the topic's, best first.

    `fuzz.token_ratio` finds a name either by all its words, in any order, or by a word that is the same.
    """
    names, typed = glossary_names(), phrase_form(topic)
    if typed.isascii() and len(typed) < LETTERS_COMPARED:
        return []
    in_order, holding = _glossary_words()
    ordered = " ".join(sorted(typed.split()))
    alike = process.extract(ordered, in_order, scorer=fuzz.ratio, score_cutoff=SAME_WORDS, limit=None)
    sharing = [name for word in typed.split() for name in holding.get(word, ())]
    tried = list(dict.fromkeys([*(name for _, _, name in alike), *sharing]))
    found = process.extract(typed, tried, scorer=fuzz.token_ratio, score_cutoff=SAME_WORDS, limit=SHORTLIST)
    return list(dict.fromkeys(names[name] for name, _, _ in found))


def _cosine(near: _Near | None, other: _Near, subjects: SubjectIndex) -> float:
    """Return the cosine of the nearest queries of two topics, or 0 if they are not near."""
    if near is None:
        return 0.0
    dense = not subjects.space.is_empty
    cosine = max(_one_cosine(one, two, dense) for one, two in product(near.queries, other.queries))
    return float(cosine) if cosine >= (NEAR_DENSE if dense else NEAR_WORDS) else 0.0


def _one_cosine(one: Topic, two: Topic, dense: bool) -> float:
    if dense:
        return float(one.vector @ two.vector)
    _, first, second = np.intersect1d(one.terms, two.terms, assume_unique=True, return_indices=True)
    return float(one.values[first] @ two.values[second])
