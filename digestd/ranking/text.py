"""Words: how text becomes the stems that everything in ranking compares."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise

import Stemmer

from digestd.ranking.stopwords import STOP_WORDS

_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"[a-z0-9]+")
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts without a space between words, and Korean, whose particles cling to them."""
_PART = re.compile(rf"[a-z0-9]+|[{_UNSPACED}]+|[^\W_a-z0-9{_UNSPACED}]+")
_RUN = re.compile(rf"[{_UNSPACED}]+")
_GAP = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
_GREEK = [
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"),
    *("xi", "omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
]
_LETTERS = str.maketrans(
    {chr(0x3B1 + i): name for i, name in enumerate(_GREEK)}
    | {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
    | dict.fromkeys(map(chr, range(0x2B9, 0x2C0)), "")
)
"""Letters that Unicode does not decompose; Greek ones by name, so that β-VAE meets 'beta VAE'. Those that are
apostrophes (ŉ is one and an n, the ʻ of Hawaiʻi) are no part of a word."""


def fold(text: str) -> str:
    """Lower case without diacritics or compatibility forms (NFKD, then case folding)."""
    if text.isascii():
        return text.lower()
    without_interests = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return without_interests.casefold().translate(_LETTERS)


def flat(text: str) -> str:
    """Folded text in which spaces and hyphens of any kind are one space: where phrases are looked up."""
    return _GAP.sub(" ", fold(text)).strip()


def folded_tokens(text: str) -> list[str]:
    """The words of already folded text, unstemmed, nothing left out."""
    return _TOKEN.findall(text)


def words(text: str) -> list[str]:
    """The words as they stand."""
    return _WORD.findall(text if text.isascii() else unicodedata.normalize("NFC", text))


def stems(surfaces: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What each word contributes: its Snowball stem; nothing for stop words and bare numbers.

    A run of characters without spaces contributes each pair of neighbours, as in Lucene's CJKBigramFilter.
    """
    stem = Stemmer.Stemmer("english", 0).stemWord
    return {
        surface_forms: tuple(
            [stem(token) for token in _parts(surface_forms) if token not in STOP_WORDS and not token.isdigit()]
        )
        for surface_forms in surfaces
    }


def _parts(surface_forms: str) -> Iterable[str]:
    if surface_forms.isascii():
        return (surface_forms.lower(),) if surface_forms.isalnum() else _TOKEN.findall(surface_forms.lower())
    return _scripts(unicodedata.normalize("NFC", fold(surface_forms)))


def _scripts(folded: str) -> Iterator[str]:
    for part in _PART.findall(folded):
        if len(part) > 2 and _RUN.match(part):
            yield from map("".join, pairwise(part))
        else:
            yield part


def analyse(texts: Sequence[str]) -> list[list[str]]:
    """The stems of each text in order. One batch folds and stems every distinct word once."""
    return _stemmed(*_read(texts))


def tokens(text: str) -> list[str]:
    """The stems of one text in order."""
    return analyse([text])[0]


def surfaces(texts: Sequence[str]) -> list[dict[str, str]]:
    """For each text: stem → the first word that stands for it there. Equal words are one object."""
    return _standing(*_read(texts))


def analysed(texts: Sequence[str]) -> tuple[list[list[str]], list[dict[str, str]]]:
    """What `analyse` and `surfaces` give, from reading the texts once."""
    batch, table = _read(texts)
    return _stemmed(batch, table), _standing(batch, table)


def _read(texts: Sequence[str]) -> tuple[list[list[str]], dict[str, tuple[str, ...]]]:
    """The words of each text, and what each distinct one contributes."""
    batch = [words(text) for text in texts]
    return batch, stems(set(chain.from_iterable(batch)))


def _stemmed(batch: Sequence[Sequence[str]], table: Mapping[str, tuple[str, ...]]) -> list[list[str]]:
    return [list(chain.from_iterable(map(table.__getitem__, row))) for row in batch]


def _standing(batch: Sequence[Sequence[str]], table: Mapping[str, tuple[str, ...]]) -> list[dict[str, str]]:
    pairs = {word: [(stem, word) for stem in each] for word, each in table.items()}
    return [{stem: one for word in reversed(row) for stem, one in pairs[word]} for row in batch]
