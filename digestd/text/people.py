"""Names of people: without TeX, in reading order, family name first, and which two may be one person's."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from digestd.text.sanitise import clean
from digestd.text.scripts import fold

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
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md"})
_PARTICLE_WORDS = (
    "van von der den de del della di da do dos das du la le ten ter te zu zur bin ibn ben al el dr prof the"
)
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_OTHERS = frozenset({"et al", "and others", "others"})
_BETWEEN = re.compile(r"(?:(?<!\s)\s+)?;\s*|(?<!\s)\s+and\s+|(?<!\s)\s*\n\s*|,\s+and\s+")
_GIVEN = re.compile(r"((?:[^\W\d_a-z]\.?[ -]?){1,4}?)(?: ((?:Jr|Sr|II|III|IV)\.?))?")
_INDEXED = re.compile(r"(?P<family>\S.*\S)\s+(?P<initials>[A-Z]{1,4}(?:-[A-Z])?)")
_PART = re.compile(r"[^\W_]+")
_INITIALS = re.compile(r"[A-Z]{2,3}")
_SPELT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Ø": "Oe", "Å": "Aa"}
)
_NICKNAME_WORDS = (
    "alex ben cam charl chris clem dan dom doug fred greg jeff jon josh kat kath ken lawr leo matt max mitch nat nath "
    "pat phil ray reb rob sam seb steph theo tim vic will zach"
)
_NICKNAMES = frozenset(_NICKNAME_WORDS.split())
"""Beginnings that stand for a whole name: Tim is Timothy; Ann is not Anna, and Min not Mingyuan."""
_NAME_MAX = 500


@dataclass(frozen=True, slots=True)
class PersonName:
    """A folded surname and the given names or initials in order."""

    surname: str
    given: tuple[str, ...]


def plain_name(text: str) -> str:
    r"""Return a person's name with TeX's accents in Unicode: `Erd\H{o}s` is Erdős.

    Anything else of TeX stays, but for braces and ties.
    """
    if not _TEX.search(text):
        return text
    text = re.sub(r"\\([&'.\-])", r"\1", with_letters(text)).replace("{", "").replace("}", "").replace("~", " ")
    return unicodedata.normalize("NFC", " ".join(text.split()))


def with_letters(text: str) -> str:
    """Return a text with TeX's accents and letters in Unicode; anything else of TeX stays."""
    return _ACCENT.sub(_accented, _LETTER.sub(lambda found: LETTERS[found[1]], text))


def natural_name(written: str) -> str:
    """Return `First Last Jr.` for `Last, First, Jr.` and `Last, Jr., First`.

    Other forms are kept; `et al.` becomes "".
    """
    parts = [part.strip() for part in written[:_NAME_MAX].split(",") if part.strip()]
    if not parts or is_others(written):
        return ""
    if len(parts) == 2 and parts[1].rstrip(".").lower() == "md":  # Mohammed, a given name
        return f"{parts[1]} {parts[0]}"
    given = [part for part in parts[1:] if not is_suffix(part)]
    suffixes = [part for part in parts[1:] if is_suffix(part)]
    return " ".join([*given, parts[0], *suffixes])


def indexed_name(written: str) -> str:
    """Return `JA Smith` for `Smith JA`, as indexes write it; else as `natural_name`."""
    found = None if "," in written else _INDEXED.fullmatch(written[:_NAME_MAX].strip())
    return f"{found['initials']} {found['family']}" if found else natural_name(written)


def split_names(text: str) -> list[str]:
    """Return the people whom a text names, in reading order, without `et al.`

    They stand between semicolons, lines, `and` or commas: `Li, Bo` is one name; `Li, B., Rue, A.` are two, and so are
    `Bo Li, Ann Rue`.
    """
    return [name for piece in _BETWEEN.split(text.strip()) for name in _split_commas(piece) if not is_others(name)]


def family_first(name: str) -> str:
    """Return `Ada van der Berg` as `van der Berg, Ada`, as reference managers expect it.

    Names with a comma or of one word stay unchanged.
    """
    parts = clean(name).split()
    if "," in name or len(parts) < 2:
        return " ".join(parts)
    suffix = parts.pop() if is_suffix(parts[-1]) and len(parts) > 2 else ""
    start = len(parts) - 1
    while start > 1 and parts[start - 1].islower():
        start -= 1
    return ", ".join(part for part in (" ".join(parts[start:]), suffix, " ".join(parts[:start])) if part)


def is_suffix(part: str) -> bool:
    """Return True for `Jr.` and its like, which follow a name."""
    return part.rstrip(".").lower() in _SUFFIXES


def is_others(name: str) -> bool:
    """Return True for `et al.` and `others`."""
    return name.strip(" .,").lower() in _OTHERS


