"""Papers that a person's own references name: kept so that ranking can read them, and never taken for news.

Nobody vouches for what such a file says, so it changes nothing that is known. A paper known under any of its
identifiers is left as it is. Another is stored under one name alone, so that it joins no two papers; its words count
for less than those of every source; and it is news once a source announces it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from digestd.domain.paper import PaperId, Sighting, canonical
from digestd.ingest.merge import REPLACED
from digestd.ingest.pages import take_in
from digestd.ingest.wording import LIBRARY
from digestd.store import papers
from digestd.store.database import Database

BLOCK = 500
_NO_NEWS = min(REPLACED)


def take_in_library(db: Database, sightings: Sequence[Sighting], now: datetime) -> list[PaperId]:
    """Store the papers that are not known and have words; the name of each, known or not, in the order given."""
    names: list[PaperId] = []
    for start in range(0, len(sightings), BLOCK):
        block = sightings[start : start + BLOCK]
        with db.read() as session:
            known = papers.by_ids(session, {name for sighting in block for name in sighting.ids})
        called = [_name(sighting, {name: paper.id for name, paper in known.items()}) for sighting in block]
        fresh = {
            name: _alone(sighting, name)
            for sighting, name in zip(block, called, strict=True)
            if sighting.words.title and not known.keys() & set(sighting.ids)
        }
        take_in(db, LIBRARY, list(fresh.values()), now)
        names += called
    return names


def _name(sighting: Sighting, known: dict[PaperId, PaperId]) -> PaperId:
    return next((known[name] for name in sighting.ids if name in known), canonical(sighting.ids))


def _alone(sighting: Sighting, name: PaperId) -> Sighting:
    """What is said of it without what could lead readers elsewhere."""
    return replace(sighting, ids=(name,), announced=_NO_NEWS, url=None, links={}, signals={})
