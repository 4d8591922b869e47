"""Tell wishes to leave in prose, in about forty languages. Pure.

The wordings are one table, `leaving.toml`. A mail is read clause by clause, up to the closing or the footer of a
program. A wish is clear if nothing but it and politeness stands there: each clause either has the wording of a wish,
short and of words of the table, or is a greeting, thanks, a reason or a name. Questions, reports, narrower objects,
limited times and other people make it doubtful, and so does any other clause, a menu, or a link with words. A denial
before the wording turns it around.
"""

import re
from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import cache
from itertools import takewhile

from digestd.replies.phrases import Phrases, is_wide, normalise

LINES_MAX = 8
"""Lines of a mail in which a doubtful wish is looked for; what follows is often a quotation."""
CHARS_MAX = 300
WORDS_MAX, WIDE_MAX = 14, 28
"""Words of an unmistakable clause, or characters in a language without blanks."""
WIDE_REST_MAX = 3
"""Unknown characters beside a wish in a language without blanks."""
WRAPPED_FROM = 55
"""Characters of a line that the next one continues."""
NAME_WORDS_MAX, GREETING_WORDS_MAX = 3, 5
_END = ".;:!?。；：！？"
_CLAUSE = re.compile(rf"[{_END},()\n，、（）…—–]+")
_LINK = re.compile(r"\S*(?:://|www\.|mailto:)\S*", re.IGNORECASE)
_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
_MENU = re.compile(r"\w\s*[|•·]\s*\w")
_OTHER = "|"
"""A clause that is neither a wish nor polite."""
_KNOWN = ("wishes", "bare", "refusals", "polite", "neutral")
_phrases = cache(lambda: Phrases("leaving"))


class Wish(IntEnum):
    """The answer to whether a text asks to leave."""

    NONE = 0
    DOUBTFUL = 1
    CLEAR = 2


def read_wish(lines: Iterable[str], sender: str = "") -> Wish:
    """Return whether the lines of a mail ask to leave. `sender`: the only address that a clear wish may name."""
    lines = list(lines)
    own = _own_clauses(lines, sender)
    wishes = [said for said in own if _read_clause(normalise(said)) is Wish.CLEAR]
    others = [said for said in own if said not in wishes]
    last = own[-1].split() if own else []
    is_name = len(last) <= NAME_WORDS_MAX and all(word[0].isupper() for word in last)
    if others and others[-1] == own[-1] and is_name:
        is_bare = all(_phrases().find("bare", normalise(said)) for said in wishes)
        if not is_bare or any(word in sender.casefold() for word in own[-1].casefold().split() if len(word) > 1):
            others.pop()
    if wishes and all(map(_is_polite, others)):
        return Wish.CLEAR
    read = (_read_clause(normalise(said)) for said in _clauses(lines[:LINES_MAX]))
    return Wish.DOUBTFUL if any(read) else Wish.NONE


def asks_why(lines: Iterable[str]) -> bool:
    """Return True if a text asks why somebody gets our mails; not why they get none."""
    said = [normalise(clause) for clause in _own_clauses(lines)[:LINES_MAX]]
    return any(_phrases().find("origins", one) and not _phrases().find("lacks", one) for one in said)


def is_polite(lines: Iterable[str]) -> bool:
    """Return True if lines contain only politeness, before their closing or footer."""
    return all(map(_is_polite, _own_clauses(lines)))


def is_doubtful(text: str) -> bool:
    """Return True if a text after a word for leaving makes the wish doubtful."""
    said = normalise(text[:CHARS_MAX])
    return _is_doubted(said) or _is_denied_after(said) or not _is_known(said)


def _own_clauses(lines: Iterable[str], sender: str | None = None) -> list[str]:
    return list(takewhile(lambda said: not _is_end(normalise(said)), _clauses(lines, sender)))


def _clauses(lines: Iterable[str], sender: str | None = None) -> Iterator[str]:
    """Yield the clauses without addresses; one that is not the sender's, if that is given, is a clause of its own."""

    def shown(found: re.Match[str]) -> str:
        is_other = sender is not None and found[0].strip("<>.,;:!?()").casefold() != sender.casefold()
        return f",{_OTHER}," if is_other else " "

    text = ""
    for line in lines:
        said = _ADDRESS.sub(shown, _LINK.sub("", line[:CHARS_MAX]))
        if said != line[:CHARS_MAX] and _LINK.search(line):
            said = _OTHER if normalise(said) else ""
        elif _MENU.search(said):
            said = f"{said.replace('|', ',')},{_OTHER}"
        is_wrapped = len(line) >= WRAPPED_FROM and line[-1] not in _END
        text += said + (" " if is_wrapped else "\n")
    return (said for clause in _CLAUSE.split(text) if normalise(said := clause.strip()))


def _is_end(said: str) -> bool:
    """Return True if a clause is a closing, which a name may follow, or begins a footer."""
    closing = _begins("closings", said)
    is_closing = closing is not None and said[closing.end() :].count(" ") <= NAME_WORDS_MAX
    return is_closing or _begins("footers", said) is not None


def _begins(name: str, said: str) -> "re.Match[str] | None":
    found = _phrases().find(name, said)
    return found if found is not None and found.start() == 0 else None


def _is_polite(clause: str) -> bool:
    said = normalise(clause)
    if _begins("greetings", said) and said.count(" ") <= GREETING_WORDS_MAX:
        return True
    if _phrases().find("courtesies", said):
        return _is_known(said, (*_KNOWN, "courtesies"))
    return _is_known(said, ("polite",), rest=0)


def _read_clause(said: str) -> Wish:
    find = _phrases().find
    found = find("refusals", said)
    if found is None:
        found = find("wishes", said) or find("bare", said)
        found = None if found and _is_denied(said, found) else found
    if found is None:
        return Wish.DOUBTFUL if find("hints", said) and find("doubts", said) else Wish.NONE
    return Wish.CLEAR if _is_known(said) and not (_is_doubted(said) or _begins("invitations", said)) else Wish.DOUBTFUL


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


def _is_known(said: str, names: tuple[str, ...] = _KNOWN, rest: int = WIDE_REST_MAX) -> bool:
    """Return True if a text has no words but those of these lists."""
    known = _phrases().words(*names, wide=is_wide(said))
    if is_wide(said):
        return len(known.sub("", said)) <= rest
    return all(known.fullmatch(word) for word in said.split())
