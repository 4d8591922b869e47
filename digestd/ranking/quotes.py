"""Quotes: what a paper says about an interest, in its own words."""

import re
from collections.abc import Iterator, Sequence

from digestd.ranking.text import STOP_WORDS, lower

WORDS_MAX, MORE = 12, 2
"""Maximum number of words of a quote, and minimum number of those beside what it is quoted for."""
_WORK = re.compile("paper|work|study|survey|article|approach|method|framework|model|system")
_PRESENTING = "propose|present|introduce|develop|design|build|construct|create|describe|release"
_FOLLOWING = re.compile(
    "that|which|who|where|when|while|to|for|in|on|at|by|via|using|with|without|from|across|through|under|into|as|such"
    "|including|but|an?|is|are|thereby"
)
"""Words before which a phrase can end."""
_EMPTY = re.compile(r"\bavailable (?:at|on|from|online|here)\b|https?:|\bgithub\b|\b(?:future|will|hope|believe)\b")
"""Words of sentences about where something is published, or what may come."""
SENTENCE_END = re.compile(r"[.!?;:][\"'”’)\]]*(?=\s|$)")
BACKGROUND, PASSING, OWN, CONTRIBUTION = range(4)
"""What a sentence tells: what was known before, how the work compares, what the authors did, what is new; best last."""
_OWN = re.compile(r"\b(?:we|our|this (?:paper|work|study|survey|article))\b")
"""The beginning of what the authors did, after what was known."""
_NEW = re.compile(
    r"\b(?:we|this (?:paper|work|study|survey|article)) (?:also |then |first |further |therefore )?"
    rf"(?:{_PRESENTING}|open-source|train|study|investigate|employ|use)s?\b"
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

    A short sentence is quoted whole. Else it begins where the authors speak of their work, and ends where a clause or a
    phrase does, never within brackets or quotation marks.
    """
    before = SENTENCE_END.split(text[:start])[-1]
    after = SENTENCE_END.split(text[end:], maxsplit=1)[0]
    sentence = f"{before}{text[start:end]}{after}"
    if _EMPTY.search(sentence.lower()):
        return ""
    words, is_listed = sentence.split(), text[: start - len(before)].rstrip().endswith((";", ":"))
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
        if (stop == len(words) - 1 and not is_listed) or _is_clause([word.lower() for word in words[begin : stop + 1]])
    ]
    return next((quote for _, quote in sorted(quotes, reverse=True) if _is_closed(quote)), "")


def _is_clause(words: Sequence[str]) -> bool:
    """Return True if the beginning of a sentence has subject and verb: "we train", but not "we show that an agent"."""
    return "that" not in words and (
        words[0] == "we" or (words[0] == "this" and words[2:3] != [] and words[2][-1] == "s")
    )


def _begins(words: Sequence[str], n: int) -> int:
    """Return how well a quote begins with the n-th word of a sentence: "we", "our", "this work"; 0 if badly."""
    word, before, after = words[n].lower(), words[n - 1].lower() if n else "", " ".join(words[n + 1 : n + 2])
    if not n and len(words) <= WORDS_MAX and word not in STOP_WORDS and word[0].isalpha():
        return 3
    is_clause = not n or before == "that" or before.endswith((",", ":", ";"))
    return 3 * (is_clause and (word in ("we", "our") or (word == "this" and _WORK.fullmatch(after) is not None)))


def _ends(words: Sequence[str], n: int) -> int:
    """Return how well a quote ends with the n-th word of a sentence; 0 if badly."""
    word = words[n].lower().rstrip(",;:")
    if word in STOP_WORDS or not (word[-1:].isalnum() or word[-1:] in ")%"):
        return 0
    if n == len(words) - 1:
        return 3
    after = words[n + 1].lower()
    if words[n][-1] in ",;:":  # not within a list
        return 2 * (_FOLLOWING.fullmatch(after) is not None or after.endswith("ing"))
    is_open = (
        "-" in word
        or word.endswith(("ed", "ing", "ly"))
        or words[n - 1].lower() in ("to", "and", "or")
        or words[n - 1][-1] in ",;:"
    )
    return int(_FOLLOWING.fullmatch(after) is not None and not is_open)


def _is_closed(quote: str) -> bool:
    """Return True if all brackets and quotation marks are closed within the quote."""
    return all(quote.count(left) == quote.count(right) for left, right in ("()", "[]", "“”", "{}")) and not (
        quote.count('"') % 2
    )
