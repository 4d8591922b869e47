"""Hints: what subscribers should know about a topic when they enter it.

How the topic is understood, how many papers of the last days are about it and, if there are none, the nearest topics
that would bring some. Nearest topics come from the glossary and from long forms of acronyms in the archive, never from
other subscribers. They are ranked by meaning, and by words in any language of the glossary ("redes neuronales
profundas" is near "redes neuronales", a neural network).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from rapidfuzz import fuzz, process

from digestd.domain.topic_hint import TopicHint
from digestd.ranking.arrays import Floats
from digestd.ranking.concepts import LETTERS_TELLING, glossary_names, is_foreign_name, is_in_glossary, understand
from digestd.ranking.dense import CachedEncoder
from digestd.ranking.languages import is_foreign
from digestd.ranking.lexicon import lemmas
from digestd.ranking.model import TextModel
from digestd.ranking.subjects import SubjectIndex
from digestd.ranking.text import phrase_form
from digestd.ranking.topics import Topic, compile_topics

NEAREST = 3
"""Maximum number of nearest topics."""
SHORTLIST = 15
"""Names by meaning, and by words, that are tried."""
SAME_WORDS = 82
"""Similarity of words (0 to 100, rapidfuzz) from which a name is near."""
NEAR_DENSE, NEAR_LATENT = 0.44, 0.5
"""Cosine from which a name is near in meaning: in the dense space, and without one in the LSA space."""
LETTERS_COMPARED = 6
"""Shorter topics are not compared by words: NER and NeRF have little to do with each other."""


@dataclass(frozen=True, slots=True, eq=False)
class _Names:
    """n names of subjects that may be near a topic, with their LSA vectors (n, d)."""

    names: Sequence[str]
    places: Floats

    @classmethod
    def of(cls, model: TextModel) -> Self:
        """Return the names in the glossary and the archive's long forms."""
        names = list(dict.fromkeys([*glossary_names().values(), *model.lexicon.long_forms.values()]))
        return cls(names, model.encode(names).dense)

    def nearest(self, place: Floats) -> list[str]:
        """Return the SHORTLIST names whose LSA vectors are nearest to one (d,), best first; none to a zero vector."""
        if not place.any():
            return []
        return [self.names[k] for k in np.argsort(-(self.places @ place), kind="stable")[:SHORTLIST]]


def hint_topics(topics: Sequence[str], subjects: SubjectIndex, encoder: CachedEncoder) -> list[TopicHint]:
    """Return a hint about each topic.

    Args:
        subjects: The papers of the last days by subject.
        encoder: The encoder of its dense space.

    Returns:
        The hints in order; none if there are no papers, which would say nothing about the topics.
    """
    if not len(subjects.mentions):
        return []
    model = subjects.mentions.model
    compiled = compile_topics(topics, model, encoder)
    found = _papers(compiled, subjects)
    lacking = [topic for topic in topics if not found.get(topic)]
    names = _Names.of(model) if lacking else None
    nearest = {topic: _nearest(topic, compiled.get(topic), names, subjects, encoder) for topic in lacking if names}
    return [_hint(topic, found.get(topic, 0), nearest.get(topic, ()), subjects) for topic in topics]


def _hint(topic: str, papers: int, nearest: tuple[str, ...], subjects: SubjectIndex) -> TopicHint:
    concept = understand(topic, subjects.mentions.model)
    is_corrected = phrase_form(concept.corrected) != phrase_form(topic)
    name = concept.corrected if is_corrected else concept.name
    is_named = topic.isascii() and tuple(lemmas(topic)) in concept.forms
    understood = "" if is_named or lemmas(name) == lemmas(topic) else name
    return TopicHint(
        topic=topic,
        understood=understood,
        is_corrected=is_corrected,
        papers=papers,
        nearest=nearest,
        is_unknown=not papers and not is_in_glossary(concept.corrected) and not _has_known_word(topic, subjects),
        is_translated=bool(understood) and is_foreign_name(concept.corrected),
        is_foreign=not is_in_glossary(concept.corrected) and is_foreign(topic, lambda word: _is_known(word, subjects)),
    )


def _has_known_word(topic: str, subjects: SubjectIndex) -> bool:
    """Return True if the archive or the last days know a word of the topic."""
    all_words = lemmas(topic)
    telling = [word for word in all_words if len(word) >= LETTERS_TELLING or not word.isascii()]
    return any(_is_known_lemma(word, subjects) for word in telling or all_words)


def _is_known(word: str, subjects: SubjectIndex) -> bool:
    """Return True if the archive or the last days know a word."""
    return all(_is_known_lemma(one, subjects) for one in lemmas(word))


def _is_known_lemma(word: str, subjects: SubjectIndex) -> bool:
    return word in subjects.mentions.model.lexicon.frequency or word in subjects.mentions.words


def _papers(compiled: dict[str, Topic], subjects: SubjectIndex) -> dict[str, int]:
    """Return the number of papers about each topic."""
    if not compiled:
        return {}
    places, vectors = (np.array([getattr(one, what) for one in compiled.values()]) for what in ("place", "vector"))
    found = subjects.of([one.names for one in compiled.values()], places, vectors)
    return dict(zip(compiled, np.bincount(found.about.rows, minlength=len(compiled)).tolist(), strict=True))


def _nearest(
    topic: str, compiled: Topic | None, known: _Names, subjects: SubjectIndex, encoder: CachedEncoder
) -> tuple[str, ...]:
    """Return the nearest names of subjects that papers are about."""
    lexicon = subjects.mentions.model.lexicon
    respelt = " ".join(map(lexicon.corrected, topic.split()))  # even if the archive does not have it as a phrase
    by_words = [respelt, *_by_words(topic)]
    names = dict.fromkeys([*by_words, *(known.nearest(compiled.place) if compiled else ())])
    others = compile_topics(names, subjects.mentions.model, encoder)
    found, own = _papers(others, subjects), lemmas(topic)
    nearness = {
        name: 1.0 if name in by_words else _cosine(compiled, other, subjects)
        for name, other in others.items()
        if found[name] and lemmas(name) != own
    }
    near = [name for name, value in nearness.items() if value > 0]
    return tuple(sorted(near, key=lambda name: -nearness[name])[:NEAREST])


def _by_words(topic: str) -> list[str]:
    """Return names of the glossary whose words in any language are like the topic's, best first."""
    names, typed = glossary_names(), phrase_form(topic)
    if typed.isascii() and len(typed) < LETTERS_COMPARED:
        return []
    found = process.extract(typed, names.keys(), scorer=fuzz.token_ratio, score_cutoff=SAME_WORDS, limit=SHORTLIST)
    return list(dict.fromkeys(names[name] for name, _, _ in found))


def _cosine(compiled: Topic | None, other: Topic, subjects: SubjectIndex) -> float:
    """Return the cosine of two topics, or 0 if they are not near."""
    if compiled is None:
        return 0.0
    dense = not subjects.space.is_empty
    cosine = compiled.vector @ other.vector if dense else compiled.place @ other.place
    return float(cosine) if cosine >= (NEAR_DENSE if dense else NEAR_LATENT) else 0.0
