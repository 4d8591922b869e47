"""Normalise titles and abstracts, so that TeX, Unicode, case and punctuation do not count.

`tex.to_plain` is for readers and takes milliseconds. Here a macro or a Greek letter
becomes its name, and everything without letters and digits disappears. All
functions are pure.
"""

import re
import unicodedata
from functools import lru_cache
from html import unescape

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau "
    "upsilon phi chi psi omega"
)
_OTHER = "ϕ phi ϵ epsilon ϑ theta ϱ rho ø o đ d ł l ı i æ ae œ oe þ th ð d"
_LETTERS = {
    **{0x3B1 + place: name for place, name in enumerate(_GREEK.split())},
    **{ord(sign): name for sign, name in zip(_OTHER.split()[::2], _OTHER.split()[1::2], strict=True)},
    **dict.fromkeys(range(0x300, 0x370), None),
    **dict.fromkeys(map(ord, "’ʼ‘`´"), "'"),
}
_ACCENT = re.compile(
    r"\\[`'^\"~=.]\s*\{?\\?([A-Za-z])\}?|\\[uvHtcdbkr](?:\s*\{\s*\\?([A-Za-z])\s*\}|\s+([A-Za-z])(?![A-Za-z]))"
)
_LETTER = re.compile(r"\\(ss|ae|oe|aa|[oOlLij])(?![A-Za-z])\s*")
_SILENT = re.compile(
    r"\\(?:text[a-z]{0,6}|math[a-z]{2,4}|emph|boldsymbol|bm|it|bf|rm|tt|sc|em|left|right|mbox|hbox|operatorname"
    r"|ensuremath|times|to|(?:long)?(?:left|right|leftright)arrow|[lg]eq?|approx|sim|cdot|infty|pm|in|ldots|dots"
    r"|var(?=[a-z]))(?![A-Z])(?:(?<=var)|(?![a-z]))\s*"
)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,80}>")
_SPECIAL = re.compile(r"[\\{}$^_~&<]")
_SIGNS = str.maketrans("", "", "\\{}$^_~")
_IN_NUMBER = re.compile(r"(?<=\d)[.,](?=\d)")
_PLUS = re.compile(r"(?<=\w)\+")
_POSSESSIVE = re.compile(r"'(?=[a-z])")
_WORD = re.compile(r"[^\W_]+")

_SMALL = "a an the on of for in and with by via at as is are we this that it its be our which these"
STOP = frozenset(_SMALL.split())
"""Words with little meaning; `from`, `to`, `not` and `without` do have meaning."""
_PART_WORDS = (
    "part parts paper teil partie parte deel chapter chap vol volume book act section no nr number phase task "
    "track series stage episode lecture edition version ver часть част díl rész osa del cz część phần"
)
PART = frozenset(_PART_WORDS.split())
"""Words before the number of a part."""
_ROMANS = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx"
_ROMAN = {name: str(n) for n, name in enumerate(_ROMANS.split(), 1)}
_SPOKEN = {
    name: str(n)
    for names in (
        "one two three four five six seven eight nine ten",
        "first second third fourth fifth sixth seventh eighth ninth tenth",
        "1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th",
    )
    for n, name in enumerate(names.split(), 1)
}
_ORDINALS = frozenset(name for name in _SPOKEN if name.endswith(("st", "nd", "rd", "th")))
_YEAR = re.compile(r"(?:19|20)\d\d")
_VERSION = re.compile(r"(?:v|ver|version)(\d+[a-z]?)")


def fold(text: str) -> str:
    """Return the text in lower case, without accents, TeX and markup; Greek letters by name."""
    if text.isascii() and not _SPECIAL.search(text):
        return text.lower()
    if "\\" in text:
        text = _SILENT.sub("", _LETTER.sub(r"\1", _ACCENT.sub(lambda found: found[found.lastindex or 0], text)))
    if "&" in text or "<" in text:
        text = _TAG.sub("", unescape(text)).replace("&", " and ")
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    return text.translate(_SIGNS).lower()


def words(text: str) -> list[str]:
    """Return the words of a text: runs of letters and digits, decimal numbers as one word.

    A plus sign after a word becomes `plus`.
    """
    plain = _IN_NUMBER.sub("", fold(text))
    if "+" in plain:
        plain = _PLUS.sub("plus", plain)
    if "'" in plain:
        plain = _POSSESSIVE.sub("", plain)
    return _WORD.findall(plain)


@lru_cache(maxsize=4096)
def title_words(title: str) -> tuple[str, ...]:
    """Return the words of a title, with `Part II`, `second` and `v2` as numbers."""
    found = words(title)
    return tuple(_numbered(word, found[place - 1] if place else "", found, place) for place, word in enumerate(found))


def _numbered(word: str, before: str, found: list[str], place: int) -> str:
    if before in PART:
        if len(word) == 1 and word.isalpha() and word not in _ROMAN:
            return f"{word}0"
        word = _ROMAN.get(word, _SPOKEN.get(word, word))
    if word in _ORDINALS:
        return _SPOKEN[word]
    if word in _ROMAN and (len(word) > 1 or place == len(found) - 1 > 0):
        return _ROMAN[word]
    version = _VERSION.fullmatch(word)
    return version[1] if version else word


def squash(found: tuple[str, ...] | list[str]) -> str:
    return "".join(found)


def content(found: tuple[str, ...] | list[str]) -> list[str]:
    """Return the content words (all but STOP), in order."""
    return [word for word in found if word not in STOP]


def numbers(found: tuple[str, ...] | list[str]) -> list[str]:
    """Return the words that contain a digit, sorted: years, versions, parts, editions."""
    return sorted(word for word in found if any(map(str.isdigit, word)))


def editions(title: str) -> list[str]:
    """Return the numbers of a title that count parts, versions or years, sorted."""
    found = words(title)
    counted = {word for before, word in zip(["", *found], found, strict=False) if before in PART}
    return sorted(
        number
        for number, word in zip(title_words(title), found, strict=True)
        if numbers([number])
        and (word in counted or (word != number and word not in _ORDINALS) or _YEAR.fullmatch(word))
    )


_DOUBLED = re.compile(r"(?<=[aeiou])ll(?=ing|ed|er)")
_ISE = re.compile(r"is(?=e|ing|ation)")


def unify_spelling(text: str) -> str:
    return _ISE.sub("iz", _DOUBLED.sub("l", text)).replace("our", "or")


def is_spelling_variant(one: str, other: str) -> bool:
    """Return True if two words differ only in spelling: a plural, `modelling`, `colour`, `-ise`."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    if len(short) == 4 and short.isalpha() and long == f"{short}s":
        return True
    if min(len(one), len(other)) < 5 or one[0] != other[0] or not (one + other).isalpha():
        return False
    if len(short) == len(long):
        return one.replace("is", "iz") == other.replace("is", "iz")
    return len(long) == len(short) + 1 and any(long[:n] + long[n + 1 :] == short for n in range(1, len(long)))
