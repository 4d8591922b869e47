"""Split text into folded tokens, and into the words that a search of papers finds."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, pairwise

import Stemmer

from digestd.text.scripts import fold

_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"[a-z0-9]+")
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts without spaces between words, and Korean, whose particles are attached to words."""
_SCRIPT_PART = re.compile(rf"[a-z0-9]+|[{_UNSPACED}]+|[^\W_a-z0-9{_UNSPACED}]+")
_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]+")
LETTERS_MAX = 60
"""Letters of a token that are kept."""
_LETTERS_FIRST = re.compile(r"[a-z]+(?=[0-9])")
"""The name in `gpt4`."""
NAMED = "_"
"""Begins a word of the title or the authors, which no token contains."""
_STEMMER = Stemmer.Stemmer("english", 0)


def words(text: str) -> list[str]:
    return _WORD.findall(text if text.isascii() else unicodedata.normalize("NFC", text))


def is_unspaced(token: str) -> bool:
    """Return True for a token of a script without spaces between words."""
    return bool(_UNSPACED_RUN.match(token))


def word_tokens(word: str) -> Iterable[str]:
    """Return the folded tokens of a word as written; scripts without spaces yield pairs of neighbours."""
    if word.isascii():
        return (word.lower(),) if word.isalnum() else _TOKEN.findall(word.lower())
    return _script_tokens(_folded(word))


def _folded(word: str) -> str:
    return unicodedata.normalize("NFC", fold(word))


def _script_tokens(folded: str) -> Iterator[str]:
    for part in _SCRIPT_PART.findall(folded):
        if len(part) > 2 and _UNSPACED_RUN.match(part):
            yield from map("".join, pairwise(part))
        else:
            yield part


def search_words(title: str, abstract: str, authors: Iterable[str]) -> str:
    """Return the distinct words of a paper that a search finds, separated by spaces.

    Words are folded and stemmed; scripts without spaces yield pairs of neighbours and the last character of each run.
    Those of the title and the authors are there once more, after NAMED.
    """
    named = search_tokens("\n".join((title, *authors)))
    return " ".join(sorted(named | search_tokens(abstract) | {NAMED + word for word in named}))


def stored_words(title: object, abstract: object, authors: str) -> str:
    """Return the words of a stored paper, whose authors are JSON; those of a damaged one as far as they are text."""
    names: object = None
    with suppress(ValueError):
        names = json.loads(authors)
    return search_words(str(title), str(abstract), map(str, names) if isinstance(names, list) else ())


def search_tokens(text: str) -> set[str]:
    """Return the distinct words of a text as `search_words` has them."""
    last: set[str] = set()
    if text.isascii():
        tokens = set(_TOKEN.findall(text.lower()))
    else:
        found = set(words(text))
        tokens = set(chain.from_iterable(map(word_tokens, found)))
        last = {run[-1] for word in found if not word.isascii() for run in _UNSPACED_RUN.findall(_folded(word))}
    tokens |= {lead[0] for token in tokens if (lead := _LETTERS_FIRST.match(token))}
    return {word[:LETTERS_MAX] for word in _STEMMER.stemWords(list(tokens))} | last


def stem(token: str) -> str:
    """Return a folded token as `search_words` has it."""
    stemmed: str = _STEMMER.stemWord(token)
    return stemmed[:LETTERS_MAX]
