"""The papers that subscribers named, read from the store once a run: many name the same ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from sqlmodel import Session

from digestd.domain.paper import Paper, PaperId, votes
from digestd.plan.dense import seed_vectors
from digestd.ranking.arrays import Floats
from digestd.ranking.dense import Space
from digestd.ranking.model import TextModel
from digestd.ranking.seeds import Seed
from digestd.ranking.terms import read_terms
from digestd.store import encodings, papers

ROOM = 20_000
"""Papers kept: 50 MB of text."""


class Named(NamedTuple):
    """A paper somebody named: its row number, the revision that was read, and what ranking needs of it."""

    key: int
    revision: int
    seed: Seed


@dataclass(frozen=True, slots=True)
class Readings:
    """What has been read in this run, up to a bound, and which names are unknown. It only saves time.

    `made`: the terms of revisions that had not been read by this text model before, to be kept.
    """

    model: TextModel
    space: Space
    made: dict[int, bytes] = field(default_factory=dict)
    _kept: dict[PaperId, Named] = field(default_factory=dict)
    _unknown: set[PaperId] = field(default_factory=set)

    def of(self, session: Session, names: Iterable[PaperId]) -> dict[PaperId, Named]:
        """The papers known under these names; unknown ones are absent."""
        wanted = set(names)
        found = {name: self._kept[name] for name in wanted if name in self._kept}
        missing = sorted(wanted - found.keys() - self._unknown)
        if missing:
            fresh = self._read(session, missing)
            self._unknown.update(wanted - found.keys() - fresh.keys())
            self._kept.update(fresh)
            found |= fresh
            for oldest in list(islice(self._kept, max(0, len(self._kept) - ROOM))):
                del self._kept[oldest]
        return found

    def _read(self, session: Session, names: Sequence[PaperId]) -> dict[PaperId, Named]:
        found = papers.by_ids(session, names)
        vectors = seed_vectors(session, self.space, list(found.values()))
        terms = self._terms(session, {paper.revision: paper for paper in found.values()})
        return {
            name: _named(paper, vectors.get(paper.revision), terms[paper.revision]) for name, paper in found.items()
        }

    def _terms(self, session: Session, read: Mapping[int, Paper]) -> dict[int, bytes]:
        terms = encodings.of(session, self.model.version, read)
        missing = [revision for revision in read if revision not in terms]
        made = dict(zip(missing, read_terms(self.model, [read[key].text for key in missing]), strict=True))
        self.made.update(made)
        return terms | made


def _named(paper: Paper, vector: Floats | None, terms: bytes) -> Named:
    heard = votes(paper.signals)
    seed = Seed(paper.plain_title, paper.text, paper.words.authors, heard, vector, terms)
    return Named(paper.key, paper.revision, seed)
