"""Concepts: what a subscriber means by the topic that they typed.

A topic is split where it names several subjects ("audio & music generation"), and each of them is corrected ("difusion
modles"), spelt out or abbreviated ("NLP", "natural language processing"), and translated if the glossary has it
("强化学习"). What the archive says about words comes from the text model's lexicon, the names of common subjects from
the glossary.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from digestd.ranking.glossary import foreign_names, is_english_name, is_foreign_name, known
from digestd.ranking.lexicon import CACHE_SIZE, Lexicon, acronym, lemma, lemmas
from digestd.ranking.model import TextModel
from digestd.ranking.phrases import phrases
from digestd.ranking.text import phrase_form, tokens
from digestd.ranking.translation import is_english, nearest_translation, translated

HEAD_NOUNS = frozenset(lemmas("models methods networks systems algorithms approaches techniques frameworks tasks data"))
"""Nouns that end the names of many subjects and tell them from none: "diffusion models" is about diffusion."""
RARE, COMMON = 0.05, 0.25
"""Shares of the archive's papers. A rarer word names a subject without its head noun, a commoner one never does."""
TIED = 0.35
"""In between it does if the noun follows in this share of its papers: "diffusion (models)", not "world (models)"."""
MIN_LETTERS = 3
"""Shorter acronyms are too ambiguous to be searched for because the archive once defined them."""
_TURNED = re.compile(r"(\S.*?)\s(?:for|of|in|on|by|from|with)\s(?:an?\s|the\s)?(.*\S)", re.IGNORECASE)
CONTEXTS = frozenset(
    {"large language model", "language model", "artificial intelligence", "machine learning", "deep learning"}
)
"""Subjects in which most others are studied; named beside another one, they narrow little."""
MIN_LONE_LETTERS = 7
"""A shorter word that is a topic by itself is not corrected: phage is no misspelt phase."""


class Names(NamedTuple):
    """What names a concept in a paper, as attributes of `Concept`."""

    forms: tuple[tuple[str, ...], ...] = ()
    acronyms: tuple[str, ...] = ()
    cores: tuple[tuple[str, ...], ...] = ()
    categories: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Concept:
    """The meaning of a topic.

    Attributes:
        text: English text that stands for its meaning: corrected, translated, an acronym with its long form.
        words: The same with the topic as typed, if it is in another script.
        forms: Sequences of lemmas that name it.
        acronyms: Acronyms that name it, as papers write them.
        cores: Its forms without a head noun, which hint at it.
        categories: arXiv categories that are the concept as a whole.
        subjects: First English names of the subjects of the glossary that it is; see `narrower_names`.
        parts: The two phrases that it joins if the glossary does not have it as a whole; see `part_names`.
        corrected: The typed text with misspellings corrected; the same if there are none.
        name: English name: the long form of an acronym, the translation of a foreign name, else as corrected.
        is_translated: Whether the topic is in another language.
    """

    text: str
    words: str
    forms: tuple[tuple[str, ...], ...]
    acronyms: tuple[str, ...]
    cores: tuple[tuple[str, ...], ...]
    categories: tuple[str, ...]
    subjects: tuple[str, ...]
    parts: tuple[str, ...]
    corrected: str
    name: str
    is_translated: bool = False

    @property
    def names(self) -> Names:
        return Names(self.forms, self.acronyms, self.cores, self.categories, self.subjects, self.parts)


def understand(typed: str, model: TextModel) -> tuple[Concept, ...]:
    """Return the concepts that a topic names: a paper about any of them is about the topic."""
    found = phrases(typed, _Archive(model))
    concepts = (
        _concept(phrase, typed if len(found) == 1 else phrase, _is_translation(phrase, typed), model)
        for phrase in found
    )
    return tuple({concept.names: concept for concept in concepts}.values())


def _is_translation(phrase: str, typed: str) -> bool:
    return phrase not in typed and not frozenset(lemmas(typed)).issuperset(lemmas(phrase))


