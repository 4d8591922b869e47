"""The papers that subscribers named, read from the store once a run: many name the same ones."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from sqlmodel import Session

from digestd.domain.paper import PaperId
from digestd.plan.dense import seed_vectors
from digestd.ranking.dense import Space
from digestd.ranking.seeds import Seed
from digestd.store import papers

ROOM = 20_000
"""Papers kept: 50 MB of text."""


class Named(NamedTuple):
    """A paper somebody named: its row number, and what ranking needs of it."""

    key: int
    seed: Seed


@dataclass(frozen=True, slots=True)
class Readings:
    """What has been read in this run, up to a bound. It only saves time."""

    _kept: dict[PaperId, Named] = field(default_factory=dict)

    def of(self, session: Session, space: Space, names: Iterable[PaperId]) -> dict[PaperId, Named]:
        """The papers known under these names; unknown ones are absent."""
        wanted = set(names)
        found = {name: self._kept[name] for name in wanted if name in self._kept}
        missing = sorted(wanted - found.keys())
        if missing:
            fresh = papers.by_ids(session, missing)
            vectors = seed_vectors(session, space, list(fresh.values()))
            for name, paper in fresh.items():
                seed = Seed(paper.plain_title, paper.text, paper.words.authors, vectors.get(paper.revision))
                found[name] = self._kept[name] = Named(paper.key, seed)
            for oldest in list(islice(self._kept, max(0, len(self._kept) - ROOM))):
                del self._kept[oldest]
        return found
