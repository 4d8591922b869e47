"""Detect that a source has changed its format: fields that were always there are gone.

arXiv changed links and authors of its feed in January 2024 without notice
(github.com/arXiv/arxiv-feed#39). Such an answer would overwrite good texts with empty
ones, so it is refused as a whole.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed

REMEMBERED_FOR = timedelta(days=14)
"""A format that lasts this long is accepted as the new one: by then no older record counts."""
HISTORY_MIN = 20
ANSWER_MIN = 5
ALWAYS = 0.9
GONE = 0.5
"""A field counts as gone if fewer than this share of an answer's records have it."""

_PARTS: Mapping[str, Callable[[Sighting], object]] = {
    "abstract": lambda sighting: sighting.words.abstract,
    "authors": lambda sighting: sighting.words.authors,
    "categories": lambda sighting: sighting.words.categories,
    "published": lambda sighting: sighting.published,
}


def required_fields(said: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """Return the fields that nearly all recent records of a source have; none if there are too few records."""
    if len(said) < HISTORY_MIN:
        return frozenset()
    return frozenset(name for name in _PARTS if sum(name in record for record in said) >= ALWAYS * len(said))


def refuse_format_change(sightings: Sequence[Sighting], parts: frozenset[str]) -> None:
    """Raise SourceFailed if required fields are gone from an answer."""
    if len(sightings) < ANSWER_MIN:
        return
    for name in sorted(parts):
        there = sum(bool(_PARTS[name](sighting)) for sighting in sightings)
        if there < GONE * len(sightings):
            raise SourceFailed(
                f"{len(sightings) - there} of {len(sightings)} records have no {name}, which nearly all had before: "
                "the source has changed its form, so nothing of this answer was taken; run `digestd source check`"
            )
