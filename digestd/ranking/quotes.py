"""Quotes: what a paper says about an interest, in its own words."""

import re
from collections.abc import Iterator

from digestd.ranking.text import STOP_WORDS, lower

MAX, BEFORE = 110, 55
"""Maximum number of characters of a quote, and of those before what it is quoted for if much follows."""
EXTRA = 4
"""Maximum number of words by which a quote from a title is extended on each side."""
SENTENCE_END = re.compile(r"[.!?;:][\"'”’)\]]*(?=\s|$)")
BACKGROUND, PASSING, OWN, CONTRIBUTION = range(4)
"""What a sentence tells: what was known before, how the work compares, what the authors did, what is new; best last."""
_OWN = re.compile(r"\b(?:we|our|this (?:paper|work|study|survey|article))\b")
"""The beginning of what the authors did, after what was known."""
_NEW = re.compile(
    r"\b(?:we|this (?:paper|work|study|survey|article)) (?:also |then |first |further |therefore )?"
    r"(?:propose|present|introduce|develop|design|build|construct|create|open-source|train|study|investigate|employ|use)"
    r"s?\b"
)
"""What the authors did, in so many words."""
_PASSING = re.compile(
    r"\b(?:baselines?|experiment(?:s|al)?|evaluat(?:e[sd]?|ing|ions?)|outperform(?:s|ed|ing)?|surpass(?:es|ed|ing)?"
    r"|codebase|publicly|achiev(?:es?|ed|ing)|compared|demonstrat(?:es?|ed|ing)|effectiveness|state-of-the-art|competitive"
    r"|unlike|without|rather than|instead of|motivated by|inspired by|in contrast to)\b"
)
"""Words of sentences about other work, or about results."""


def sentences(text: str, start: int = 0) -> Iterator[tuple[int, int]]:
    """Yield the end of each sentence of text[start:], and what it tells."""
    text = lower(text)
    known = BACKGROUND if _OWN.search(text, start) else OWN
    ends = [match.end() for match in SENTENCE_END.finditer(text, start)]
    for end in [*ends, len(text)]:
        is_own = _OWN.search(text, start, end) is not None
        known = OWN if is_own else known
        if known == BACKGROUND:
            yield end, BACKGROUND
        elif is_own and _NEW.search(text, start, end):
            yield end, CONTRIBUTION
        else:
            yield end, PASSING if _PASSING.search(text, start, end) else OWN
        start = end


def excerpt(text: str, start: int, end: int) -> str:
    """Return the sentence around text[start:end], cut between phrases to about MAX characters."""
    before = SENTENCE_END.split(text[:start])[-1].lstrip()
    after = SENTENCE_END.split(text[end:], maxsplit=1)[0].rstrip()
    most = max(MAX - (end - start) - len(after), BEFORE)
    if len(before) > most:
        before = "…" + _from_phrase(before[-most:].partition(" ")[2])
    room = max(MAX - len(before) - (end - start), 0)
    if len(after) > room:
        after = _to_phrase(after, room) + "…"
    return before + text[start:end] + after


def _from_phrase(text: str) -> str:
    """Return the text from its first clause, or else function word, or all of it if there is none."""
    clause = text.partition(", ")[2]
    if clause.strip():
        return clause
    words = text.split(" ")
    first = next((n for n, word in enumerate(words[:-1]) if word.lower() in STOP_WORDS), 0)
    return " ".join(words[first:])


def _to_phrase(text: str, room: int) -> str:
    """Return the longest beginning of the text within `room` that ends before a function word or with a clause."""
    words = text.split(" ")
    kept = len(text[: room + 1].split(" ")) - 1
    for n in range(kept, 0, -1):
        is_end = words[n].lower() in STOP_WORDS - {"and", "or"} or words[n - 1].endswith(",")
        if is_end and words[n - 1].lower() not in STOP_WORDS:
            kept = n
            break
    while kept and words[kept - 1].lower() in STOP_WORDS:
        kept -= 1
    return " ".join(words[:kept]).rstrip(",-–— ")


def title_phrase(title: str, start: int, end: int) -> str:
    """Return title[start:end] with the words around that belong to the same noun phrase.

    These go as far as the next function word, participle or punctuation mark, and not beyond a plural.
    """
    for _ in range(EXTRA):
        left = title[:start].rstrip()
        word = left.rpartition(" ")[2]
        if (
            len(left) == start
            or not word[-1:].isalnum()
            or not word[0].isalnum()
            or _ends_phrase(word)
            or _is_plural(word)
        ):
            break
        start = len(left) - len(word)
    for _ in range(EXTRA):
        last = title[start:end].rpartition(" ")[2]
        word, _, rest = title[end:].lstrip().partition(" ")
        bare = word.rstrip(".,:;?!")
        if title[end : end + 1] != " " or _is_plural(last):
            break
        is_last = bare != word or not rest or (rest.split(" ")[0].lower() in STOP_WORDS and not rest.startswith("to "))
        if not bare or not (bare[0].isalnum() and bare[-1].isalnum()) or _ends_phrase(bare, is_last=is_last):
            break
        end = title.index(bare, end) + len(bare)
        if bare != word:
            break
    return title[start:end]


def _ends_phrase(word: str, *, is_last: bool = False) -> bool:
    """Return True if the word is no part of a noun phrase; a gerund is one only as its last word."""
    return word.lower() in STOP_WORDS | {"based"} or (word.endswith("ing") and not is_last)


def _is_plural(word: str) -> bool:
    """Return True if the word looks like a plural or a verb in the present tense, at which noun phrases end."""
    return word.endswith("s") and not word.endswith(("ss", "us", "is", "'s", "’s"))
