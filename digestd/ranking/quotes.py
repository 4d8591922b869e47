"""Quotes: what a paper says about an interest, in its own words."""

import re
from collections.abc import Iterator, Sequence

from digestd.ranking.text import STOP_WORDS, lower

WORDS_MAX, MORE = 12, 2
"""Maximum number of words of a quote, and minimum number of those beside what it is quoted for."""
FEW = 4
"""Number of words of an opener, such as "In this paper," """
_DETERMINERS = frozenset(("a", "an", "the", "we", "our", "this", "these"))
_LEANING = frozenset(
    (
        *("and", "but", "or", "however", "meanwhile", "while", "whereas", "thus", "which", "that", "also", "then"),
        *("hence", "furthermore", "moreover", "therefore", "instead", "it", "its", "they", "their", "recent"),
        *("recently", "existing", "despite", "although"),
    )
)
"""Words that need what comes before, or begin what everybody knows."""
_EMPTY = re.compile(r"\bavailable (?:at|on|from|online|here)\b|https?:|\bgithub\b")
"""Words of sentences about where something is published."""
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
    """Return a quote of at most WORDS_MAX words with text[start:end], or nothing if none reads by itself.

    It begins and ends where a sentence, a clause or a noun phrase does, never within brackets or quotation marks.
    """
    before = SENTENCE_END.split(text[:start])[-1]
    after = SENTENCE_END.split(text[end:], maxsplit=1)[0]
    sentence = f"{before}{text[start:end]}{after}"
    if _EMPTY.search(sentence.lower()):
        return ""
    words = sentence.split()
    lead = before.split()
    first = len(lead) - (not before[-1:].isspace() and bool(lead))
    last = first + len(f"{before[len(before.rstrip()) :]}{text[start:end]}".split()) - 1
    begins = [(n, worth) for n in range(max(last - WORDS_MAX + 1, 0), first + 1) if (worth := _begins(words, n))]
    ends = [(n, worth) for n in range(last, min(first + WORDS_MAX, len(words))) if (worth := _ends(words, n))]
    quotes = [
        (left + right + (stop - begin) / WORDS_MAX, " ".join(words[begin : stop + 1]).rstrip(",;:"))
        for begin, left in begins
        for stop, right in ends
        if stop - begin < WORDS_MAX and stop - begin - (last - first) >= MORE
    ]
    told = [quote for quote in quotes if _is_closed(quote[1])]
    return max(told, default=(0.0, ""))[1]


def _begins(words: Sequence[str], n: int) -> int:
    """Return how well a quote begins with the n-th word of a sentence; 0 if badly."""
    word = words[n].lower()
    if not word[0].isalnum():
        return 0
    if not n:  # an opener like "In this work," says nothing
        is_opener = any(each.endswith(",") or each == "that" for each in words[:FEW])
        return (1 if is_opener else 3) * (word not in _LEANING)
    if word in STOP_WORDS - _DETERMINERS or word in _LEANING:
        return 0
    if words[n - 1].endswith((",", ":", ";", "—", "–")):
        return 2 + (n <= FEW and word in _DETERMINERS)
    return 2 if word in _DETERMINERS else int(words[n - 1].lower() in STOP_WORDS - _LEANING - _DETERMINERS)


def _ends(words: Sequence[str], n: int) -> int:
    """Return how well a quote ends with the n-th word of a sentence; 0 if badly."""
    word = words[n].lower().rstrip(",;:")
    if word in STOP_WORDS or word in _LEANING or not (word[-1:].isalnum() or word[-1:] in ")%"):
        return 0
    if n == len(words) - 1:
        return 3
    if (
        words[n + 1] == "of" or "-" in word or word.endswith("ed") or words[n - 1].lower() in ("to", "and")
    ):  # "for real-time", "to discover"
        return 0
    return 2 if words[n][-1] in ",;:" else int(words[n + 1].lower() in STOP_WORDS)


def _is_closed(quote: str) -> bool:
    """Return True if all brackets and quotation marks are closed within the quote."""
    return all(quote.count(left) == quote.count(right) for left, right in ("()", "[]", "“”", "{}")) and not (
        quote.count('"') % 2
    )
