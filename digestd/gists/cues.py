"""Words and phrases of gists, from `cues.toml`."""

import re
import tomllib
from functools import cache
from importlib.resources import files


@cache
def cues(name: str) -> frozenset[str]:
    """Return the entries of a list."""
    return frozenset(_tables()[name])


def phrases(name: str) -> str:
    """Return the alternation that matches the entries of a list; * stands for the rest of a word."""
    longest = sorted(cues(name), key=len, reverse=True)
    return "(?:" + "|".join(re.escape(one).replace(r"\*", r"[\w-]*").replace(r"\ ", " ") for one in longest) + ")"


@cache
def _tables() -> dict[str, list[str]]:
    return tomllib.loads(files(__package__).joinpath("cues.toml").read_text(encoding="utf-8"))