def _concept(phrase: str, typed: str, is_translated: bool, model: TextModel) -> Concept:
    """Return the concept that a phrase names.

    Args:
        typed: The same as typed, which may be in another language or longer.
        is_translated: Whether the phrase translates it.
    """
    corrected = phrase if known(phrase) else _corrected(phrase, model)
    entry = known(corrected)
    if entry:
        names, short, categories = entry.names, entry.acronyms, entry.categories
    else:
        names, short = _learnt(corrected, model.lexicon)
        categories = ()
    own = corrected if typed.isascii() else typed
    named = names if typed.isascii() and (entry is None or is_english_name(own)) else (*names, own)
    parts = (tuple(lemmas(part)) for name in named if not _is_only_acronym(name, model) for part in _orders(name))
    forms = tuple(dict.fromkeys(filter(_is_telling, parts)))
    text = " ".join(dict.fromkeys([*names[:1], *short[:1]]))
    subjects = entry.names[:1] if entry else _subject_in_context(corrected)
    is_translated |= is_foreign_name(phrase)
    return Concept(
        text=text,
        words=text if typed.isascii() or typed == text else f"{text} {typed}",
        forms=forms,
        acronyms=tuple(dict.fromkeys(short)),
        cores=tuple(dict.fromkeys(core for form in forms if (core := _core(form, model)))),
        categories=categories,
        subjects=subjects,
        parts=() if subjects else _parts(corrected),
        corrected=typed if is_translated else corrected,
        name=names[0],
        is_translated=is_translated,
    )


@cache
def narrower_names(subject: str) -> Names:
    """Return what names the narrower subjects of a subject of the glossary, given by its first English name.

    A paper about one of them is about the subject, too. Nothing for a name that the glossary does not have.
    """
    entry = known(subject)
    narrower = entry.narrower if entry else ()
    every = [*filter(None, map(known, narrower))]
    names = [name for one in every for name in one.names] + [name for name in narrower if not known(name)]
    short = [short for one in every for short in one.acronyms] + [short for short in map(acronym, names) if short]
    forms = (tuple(lemmas(part)) for name in names if not acronym(name) for part in _orders(name))
    return Names(tuple(dict.fromkeys(filter(_is_telling, forms))), tuple(dict.fromkeys(short)))


@lru_cache(maxsize=CACHE_SIZE)
def part_names(phrase: str) -> Names:
    """Return what names a part of a concept, or a narrower subject of it."""
    entry = known(phrase)
    names, short = ((*entry.names, phrase), entry.acronyms) if entry else ((phrase,), ())
    narrower = narrower_names(entry.names[0]) if entry else Names()
    forms = (tuple(lemmas(part)) for name in names if not acronym(name) for part in _orders(name))
    short = (*short, *filter(None, (acronym(phrase),)))
    return Names((*filter(_is_telling, forms), *narrower.forms), (*short, *narrower.acronyms))


