"""Helpers for library entries, shared by all providers."""

from dataclasses import replace
from datetime import date

from digestd.domain.paper import PaperId, Sighting
from digestd.errors import SourceFailed
from digestd.sources.json_records import load_json

SCHEME = "entry:"


def entry_id(name: str) -> PaperId:
    """Return a provider's entry name as an identifier next to those of its paper."""
    return PaperId(f"{SCHEME}{name}")


def load_list(body: bytes) -> list[object]:
    """Parse an answer that must be a JSON list. Raises SourceFailed."""
    found = load_json(body)
    if not isinstance(found, list):
        raise SourceFailed(f"the answer is not a list but a {type(found).__name__}; its format has changed")
    return found


def as_entry(name: str, paper: Sighting, day: str) -> Sighting:
    """Return a paper as a library entry that was added on `day`.

    ISO 8601; the time is ignored.
    """
    try:
        since = date.fromisoformat(day[:10])
    except ValueError:
        since = None
    return replace(paper, ids=(entry_id(name), *paper.ids), day=since)
