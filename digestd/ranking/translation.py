"""Translation: the English of topics in other languages, as far as the glossary has their words.

A topic is compared with the glossary's names by the beginnings of its content words, so that neither inflections nor
accents matter ("modèles du monde", "redes neuronales profundas"). If there is no such name, its parts are translated,
the longest first ("verstärkendes Lernen für Roboter", "大语言模型推理加速").

A topic has few words, too few for the usual statistics of letters. It is in another language if it is in a script that
English is not written in, or if the papers do not use one of its words, and it has a function word of another language
or a word that only foreign names of the glossary have.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple, TypeAlias

from rapidfuzz import fuzz, process
from rapidfuzz.distance import Prefix

from digestd.ranking.glossary import english_words, foreign_names, known
from digestd.ranking.text import phrase_form

LETTERS_TELLING = 4
"""Shorter words occur in several languages."""
BEGINNING, ENDING = 3, 2
"""Letters that words have in common at least, and those after them that may be an inflection, at most."""
VERY_NEAR = 90
"""Similarity of words (0 to 100, rapidfuzz) from which a name is taken for a misspelling of another."""
MAX_WORDS = 12
"""Longer topics are not translated: they are sentences."""
_LATIN_OR_GREEK = re.compile(r"[\W\d_\u0000-\u024f\u0300-\u03ff\u1e00-\u1fff\u2000-\u2bff]*")
"""Greek letters are symbols in English topics: “β-lactam”."""
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_PARTICLE = re.compile(r"における|による|のための|を用いた|ための|[的之中与與和及をのとにでがは・\s]")
_UNSPACED_AND = "与與和及と"
_LATIN_WORD = re.compile(r"[^\W_\u3040-\uffff]+")
MAX_UNSPACED = 20
"""Letters of a name without spaces."""
_PREPOSITIONS = {
    **dict.fromkeys(("fur", "pour", "para", "per", "zur", "zum"), "for"),
    **dict.fromkeys(("mit", "avec", "con", "com"), "with"),
    **dict.fromkeys(("durch", "par", "por", "mediante"), "by"),
    **dict.fromkeys(("in", "im", "en", "em", "dans", "nel", "nella"), "in"),
    **dict.fromkeys(("und", "et", "y", "e"), "and"),
}
"""Function words with an English word of their own; the others are "of" between translated parts."""
_GERMAN = ("der", "das", "den", "dem", "des", "und", "für", "mit", "von", "vom", "zur", "zum", "bei", "über", "auf",
           "ein", "eine", "einer", "eines", "durch", "nach", "im")  # fmt: skip
_FRENCH = ("le", "la", "les", "du", "de", "d", "l", "et", "pour", "sur", "dans", "avec", "aux", "une", "au", "par")
_SPANISH = ("el", "los", "las", "del", "y", "para", "con", "por", "una", "en", "sobre", "entre")
_PORTUGUESE = ("da", "do", "dos", "das", "nos", "em", "com", "uma", "um", "ao", "pela", "pelo", "e")
_ITALIAN = ("il", "gli", "di", "della", "delle", "dei", "degli", "nel", "nella", "tra", "sulla")
_ADJECTIVES = frozenset(
    ("adaptive", "adversarial", "artificial", "automatic", "autonomous", "bayesian", "causal", "clinical", "deep",
     "digital", "distributed", "dynamic", "efficient", "explainable", "federated", "financial", "generative",
     "human", "large", "medical", "mobile", "multilingual", "multimodal", "neural", "online", "personalized",
     "probabilistic", "quantum", "robust", "scientific", "social", "solar", "stochastic", "supervised",
     "unsupervised", "wireless")
)  # fmt: skip
"""English words that come before the noun which they follow in Romance languages."""
_FUNCTION_WORDS = frozenset((*_GERMAN, *_FRENCH, *_SPANISH, *_PORTUGUESE, *_ITALIAN))
_ARTICLES = frozenset(
    ("der", "das", "den", "dem", "ein", "eine", "einer", "eines", "le", "la", "les", "l", "une", "au", "aux", "el",
     "los", "las", "una", "um", "uma", "il", "gli")
)  # fmt: skip
_ENGLISH_TOO = frozenset(("d", "l", "e", "do", "im"))
"""Function words that English has as well, such as "do", which do not tell another language."""
_TELLING = re.compile(
    r"(?<!\S)(?:(?:für|von|mit|zur|zum|pour|par|dans|avec|para|della)|(?:du|de|des)(?= +[^\WA-Z]))(?!\S)"
)
"""Prepositions that are not English, in lower case and before no name."""
_FOLDED_FUNCTION_WORDS = frozenset(map(phrase_form, _FUNCTION_WORDS)) | {"in"}
_WORD = re.compile(r"[^\W_]+")
_ENGLISH_USE = re.compile(
    r"\b(de (novo|facto|sitter|broglie|finetti|rham|bruijn)|von (neumann|willebrand|mises|k[aá]rm[aá]n)"
    r"|van der (waals|pol|meer)|(el|la) ni[nñ][oa]|[aà] la)\b|\bde-",
    re.IGNORECASE,
)
"""Names and phrases with such words that are at home in English."""

IsKnown: TypeAlias = Callable[[str], bool]
"""Returns True for a word that the papers use."""


def translated(topic: str, is_known: IsKnown) -> str:
    """Return the English of a topic in another language; "" if it seems to be English or has other words."""
    if not _LATIN_OR_GREEK.fullmatch(topic):
        return foreign_names().get(phrase_form(topic)) or _of_pieces(topic, is_known)
    words = _words(topic)
    if len(words) > MAX_WORDS or not words:
        return ""
    is_told = _is_told(topic) or not _foreign_words().isdisjoint(words)
    is_evident = len(words) == 1 or not topic.isascii() or is_told or is_foreign(topic, is_known)
    return _by_beginnings(_content(topic)) or (_of_pieces(topic, is_known) if is_evident else "")


def is_english(topic: str, is_known: IsKnown) -> bool:
    """Return True if the papers use all words of a topic, and none of them tells another language."""
    own = _words(topic)
    is_told = not _FUNCTION_WORDS.isdisjoint({*own} - _ENGLISH_TOO) or not _foreign_words().isdisjoint(own)
    return topic.isascii() and not is_told and all(map(is_known, own))


def nearest_translation(topic: str) -> str:
    """Return the English name of the subject whose foreign name is spelt almost like a topic; else ""."""
    typed = phrase_form(topic)
    alike = _names_by_letter().get(typed[:1], ())
    near = process.extractOne(typed, alike, scorer=fuzz.ratio, score_cutoff=VERY_NEAR)
    return foreign_names()[near[0]] if near and len(typed) > 2 * LETTERS_TELLING else ""


def is_foreign(topic: str, is_known: IsKnown) -> bool:
    """Return True if a topic seems to be in another language than English."""
    if not _LATIN_OR_GREEK.fullmatch(topic):
        return True
    words = _words(topic)
    unknown = [word for word in words if word not in _FUNCTION_WORDS and not is_known(word)]
    if not unknown:
        return False
    return any(word in _FUNCTION_WORDS - _ENGLISH_TOO for word in words) or any(
        phrase_form(word) in _foreign_words() for word in unknown
    )


@cache
def _names_by_letter() -> Mapping[str, Sequence[str]]:
    found = defaultdict[str, list[str]](list)
    for name in foreign_names():
        found[name[:1]].append(name)
    return found


@cache
def _foreign_words() -> frozenset[str]:
    """Return words of Latin script that the glossary has in names in other languages, but in no English one."""
    every = {word for name in foreign_names() for word in name.split() if len(word) >= LETTERS_TELLING}
    return frozenset(every - english_words() - {f"{word}s" for word in english_words()})


def _words(topic: str) -> list[str]:
    return _WORD.findall(_ENGLISH_USE.sub(" ", topic.casefold()))


def _is_told(topic: str) -> bool:
    """Return True if a preposition tells that a topic is not English."""
    return _TELLING.search(_ENGLISH_USE.sub(" ", topic)) is not None


def _content(text: str) -> tuple[str, ...]:
    """Return the folded words of a text without function words."""
    return _content_of(_WORD.findall(phrase_form(text)))


def _content_of(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for word in words if word not in _FOLDED_FUNCTION_WORDS)


@cache
def _names_by_beginning() -> Mapping[str, Sequence[tuple[tuple[str, ...], str]]]:
    """Return the content words of foreign names, with the English name, by the first letters of the first word."""
    found = defaultdict[str, list[tuple[tuple[str, ...], str]]](list)
    for name, english in foreign_names().items():
        if words := _content_of(_WORD.findall(name)):
            found[words[0][:BEGINNING]].append((words, english))
    return found


def _by_beginnings(words: Sequence[str]) -> str:
    """Return the English name whose foreign name has these words, but for inflections; "" without one."""
    named = _names_by_beginning().get(words[0][:BEGINNING], ()) if words else ()
    alike = [
        (sum(map(Prefix.distance, words, own)), english)
        for own, english in named
        if len(own) == len(words) and all(map(_is_inflected, words, own))
    ]
    return min(alike, default=(0, ""))[1]


def _is_inflected(one: str, other: str) -> bool:
    """Return True if two words differ in their ending only."""
    same, short, long = Prefix.similarity(one, other), *sorted((len(one), len(other)))
    is_long = same == short >= LETTERS_TELLING or long > LETTERS_TELLING + 1
    return one == other or (is_long and long - same <= ENDING and same >= BEGINNING)


def _of_pieces(topic: str, is_known: IsKnown) -> str:
    """Return the translations of all parts of a topic, joined; "" if one part is unknown or none is foreign."""
    pieces = _unspaced_pieces if _UNSPACED.search(topic) else _spaced_pieces
    found = []
    for piece in pieces(phrase_form(topic), is_known):
        if piece is None:
            return ""
        found.append(piece)
    if not any(piece.is_foreign for piece in found) and not _is_told(topic):
        return ""
    return " ".join(_in_english_order([piece.english for piece in found]))


def _in_english_order(parts: Sequence[str]) -> Iterator[str]:
    """Yield the parts of "detection *of* object *in* video" as "object detection in video", adjectives first."""
    own: list[str] = []
    place = 0
    for part in (*parts, ""):
        if part == "of":
            place = 0
        elif part in _ADJECTIVES and own:
            own.insert(place - 1, part)
            place += 1
        elif part and part not in _PREPOSITIONS.values():
            own.insert(place, part)
            place += 1
        else:
            yield from [*own, part] if own and part else own
            own, place = [], 0


class _Piece(NamedTuple):
    """The English of a part of a topic, and whether it was translated."""

    english: str
    is_foreign: bool = True


def _spaced_pieces(topic: str, is_known: IsKnown) -> Iterator[_Piece | None]:
    """Yield the pieces of words, the longest first; None for an unknown word."""
    words = _WORD.findall(topic)
    start = 0
    while start < len(words):
        word = words[start]
        if word in _FOLDED_FUNCTION_WORDS:
            start += 1
            if word not in _ARTICLES:
                yield _Piece(_PREPOSITIONS.get(word, "of"), is_foreign=False)
            continue
        ends = [
            end
            for end in range(min(len(words), start + MAX_WORDS), start, -1)
            if words[end - 1] not in _FOLDED_FUNCTION_WORDS
        ]
        found = ((end, _by_beginnings(_content_of(words[start:end]))) for end in ends)
        end, english = next(((end, english) for end, english in found if english), (start + 1, ""))
        if end == start + 1 and word in english_words() and word not in foreign_names():
            english = ""
        english = english or _compound(word)
        start = end
        yield _Piece(english) if english else _english_piece(word, is_known)


def _english_piece(word: str, is_known: IsKnown) -> _Piece | None:
    if entry := known(word):
        return _Piece(entry.names[0], is_foreign=False)
    return _Piece(word, is_foreign=False) if is_known(word) or word in english_words() else None


def _compound(word: str) -> str:
    """Return the English of a German compound of two parts that the glossary has."""
    for place in range(LETTERS_TELLING, len(word) - LETTERS_TELLING + 1):
        parts = [_part_of_compound(word[:place]), _part_of_compound(word[place:])]
        if all(english for english, _ in parts) and any(is_foreign for _, is_foreign in parts):
            return " ".join(english for english, _ in parts)
    return ""


def _part_of_compound(part: str) -> _Piece:
    """Return the English of a part, which may end in a linking s, n or en; without a name, an empty piece."""
    forms = [part, *(part.removesuffix(link) for link in ("s", "n", "en") if part.endswith(link))]
    named = next((foreign_names()[form] for form in forms if form in foreign_names()), "")
    return _Piece(named) if named else _Piece(part if part in english_words() else "", is_foreign=False)


def _unspaced_pieces(topic: str, is_known: IsKnown) -> Iterator[_Piece | None]:
    """Yield the pieces of a Chinese or Japanese topic, the longest first; None for unknown characters."""
    start = 0
    while start < len(topic):
        longest = range(min(len(topic), start + MAX_UNSPACED), start, -1)
        end = next((end for end in longest if topic[start:end] in foreign_names()), 0)
        if end:
            yield _Piece(foreign_names()[topic[start:end]])
        elif particle := _PARTICLE.match(topic, start):
            end = particle.end()
            if particle[0] in _UNSPACED_AND:
                yield _Piece("and", is_foreign=False)
        elif word := _LATIN_WORD.match(topic, start):
            end = word.end()
            yield _english_piece(word[0], is_known)
        else:
            yield None
            return
        start = end
