"""Whether an answer has another form than the source's answers so far: parts that were always there are gone. Pure.

arXiv changed links and authors of its feed in January 2024 without a word (github.com/arXiv/arxiv-feed#39).
Such an answer would overwrite good words with empty ones, so nothing of it is taken.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed

REMEMBERED_FOR = timedelta(days=14)
"""A form that stays as it is for so long is the source's new one: by then nothing speaks against it."""
HISTORY_MIN = 20
ANSWER_MIN = 5
ALWAYS = 0.9
GONE = 0.5
"""What `ALWAYS` of the records so far had, fewer than this share of an answer's have."""

_PARTS: Mapping[str, Callable[[Sighting], object]] = {
    "abstract": lambda sighting: sighting.words.abstract,
    "authors": lambda sighting: sighting.words.authors,
    "categories": lambda sighting: sighting.words.categories,
    "published": lambda sighting: sighting.published,
}


def required(said: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """The parts that nearly all records of a source have, of those it said last; none where there are too few."""
    if len(said) < HISTORY_MIN:
        return frozenset()
    return frozenset(name for name in _PARTS if sum(name in record for record in said) >= ALWAYS * len(said))


def refuse_drift(sightings: Sequence[Sighting], parts: frozenset[str]) -> None:
    """Raises SourceFailed where parts that are required are gone from an answer."""
    if len(sightings) < ANSWER_MIN:
        return
    for name in sorted(parts):
        there = sum(bool(_PARTS[name](sighting)) for sighting in sightings)
        if there < GONE * len(sightings):
            raise SourceFailed(
                f"{len(sightings) - there} of {len(sightings)} records have no {name}, which nearly all had before: "
                "the source has changed its form, so nothing of this answer was taken; run `digestd source check`"
            )
