"""Wishes: what a subscriber asks for in a typed topic, which may be a name, a list, a question or a paragraph.

The sentence encoder reads them as they are. What it cannot know is added: a list is several wishes, the archive says
how a word is spelt and what an acronym stands for, and the glossary what else a subject is called and what it includes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from digestd.ranking.glossary import known, named_in
from digestd.ranking.lexicon import Lexicon, acronym
from digestd.ranking.model import TextModel
from digestd.ranking.text import analyse, phrase_form, tokens
from digestd.text.refusals import split_refusals

PARTS_MAX = 12
"""Parts of a list that are read."""
PART_WORDS, PART_LETTERS = 6, 60
"""Maximum length of a part: longer ones are clauses of a sentence."""
LONE_LETTERS = 7
"""A shorter word that is a topic by itself is not corrected: phage is no misspelt phase."""
_SEPARATOR = re.compile(r"\s*[,;，、；\n|•]+\s*|\s+/\s+|\.\s+(?=\S)")
_SENTENCE = re.compile(r"[?!。？！]|\b(?:i|we|my|our|ich|wir|je|nous|yo|eu|me|mich)\b", re.IGNORECASE)
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[。！？])")
_RATHER = re.compile(r",?\s+(?:rather than|instead of|as opposed to)\s.*", re.IGNORECASE)
_BLANKS = re.compile(r"[^\S\n]+")
_FIRST = re.compile(r"^(?:and|or|also|und|et|y|e|plus)\s+", re.IGNORECASE)
_AROUND = " \t\"'“”„«»‘’()[]{}-–—*•#.,"


@dataclass(frozen=True, slots=True)
class Wish:
    """One subject that is asked for.

    Attributes:
        text: What the encoder reads.
        listed: The subject with narrower ones, if the glossary has it.
        words: What is compared word by word.
        forms: The stems of its names, in order.
        name: As corrected; the long form of a lone acronym; in English if the glossary has it in another language.
        part: The part of the topic that it is, as corrected; empty if it is the topic as a whole.
        is_corrected: Whether `text` corrects the spelling.
    """

    text: str
    listed: str
    words: str
    forms: tuple[tuple[str, ...], ...]
    name: str
    part: str = ""
    is_corrected: bool = False


def understand(typed: str, model: TextModel) -> tuple[Wish, ...]:
    """Return the wishes of a typed topic, any of which a paper may meet. None without a content word."""
    sentences = _SENTENCES.split(_BLANKS.sub(" ", typed).strip())
    wanted = " ".join(
        filter(None, (split_refusals(_RATHER.sub("", sentence), stored=True)[0] for sentence in sentences))
    )
    parts = _parts(wanted) or [wanted]
    found = (_wish(part, part if len(parts) > 1 else "", model) for part in parts)
    return tuple({wish.text: wish for wish in found if any(wish.forms)}.values())


def _parts(typed: str) -> list[str]:
    """Return the parts of a list; none of anything else. Of words at slashes they are those that the glossary knows."""
    if _SENTENCE.search(typed):
        return []
    if "/" in typed and " " not in typed and (subjects := list(filter(known, typed.split("/")))):
        return subjects
    parts = [part for one in _SEPARATOR.split(typed) if (part := _FIRST.sub("", one.strip(_AROUND)))]
    is_list = len(parts) > 1 and all(len(part.split()) <= PART_WORDS and len(part) <= PART_LETTERS for part in parts)
    return list(dict.fromkeys(parts))[:PARTS_MAX] if is_list else []


def _wish(typed: str, part: str, model: TextModel) -> Wish:
    words = typed.split()
    corrected = _corrected(words, model)
    spelt_out = " ".join(_spelt_out(word, len(words) == 1, model.lexicon) for word in corrected.split())
    subject = known(corrected) or known(spelt_out)
    english = subject.english if subject else ()
    text = subject.names[0] if subject else spelt_out
    stems = analyse([corrected, spelt_out, *english])
    is_foreign = subject is not None and stems[1] not in stems[2:]
    return Wish(
        text=text,
        listed=subject.listed if subject else "",
        words=subject.listed if subject else " ".join([text, *(one.names[0] for one in named_in(text))]),
        forms=tuple(dict.fromkeys(tuple(dict.fromkeys(own)) for own in stems if own)),
        name=text if is_foreign or (len(words) == 1 and stems[0] != stems[1]) else corrected,
        part=part and corrected,
        is_corrected=phrase_form(corrected) != phrase_form(typed),
    )


def _corrected(words: Sequence[str], model: TextModel) -> str:
    """Return words with misspelt ones corrected; of several only so that the result is a phrase of the archive."""
    typed, better = (" ".join(each) for each in (words, map(model.lexicon.corrected, words)))
    if better == typed or (len(words) == 1 and len(typed) < LONE_LETTERS):
        return typed
    return better if all(" ".join(pair) in model.vocabulary for pair in pairwise(tokens(better))) else typed


def _spelt_out(word: str, is_alone: bool, lexicon: Lexicon) -> str:
    """Return the long form of an acronym; a lone word need not be in capitals."""
    if not (acronym(word) or is_alone):
        return word
    subject = known(word)
    if subject and phrase_form(acronym(word) or word) in map(phrase_form, subject.acronyms):
        return subject.names[0]
    return lexicon.long_form(word) or word
