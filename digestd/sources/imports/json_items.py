"""Helpers shared by the JSON-based import formats."""

import json
from collections.abc import Callable, Iterable

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.sources.json_records import JsonObject
from digestd.sources.json_records import read_records as read_records
from digestd.sources.source import Page


def load_json(text: str) -> object:
    """Parse JSON; return None if it is invalid."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def is_json(text: str) -> bool:
    """Return True if a text is meant as JSON, valid or not.

    BibTeX and prose begin differently.
    """
    return text.lstrip().startswith(("{", "[{", "[ ", "[\n", "[]"))


def read_items(items: object, sightings: Callable[[JsonObject], Iterable[Sighting]], label: str) -> Page:
    """Parse the papers of a list of items.

    Raises SourceFailed if it is not a list, or empty.
    """
    if not isinstance(items, list) or not items:
        raise SourceFailed(f"the file is no {label}: it is cut short, or holds no list of items")
    papers, rejects = read_records(items, sightings)
    return Page(tuple(papers), None, tuple(rejects))
