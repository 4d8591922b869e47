"""Words and phrases of gists, from `cues.toml`."""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files


@cache
def cues(name: str) -> frozenset[str]:
    """Return the entries of a list."""
    return frozenset(_tables()[name])


def phrases(name: str) -> str:
    """Return the alternation that matches the entries of a list; * stands for the rest of a word."""
    longest = sorted(cues(name), key=len, reverse=True)
    if any(one.startswith("*") for one in longest):
        return _any_of(longest)
    firsts = dict.fromkeys(one[0] for one in longest)  # grouped, as a search tries each of the longest list everywhere
    groups = (re.escape(first) + _any_of(one[1:] for one in longest if one[0] == first) for first in firsts)
    return f"(?:{'|'.join(groups)})"


def _any_of(phrases: Iterable[str]) -> str:
    return "(?:" + "|".join(re.escape(one).replace(r"\*", r"[\w-]*").replace(r"\ ", " ") for one in phrases) + ")"


@cache
def _tables() -> dict[str, list[str]]:
    return tomllib.loads(files(__package__).joinpath("cues.toml").read_text(encoding="utf-8"))
