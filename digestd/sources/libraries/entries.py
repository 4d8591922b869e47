"""Entries of libraries: what all keepers have in common."""

import json
from dataclasses import replace
from datetime import date

from digestd.domain.paper import PaperId, Sighting
from digestd.errors import SourceFailed

SCHEME = "entry:"


def entry_id(name: str) -> PaperId:
    """What a keeper calls an entry, as an identifier beside those of its paper."""
    return PaperId(f"{SCHEME}{name}")


def load_list(body: bytes) -> list[object]:
    """The list that an answer is. Raises SourceFailed where it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceFailed(f"the answer is no JSON ({str(error)[:100]})") from error
    if not isinstance(found, list):
        raise SourceFailed(f"the answer is no list but a {type(found).__name__}; its form has changed")
    return found


def as_entry(name: str, paper: Sighting, day: str) -> Sighting:
    """A paper as the entry of this name, put there on this day (ISO; the time is passed over)."""
    try:
        since = date.fromisoformat(day[:10])
    except ValueError:
        since = None
    return replace(paper, ids=(entry_id(name), *paper.ids), day=since)