@lru_cache(maxsize=50_000)
def parse_person_name(text: str) -> PersonName | None:
    """Parse 'Given Surname', 'Surname, Given' or 'Surname G'.

    Return None if there is no letter.
    """
    given, family = _split_family(plain_name(text))
    return _person(given + family[:-1], family[-1]) if family else None


@lru_cache(maxsize=8192)
def name_readings(text: str) -> tuple[PersonName, ...]:
    """Return the persons whom a name may mean, the likeliest first.

    Besides `parse_person_name`: 'Nagy Péter', 'Smith JA', 'Mueller' for 'Müller', and each part of a double surname.
    """
    text = plain_name(text)
    found = [parse_person_name(text), parse_person_name(unicodedata.normalize("NFC", text).translate(_SPELT))]
    if indexed := _INDEXED.fullmatch(text):
        found.append(parse_person_name(f"{indexed['family']}, {indexed['initials']}"))
    given, family = _split_family(text)
    if "," not in text and given:
        found.append(_person([], _PART.findall(fold(text))))  # 佐藤 健 without the blank
        if len(given[0][0]) > 1:
            found.append(_person([*given[1:], *family], given[0]))
        if len(given) > 1 and len(given[-1][0]) > 1:
            given, family = given[:-1], [given[-1], *family]
    parts = [part for word in family for part in word]
    if len(parts) > 1:
        found += [_person(given, [part]) for part in (parts[0], parts[-1], "".join(parts))]
    return tuple(dict.fromkeys(filter(None, found)))


def may_be_same_person(one: PersonName, other: PersonName, *, nicknames: bool = False) -> bool:
    """Return True if two names may be one person's.

    'Smith, J.', 'J Smith' and 'Jane Q. Smith' may be; 'John Smith' is another than Jane, and 'Q. Smith' too. Surnames
    must be equal, and given names, in their order, equal or abbreviations of each other.

    `nicknames`: True if Alex may be Alexander, too.
    """
    if one.surname != other.surname or bool(one.given) != bool(other.given):
        return False
    if "".join(one.given) == "".join(other.given):
        return True
    return all(_fits(a, b, nicknames) for a, b in zip(one.given, other.given, strict=False))


def _split_commas(piece: str) -> list[str]:
    parts: list[str] = []
    for part in filter(None, map(str.strip, piece.split(","))):
        if is_suffix(part) and parts:
            parts[-1] += f" {part}"
        else:
            parts.append(part)
    if len(parts) > 1 and len(parts) % 2 == 0 and all(_GIVEN.fullmatch(part) for part in parts[1::2]):
        return [_turned(family, given) for family, given in zip(parts[::2], parts[1::2], strict=True)]
    if len(parts) > 1 and (all(" " in part for part in parts) or len(parts) > 3):
        return parts
    return [natural_name(piece)]


def _turned(family: str, given: str) -> str:
    """Return `B. C. Li Jr.` for `Li` and `B. C. Jr.`"""
    found = _GIVEN.fullmatch(given)
    return " ".join(filter(None, [found[1], family, found[2]])) if found else f"{given} {family}"


def _accented(found: re.Match[str]) -> str:
    letter = found[2] or found[3] or found[5] or found[6]
    composed = unicodedata.normalize("NFC", letter + ACCENTS[found[1] or found[4]])
    return composed if len(composed) == 1 or found[1] != "'" else f"'{letter}"  # O\'Brien


def _split_family(text: str) -> tuple[list[list[str]], list[list[str]]]:
    """Return the folded words of the given names and of the family name, each word in its parts."""
    family, comma, given = text.partition(",")
    if comma and (first := _name_words(given)):
        return first, _name_words(family)
    words = _name_words(family, 2)
    bare = family.split()
    if len(bare) > 1 and len(bare[-1]) == 1 and len(bare[0]) > 1 and not bare[0].endswith("."):
        words = [*words[1:], *words[:1]]  # Smith J
    return words[:-1], words[-1:]


def _name_words(text: str, least: int = 1) -> list[list[str]]:
    """Return the words of a name in parts: `JA` in `JA Smith` are two initials.

    Suffixes are left out, and particles if `least` words remain: `Al` in `Al Reed` is a given name.
    """
    found = []
    for word in text.split():
        parts = [part for part in _PART.findall(fold(word)) if part not in _SUFFIXES]
        if _INITIALS.fullmatch(word) and not text.isupper() and parts:
            parts = list(parts[0])
        found.append([part for part in parts if part not in _PARTICLES] or parts)
    kept = [parts for parts in found if parts and parts[0] not in _PARTICLES]
    return kept if len(kept) >= least else list(filter(None, found))


def _person(given: list[list[str]], surname: list[str]) -> PersonName:
    return PersonName("".join(surname), tuple(part for word in given for part in word))


def _fits(one: str, other: str, nicknames: bool) -> bool:
    short, long = sorted((one, other), key=len)
    if not long.startswith(short):
        return False
    return len(short) in {1, len(long)} or (nicknames and short in _NICKNAMES)
