"""Group sightings into works by shared identifiers, directly or through others.

Pure.

arXiv gives a work one identifier, so nothing joins two of them: a DOI on two arXiv papers
is an author's mistake. Pairs on the operator's do-not-merge list are not joined either. A
stored paper is never split here, as an operator may know better. Abstracts of a
conference may share the DOI of their volume: one of another title by other people does
not get it. The result does not depend on the order of the input.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from digestd.domain.paper import PaperId, Sighting
from digestd.papers.similarity import AuthorMatch, TitleMatch, compare_authors, compare_titles
from digestd.sources.identifiers import title_hash_id

COMPARED_MAX = 10
"""Sightings of other titles that are compared with the holder of their DOI. A DOI of more is shared."""
NAMES_MAX = 6
"""Names of each list of authors that are compared then, as a file may have 20,000 entries of many authors."""


@dataclass(frozen=True, slots=True)
class Work:
    """One work: its identifiers, its stored papers (row numbers), its sightings (positions)."""

    ids: tuple[PaperId, ...]
    keys: tuple[int, ...]
    members: tuple[int, ...]


def without_shared_dois(sightings: Sequence[Sighting], holders: Mapping[PaperId, Sequence[Sighting]]) -> list[Sighting]:
    """Return the sightings, without a DOI that belongs to another work: it has another title and other authors.

    `holders`: the stored sightings of the paper that has a DOI.
    """
    held, kept, compared = dict(holders), dict(enumerate(sightings)), Counter[PaperId]()
    for place, sighting in sorted(kept.items(), key=lambda item: _claim(item[1])):
        ids = tuple(name for name in sighting.ids if not _is_of_another(sighting, name, held.get(name, ()), compared))
        if ids != sighting.ids:
            kept[place] = replace(sighting, ids=ids or (title_hash_id(sighting.words),))
        for name in ids:
            held.setdefault(name, [sighting])
    return list(kept.values())


def group_works(
    sightings: Sequence[Sighting],
    known: Mapping[int, Iterable[PaperId]],
    apart: Collection[tuple[int, int]] = (),
) -> list[Work]:
    """Group sightings into works by identifiers, given those of the stored papers.

    `apart`: row numbers of papers that are two works, the lower first.
    """
    sets = _UnionFind(apart)
    for key, names in known.items():
        sets.add_stored(key, list(names))
    for own, other in sorted({(sighting.ids[0], other) for sighting in sightings for other in sighting.ids}):
        sets.union(own, other)
    groups = sets.groups()
    members: dict[PaperId, list[int]] = {}
    for position, sighting in enumerate(sightings):
        members.setdefault(sets.find(sighting.ids[0]), []).append(position)
    keys: dict[PaperId, list[int]] = {}
    for key, names in known.items():
        keys.setdefault(sets.find(next(iter(names))), []).append(key)
    found = [
        Work(tuple(sorted(groups[root])), tuple(sorted(keys.get(root, ()))), tuple(positions))
        for root, positions in members.items()
    ]
    return sorted(found, key=lambda work: work.ids)


def _claim(sighting: Sighting) -> tuple[bool, tuple[str, ...], str, tuple[str, ...]]:
    """Return the sort key, by which a paper whose own identifier is the DOI comes first."""
    return not sighting.ids[0].startswith("doi:"), sighting.ids, sighting.words.title, sighting.words.authors


def _is_of_another(sighting: Sighting, name: PaperId, holders: Sequence[Sighting], compared: Counter[PaperId]) -> bool:
    """Return True if a DOI belongs to another work. A source that adds to a known paper may describe it differently.

    `compared`: how many sightings were compared with the holder of a DOI; one is added.
    """
    is_claim = name.startswith("doi:") and not sighting.announced.startswith("replace")
    if not is_claim or not holders or any(_is_like(sighting, one) for one in holders):
        return False
    compared[name] += 1
    return compared[name] > COMPARED_MAX or all(_are_two_works(sighting, one) for one in holders)


def _is_like(one: Sighting, other: Sighting) -> bool:
    return one.words.title == other.words.title or not (one.words.authors and other.words.authors)


def _are_two_works(one: Sighting, other: Sighting) -> bool:
    mine, theirs = one.words.authors[:NAMES_MAX], other.words.authors[:NAMES_MAX]
    is_other = compare_titles(one.words.title, other.words.title).match is TitleMatch.OTHER
    return is_other and compare_authors(mine, theirs)[0] is AuthorMatch.NOBODY


class _UnionFind:
    """Union-find over identifiers. It refuses to join two arXiv ids, or two papers set apart."""

    def __init__(self, apart: Collection[tuple[int, int]]) -> None:
        self._parent: dict[PaperId, PaperId] = {}
        self._arxiv: dict[PaperId, PaperId] = {}
        self._apart = apart
        self._held: dict[PaperId, set[int]] = {}

    def add_stored(self, key: int, names: Sequence[PaperId]) -> None:
        """Join all identifiers of one stored paper without any check."""
        for name in names:
            if (root := self.find(name)) != (first := self.find(names[0])):
                self._unite(*sorted((root, first)))
        self._held.setdefault(self.find(names[0]), set()).add(key)

    def find(self, name: PaperId) -> PaperId:
        if name not in self._parent:
            self._parent[name] = name
            if name.startswith("arxiv:"):
                self._arxiv[name] = name
        while (above := self._parent[name]) != name:
            self._parent[name] = self._parent[above]
            name = above
        return name

    def union(self, one: PaperId, other: PaperId) -> None:
        kept, gone = sorted((self.find(one), self.find(other)))
        if kept == gone or (kept in self._arxiv and gone in self._arxiv) or self._are_apart(kept, gone):
            return
        self._unite(kept, gone)

    def _are_apart(self, one: PaperId, other: PaperId) -> bool:
        pairs = product(self._held.get(one, ()), self._held.get(other, ())) if self._apart else ()
        return any((min(pair), max(pair)) in self._apart for pair in pairs)

    def _unite(self, kept: PaperId, gone: PaperId) -> None:
        self._parent[gone] = kept
        if gone in self._arxiv:
            self._arxiv[kept] = self._arxiv[gone]
        if gone in self._held:
            self._held[kept] = self._held.get(kept, set()) | self._held.pop(gone)

    def groups(self) -> dict[PaperId, list[PaperId]]:
        found: dict[PaperId, list[PaperId]] = {}
        for name in list(self._parent):
            found.setdefault(self.find(name), []).append(name)
        return found
