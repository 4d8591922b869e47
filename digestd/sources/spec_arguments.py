"""Check the part of a spec after the colon.

Each function raises BadInput with the remedy.
"""

import re
from pathlib import Path

from digestd.errors import BadInput

_CATEGORY = re.compile(r"[a-z]{1,10}(-[a-z]{2,4})?(\.([A-Z]{2}|[a-z]{2,7}(-[a-z]{2,5})?))?")


def require_no_argument(kind: str, argument: str) -> None:
    """Refuse an argument, for types whose spec is complete without one."""
    if argument:
        raise BadInput(f"{kind} takes nothing after it, but has {argument[:80]!r}")


def arxiv_categories(argument: str) -> tuple[str, ...]:
    """Return 1 to 20 arXiv categories."""
    found = tuple(dict.fromkeys(argument.replace(" ", "+").split("+")))
    if not 1 <= len(found) <= 20 or not all(_CATEGORY.fullmatch(name) for name in found):
        raise BadInput(f"{argument[:80]!r} is not a list of arXiv categories; write 1 to 20 of them like cs.LG+stat.ML")
    return found


def file_path(kind: str, argument: str) -> Path:
    """Return the path of a file."""
    if not argument or len(argument) > 180:
        raise BadInput(f"{kind}: needs the path of a file, at most 180 characters, as in {kind}:/data/papers.{kind}")
    return Path(argument)


def search_query(kind: str, argument: str) -> str:
    """Return a search query.

    It contains no comma, which would end the spec in a list of sources.
    """
    found = " ".join(argument.split())
    if not 2 <= len(found) <= 180 or "," in found or not found.isprintable():
        raise BadInput(f"{kind}: needs a search of 2 to 180 characters without commas after the colon")
    return found
