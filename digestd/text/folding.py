"""Fold text for comparison: lower case, no diacritics, one form per letter."""

import unicodedata

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


def fold(text: str) -> str:
    """Return lower case without diacritics and compatibility forms.

    NFKD, then case folding.
    """
    if text.isascii():
        return text.lower()
    base_letters = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return base_letters.casefold().translate(_TRANSLITERATION)
