"""Apply retraction notices to the papers they are about."""

import re
from collections.abc import Sequence
from dataclasses import replace

from digestd.domain.paper import Sighting

_OPENING = re.compile(
    r"\A\W*(retraction|retracted|withdrawal|removal)(\s+(note|notice|article))?(\s*(:|to:?|of:?|–|—|-))?\s+",
    re.IGNORECASE,
)


def retracted_title(title: str) -> str:
    """Return the title of the retracted paper.

    It is in the title of its notice (`Retraction: …`).
    """
    return _OPENING.sub("", title, count=1)


def merge_retractions(sightings: Sequence[Sighting]) -> tuple[Sighting, ...]:
    """Mark papers as withdrawn if the same answer holds their retraction.

    The order does not matter.

    A notice has few words; they are used only if the paper itself is missing.
    """
    gone = {sighting.ids[0] for sighting in sightings if sighting.withdrawn}
    papers = {sighting.ids[0] for sighting in sightings if not sighting.withdrawn}
    return tuple(
        replace(sighting, withdrawn=True) if sighting.ids[0] in gone else sighting
        for sighting in sightings
        if not (sighting.withdrawn and sighting.ids[0] in papers)
    )
