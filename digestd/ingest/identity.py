"""Which sightings are one work: those that share an identifier, directly or through others. Pure.

arXiv gives a work one id, so nothing ever joins two of them: a DOI named by two arXiv papers is
one author's mistake, not their identity. The answer does not depend on the order of the input.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from digestd.domain.paper import PaperId, Sighting


@dataclass(frozen=True, slots=True)
class Work:
    """One work: its identifiers, the papers it is known as (row numbers), its sightings (positions)."""

    ids: tuple[PaperId, ...]
    keys: tuple[int, ...]
    members: tuple[int, ...]


def works(sightings: Sequence[Sighting], known: Mapping[int, Iterable[PaperId]]) -> list[Work]:
    """The works these sightings name, given the identifiers of the papers known, in order of their identifiers."""
    joined = _Joined()
    for names in known.values():
        ordered = list(names)
        for name in ordered:
            joined.join(ordered[0], name)
    for own, other in sorted({(sighting.ids[0], other) for sighting in sightings for other in sighting.ids}):
        joined.join(own, other)
    groups = joined.groups()
    members: dict[PaperId, list[int]] = {}
    for position, sighting in enumerate(sightings):
        members.setdefault(joined.root(sighting.ids[0]), []).append(position)
    keys: dict[PaperId, list[int]] = {}
    for key, names in known.items():
        keys.setdefault(joined.root(next(iter(names))), []).append(key)
    found = [
        Work(tuple(sorted(groups[root])), tuple(sorted(keys.get(root, ()))), tuple(positions))
        for root, positions in members.items()
    ]
    return sorted(found, key=lambda work: work.ids)


class _Joined:
    """Union-find over identifiers that refuses to join two arXiv ids."""

    def __init__(self) -> None:
        self._parent: dict[PaperId, PaperId] = {}
        self._arxiv: dict[PaperId, PaperId] = {}

    def root(self, name: PaperId) -> PaperId:
        if name not in self._parent:
            self._parent[name] = name
            if name.startswith("arxiv:"):
                self._arxiv[name] = name
        while (above := self._parent[name]) != name:
            self._parent[name] = self._parent[above]
            name = above
        return name

    def join(self, one: PaperId, other: PaperId) -> None:
        kept, gone = sorted((self.root(one), self.root(other)))
        if kept == gone or (kept in self._arxiv and gone in self._arxiv):
            return
        self._parent[gone] = kept
        if gone in self._arxiv:
            self._arxiv[kept] = self._arxiv[gone]

    def groups(self) -> dict[PaperId, list[PaperId]]:
        found: dict[PaperId, list[PaperId]] = {}
        for name in list(self._parent):
            found.setdefault(self.root(name), []).append(name)
        return found
