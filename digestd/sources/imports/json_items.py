"""Items of JSON files: what all formats made of it have in common."""

import json
from collections.abc import Callable, Iterable

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.sources.json_records import JsonObject
from digestd.sources.json_records import read_records as read_records
from digestd.sources.source import Page


def load_json(text: str) -> object:
    """What the JSON says; None for what is none."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def is_json(text: str) -> bool:
    """Whether it is meant as JSON, broken or not; BibTeX and prose begin otherwise."""
    return text.lstrip().startswith(("{", "[{", "[ ", "[\n", "[]"))


def read_items(items: object, sightings: Callable[[JsonObject], Iterable[Sighting]], label: str) -> Page:
    """The papers of a list of items. Raises SourceFailed where it is none, or empty."""
    if not isinstance(items, list) or not items:
        raise SourceFailed(f"the file is no {label}: it is cut short, or holds no list of items")
    told, rejects = read_records(items, sightings)
    return Page(tuple(told), None, tuple(rejects))
