"""Quotes: what a paper says about an interest, in its own words."""

import re

from digestd.ranking.text import STOP_WORDS

MAX, BEFORE = 90, 40
"""Maximum number of characters of a quote, and of those before what it is quoted for."""
SENTENCE_END = re.compile(r"[.!?;:](?=\s|$)")


def excerpt(text: str, start: int, end: int) -> str:
    """Return the sentence around text[start:end], cut between words to MAX characters."""
    before = SENTENCE_END.split(text[:start])[-1].lstrip()
    if len(before) > BEFORE:
        before = "…" + before[-BEFORE:].partition(" ")[2]
    after = SENTENCE_END.split(text[end:], maxsplit=1)[0].rstrip()
    room = max(MAX - len(before) - (end - start), 0)
    if len(after) > room:
        kept = after[: room + 1].split(" ")[:-1]
        while kept and kept[-1].lower() in STOP_WORDS:
            kept.pop()
        after = " ".join(kept).rstrip(",-–— ") + "…"
    return before + text[start:end] + after
