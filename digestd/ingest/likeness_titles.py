"""Two titles: equal, one cut from the other, or different; and what forbids that they are of one work. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from digestd.ingest.normalization import (
    PART,
    content,
    editions,
    folded,
    numbers,
    spelt,
    squashed,
    title_words,
    variants,
)

CUT_MIN = 30
"""Letters that a title cut in the middle of a phrase must have left."""
HEAD_MIN = 12
SPECIFIC, SHORT = 25, 18
"""Letters from which on a title is hardly chosen twice; a shorter one needs three words that carry meaning."""


class Kind(StrEnum):
    """How two titles stand to each other."""

    EQUAL = "equal"
    WORDS = "equal but for small words and spelling"
    CUT = "cut"
    OTHER = "different"


@dataclass(frozen=True, slots=True)
class Titles:
    """How two titles stand to each other; `against`: why they cannot be of one work.

    `number_cut`: what was cut off one title held a number.
    """

    kind: Kind
    against: str | None = None
    number_cut: bool = False


# What a title is called besides: the work is the same with or without it.
_BESIDES = re.compile(
    r"^\W*(?:retracted(?: article| paper)?|withdrawn(?: article)?|preprint|arxiv preprint|invited(?: paper| talk)?"
    r"|featured article|original article|research article|regular paper|技术报告)\W{0,8}[:\]).–—-]\W*"
    r"|\W{0,8}[\[(:–—-]\s{0,8}(?:the )?(?:extended|full|long|journal|preprint|technical report|arxiv|conference)"
    r"(?: version| paper)?\s*(?:[\])]\s*)?$",
    re.IGNORECASE,
)
# What makes it another work about the first.
_ABOUT = re.compile(
    r"\b(?P<erratum>errat(?:um|a)|corrigend(?:um|a)|(?:author|publisher)(?:'?s)? correction"
    r"|corrections?(?= to\b| ?:)|berichtigung|fe de erratas|исправление|勘误|正誤表)"
    r"|\b(?P<retraction>retraction(?= of\b| ?:| note| notice)|expression of concern|withdrawal(?= of\b| ?:))"
    r"|(?P<comment>\bcomments? (?:on|to)\b|\bcommentary\b|\bcomment ?:|\bremarks? on\b|\bdiscussion (?:of|on)\b|评论)"
    r"|(?P<reply>\brepl(?:y|ies)\b|\bresponses? to\b|\brejoinder\b|\brebuttal\b|\bauthors?'? response|回复)"
    r"|\b(?P<addendum>addend(?:um|a)|supplement(?:ary|al)?|appendix|companion)\b"
    r"|\b(?P<review>book review|review of)\b|\b(?P<editorial>editorial|preface|foreword)\b"
    r"|\b(?P<revisited>revisited|reconsidered|continued|follow-?up|reloaded|replication of|reproduc\w+ study)\b"
    r"|\b(?P<protocol>study protocol|trial protocol|protocol for)\b|\b(?P<summary>extended abstract|short paper|poster"
    r"|demo|thesis|dissertation|slides|lay summary|plain language summary)\b"
    r"|\b(?P<survey>an? (?:\w+ )?(?:survey|review|tutorial|primer))\b",
    re.IGNORECASE,
)
# These tell works apart only where the rest of the titles agrees.
_LOOSE = frozenset({"revisited", "survey", "summary", "addendum"})
_EVERY_YEAR = (
    "report annual yearly proceedings statistics guideline guidelines editorial preface foreword newsletter bulletin "
    "minutes obituary yearbook workshop challenge edition monthly quarterly weekly status news bericht jahresbericht "
    "informe rapport 年报 年鉴"
)
_SERIAL = frozenset(_EVERY_YEAR.split())
_YEAR = re.compile(r"(?:19|20)\d\d")
_BREAK = re.compile(r"(?:(?<!\s)\s+)?[:?.]\s+|(?<!\s)\s+[–—-]+\s+|：|——|。")
_ELLIPSIS = re.compile(r"(?:(?<!\s)\s+)?(?:\.\.\.|…)\s*$")


def compare_titles(one: str, other: str) -> Titles:
    """How two titles stand to each other."""
    is_cut = _is_cut(one, other) or _is_cut(other, one)
    is_near = is_cut or _are_near(one, other)
    if about := (_about(one) ^ _about(other)) - (frozenset() if is_near else _LOOSE):
        return Titles(Kind.OTHER, f"one is {'/'.join(sorted(about))}, the other is not")
    mine, theirs = title_words(bare(one)), title_words(bare(other))
    if squashed(mine) == squashed(theirs):
        return Titles(Kind.EQUAL)
    number_cut = is_cut and (_number_cut(*sorted((mine, theirs), key=len)) or _ellipsis(one) or _ellipsis(other))
    if not number_cut and numbers(mine) != numbers(theirs) and (is_near or _count_on(one, other)):
        said = " and ".join(" ".join(numbers(found)) or "none" for found in (mine, theirs))
        return Titles(Kind.OTHER, f"the titles have other numbers: {said[:200]}")
    if _same_words(content(mine), content(theirs)):
        return Titles(Kind.WORDS)
    return Titles(Kind.CUT if is_cut else Kind.OTHER, number_cut=number_cut)


@lru_cache(maxsize=4096)
def bare(title: str) -> str:
    """A title without what it is called besides, such as `RETRACTED:`, and without the word an ellipsis cuts."""
    if _ellipsis(title):
        title = _ELLIPSIS.sub("", title).rpartition(" ")[0] or _ELLIPSIS.sub("", title)
    short = _BESIDES.sub("", title)
    return short if len(short) >= HEAD_MIN else title


def head(title: str) -> str:
    """The first five words that carry meaning, or all before the first break: what survives a cut."""
    first = _BREAK.split(bare(title), maxsplit=1)[0]
    found = content(title_words(first if len(first) >= HEAD_MIN else title))
    return spelt(squashed(found[:5]))


def weight(title: str) -> int:
    """Letters and digits of a title; a sign that is a syllable or a word counts three."""
    return sum(3 if ord(sign) > 0x2E80 else 1 for sign in squashed(title_words(title)))


def is_specific(title: str) -> bool:
    """Whether a title is hardly chosen twice."""
    letters = weight(title)
    return letters >= SPECIFIC or (letters >= SHORT and len(content(title_words(title))) >= 3)


def is_serial(title: str) -> bool:
    """Whether it is a title that may come again every year."""
    found = title_words(title.lower().replace("technical report", ""))
    return not _SERIAL.isdisjoint(found) or any(word in "".join(found) for word in ("年报", "年鉴"))


@lru_cache(maxsize=4096)
def _about(title: str) -> frozenset[str]:
    return frozenset(found.lastgroup or "" for found in _ABOUT.finditer(folded(title)))


def _is_cut(short: str, long: str) -> bool:
    """Whether the short title is the long one's beginning, up to a break or, if long enough, anywhere."""
    left = squashed(title_words(bare(short)))
    whole = squashed(title_words(bare(long)))
    if not left or len(left) >= len(whole) or not whole.startswith(left):
        return False
    if _ELLIPSIS.search(short):
        return len(left) >= HEAD_MIN
    ends = {squashed(title_words(long[: found.start()])) for found in _BREAK.finditer(long)}
    return left in ends or len(left) >= CUT_MIN * 2


