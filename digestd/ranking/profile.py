"""Profiles: subscribers' interests before the day's papers, a block of them at a time.

A block holds arrays, not objects: what signals do, they do for everybody in it at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np

from digestd.domain.interest import Kind
from digestd.ranking.arrays import Bools, Cells, Ints, Sparse, grouped
from digestd.ranking.compiler import FACTS, RUNS, Said, Wants, compile_records, said
from digestd.ranking.model import TextModel
from digestd.ranking.named import Match, Named, finders, read_named
from digestd.ranking.pool import Pool
from digestd.ranking.records import Runs, unpack
from digestd.ranking.seeds import Seed
from digestd.ranking.tastes import Tastes, kin_of
from digestd.ranking.topics import Topics, read_topics

__all__ = ["Profile", "Profiles", "Seed", "Wants", "block", "compile_profiles", "read_profiles"]


@dataclass(frozen=True, slots=True, eq=False)
class Profiles(Sequence["Profile"]):
    """n subscribers before m papers.

    `echoes` (n, r): the archive papers that stand for the topics, by their shares. `plain` (n,): nothing to go
    by, so only trends count. `muted`: (subscriber, paper) never shown. `records` and `seeds`: what they were read from.
    """

    records: Sequence[bytes]
    seeds: Sequence[Sequence[Seed]]
    words: "_Words"
    topics: Topics
    echoes: Sparse
    phrases: Named
    authors: Named
    categories: Named
    tastes: Tastes
    plain: Bools
    muted: Cells

    def __len__(self) -> int:
        return len(self.records)

    def typed(self) -> Callable[[int], str]:
        """What gives a topic of the block as typed."""
        owners, starts = self.topics.of.owner.tolist(), self.topics.of.starts.tolist()

        def topic(number: int) -> str:
            owner = owners[number]
            typed: str = self.words.of(owner).topics[number - starts[owner]]
            return typed

        return topic

    @overload
    def __getitem__(self, row: int) -> "Profile": ...
    @overload
    def __getitem__(self, row: slice) -> Sequence["Profile"]: ...
    def __getitem__(self, row: int | slice) -> "Profile | Sequence[Profile]":
        if isinstance(row, slice):
            return [Profile(self, i) for i in range(len(self))[row]]
        return Profile(self, range(len(self))[row])


@dataclass(frozen=True, slots=True)
class Profile:
    """One subscriber of a block."""

    among: Profiles
    row: int

    @property
    def plain(self) -> bool:
        """Whether there is nothing to go by, so that only trends count."""
        return bool(self.among.plain[self.row])

    @property
    def likes(self) -> int:
        """How many liked papers are known."""
        return int(self.among.tastes.likes.sizes[self.row])

    @property
    def muted(self) -> Ints:
        """The positions of papers never shown."""
        return self.among.muted.of(self.row)


def compile_profiles(wants: Sequence[Wants], model: TextModel, pool: Pool) -> Profiles:
    """Compile a block of subscribers and read them at once.

    `model` must be the one the pool was built with.
    """
    if model.version != pool.model.version:
        raise ValueError(f"the pool was built with text model {pool.model.version}, not {model.version}")
    seeds = [[want.seeds[name] for name in want.named()] for want in wants]
    return read_profiles(compile_records(wants, pool), seeds, pool)


def block(profiles: Sequence[Profile], pool: Pool) -> Profiles:
    """Any profiles as one block."""
    if isinstance(profiles, Profiles):
        return profiles
    records = [one.among.records[one.row] for one in profiles]
    return read_profiles(records, [one.among.seeds[one.row] for one in profiles], pool)


def read_profiles(records: Sequence[bytes], seeds: Sequence[Sequence[Seed]], pool: Pool) -> Profiles:
    """A block of compiled subscribers before the pool.

    `seeds`: of each the papers that its record names, in order; more than these are left alone.
    """
    runs, texts = unpack(records, RUNS)
    facts = runs[-1].ints.reshape(len(records), FACTS)
    words = _Words(records, texts)
    named, muted = _named(words, facts[:, 4] > 0, facts[:, 5] > 0, pool)
    return Profiles(
        records=records,
        seeds=seeds,
        words=words,
        topics=_topics(runs, words, facts[:, 3], pool),
        echoes=runs[6].groups.summing(runs[7].floats, runs[6].ints, len(pool.model.archive)),
        phrases=named[Kind.PHRASE],
        authors=named[Kind.AUTHOR],
        categories=named[Kind.CATEGORY],
        tastes=_tastes(runs, facts, seeds, pool),
        plain=facts[:, 2].astype(np.bool_),
        muted=muted,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Words:
    """The words of each record, read when they are asked for."""

    records: Sequence[bytes]
    places: Sequence[slice]
    _read: dict[int, Said] = field(default_factory=dict)

    def of(self, row: int) -> Said:
        """Those of one subscriber."""
        found = self._read.get(row)
        return self._read.setdefault(row, said(self.records[row][self.places[row]])) if found is None else found


def _topics(runs: Sequence[Runs], words: _Words, strange: Ints, pool: Pool) -> Topics:
    stems, terms = grouped(runs[0].ints), grouped(runs[3].ints)
    columns = runs[1].ints
    rows = pool.lexicon.row_of[columns] if len(pool.lexicon.row_of) else np.full(len(columns), -1, dtype=np.intp)
    unknown = [stem for row in np.flatnonzero(strange).tolist() for stem in words.of(row).strange]
    rows[columns < 0] = [pool.lexicon.rows.get(stem, -1) for stem in unknown]
    tfidf = terms.summing(runs[5].floats, runs[4].ints, len(pool.model.vocabulary))
    return read_topics(pool, runs[0].groups, stems, rows, runs[2].floats, tfidf)


def _tastes(runs: Sequence[Runs], facts: Ints, seeds: Sequence[Sequence[Seed]], pool: Pool) -> Tastes:
    everything, likes = runs[8].groups, grouped(facts[:, 0])
    named = [seed for own, count in zip(seeds, everything.sizes.tolist(), strict=True) for seed in own[:count]]
    shelf, places = pool.shelves.holding(named)
    liked = places[np.arange(len(places)) < (everything.starts + likes.sizes)[everything.owner]]
    kin = kin_of(shelf, likes, liked, len(pool))
    return Tastes(shelf, likes, liked, everything, places, runs[8].floats, runs[9].floats, *kin)


def _named(words: _Words, naming: Bools, muting: Bools, pool: Pool) -> tuple[dict[Kind, Named], Cells]:
    """What is named, by kind, and what is muted."""
    finder = finders(pool)
    named: dict[Kind, list[tuple[int, Match]]] = {kind: [] for kind in finder}
    for row in np.flatnonzero(naming).tolist():
        for kind, value in words.of(row).named:
            named[kind].append((row, finder[kind](value)))
    muted = [
        (row, finder[kind](value)) for row in np.flatnonzero(muting).tolist() for kind, value in words.of(row).muted
    ]
    found = {kind: read_named(each, len(pool)) for kind, each in named.items()}
    return found, read_named(muted, len(pool)).cells
