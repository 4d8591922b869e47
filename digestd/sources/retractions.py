"""What notices of retraction do to the papers that they are about."""

import re
from collections.abc import Sequence
from dataclasses import replace

from digestd.domain.paper import Sighting

_OPENING = re.compile(
    r"\A\W*(retraction|retracted|withdrawal|removal)(\s+(note|notice|article))?(\s*(:|to:?|of:?|–|—|-))?\s+",
    re.IGNORECASE,
)


def retracted_title(title: str) -> str:
    """The title of the paper that a notice is about, as the notice repeats it (`Retraction: …`)."""
    return _OPENING.sub("", title, count=1)


def merge_retractions(sightings: Sequence[Sighting]) -> tuple[Sighting, ...]:
    """Where an answer has a paper and its retraction: the paper, withdrawn, in whatever order they came.

    A notice has few words; where the paper itself is not there, they stand for it.
    """
    gone = {sighting.ids[0] for sighting in sightings if sighting.withdrawn}
    whole = {sighting.ids[0] for sighting in sightings if not sighting.withdrawn}
    return tuple(
        replace(sighting, withdrawn=True) if sighting.ids[0] in gone else sighting
        for sighting in sightings
        if not (sighting.withdrawn and sighting.ids[0] in whole)
    )