def _ellipsis(title: str) -> bool:
    return _ELLIPSIS.search(title) is not None


def _are_near(one: str, other: str) -> bool:
    """Whether half of the words of one stand in the other and one has hardly another: any number tells those apart."""
    mine, theirs = (
        {word for word in content(title_words(bare(title))) if not numbers([word])} for title in (one, other)
    )
    own = min(len(mine - theirs), len(theirs - mine))
    return own < 2 and 2 * len(mine & theirs) >= min(len(mine), len(theirs))


def _count_on(one: str, other: str) -> bool:
    """Whether two titles name other parts, versions or years, or each a number that the other has not."""
    mine, theirs = set(numbers(title_words(one))), set(numbers(title_words(other)))
    return editions(one) != editions(other) or (bool(mine - theirs) and bool(theirs - mine))


def _number_cut(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Whether only a number within the subtitle was cut off, not the one of a part, a version or a year."""
    tail = long[len(short) :]
    if numbers(short) == numbers(long) or numbers(short) != numbers(long[: len(short)]) or not tail:
        return False
    return tail[0] not in PART and not numbers(tail[:1]) and not any(map(_YEAR.fullmatch, tail))


def _same_words(mine: list[str], theirs: list[str]) -> bool:
    if spelt(squashed(mine)) == spelt(squashed(theirs)):
        return True
    return len(mine) == len(theirs) > 2 and all(map(variants, mine, theirs))
