"""Writing direction, language, line breaks and folding of texts."""

import re
import unicodedata
from functools import lru_cache

from markupsafe import Markup, escape

_STRONG = {"L": "ltr", "R": "rtl", "AL": "rtl"}
_SCAN_MAX = 400
_ENGLISH = frozenset(("the", "of", "and", "we", "in", "to", "is", "for", "with", "that", "a", "on"))
_ENGLISH_SHARE = 0.12
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
)
"""Scripts that name one language. Kana come first: Japanese mixes them with the characters of Chinese."""
_LONG_WORD = re.compile(r"(?<!\S)\S{40,}")
"""A word that a narrow screen cannot hold."""
_PIECE = re.compile(r"\S{8,29}[/\-_.,:;=+&?](?=\S{4})|\S{1,30}")
_GREEK = [
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"),
    *("xi", "omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
]
_TRANSLITERATION = str.maketrans(
    {chr(0x3B1 + i): name for i, name in enumerate(_GREEK)}
    | {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
    | dict.fromkeys(map(chr, range(0x2B9, 0x2C0)), "")
)
"""Letters that Unicode does not decompose. Greek letters become their names, so that β-VAE matches 'beta VAE'.

Modifier letters (the ʻ of Hawaiʻi, the first half of ŉ) are dropped from words.
"""


@lru_cache(maxsize=4096)  # the same papers go to many readers
def text_direction(text: str) -> str:
    """Return `rtl` or `ltr` by the first letter with a direction (Unicode UAX 9, rules P2 and P3)."""
    if text[:40].isascii():
        return "ltr"
    return next(
        (_STRONG[kind] for sign in text[:_SCAN_MAX] if (kind := unicodedata.bidirectional(sign)) in _STRONG), "ltr"
    )


@lru_cache(maxsize=4096)
def text_language(text: str) -> str:
    """Return the language of a text as a BCP 47 tag, or empty if it is not certain."""
    text = text[:_SCAN_MAX]
    if not text.isascii():
        for language, script in _SCRIPTS:
            if len(script.findall(text)) > len(text) // 5:
                return language
    words = re.findall(r"[a-z]+", text.lower())
    return "en" if words and sum(word in _ENGLISH for word in words) >= max(2, _ENGLISH_SHARE * len(words)) else ""


def breakable(text: str) -> Markup:
    """Escape a text for HTML, with break opportunities in words too long for a narrow screen.

    Outlook's Word engine knows no `overflow-wrap`, and one long word would widen the whole mail.
    """
    parts, end = [], 0
    for word in _LONG_WORD.finditer(text):
        parts += [escape(text[end : word.start()]), Markup("<wbr>").join(map(escape, _PIECE.findall(word[0])))]
        end = word.end()
    return Markup("").join([*parts, escape(text[end:])]) if parts else escape(text)  # every piece is escaped


def text_attributes(page: tuple[str, str], language: str, direction: str) -> Markup:
    """Return the attributes `lang` and `dir` of a text where they differ from those of the page, each after a space.

    `dir` is given by name: not every mail client knows `dir="auto"`.
    """
    named = (("lang", language, page[0]), ("dir", direction, page[1]))
    return Markup("").join(
        Markup(' {}="{}"').format(name, value) for name, value, usual in named if value and value != usual
    )


def isolated(text: str) -> Markup:
    """Escape a name for HTML; one from right to left is kept apart from its neighbours."""
    shown = breakable(text)
    return shown if text_direction(text) == "ltr" else Markup("<bdi>{}</bdi>").format(shown)


def fold(text: str) -> str:
    """Return lower case without diacritics and compatibility forms (NFKD, then case folding)."""
    if text.isascii():
        return text.lower()
    base_letters = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return base_letters.casefold().translate(_TRANSLITERATION)
