"""Profile compiler: turn interests into records that can be stored.

It uses the text model.

A record depends only on the interests, the texts of the papers they name, and the text model; never on the day or on
the other subscribers of a block. Ranking always reads records, whether stored or new.

A record is bytes: a header with the length of each run of numbers (4 bytes each) and of the text, then the runs, then
the text. A block of records is decoded with a few array operations.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from digestd.domain.interest import COLLECTIONS, Interest, Kind, Stance, values
from digestd.domain.paper import PaperId
from digestd.ranking.arrays import NOWHERE, Floats, Groups, Ints, grouped
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.kernel_ridge import dual
from digestd.ranking.seeds import Seed, SeedTable
from digestd.ranking.topics import Topic, compile_topics

Run: TypeAlias = NDArray[np.int32] | Ints | Floats
DISLIKE_WEIGHT = 0.5
"""Weight of the mean of the dislikes against that of the likes in the centroid."""
RECORD_FORMAT = 12
"""Version of the record format; records of another version are recompiled."""
RECORD_RUNS, RECORD_FACTS = 9, 6
"""Runs of numbers in a record, and numbers in the last of them: see `_record`."""
_NUMBERS = {"i": np.dtype("<i4"), "f": np.dtype("<f4")}
"""Types of the numbers in a record, by kind of array."""
_decode_json = json.JSONDecoder().decode
_encode_json = json.JSONEncoder(separators=(",", ":")).encode
_KINDS = {str(kind): kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class ProfileInput:
    """Interests of a subscriber, with `seeds`.

    These are the texts of liked or disliked papers that are known.
    """

    interests: tuple[Interest, ...] = ()
    seeds: Mapping[PaperId, Seed] = field(default_factory=dict)

    def liked(self) -> list[PaperId]:
        return self._known(Stance.LIKED)

    def disliked(self) -> list[PaperId]:
        return self._known(Stance.MUTED)

    def named(self) -> list[PaperId]:
        """Return the known papers in record order: likes, then dislikes; none if there are no likes."""
        likes = self.liked()
        return [*likes, *self.disliked()] if likes else []

    def _known(self, wish: Stance) -> list[PaperId]:
        named = (PaperId(i.value) for i in self.interests if i.kind is Kind.PAPER and i.stance is wish)
        return [name for name in dict.fromkeys(named) if name in self.seeds]


class RecordWords(NamedTuple):
    """The texts of a record.

    Attributes:
        topics: Topics with a content word, as typed.
        typed: The number of the topic that each query is of.
        forms: The stems of the names of each query.
        parts: The part of its topic that each query is; empty if all.
        named, muted: (kind, value) of named and muted interests.
        papers: Liked and disliked papers.
    """

    topics: Sequence[str]
    typed: Sequence[int]
    forms: Sequence[Sequence[Sequence[str]]]
    parts: Sequence[str]
    named: Sequence[tuple[Kind, str]]
    muted: Sequence[tuple[Kind, str]]
    papers: Sequence[PaperId]


@dataclass(frozen=True, slots=True, eq=False)
class RecordColumn:
    """The same run of each of n records, concatenated.

    The groups say whose values are whose.
    """

    raw: NDArray[np.int32]
    groups: Groups

    @property
    def ints(self) -> Ints:
        return self.raw.astype(np.intp)

    @property
    def floats(self) -> Floats:
        return self.raw.view(np.float32)

    def halves(self, shape: tuple[int, int]) -> Floats:
        """Return the rows that `halved` wrote, in this shape (n, width)."""
        count, width = shape
        return self.raw.view(np.float16).reshape(count, width + width % 2)[:, :width].astype(np.float32)


def halved(rows: Floats) -> NDArray[np.int32]:
    """Return rows (n, width) as a run of half-precision numbers, each row padded to 4 bytes."""
    padded = np.zeros((len(rows), rows.shape[1] + rows.shape[1] % 2), dtype=np.float16)
    padded[:, : rows.shape[1]] = rows
    return padded.ravel().view(np.int32)


def compile_records(inputs: Sequence[ProfileInput], candidates: CandidateSet) -> list[bytes]:
    """Compile the record of each subscriber. Only the candidates' text model matters, not the papers."""
    topics = compile_topics(
        (v for w in inputs for v in values(w.interests, Kind.TOPIC)),
        candidates.model,
        candidates.space,
    )
    each = [
        {v: topics[v] for v in values(profile_input.interests, Kind.TOPIC) if v in topics} for profile_input in inputs
    ]
    seed_table, _ = candidates.seed_encoder.table_with(
        seed for profile_input in inputs for seed in profile_input.seeds.values()
    )
    stems = [[query.stems for own in own_topics.values() for query in own] for own_topics in each]
    expansions = candidates.model.archive.best([np.concatenate([NOWHERE, *own]) for own in stems])
    return [
        _record(profile_input, own_topics, expansion, _feedback(profile_input, seed_table, candidates))
        for profile_input, own_topics, expansion in zip(inputs, each, expansions, strict=True)
    ]


