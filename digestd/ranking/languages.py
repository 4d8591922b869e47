"""Recognise topics in another language than that of the papers.

A topic has few words, too few for the usual statistics of letters. It is in another language if it is in a script that
English is not written in, or if the papers do not use one of its words, and it has a function word of another language
or a word that only foreign names of the glossary have.
"""

import re
from collections.abc import Callable

from digestd.ranking.concepts import foreign_words
from digestd.ranking.text import phrase_form

_LATIN_OR_GREEK = re.compile(r"[\W\d_\u0000-\u024f\u0300-\u03ff\u1e00-\u1fff\u2000-\u2bff]*")
"""Greek letters are symbols in English topics: “β-lactam”."""
_GERMAN = ("der", "das", "den", "dem", "des", "und", "für", "mit", "von", "vom", "zur", "zum", "bei", "über", "auf",
           "ein", "eine", "einer", "eines", "durch", "nach")  # fmt: skip
_FRENCH = ("le", "la", "les", "du", "de", "et", "pour", "sur", "dans", "avec", "aux", "une", "au")
_SPANISH = ("el", "los", "las", "del", "y", "para", "con", "por", "una", "en", "sobre", "entre")
_PORTUGUESE = ("da", "dos", "das", "nos", "em", "com", "uma", "um", "ao", "pela", "pelo")
_ITALIAN = ("il", "gli", "di", "della", "delle", "dei", "degli", "nel", "nella", "tra", "sulla")
_FUNCTION_WORDS = frozenset((*_GERMAN, *_FRENCH, *_SPANISH, *_PORTUGUESE, *_ITALIAN))
"""Those that English has as well, such as "die" and "per", are left out."""
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH_USE = re.compile(
    r"\b(de (novo|facto|sitter|broglie|finetti|rham|bruijn)|von (neumann|willebrand|mises|k[aá]rm[aá]n)"
    r"|van der (waals|pol|meer)|(el|la) ni[nñ][oa]|[aà] la)\b"
)
"""Names and phrases with such words that are at home in English."""


def is_foreign(topic: str, is_known: Callable[[str], bool]) -> bool:
    """Return True if a topic seems to be in another language than English.

    Args:
        is_known: Returns True for a word that the papers use.
    """
    if not _LATIN_OR_GREEK.fullmatch(topic):
        return True
    words = _WORD.findall(_ENGLISH_USE.sub(" ", topic.casefold()))
    unknown = [word for word in words if word not in _FUNCTION_WORDS and not is_known(word)]
    if not unknown:
        return False
    return any(word in _FUNCTION_WORDS for word in words) or any(
        phrase_form(word) in foreign_words() for word in unknown
    )
