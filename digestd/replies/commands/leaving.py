"""Tell wishes to leave in prose, in about forty languages. Pure.

The wordings are one table, `leaving.toml`. A mail is read clause by clause. A clause with the wording of a wish is
unmistakable if it is short and nothing else stands in it: no question or report, no narrower object, no limited time,
no other person, and no word that is not in the table, except behind one such as `unsubscribe`, which means nothing
else. Otherwise it is doubtful. A denial before the wording turns it around. Lines with a link are not read, because
they are of footers.
"""

import re
from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import cache

from digestd.replies.phrases import Phrases, is_wide, normalise

LINES_MAX = 8
"""Lines of a mail that are read; what follows is often a quotation."""
CHARS_MAX = 300
WORDS_MAX, WIDE_MAX = 14, 28
"""Words of an unmistakable clause, or characters in a language without blanks."""
WIDE_REST_MAX = 3
"""Unknown characters beside a wish in a language without blanks."""
WRAPPED_FROM = 55
"""Characters of a line that the next one continues."""
_CLAUSE = re.compile(r"[,.;:!?()\n，。；：！？、（）]+")
_LINK = re.compile(r"://|www\.|mailto:", re.IGNORECASE)
_KNOWN = ("strong", "wishes", "refusals", "polite", "neutral")
_phrases = cache(lambda: Phrases("leaving"))


class Wish(IntEnum):
    """The answer to whether a text asks to leave."""

    NONE = 0
    DOUBTFUL = 1
    CLEAR = 2


def read_wish(lines: Iterable[str]) -> Wish:
    """Return the clearest wish to leave in the lines of a mail."""
    return max(map(_read_clause, _clauses(lines)), default=Wish.NONE)


def is_doubtful(text: str) -> bool:
    """Return True if a text after a word for leaving makes the wish doubtful."""
    said = normalise(text[:CHARS_MAX])
    return _is_doubted(said) or _is_denied_after(said) or not _is_known(said)


def _clauses(lines: Iterable[str]) -> Iterator[str]:
    text = ""
    for line in list(lines)[:LINES_MAX]:
        if not _LINK.search(line):
            text += line[:CHARS_MAX] + (" " if len(line) >= WRAPPED_FROM else "\n")
    return (said for clause in _CLAUSE.split(text) if (said := normalise(clause)))


def _read_clause(said: str) -> Wish:
    find = _phrases().find
    found = find("refusals", said)
    if found is None:
        found = find("strong", said) or find("wishes", said)
        found = None if found and _is_denied(said, found) else found
    if found is None:
        return Wish.DOUBTFUL if find("hints", said) and find("doubts", said) else Wish.NONE
    return Wish.CLEAR if _stands_alone(said, found) and not _is_doubted(said) else Wish.DOUBTFUL


def _is_doubted(said: str) -> bool:
    is_long = len(said) > WIDE_MAX if is_wide(said) else said.count(" ") >= WORDS_MAX
    return is_long or _phrases().find("doubts", said) is not None


def _is_denied(said: str, found: "re.Match[str]") -> bool:
    """Return True if a denial stands up to three words before a wish, in it or right after it."""
    before, denial = said[: found.start()], _phrases().words("denials", wide=is_wide(said))
    if _is_denied_after(said[found.end() :]):
        return True
    if is_wide(said):
        return re.search(rf"(?:{denial.pattern}).{{0,2}}$", before) is not None
    near = [*before.split()[-3:], *found[0].split()[1:]]
    polite = [place for place, word in enumerate(near) if _phrases().words("polite").fullmatch(word)]
    return any(denial.fullmatch(word) for word in near[max(polite, default=-1) + 1 :])


def _is_denied_after(said: str) -> bool:
    return any(said.lstrip().startswith(normalise(one)) for one in _phrases().lists["denials_after"])


def _stands_alone(said: str, found: "re.Match[str]") -> bool:
    """Return True if nothing stands beside a wish that may change it."""
    before, after = said[: found.start()], said[found.end() :]
    if is_wide(said):
        return _is_known(before + after)
    is_verb = not any(_phrases().words("articles").fullmatch(word) for word in before.split()[-1:])
    return _is_known(before if found.re is _phrases().pattern("strong", wide=False) and is_verb else said)


def _is_known(said: str) -> bool:
    """Return True if a text has no words but those of the table."""
    known = _phrases().words(*_KNOWN, wide=is_wide(said))
    if is_wide(said):
        return len(known.sub("", said)) <= WIDE_REST_MAX
    return all(known.fullmatch(word) for word in said.split())
