"""Tell which names a sentence uses that others introduce, and explain acronyms by their long forms."""

import re
from collections.abc import Mapping, Sequence

from digestd.gists.cues import cues

_WORDS = re.compile(r"\w+(?:-[A-Z0-9]\w*)?")
_SHORT_FORM = re.compile(r"\((?P<short>[A-Za-z][\w-]{1,11})(?:[;,][^()]*)?\)")
_PART = re.compile(r"[^\W_]+")
_SMALL = frozenset(("a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"))


def names(text: str) -> set[str]:
    """Return the names and acronyms in a text that need to be introduced, in the singular."""
    cased = " ".join([word for word in text.split() if not word.islower()])
    words = {word for word in _WORDS.findall(cased) if not word.islower()} - cues("known_names")
    found = {word for word in words if any(map(str.isupper, word[1:])) or any(map(str.isdigit, word[1:]))}
    return {_singular(word) for word in found if not word[0].isdigit() or any(map(str.isupper, word))}


def long_forms(texts: Sequence[str]) -> Mapping[str, str]:
    """Return the long forms, in the singular, of the acronyms that texts explain: "guided policy search (GPS)"."""
    found = dict[str, str]()
    for text in texts:
        for match in _SHORT_FORM.finditer(text):
            short = _singular(match["short"])
            long_form = _long_form(text[: match.start()], short)
            if long_form and sum(letter.isupper() for letter in short) >= 2:
                if text.startswith(long_form) and long_form[1:].islower():
                    long_form = long_form.lower()
                found.setdefault(short, long_form if short == match["short"] else long_form.removesuffix("s"))
    return found


def expand(text: str, name: str, long_form: str) -> str:
    """Return a text with the long form put before the first use of an acronym, if it can stand there."""
    if f"({name}" in text:
        return text
    use = re.compile(rf"(?<![\w(-]){re.escape(name)}(s?)(?![\w)-])(?! \([A-Z])")
    has_plural = not long_form.endswith(("ing", "s", "y"))
    found = use.sub(lambda found: f"{long_form}{found[1] * has_plural} ({found[0]})", text, count=1)
    return found[0].upper() + found[1:] if found.startswith(long_form) else found


def _singular(name: str) -> str:
    return name[:-1] if len(name) > 2 and name.endswith("s") and name[-2].isupper() else name


def _long_form(before: str, short: str) -> str:
    """Return the end of a text whose words, without some small ones, begin with the letters of an acronym, or ""."""
    wanted, initials = short.replace("-", "").lower(), ""
    for word in reversed(list(_PART.finditer(before, max(0, len(before) - 20 * len(short))))):
        if word[0].lower() not in _SMALL or wanted.endswith(word[0][0].lower() + initials):
            initials = word[0][0].lower() + initials
        if initials == wanted:
            found = before[word.start() :].strip()
            return "" if any(sign in found for sign in ",;:(") else found
        if not wanted.endswith(initials):
            break
    return ""
