"""The lexicon: how the archive spells words, and what its acronyms stand for.

Acronyms are learnt from "long form (ACR)" in the archive
(Schwartz & Hearst 2003). Words that the archive does not know are corrected to the commonest word within a small
distance (Damerau 1964: insertion, deletion, substitution, transposition).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from digestd.ranking.text import STOP_WORDS, folded_tokens
from digestd.text.scripts import fold
from digestd.text.tokens import stem

STEMS_MAX = 30_000
"""The commonest stems are kept: 1 MB."""
MIN_TEXTS = 2
"""A word of fewer texts is as likely to be a misspelling as a word."""
MIN_TARGET = 5
"""Texts that a word must occur in so that others are corrected to it."""
SHORT, LONG = 4, 9
"""Shorter words are never corrected; from LONG letters on, two errors are corrected instead of one."""

_ACRONYM = re.compile(r"\(([A-Za-z0-9][A-Za-z0-9-]{1,9})\)")
_LONG_FORM = re.compile(r"[\w'/-]+")
_IN_LONG_FORM = 10
"""Maximum number of words before the parenthesis that a long form is sought in."""


def acronym(word: str) -> str:
    """Return a word that is written as an acronym (RAG, NeRFs) in the singular; "" for other words."""
    if word[1:].islower() or sum(map(str.isupper, word)) < 2 or not word.isalnum():
        return ""
    if any(letter.isalpha() and letter.upper() == letter.lower() for letter in word):  # LLM推理 is two words
        return ""
    return word[:-1] if word.endswith("s") else word


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """The words of the archive's texts.

    Attributes:
        size: Number of texts.
        frequency: Stem → number of texts.
        spellings: Stem → its commonest spelling.
        long_forms: Acronym → long form.
    """

    size: int = 0
    frequency: Mapping[str, int] = field(default_factory=dict)
    spellings: Mapping[str, str] = field(default_factory=dict)
    long_forms: Mapping[str, str] = field(default_factory=dict)

    def long_form(self, short: str) -> str:
        """Return the long form of an acronym, whether typed in capitals or not; "" if it is unknown or a usual word."""
        if short in self.long_forms or stem(short.lower()) in self.frequency:
            return self.long_forms.get(short, "")
        return self.long_forms.get(short.upper(), "")

    def corrected(self, word: str) -> str:
        """Return the word that was probably meant; the word itself if it is known, short, or like no other."""
        base = stem(fold(word))
        if len(base) < SHORT or not base.isalpha() or acronym(word) or base in self.frequency:
            return word
        targets = _targets(self).get(base[0], {})
        near = []
        for form in dict.fromkeys((base, fold(word))):
            errors = 1 if len(form) < LONG else 2
            found = process.extract(form, list(targets), scorer=OSA.distance, score_cutoff=errors, limit=None)
            near += [(distance, -self.frequency[targets[name]], targets[name]) for name, distance, _ in found]
        return self.spellings[min(near)[2]] if near else word


@lru_cache(maxsize=4)
def _targets(lexicon: Lexicon) -> Mapping[str, Mapping[str, str]]:
    """Return the stems and spellings that others are corrected to, each → its stem, by first letter.

    Misspellings seldom change the first letter.
    """
    found: dict[str, dict[str, str]] = {}
    for stem_of, often in lexicon.frequency.items():
        if often >= MIN_TARGET:
            forms = dict.fromkeys((lexicon.spellings[stem_of], stem_of), stem_of)
            found.setdefault(stem_of[0], {}).update(forms)
    return found


def build_lexicon(frequency: Mapping[str, int], long_forms: Mapping[str, str], size: int) -> Lexicon:
    """Build the lexicon of n = `size` texts from the document frequency of each word as written."""
    total: Counter[str] = Counter()
    commonest: dict[str, tuple[int, str]] = {}
    for written, often in frequency.items():
        for folded in folded_tokens(fold(written)):
            if folded.isalpha() and folded not in STOP_WORDS:
                base = stem(folded)
                total[base] += often
                commonest[base] = max(commonest.get(base, (0, "")), (often, folded))
    kept = sorted((base for base in total if total[base] >= MIN_TEXTS), key=lambda base: (-total[base], base))
    kept = kept[:STEMS_MAX]
    return Lexicon(
        size,
        {base: min(total[base], size) for base in kept},
        {base: commonest[base][1] for base in kept},
        dict(sorted(long_forms.items())),
    )


class AcronymCounter:
    """Counts the long forms of acronyms in a stream of texts."""

    def __init__(self) -> None:
        self._found: dict[str, Counter[str]] = {}

    def read(self, texts: Iterable[str]) -> None:
        for text in texts:
            for short, long_form in definitions(text):
                self._found.setdefault(short, Counter())[long_form] += 1

    def long_forms(self) -> dict[str, str]:
        """Return each acronym's long form, if at least two texts and most of them agree."""
        best = {short: forms.most_common(1)[0] for short, forms in self._found.items()}
        return {
            short: long_form
            for short, (long_form, often) in best.items()
            if often >= MIN_TEXTS and 2 * often > self._found[short].total()
        }


def definitions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the (acronym, long form) pairs that a text defines, both in the singular."""
    for match in _ACRONYM.finditer(text):
        short = acronym(match[1])
        if len(short) > 1:
            near = text[max(0, match.start() - 120) : match.start()]
            before = [one[0] for one in _LONG_FORM.finditer(near)][-_IN_LONG_FORM:]
            if long_form := _long_form(short.replace("-", "").lower(), before):
                yield short, " ".join(_singular_last(long_form))


def _long_form(short: str, before: Sequence[str]) -> list[str]:
    """Return the shortest run of last words that spells the acronym, its first letter at the start of a word."""
    text = " ".join(before).lower()
    place = len(text)
    for letter in reversed(short[1:]):
        place = text.rfind(letter, 0, place)
        if place < 0:
            return []
    starts = (at for at in reversed(range(place)) if text[at] == short[0] and not text[:at][-1:].isalnum())
    start = next(starts, -1)
    found = text[start:].split() if start >= 0 else []
    return found if 1 < len(found) <= len(short) + 2 or (len(found) == 1 and "-" in found[0]) else []


def _singular_last(long_form: Sequence[str]) -> list[str]:
    return [*long_form[:-1], _singular(long_form[-1])]


def _singular(word: str) -> str:
    if word.endswith(("yses", "eses")) and len(word) > 5:
        return word[:-2] + "is"
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is", "ias")):
        return word[:-1]
    return word