def pack_record(runs: Sequence[Run], text: str) -> bytes:
    encoded = text.encode()
    head = np.array([*map(len, runs), len(encoded)], dtype="<i4")
    return b"".join([head.tobytes(), *(run.astype(_NUMBERS[run.dtype.kind]).tobytes() for run in runs), encoded])


def unpack_records(records: Sequence[bytes], count: int) -> tuple[list[RecordColumn], list[slice]]:
    """Decode the `count` runs of each record, and locate its text."""
    heads = np.frombuffer(b"".join(record[: 4 * (count + 1)] for record in records), dtype="<i4")
    lengths = heads.reshape(len(records), count + 1).astype(np.intp)
    numbers = lengths[:, :count].sum(axis=1)
    first = 4 * (count + 1)
    ends = (first + 4 * numbers).tolist()
    whole = np.frombuffer(b"".join(record[first:end] for record, end in zip(records, ends, strict=True)), dtype="<i4")
    starts = np.cumsum(numbers) - numbers
    runs = []
    for length in lengths[:, :count].T:
        groups = grouped(length)
        runs.append(RecordColumn(whole[(starts - groups.starts)[groups.owner] + np.arange(len(groups.owner))], groups))
        starts = starts + length
    return runs, [slice(end, end + size) for end, size in zip(ends, lengths[:, count].tolist(), strict=True)]


def read_record_words(text: bytes) -> RecordWords:
    """Decode the texts of a record."""
    topics, typed, forms, parts, named, muted, papers = _decode_json(text.decode())
    return RecordWords(topics, typed, forms, parts, _named_pairs(named), _named_pairs(muted), papers)


@dataclass(frozen=True, slots=True, eq=False)
class _Feedback:
    likes: int
    dislikes: int
    dual_weights: Floats
    centroid_weights: Floats


_NO_FEEDBACK = _Feedback(0, 0, np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.float32))


def _feedback(profile_input: ProfileInput, seed_table: SeedTable, candidates: CandidateSet) -> _Feedback:
    likes, dislikes = profile_input.liked(), profile_input.disliked()
    if not likes:
        return _NO_FEEDBACK
    seeds = [seed_table.seeds[seed_table.rows[profile_input.seeds[name]]] for name in [*likes, *dislikes]]
    return _Feedback(
        likes=len(likes),
        dislikes=len(dislikes),
        dual_weights=dual(candidates.negative_prior, seeds, len(likes)),
        centroid_weights=np.repeat(
            [1 / len(likes), -DISLIKE_WEIGHT / max(len(dislikes), 1)], [len(likes), len(dislikes)]
        ).astype(np.float32),
    )


def _record(
    profile_input: ProfileInput,
    topics_by_text: Mapping[str, Sequence[Topic]],
    expansion: tuple[Ints, Floats],
    feedback: _Feedback,
) -> bytes:
    named = [
        i
        for i in profile_input.interests
        if i.kind in (Kind.PHRASE, Kind.AUTHOR, *COLLECTIONS) and i.stance is Stance.LIKED
    ]
    muted = [i for i in profile_input.interests if i.stance is Stance.MUTED]
    topics = list(chain(*topics_by_text.values()))
    liked = {PaperId(i.value) for i in profile_input.interests if i.kind is Kind.PAPER and not i.is_click}
    is_named = topics or any(map(str.isalnum, "".join(i.value for i in named)))
    runs: list[Run] = [
        np.array([len(topic.terms) for topic in topics], dtype=np.int32),
        np.concatenate([NOWHERE, *(topic.terms for topic in topics)]),
        np.concatenate([np.zeros(0, dtype=np.float32), *(topic.values for topic in topics)]),
        halved(np.array([topic.vector for topic in topics])) if topics else NOWHERE,
        expansion[0].astype(np.int32),
        expansion[1],
        feedback.dual_weights,
        feedback.centroid_weights,
        np.array(
            [
                *(feedback.likes, feedback.dislikes, not (is_named or feedback.likes), bool(named), bool(muted)),
                not (is_named or liked.intersection(profile_input.liked())),
            ],
            dtype=np.int32,
        ),
    ]
    words = [
        list(topics_by_text),
        [number for number, queries in enumerate(topics_by_text.values()) for _ in queries],
        [topic.forms for topic in topics],
        [topic.part for topic in topics],
        [[i.kind, i.value] for i in named],
        [[i.kind, i.value] for i in muted],
        profile_input.named(),
    ]
    return pack_record(runs, _encode_json(words))


def _named_pairs(found: Sequence[tuple[str, str]]) -> list[tuple[Kind, str]]:
    return [(_KINDS[kind], value) for kind, value in found]
