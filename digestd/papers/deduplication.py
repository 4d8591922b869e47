"""Deduplicate papers without a common identifier.

Also merge or split papers for an operator.

New sightings are compared with the papers that share a blocking key (see `similarity`).
Every pair of sightings counts, so the order of arrival does not matter, with two
exceptions: a paper similar to two that are known to differ is joined with neither if
all come in one page, else with the first; and an abstract is known as boilerplate only
from the third paper on. Keys shared by more than COMMON papers are ignored.

Similarity is not transitive: a record without authors may be similar to the papers of
two groups. So papers are joined only if no two of their sightings contradict each other.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, product

from sqlmodel import Session

from digestd.domain.paper import Paper, PaperId, Sighting
from digestd.errors import BadInput, NotFound
from digestd.papers.merge import ReadableTexts, merge_change, rebuild_change
from digestd.papers.normalization import squash, title_words
from digestd.papers.similarity import (
    Similarity,
    abstract_key,
    blocking_keys,
    conflicting_ids,
    contradiction,
    same_work,
)
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.papers import merges
from digestd.store.papers import sightings as kept
from digestd.store.papers.sightings import PaperState, ReadableText, TextKey

COMMON = 20
"""Papers that may share a blocking key; more make it useless."""
BOILERPLATE = 3
"""Papers with different titles whose abstracts begin alike: from here on the abstract says nothing about them."""


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two papers (row numbers, the lower first) to merge, and why."""

    one: int
    other: int
    evidence: str


def merge_duplicates(
    session: Session,
    fresh: Mapping[int, Sequence[Sighting]],
    created: Collection[int],
    readable: Mapping[TextKey, ReadableText],
    now: datetime,
) -> int:
    """Merge papers that have new sightings with the papers they duplicate.

    Args:
        session: the caller's write transaction.
        fresh: the new sightings by paper.
        created: papers stored in this transaction, which nobody has seen.
        readable: texts already converted for readers.
        now: the time of the merge.

    Returns:
        How many of `created` were merged away.
    """
    wanted = {paper: frozenset().union(*map(blocking_keys, sightings)) for paper, sightings in fresh.items()}
    of_arxiv = {paper for paper, sightings in fresh.items() if any(map(_is_of_arxiv, sightings))}
    open_keys = {key for paper, held in wanted.items() if paper not in of_arxiv for key in held}
    other_keys = {key for held in wanted.values() for key in held} - open_keys
    stored = merges.papers_sharing(session, open_keys) | merges.non_arxiv_papers_sharing(session, other_keys)
    sharing = _sharing(wanted, stored)
    pairs = {pair for pair in _pairs(wanted, sharing) if not of_arxiv.issuperset(pair)}
    _note_keys(session, wanted, created)
    if not pairs:
        return 0
    known = {paper.key: paper for paper in kept.by_number(session, {key for pair in pairs for key in pair})}
    crowded = {key for key, found in sharing.items() if len(found) > COMMON}
    joins = find_duplicates(known, fresh, pairs, merges.forbidden_pairs(session, known), crowded)
    for join in joins:
        _join(session, join, created, readable, now)
    return len(
        set(papers.merged_into(session, [key for join in joins for key in (join.one, join.other)])) & set(created)
    )


def find_duplicates(
    known: Mapping[int, PaperState],
    fresh: Mapping[int, Sequence[Sighting]],
    pairs: Iterable[tuple[int, int]],
    kept_apart: Collection[tuple[int, int]],
    crowded: Collection[int] = (),
) -> list[DuplicatePair]:
    """Return the pairs that are one work.

    New sightings of each paper are compared with all of the other. `crowded`: blocking keys that more than COMMON
    papers share.
    """
    boilerplate = _boilerplate(known.values()).union(crowded)
    found = []
    for one, other in sorted(pairs):
        if (one, other) in kept_apart or conflicting_ids(known[one].aliases, known[other].aliases):
            continue
        verdict = _best(known[one], fresh.get(one, ()), known[other], fresh.get(other, ()), boilerplate)
        if verdict.is_same_work:
            found.append(DuplicatePair(one, other, verdict.evidence))
    return _without_doubt(found, known, kept_apart)


def _is_of_arxiv(sighting: Sighting) -> bool:
    return any(name.startswith("arxiv:") for name in sighting.ids)


def _boilerplate(known: Iterable[PaperState]) -> set[int]:
    """Return the keys of abstracts that BOILERPLATE papers with different titles share."""
    titles: dict[int, set[str]] = {}
    for paper in known:
        newest = paper.sightings[-1].sighting
        if (key := abstract_key(newest)) is not None:
            titles.setdefault(key, set()).add(squash(title_words(newest.words.title)))
    return {key for key, found in titles.items() if len(found) >= BOILERPLATE}


def _best(
    one: PaperState,
    new_of_one: Sequence[Sighting],
    other: PaperState,
    new_of_other: Sequence[Sighting],
    boilerplate: Collection[int],
) -> Similarity:
    """Return the similarity of the two most similar sightings."""
    pairs = [(mine, theirs) for mine in new_of_one for theirs in _sightings(other)]
    pairs += [(mine, theirs) for mine in _sightings(one) for theirs in new_of_other]
    verdicts = [
        same_work(mine, theirs, is_boilerplate=bool(boilerplate) and abstract_key(mine) in boilerplate)
        for mine, theirs in pairs
    ]
    return max(verdicts, key=lambda verdict: (verdict.score, verdict.evidence))


def _sightings(paper: PaperState) -> list[Sighting]:
    return [stored.sighting for stored in (*paper.sightings, *paper.older)]


