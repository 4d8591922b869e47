"""Profiles: blocks of subscribers' interests, matched against the day's papers.

A block holds arrays instead of objects, so that every signal handles all its subscribers at once: the topics, the
query expansion, the exact matches of the phrases, authors and collections that subscribers name, and the feedback
matrix with their likes and dislikes as rows of one seed table. `compile_profiles` compiles and matches new interests;
`read_profiles` matches compiled records.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import overload

import numpy as np

from digestd.domain.interest import COLLECTIONS, Kind
from digestd.domain.paper import PaperId
from digestd.ranking.arrays import NOWHERE, Bools, Cells, Floats, Groups, Ints, Sparse, cells, grouped
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.compiler import (
    RECORD_FACTS,
    RECORD_RUNS,
    ProfileInput,
    RecordColumn,
    RecordWords,
    compile_records,
    read_record_words,
    unpack_records,
)
from digestd.ranking.inverted_index import sorted_positions
from digestd.ranking.judgments import Judged, replace_log_odds
from digestd.ranking.model import TextModel
from digestd.ranking.seeds import Seed, SeedTable
from digestd.ranking.subjects import ABOUT_LOG_ODDS, Queries
from digestd.ranking.text import tokens
from digestd.ranking.topics import Topics


@dataclass(frozen=True, slots=True, eq=False)
class FeedbackMatrix:
    """Likes and dislikes of n subscribers.

    Attributes:
        seed_table: The encoded seeds.
        likes, liked: Owner and table row of each like.
        seeds, places: Owner and table row of each like or dislike.
        dual_weights: Weight of each in the kernel ridge regression.
        centroid_weights: Weight of each in the centroid.
    """

    seed_table: SeedTable
    likes: Groups
    liked: Ints
    seeds: Groups
    places: Ints
    dual_weights: Floats
    centroid_weights: Floats

    @property
    def rows(self) -> Ints:
        """Return the subscribers with likes."""
        return np.flatnonzero(self.likes.sizes)

    def sum(self, weights: Floats, table: Floats) -> Floats:
        """Return the weighted sum of table rows per subscriber in `rows`.

        The shape is (len(rows), columns of the table).
        """
        total: Floats = grouped(self.seeds.sizes[self.rows]).summing(weights, self.places, len(table)) @ table
        return total


@dataclass(frozen=True, slots=True, eq=False)
class ExactMatch:
    """One named interest.

    Its `value` as typed and the `papers` (sorted positions) that match.

    `written`: the spelling in each paper, where it may differ from the value.
    """

    kind: Kind
    value: str
    papers: Ints
    written: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class ExactMatches:
    """The matches of one kind of interest for a block of subscribers.

    Attributes:
        cells: (subscriber, paper) with at least one match.
        matches: The first match of each cell.
        owner: (h,) subscriber of each interest that matches anything.
        found: (interest, paper) of every match.
        interests: (h,) the matches of each interest.
    """

    cells: Cells
    matches: Sequence[ExactMatch]
    owner: Ints
    found: Cells
    interests: Sequence[ExactMatch] = ()

    def at(self, row: int, column: int) -> list[ExactMatch]:
        """Return every match of a subscriber with a paper, in the order of their interests."""
        numbers = self.found.rows[self.found.columns == column]
        return [self.interests[number] for number in numbers[self.owner[numbers] == row].tolist()]

    def standing(self, width: int) -> Bools:
        """Return which papers each interest matches (h, width)."""
        table = np.zeros((len(self.owner), width), dtype=np.bool_)
        table[self.found.rows, self.found.columns] = True
        return table


@dataclass(frozen=True, slots=True, eq=False)
class Profiles(Sequence["Profile"]):
    """n subscribers against m papers.

    Attributes:
        records, seeds: What the block was read from.
        expansion: (n, r) weights of the archive texts that match the topics best.
        without_interests: (n,) True if there is nothing to go by, so only trends count.
        named_nothing: (n,) True if there is nothing but papers that were liked by a click, if any.
        collections: Categories, institutions and venues, each of which may have hundreds of papers a day.
        muted: (subscriber, paper) that must never be shown.
    """

    records: Sequence[bytes]
    seeds: Sequence[Sequence[Seed]]
    words: "_Words"
    topics: Topics
    expansion: Sparse
    phrases: ExactMatches
    authors: ExactMatches
    collections: ExactMatches
    feedback: FeedbackMatrix
    without_interests: Bools
    named_nothing: Bools
    muted: Cells

    def __len__(self) -> int:
        return len(self.records)

    def typed_topic(self, number: int) -> str:
        """Return the topic of a query, as typed."""
        owner = int(self.topics.of.owner[number])
        words = self.words.of(owner)
        typed: str = words.topics[words.typed[number - int(self.topics.of.starts[owner])]]
        return typed

    def topic_words(self, number: int, *quoted: str) -> tuple[str, tuple[str, ...]]:
        """Return the typed topic of a query, and what is quoted for it; then the part of it, if it is one."""
        part = self.topics.parts[number]
        return self.typed_topic(number), ((*(quoted or ("",)), part) if part else quoted)

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
    def without_interests(self) -> bool:
        return bool(self.among.without_interests[self.row])

    @property
    def likes(self) -> int:
        return int(self.among.feedback.likes.sizes[self.row])

    @property
    def muted(self) -> Ints:
        """Return the positions of papers that must never be shown."""
        return self.among.muted.of(self.row)


def compile_profiles(inputs: Sequence[ProfileInput], model: TextModel, candidates: CandidateSet) -> Profiles:
    """Compile a block of subscribers and read it.

    `model` must be the one the candidates were read with.
    """
    if model.version != candidates.model.version:
        raise ValueError(f"the candidates were read with text model {candidates.model.version}, not {model.version}")
    seeds = [[profile_input.seeds[name] for name in profile_input.named()] for profile_input in inputs]
    return read_profiles(compile_records(inputs, candidates), seeds, candidates)


def read_profiles(records: Sequence[bytes], seeds: Sequence[Sequence[Seed]], candidates: CandidateSet) -> Profiles:
    """Read compiled records as a block against the candidates.

    Args:
        seeds: For each record, the papers that it names, in order; extra ones are ignored.
    """
    runs, texts = unpack_records(records, RECORD_RUNS)
    facts = runs[-1].ints.reshape(len(records), RECORD_FACTS)
    words = _Words(records, texts)
    named, collections, muted = _named(words, facts[:, 3] > 0, facts[:, 4] > 0, candidates)
    return Profiles(
        records=records,
        seeds=seeds,
        words=words,
        topics=_topics(runs, words, candidates),
        expansion=runs[4].groups.summing(runs[5].floats, runs[4].ints, len(candidates.model.archive)),
        phrases=named[Kind.PHRASE],
        authors=named[Kind.AUTHOR],
        collections=collections,
        feedback=_feedback(runs, facts, seeds, candidates),
        without_interests=facts[:, 2].astype(np.bool_),
        named_nothing=facts[:, 5].astype(np.bool_),
        muted=muted,
    )


def as_block(profiles: Sequence[Profile], candidates: CandidateSet) -> Profiles:
    """Return any profiles as one block."""
    if isinstance(profiles, Profiles):
        return profiles
    records = [one.among.records[one.row] for one in profiles]
    return read_profiles(records, [one.among.seeds[one.row] for one in profiles], candidates)


def match_finders(candidates: CandidateSet) -> Mapping[Kind, Callable[[str], ExactMatch]]:
    """Return one memoised lookup function per kind of interest."""

    def exact(kind: Kind, find: Callable[[str], Iterable[int]]) -> Callable[[str], ExactMatch]:
        def match(value: str) -> ExactMatch:
            found = find(value)
            return ExactMatch(kind, value, sorted_positions(found), found if isinstance(found, dict) else {})

        return cache(match)

    numbers = cache(lambda: {paper.id: j for j, paper in enumerate(candidates.papers)})
    return {
        Kind.TOPIC: exact(Kind.TOPIC, lambda value: candidates.subjects.with_all(tokens(value))),
        **{kind: exact(kind, find) for kind, find in candidates.inverted_index.finders.items()},
        Kind.PAPER: exact(Kind.PAPER, lambda value: [numbers()[PaperId(value)]] if value in numbers() else ()),
    }


def build_exact_matches(found: Iterable[tuple[int, ExactMatch]], width: int) -> ExactMatches:
    """Collect (subscriber, match) pairs, in subscriber order.

    `width`: number of papers.
    """
    matched = [(row, match) for row, match in found if len(match.papers)]
    if not matched:
        return _NOBODY
    owner, sizes = (
        np.array([row for row, _ in matched], dtype=np.intp),
        [len(match.papers) for _, match in matched],
    )
    which, papers = (
        np.repeat(np.arange(len(matched)), sizes),
        np.concatenate([match.papers for _, match in matched]),
    )
    once, first, _ = cells(owner[which], papers, width)
    interests = [match for _, match in matched]
    return ExactMatches(once, [interests[n] for n in which[first].tolist()], owner, Cells(which, papers), interests)


_NOBODY = ExactMatches(Cells(NOWHERE, NOWHERE), (), NOWHERE, Cells(NOWHERE, NOWHERE))


@dataclass(frozen=True, slots=True, eq=False)
class _Words:
    """The texts of each record, decoded on demand."""

    records: Sequence[bytes]
    places: Sequence[slice]
    _read: dict[int, RecordWords] = field(default_factory=dict)

    def of(self, row: int) -> RecordWords:
        """Return the texts of one subscriber."""
        found = self._read.get(row)
        return (
            self._read.setdefault(row, read_record_words(self.records[row][self.places[row]]))
            if found is None
            else found
        )


@dataclass(frozen=True, slots=True, eq=False)
class InterestMatches:
    """k interests of a block of subscribers.

    `owner` (k,), and `by` (k, m), the papers that match each.

    The interests of one subscriber are in the order topics, phrases, authors, collections.
    """

    owner: Ints
    by: Bools


def match_interests(profiles: Profiles, width: int) -> InterestMatches:
    """Match the interests of a block against m = `width` papers.

    These are liked topics, phrases, authors and collections.

    Phrases, authors and collections without any match are left out.
    """
    topics = profiles.topics
    kinds = [profiles.phrases, profiles.authors, profiles.collections]
    return InterestMatches(
        owner=np.concatenate([topics.of.owner, *(kind.owner for kind in kinds)]),
        by=np.concatenate([topics.log_odds >= ABOUT_LOG_ODDS, *(kind.standing(width) for kind in kinds)]),
    )


def _topics(runs: Sequence[RecordColumn], words: _Words, candidates: CandidateSet) -> Topics:
    of, terms = runs[0].groups, grouped(runs[0].ints)
    own = [words.of(row) for row in np.flatnonzero(of.sizes).tolist()]
    queries = Queries(
        forms=[forms for each in own for forms in each.forms],
        words=terms.summing(runs[2].floats, runs[1].ints, len(candidates.model.vocabulary)),
        vectors=runs[3].halves((len(of.owner), candidates.space.dims)),
    )
    log_odds = candidates.subjects.log_odds(queries)
    judged: Judged = {}
    if candidates.judgments.by_topic:
        judged = candidates.judgments.of(each.topics[n] for each in own for n in each.typed)
        replace_log_odds(log_odds, judged)
    parts = [part for each in own for part in each.parts]
    return Topics(of, log_odds, queries.forms, parts, judged, candidates.subjects)


def _feedback(
    runs: Sequence[RecordColumn], facts: Ints, seeds: Sequence[Sequence[Seed]], candidates: CandidateSet
) -> FeedbackMatrix:
    everything, likes = runs[6].groups, grouped(facts[:, 0])
    named = [seed for own, count in zip(seeds, everything.sizes.tolist(), strict=True) for seed in own[:count]]
    seed_table, places = candidates.seed_encoder.table_with(named)
    liked = places[np.arange(len(places)) < (everything.starts + likes.sizes)[everything.owner]]
    return FeedbackMatrix(seed_table, likes, liked, everything, places, runs[6].floats, runs[7].floats)


def _named(
    words: _Words, naming: Bools, muting: Bools, candidates: CandidateSet
) -> tuple[dict[Kind, ExactMatches], ExactMatches, Cells]:
    """Return the matches of named interests by kind, those of collections, and the muted cells."""
    finder = match_finders(candidates)
    named: dict[Kind, list[tuple[int, ExactMatch]]] = {kind: [] for kind in finder}
    for row in np.flatnonzero(naming).tolist():
        for kind, value in words.of(row).named:
            named[kind].append((row, finder[kind](value)))
    muted = [
        (row, finder[kind](value)) for row in np.flatnonzero(muting).tolist() for kind, value in words.of(row).muted
    ]
    found = {kind: build_exact_matches(named[kind], len(candidates)) for kind in (Kind.PHRASE, Kind.AUTHOR)}
    collections = sorted(chain(*(named[kind] for kind in COLLECTIONS)), key=itemgetter(0))
    width = len(candidates)
    return found, build_exact_matches(collections, width), build_exact_matches(muted, width).cells
