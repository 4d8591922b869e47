"""The lexicon: words of the archive and their inflections, acronyms and their long forms, and misspellings.

A topic is compared with papers by lemmas, not by stems: *tokenization*, *tokenizer* and *tokenised* are one word, but
*token* is another, which stemming would conflate. Acronyms are learnt from "long form (ACR)" in the archive
(Schwartz & Hearst 2003). Words that the archive does not know are corrected to the commonest word within a small
distance (Damerau 1964: insertion, deletion, substitution, transposition).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from digestd.ranking.text import STOP_WORDS, folded_tokens
from digestd.text.scripts import fold
from digestd.text.tokens import word_tokens, words

MAX_LEMMAS = 30_000
"""The commonest lemmas are kept: 1 MB."""
CACHE_SIZE = 10_000
"""Words and compounds whose lemmas are remembered: some 5 MB."""
MIN_TEXTS = 2
"""A word of fewer texts is as likely to be a misspelling as a word."""
MIN_TARGET = 5
"""Texts that a word must occur in so that others are corrected to it."""
SHORT, LONG = 4, 9
"""Shorter words are never corrected; from LONG letters on, two errors are corrected instead of one."""

_ENDINGS = (
    ("isation", "ize"), ("ization", "ize"), ("ising", "ize"), ("ised", "ize"), ("iser", "ize"), ("izer", "ize"),
    ("ise", "ize"), ("ability", "able"), ("ibility", "ible"), ("ically", "ic"), ("ation", "ate"), ("ative", "ate"),
    ("ator", "ate"), ("our", "or"), ("ction", "ct"), 
)  # fmt: skip
"""Derivations that do not change the subject, and British spelling."""
_DERIVED = tuple(ending for ending, _ in _ENDINGS)
_ACRONYM = re.compile(r"\(([A-Za-z0-9][A-Za-z0-9-]{1,9})\)")
_PLURALS = {"matrices": "matrix", "indices": "index", "vertices": "vertex", "axes": "axis"}
COMPOUND = re.compile("\\w+(?:[-\u2010\u2011]\\w+)*")
_LONG_FORM = re.compile(r"[\w'/-]+")
_IN_LONG_FORM = 10
"""Maximum number of words before the parenthesis that a long form is sought in."""


@lru_cache(maxsize=CACHE_SIZE)
def lemma(word: str) -> str:
    """Return the base form of a folded English word: without plural, -ed, -ing and derivations of its verb."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    word = _PLURALS.get(word) or _singular(word)
    for ending, base in _ENDINGS if word.endswith(_DERIVED) else ():
        if word.endswith(ending) and len(word) > len(ending) + 2:
            word = word.removesuffix(ending) + base
            break
    else:
        word = _infinitive(word)
    return word.removesuffix("e") if len(word) > 3 else word


def lemmas(text: str) -> list[str]:
    """Return the lemmas of a text in order, without stop words."""
    found = COMPOUND.findall(text if text.isascii() else unicodedata.normalize("NFC", text))
    return [base for compound in found for base, _ in compound_lemmas(compound)]


@lru_cache(maxsize=CACHE_SIZE)
def compound_lemmas(compound: str) -> tuple[tuple[str, str], ...]:
    """Return the lemmas of words joined by hyphens, each with the word as written; few compounds make up most texts.

    Stop words are left out, but not those that a compound consists of but for one word ("off-policy", "one-shot"), and
    no capital letter that stands alone ("T cells"), other than A and I.
    """
    if compound.isascii() and compound.isalnum():
        parts = [(compound.lower(), compound)]
    else:
        parts = [(token, word) for word in words(compound) for token in word_tokens(word)]
    telling = [part for part in parts if part[0] not in STOP_WORDS or _is_symbol(part[1])]
    kept = telling if len(telling) > 1 or len(parts) == 1 else parts
    return tuple([(lemma(token), word) for token, word in kept])


def _is_symbol(word: str) -> bool:
    return len(word) == 1 and word.isupper() and word not in "AI"


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
        frequency: Lemma → number of texts.
        spellings: Lemma → its commonest spelling.
        long_forms: Acronym → long form.
    """

    size: int = 0
    frequency: Mapping[str, int] = field(default_factory=dict)
    spellings: Mapping[str, str] = field(default_factory=dict)
    long_forms: Mapping[str, str] = field(default_factory=dict)

    def long_form(self, short: str) -> str:
        """Return the long form of an acronym, whether typed in capitals or not; "" if it is unknown or a usual word."""
        if short in self.long_forms or lemma(short.lower()) in self.frequency:
            return self.long_forms.get(short, "")
        return self.long_forms.get(short.upper(), "")

    def share(self, of: str) -> float:
        return self.frequency.get(of, 0) / max(self.size, 1)

    def corrected(self, word: str) -> str:
        """Return the word that was probably meant; the word itself if it is known, short, or like no other."""
        base = lemma(fold(word))
        if len(base) < SHORT or not base.isalpha() or acronym(word) or base in self.frequency:
            return word
        errors = 1 if len(base) < LONG else 2
        targets = _targets(self).get(base[0], [])
        near = process.extract(base, targets, scorer=OSA.distance, score_cutoff=errors, limit=None)
        best = min(((distance, -self.frequency[name], name) for name, distance, _ in near), default=None)
        return word if best is None else self.spellings[best[2]]


@lru_cache(maxsize=4)
def _targets(lexicon: Lexicon) -> Mapping[str, list[str]]:
    """Return the lemmas that others are corrected to, by first letter: misspellings seldom change it."""
    found: dict[str, list[str]] = {}
    for name, often in lexicon.frequency.items():
        if often >= MIN_TARGET:
            found.setdefault(name[0], []).append(name)
    return found


def build_lexicon(frequency: Mapping[str, int], long_forms: Mapping[str, str], size: int) -> Lexicon:
    """Build the lexicon of n = `size` texts from the document frequency of each word as written."""
    total: Counter[str] = Counter()
    commonest: dict[str, tuple[int, str]] = {}
    for written, often in frequency.items():
        for folded in folded_tokens(fold(written)):
            if folded.isalpha() and folded not in STOP_WORDS:
                base = lemma(folded)
                total[base] += often
                commonest[base] = max(commonest.get(base, (0, "")), (often, folded))
    kept = sorted((base for base in total if total[base] >= MIN_TEXTS), key=lambda base: (-total[base], base))
    kept = kept[:MAX_LEMMAS]
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


def _infinitive(word: str) -> str:
    if word.endswith(("elling", "elled", "trolling", "trolled")):
        return word.removesuffix("ing").removesuffix("ed")[:-1]
    for ending, least in (("ing", 3), ("ed", 3)):
        base = word.removesuffix(ending)
        if (
            base != word
            and len(base) >= least
            and not word.endswith("eed")
            and any(letter in base for letter in "aeiouy")
        ):
            return base[:-1] if base[-1] == base[-2] and base[-1] not in "lsz" else base
    return word