def _parts(phrase: str) -> tuple[str, ...]:
    """Return the two sides of a phrase with a preposition, else the two subjects of the glossary that form it."""
    if turned := _TURNED.fullmatch(phrase):
        return turned[1], turned[2]
    words = phrase.split()
    pairs = ((" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words)))
    return next((pair for pair in pairs if all(map(known, pair))), ())


def _subject_in_context(phrase: str) -> tuple[str, ...]:
    """Return the subject of a phrase that only adds where: "quantization of LLMs", "LLM quantization"."""
    first, _, rest = phrase.partition(" ")
    turned = _TURNED.fullmatch(phrase)
    for subject, context in ((turned[1], turned[2]) if turned else ("", ""), (rest, first)):
        where, entry = known(context), known(subject)
        if entry and where and where.names[0] in CONTEXTS:
            return entry.names[:1]
    return ()


def _corrected(typed: str, model: TextModel) -> str:
    """Correct the misspelt words of a topic; of several words only so that the result is a known phrase."""
    words = [word.strip(".,;:!?") for word in typed.split()]
    better = [model.lexicon.corrected(word) for word in words]
    if better == words or (len(words) == 1 and len(typed) < MIN_LONE_LETTERS):
        return typed
    stems = tokens(" ".join(better))
    known = all(" ".join(pair) in model.vocabulary for pair in itertools.pairwise(stems))
    return " ".join(better) if known else typed


def _learnt(topic: str, lexicon: Lexicon) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names and acronyms of a topic by what the archive's papers define."""
    if " " not in topic.strip() and (name := acronym(topic) or topic.strip()):
        if long_form := lexicon.long_form(name):
            return (long_form,), (name if name in lexicon.long_forms else name.upper(),)
        return (topic,), (name,) if acronym(topic) else ()
    spelt_out = " ".join((acronym(word) and lexicon.long_form(word)) or word for word in topic.split())
    return tuple(dict.fromkeys((topic, spelt_out))), _acronyms(lexicon).get(tuple(lemmas(topic)), ())


@lru_cache(maxsize=4)
def _acronyms(lexicon: Lexicon) -> Mapping[tuple[str, ...], tuple[str, ...]]:
    """Return the acronyms of each long form, given as lemmas."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for short, long_form in lexicon.long_forms.items():
        form = tuple(lemmas(long_form))
        if len(short) >= MIN_LETTERS and form:
            found[form] = (*found.get(form, ()), short)
    return found


def _orders(name: str) -> Iterator[str]:
    """Yield a name, and the same without its preposition: "Lean theorem proving" for "theorem proving in Lean"."""
    yield name
    if turned := _TURNED.fullmatch(name):
        yield f"{turned[2]} {turned[1]}"


def _is_only_acronym(name: str, model: TextModel) -> bool:
    """Return True for a name in capitals that is no word of the archive: only papers in capitals mean it."""
    return bool(acronym(name)) and lemma(name.lower()) not in model.lexicon.frequency


def _is_telling(form: tuple[str, ...]) -> bool:
    """Return True unless a form is a lone letter, like that of C++, or empty."""
    return any(len(one) > 1 or not one.isascii() for one in form)


def _core(form: tuple[str, ...], model: TextModel) -> tuple[str, ...]:
    """Return a form without its head noun, if the rest still names the subject; else ()."""
    core, head = form[:-1], form[-1]
    if not core or head not in HEAD_NOUNS:
        return ()
    share = model.lexicon.share(core[0])
    if len(core) > 1 or share < RARE or (share < COMMON and _is_tied(core[0], head, model)):
        return core
    return ()


def _is_tied(core: str, head: str, model: TextModel) -> bool:
    spellings = model.lexicon.spellings
    stems = tokens(f"{spellings.get(core, core)} {spellings.get(head, head)}")
    alone, together = (model.vocabulary.get(name) for name in (stems[0], " ".join(stems)))
    if alone is None or together is None:
        return False
    return bool(model.frequency[together] >= TIED * model.frequency[alone])


@dataclass(frozen=True, slots=True)
class _Archive:
    """Knowledge of glossary and archive about the phrases of a topic; see `phrases.Knows`."""

    model: TextModel

    def english(self, text: str) -> str:
        exact = foreign_names().get(phrase_form(text), "") if " " in text else ""  # "red" is no network in English
        if self.name(text) or (not exact and is_english(text, self._is_used)):
            return text
        if found := exact or translated(text, self._is_used):
            return found
        return text if _corrected(text, self.model) != text else nearest_translation(text) or text

    def name(self, text: str) -> bool:
        return known(text) is not None or (" " not in text and bool(self.model.lexicon.long_form(acronym(text))))

    def pair(self, text: str) -> bool:
        pairs = itertools.pairwise(tokens(text))
        return known(text) is not None or all(" ".join(pair) in self.model.vocabulary for pair in pairs)

    def binomial(self, one: str, other: str) -> bool:
        stems = [*tokens(one), *tokens(other)]
        columns = [self.model.vocabulary.get(name) for name in (" ".join(stems), *stems)]
        pair, *single = (0 if column is None else self.model.frequency[column] for column in columns)
        return len(stems) > 1 and bool(pair > 0 and pair >= TIED * min(single))

    def _is_used(self, word: str) -> bool:
        return all(one in self.model.lexicon.frequency for one in lemmas(word))