def _without_doubt(
    joins: Sequence[DuplicatePair], known: Mapping[int, PaperState], kept_apart: Collection[tuple[int, int]]
) -> list[DuplicatePair]:
    """Drop the joins that would put two papers known to differ into one group.

    A join stays if both its papers differ from the same papers of the group. Then no chain of joins leads from a
    paper to one that it differs from, as that one would have to differ from itself.
    """
    groups: dict[int, set[int]] = {}
    for join in joins:
        group = groups.get(join.one, {join.one}) | groups.get(join.other, {join.other})
        groups |= dict.fromkeys(group, group)
    different: dict[int, set[int]] = {}
    for group in {min(group): group for group in groups.values()}.values():
        for one, other in combinations(sorted(group), 2):
            if (one, other) in kept_apart or _differ(known[one], known[other]):
                different.setdefault(one, set()).add(other)
                different.setdefault(other, set()).add(one)
    return [join for join in joins if different.get(join.one) == different.get(join.other)]


def _differ(one: PaperState, other: PaperState) -> bool:
    """Return True if any of their current sightings contradict each other."""
    if conflicting_ids(one.aliases, other.aliases):
        return True
    return any(
        contradiction(mine.sighting, theirs.sighting) for mine, theirs in product(one.sightings, other.sightings)
    )


def _sharing(wanted: Mapping[int, Iterable[int]], stored: Mapping[int, Iterable[int]]) -> dict[int, set[int]]:
    """Return the papers, new and stored, of each blocking key that several share."""
    alone: dict[int, int] = {}
    sharing: dict[int, set[int]] = {key: set(found) for key, found in stored.items()}
    for paper, held in wanted.items():
        for key in held:
            if key in sharing:
                sharing[key].add(paper)
            elif (before := alone.setdefault(key, paper)) != paper:
                sharing[key] = {before, paper}
    return sharing


def _pairs(wanted: Collection[int], sharing: Mapping[int, Collection[int]]) -> set[tuple[int, int]]:
    return {
        pair
        for found in sharing.values()
        if 1 < len(found) <= COMMON
        for pair in combinations(sorted(found), 2)
        if pair[0] in wanted or pair[1] in wanted
    }


def _note_keys(session: Session, wanted: Mapping[int, Iterable[int]], created: Collection[int]) -> None:
    held = merges.similarity_keys_of(session, wanted.keys() - set(created))
    merges.add_similarity_keys(session, {paper: set(found) - held.get(paper, set()) for paper, found in wanted.items()})


def _join(
    session: Session,
    join: DuplicatePair,
    created: Collection[int],
    readable: Mapping[TextKey, ReadableText],
    now: datetime,
) -> None:
    """Merge two papers, even if they were merged with others meanwhile."""
    pair = {join.one, join.other}
    found = papers.merged_into(session, pair)
    both = kept.by_number(session, {found.get(key, key) for key in pair})
    if len(both) == 2:
        change = merge_change(both, created, "similarity", join.evidence, now)
        kept.apply(session, [change], readable, now)


def merge_papers(db: Database, one: PaperId, other: PaperId, now: datetime) -> Paper:
    """Merge two papers for an operator; the older one is kept.

    Raises:
        NotFound: one of them is unknown.
        BadInput: they are one paper already.
    """
    with db.write() as session:
        kept.lock(session)
        numbers = [_number(session, name) for name in (one, other)]
        if numbers[0] == numbers[1]:
            raise BadInput(f"{one} and {other} are one paper already; there is nothing to merge")
        related = papers.merge_groups(session, numbers)
        merges.allow_merge(session, *(related.get(number, {number}) for number in numbers))
        both = kept.by_number(session, numbers)
        kept.apply(session, [merge_change(both, (), "operator", f"{one} = {other}", now)], ReadableTexts(), now)
        return papers.by_keys(session, [both[0].key])[both[0].key]


def split_paper(db: Database, name: PaperId, now: datetime, number: int | None = None) -> tuple[Paper, Paper]:
    """Undo the merge with this number, by default the last one of the paper.

    Only `merge_papers` joins the two again.

    Raises:
        NotFound: the paper is unknown.
        BadInput: there is no such merge to undo.
    """
    with db.write() as session:
        kept.lock(session)
        undone = _to_undo(session, name, number)
        holder = merges.undo(session, undone, now)
        pair = (holder, undone.absorbed)
        merges.forbid_merge(session, [pair, (undone.kept, undone.absorbed)], now)
        both = kept.by_number(session, pair)
        kept.apply(session, [rebuild_change(paper, now) for paper in both], ReadableTexts(), now)
        _note_keys(session, {paper.key: _keys(paper) for paper in both}, ())
        found = papers.by_keys(session, pair)
        return found[pair[0]], found[pair[1]]


def _to_undo(session: Session, name: PaperId, number: int | None) -> merges.Merge:
    paper = _number(session, name)
    live = [one for one in merges.of_paper(session, paper) if one.undone is None]
    ours = [one for one in live if papers.merged_into(session, [one.absorbed]).get(one.absorbed) == paper]
    if not ours:
        raise BadInput(f"{name} was not merged from others; there is nothing to split")
    chosen = ours[-1] if number is None else next((one for one in ours if one.number == number), None)
    if chosen is None:
        known = ", ".join(str(one.number) for one in ours)
        raise BadInput(f"merging {number}: not one of {name}; its mergings are {known} (see `digestd paper show`)")
    return chosen


def _number(session: Session, name: PaperId) -> int:
    found = papers.aliases(session, [name])
    if name not in found:
        raise NotFound(f"there is no paper {name}; `digestd paper list` lists all")
    return found[name]


def _keys(paper: PaperState) -> frozenset[int]:
    return frozenset().union(*map(blocking_keys, _sightings(paper)))
