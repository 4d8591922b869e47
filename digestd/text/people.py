"""Names of people, as sources write them."""

import re
import unicodedata

_MARKS = "\u0300\u0301\u0302\u0308\u0303\u0304\u0307\u0306\u030c\u030b\u0327\u0323\u0331\u0328\u030a"
ACCENTS = dict(zip("`'^\"~=.uvHcdbkr", _MARKS, strict=True))
"""TeX's accents of text, as combining characters."""
_LETTER_NAMES = "aa AA ae AE oe OE o O l L ss i j"
LETTERS = dict(zip(_LETTER_NAMES.split(), "åÅæÆœŒøØłŁßij", strict=True))
"""TeX's letters, where `i` and `j` are those without a dot, which only stand under accents."""
_TEX = re.compile(r"[\\{}~]")
_LETTER = re.compile(r"\\(aa|AA|ae|AE|oe|OE|ss|[oOlLij])(?![A-Za-z])(?:\{\}|\s*)")
_ACCENT = re.compile(
    r"\\([`'^\"~=.])\s*(?:\{\s*([^\W\d_])\s*\}|([^\W\d_]))|\\([uvHcdbkr])(?:\s*\{\s*([^\W\d_])\s*\}|\s+([^\W\d_]))"
)


def plain_name(text: str) -> str:
    r"""Return a person's name with TeX's accents in Unicode: `Erd\H{o}s` is Erdős.

    Anything else of TeX stays, but for braces and ties.
    """
    if not _TEX.search(text):
        return text
    text = _ACCENT.sub(_accented, _LETTER.sub(lambda found: LETTERS[found[1]], text))
    text = re.sub(r"\\([&'.\-])", r"\1", text).replace("{", "").replace("}", "").replace("~", " ")
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _accented(found: re.Match[str]) -> str:
    letter = found[2] or found[3] or found[5] or found[6]
    composed = unicodedata.normalize("NFC", letter + ACCENTS[found[1] or found[4]])
    return composed if len(composed) == 1 or found[1] != "'" else f"'{letter}"  # O\'Brien
