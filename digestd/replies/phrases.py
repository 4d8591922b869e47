"""Tables of phrases in many languages, as `*.toml` in this package: lists of wordings by name.

A wording is words in their order: `|` between alternatives, `~` for up to three words, `*` for any ending, and `=`
before one that counts only if nothing but words of the list `polite` stands beside it. Languages that are written
without blanks between words have none in the table, and `~` is up to eight characters. Case, accents and apostrophes
do not matter.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files
from unicodedata import normalize

from digestd.text.scripts import fold

_SIGN = re.compile(r"[^\w|~*=]+")
_NOT = re.compile(r"n['’]t\b|(?<=\bdo)nt\b")
_WIDE = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Thai, kana, Han, Hangul: words are found without blanks."""


def is_wide(text: str) -> bool:
    """Return True if a text is of a language whose words are found without blanks."""
    return _WIDE.search(text) is not None


def normalise(text: str) -> str:
    """Return folded words with single blanks; without any in a language that has none."""
    said = _NOT.sub(" not", normalize("NFC", fold(text)).replace("e-mail", "email").replace("_", " "))
    return ("" if is_wide(said) else " ").join(_SIGN.sub(" ", said).split())


class Phrases:
    """One table."""

    def __init__(self, name: str) -> None:
        text = files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
        self.lists: dict[str, list[str]] = tomllib.loads(text)
        self.pattern, self.words = cache(self._pattern), cache(self._words)

    def find(self, name: str, said: str) -> "re.Match[str] | None":
        """Return the first match of a list in a normalised text, which may hold words of two scripts."""
        found = self.pattern(name, wide=False).search(said)
        return found or (self.pattern(name, wide=True).search(said) if is_wide(said) else None)

    def _pattern(self, name: str, wide: bool) -> "re.Pattern[str]":
        """Return the wordings of a list that are written with blanks, or those without, as one pattern."""
        write = self._without_blanks if wide else self._with_blanks
        found = "|".join(write(one) for one in self.lists[name] if is_wide(one) == wide) or "(?!)"
        return re.compile(found if wide else rf"(?<!\w)(?:{found})(?!\w)")

    def _words(self, *names: str, wide: bool = False) -> "re.Pattern[str]":
        """Return the single words of lists as one pattern."""
        wordings = [one for name in names for one in self.lists[name]]
        words = {word for one in wordings for word in re.split(r"[\s~|=]+", one) if word.strip("*")}
        chosen = [_word(word) for word in words if is_wide(word) == wide]
        return re.compile("|".join(sorted(chosen, key=len, reverse=True)) or "(?!)")

    def _with_blanks(self, wording: str) -> str:
        words = " ".join("~" if one == "~" else f"(?:{_word(one)})" for one in wording.removeprefix("=").split())
        pattern = words.removesuffix(" ~").replace(" ~ ", r" (?:\w+ ){0,3}")
        polite = f"(?:{self.words('polite').pattern})" if wording.startswith("=") else ""
        return f"^(?:{polite} )*{pattern}(?: {polite})*$" if polite else pattern

    def _without_blanks(self, wording: str) -> str:
        pattern = ".{0,8}".join(map(_word, wording.removeprefix("=").split("~")))
        polite = f"(?:{self.words('polite', wide=True).pattern})*+" if wording.startswith("=") else ""
        return f"^{polite}{pattern}{polite}$" if polite else pattern


def _word(word: str) -> str:
    return "|".join(normalise(one).replace("*", r"\w*") for one in word.split("|"))
