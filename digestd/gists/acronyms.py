"""Tell which names a sentence uses that others introduce, and explain acronyms by their long forms.

Acronyms are matched with their long forms as by Schwartz and Hearst (PSB 2003).
"""

import re
from collections.abc import Mapping, Sequence

from digestd.gists.standing import listed

_WORDS = re.compile(r"\w+(?:-[A-Z0-9]\w*)?")
_KNOWN_NAMES = frozenset(listed("known_names"))
_SHORT_FORM = re.compile(r"\((?P<short>[A-Za-z][\w-]{1,11})(?:[;,][^()]*)?\)")
_WORD = re.compile(r"[^\s()]+")
_PART = re.compile(r"[^\W_]+")
_SMALL = frozenset(("a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"))


def names(text: str) -> set[str]:
    """Return the names and acronyms in a text that need to be introduced, in the singular."""
    words = {word for word in _WORDS.findall(text) if not word.islower() and _is_name(word)}
    return {_singular(word) for word in words - _KNOWN_NAMES}


def _is_name(word: str) -> bool:
    """Return True if a word has a capital that does not begin it, or a capital and a digit."""
    return any(map(str.isupper, word[1:])) or (word[0].isupper() and any(map(str.isdigit, word)))


def long_forms(texts: Sequence[str]) -> Mapping[str, str]:
    """Return the long forms, in the singular, of the acronyms that texts explain: "guided policy search (GPS)"."""
    found = dict[str, str]()
    for text in texts:
        for match in _SHORT_FORM.finditer(text):
            short = _singular(match["short"])
            long_form = _long_form(text[: match.start()], short)
            if long_form and sum(letter.isupper() for letter in short) >= 2:
                is_plural = short != match["short"] and long_form.endswith("s")
                found.setdefault(short, long_form[:-1] if is_plural else long_form)
    return found


def expand(text: str, name: str, long_form: str) -> str:
    """Return a text with the long form put before the first use of an acronym, if it can stand there."""
    plural = "" if long_form.endswith(("ing", "s", "y")) else r"\g<plural>"
    shown = long_form.replace("\\", r"\\")
    return re.sub(
        rf"(?<![\w(-]){re.escape(name)}(?P<plural>s?)(?![\w)-])(?! \([A-Z])", rf"{shown}{plural} (\g<0>)", text, count=1
    )


def _singular(name: str) -> str:
    return name[:-1] if len(name) > 2 and name.endswith("s") and name[-2].isupper() else name


def _long_form(before: str, short: str) -> str:
    """Return the end of a text whose words begin with the letters of an acronym, or that has them in order, or ""."""
    words = _WORD.findall(before)
    tail = " ".join(words[-min(len(short) + 5, 2 * len(short)) :])
    found = _with_initials(tail, short) or _with_letters(tail, short)
    is_long = len(short) < len(found) and len(found.split()) <= len(short) + 1
    return found if is_long and not found.endswith((",", ";", ":")) else ""


def _with_initials(text: str, short: str) -> str:
    wanted, initials = short.replace("-", "").lower(), ""
    for word in reversed(list(_PART.finditer(text))):
        if word[0].lower() not in _SMALL or wanted.endswith(word[0][0].lower() + initials):
            initials = word[0][0].lower() + initials
        if initials == wanted:
            return text[word.start() :]
    return ""


def _with_letters(text: str, short: str) -> str:
    """Return the shortest end of a text that has the letters of an acronym in order, the first where a word begins."""
    lower, at = text.lower(), len(text)
    for letter in reversed([sign for sign in short.lower() if sign.isalnum()]):
        at = lower.rfind(letter, 0, at)
        if at < 0:
            return ""
    while at > 0 and text[at - 1].isalnum():
        at = lower.rfind(short[0].lower(), 0, at)
    return text[at:] if at >= 0 else ""
