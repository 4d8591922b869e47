"""Helpers shared by the JSON-based import formats.

A field of another type than expected is ignored, so that it never loses a paper.
"""

from collections.abc import Callable, Iterable

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.sources.json_records import TEXT_MAX, JsonObject, read_records
from digestd.sources.source import Page, clean_line
from digestd.text import json_input


def load_json(text: str) -> object:
    """Parse JSON; return None if it is invalid."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json_input.load_json(text)
    except ValueError:
        return None


def is_json(text: str) -> bool:
    """Return True if a text is meant as JSON, valid or not.

    BibTeX and prose begin differently.
    """
    return text.lstrip().startswith(("{", "[{", "[ ", "[\n", "[]"))


def text_in(item: JsonObject, key: str) -> str:
    """Return the text or number under a key as one line, or "" for anything else."""
    value = item.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return clean_line(str(value), TEXT_MAX)


def object_of(item: JsonObject, key: str) -> JsonObject:
    """Return the object under a key, or an empty one for anything else."""
    value = item.get(key)
    return value if isinstance(value, dict) else {}


def read_items(items: object, sightings: Callable[[JsonObject], Iterable[Sighting]], label: str) -> Page:
    """Parse the papers of a list of items.

    Raises SourceFailed if it is not a list, or empty.
    """
    if not isinstance(items, list) or not items:
        raise SourceFailed(f"the file is no {label}: it is cut short, or holds no list of items")
    papers, rejects = read_records(items, sightings)
    return Page(tuple(papers), None, tuple(rejects))
