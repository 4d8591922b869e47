"""Split abstracts into sentences, with the labels of structured ones.

A full stop ends a sentence unless it belongs to an abbreviation, an initial, a number or a list. Labels
("BACKGROUND:", "Results:") are taken off and kept as the role of what follows. Sentences that are about the text
rather than the work (copyright, keywords, contact) are left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from digestd.gists.cues import cues
from digestd.text.markup import without_styles

TEXT_MAX = 8_000
"""Characters of an abstract that are read. Longer texts are no abstracts."""
BACKGROUND, OBJECTIVE, METHOD, RESULT, CONCLUSION = ROLES = (
    "background",
    "objective",
    "method",
    "result",
    "conclusion",
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, and the role that a label of the abstract gives it; empty without label."""

    text: str
    label: str = ""


_END = re.compile(
    r"(?P<stop>[.!?])(?P<close>[\"'”’»)\]]*)(?P<gap>\s+|(?=[A-Z][\w-]+[ ,]))|(?P<wide>[。！？])[\"'”’」』）]*\s*"
)
_INITIALS = re.compile(r"[A-Z](?:\.-?[A-Z])*|(?:[A-Za-z]\.)+[A-Za-z]")
_NEXT = re.compile(r"[\"'“‘«(\[]*(?P<word>\w[\w'-]*)?")
_GLUED = re.compile(r"(?:[a-z)]{3}|[A-Za-z]\))$")
DROPPED = "dropped"
_LABELS = {role: cues(f"labels_{role}") for role in (DROPPED, RESULT, CONCLUSION, METHOD, OBJECTIVE, BACKGROUND)}
_NAMES = "S?|".join(sorted(frozenset().union(*_LABELS.values()), key=len, reverse=True)).upper() + "S?"
_ANY_CASE = re.IGNORECASE | re.ASCII
"""Without ASCII, "ı" and "ſ" would match the letters of a label."""
_ONE = rf"(?:{_NAMES})(?:\s*(?:/|&|,|\bAND\b)\s*(?:{_NAMES}))*"
_LABEL = re.compile(rf"\s*(?:{_ONE})(?:\s*[:—–]\s*|\.(?:\s+(?=[A-Z\d(])|$)|\s+-\s+)", _ANY_CASE)
_BARE_LABEL = re.compile(
    rf"\s*(?:(?:{_ONE})\s+(?=[A-Z(\d])"
    r"|(?:Introduction|Abstract|Background|Objectives?|Aims?|Purpose|Methods?|Findings|Results?|Conclusions?)"
    r"(?:(?=[A-Z][a-z]|[A-Z] )|\s*[-—–]+\s*(?=[A-Z])|\s+(?=(?:We|The|This|These|In|An?|Our|To|Using|It|For)\s)))"
)
_INNER_LABEL = re.compile(rf"(?<=[.!?)])\s*(?=(?:{_ONE})\s*:)", _ANY_CASE)


def split_sentences(text: str) -> list[Sentence]:
    """Return the sentences of an abstract in order, without boilerplate."""
    found = list[Sentence]()
    label, starts = "", tuple(cues("boilerplate_starts"))
    one_line = " ".join(without_styles(text[:TEXT_MAX]).split())
    for piece in _pieces(one_line):
        if named := _LABEL.match(piece) or _BARE_LABEL.match(piece):
            label = next(role for role, names in _LABELS.items() if any(name in named[0].lower() for name in names))
            piece = piece[named.end() :].strip()
        lower = piece.lower()
        is_boilerplate = lower.startswith(starts) or any(map(lower.__contains__, cues("boilerplate")))
        if piece and label != DROPPED and not is_boilerplate:
            found.append(Sentence(piece, label))
    return found


def _pieces(text: str) -> Iterator[str]:
    for section in _INNER_LABEL.split(text) if ":" in text else [text]:
        for start, end in pairwise([0, *_ends(section), len(section)]):
            yield section[start:end].strip()


def _ends(text: str) -> Iterator[int]:
    """Yield the positions after the sentences of a text, except the last."""
    start = 0
    for match in _END.finditer(text):
        if match.end() == len(text):
            continue
        if match["wide"] or _is_end(text, text[start : match.start()], match):
            start = match.end()
            yield start


def _is_end(text: str, before: str, match: re.Match[str]) -> bool:
    """Return True if a mark ends the sentence that begins with `before`."""
    after = _NEXT.match(text, match.end())
    word = (after and after["word"]) or ""
    token = before.rpartition(" ")[2].lstrip("([{\"'“‘,;:/")
    if match["gap"] == "":
        return match["stop"] == "." and bool(_GLUED.search(before)) and "://" not in token and len(word) > 1
    if word.islower():
        return False
    if match["stop"] != ".":
        return bool(word) or match["stop"] == "?"
    return bool(match["close"]) or not _is_abbreviated(before, token, word)


def _is_abbreviated(before: str, token: str, word: str) -> bool:
    """Return True if the full stop after `token`, the last of `before`, is part of it."""
    bare = token.lower()
    if bare in cues("never_last"):
        return True
    if token.isdigit() and len(token) <= 2 and before[: -len(token)].rstrip()[-1:] in ("", ":", ";"):
        return True  # the number of a list's item
    if word in cues("starters") or not word:
        return False
    if bare in cues("abbreviations"):
        return bare not in cues("words_too") or not word[:1].isupper()
    return bool(_INITIALS.fullmatch(token))
