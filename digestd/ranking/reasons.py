"""Reasons: one true reason per paper, the strongest that applies.

Where no single like is close to a paper, the words that make it a match for the likes as a whole are the reason. The
regression on likes is a sum over terms, Σ x_t · w_t with w = Aᵀα, where A holds the TF-IDF rows of likes and dislikes
and α their dual weights. The reason names the single words that add the most.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import overload

import numpy as np

from digestd.domain.digest import Reason, ReasonKind
from digestd.domain.interest import COLLECTIONS
from digestd.ranking.arrays import Bools, Cells, Floats, Ints
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profile, Profiles
from digestd.ranking.signals import community, likes, named, topics
from digestd.ranking.signals.base import Explain, ReasonEvidence, Words
from digestd.ranking.subjects import ABOUT

LEAST_JOINT = 0.08
"""Minimum contribution of all likes together: about that of one like that is just close enough."""
MOST_WORDS = 3
"""Maximum number of words."""
FAR = 0.02
"""Chance below which nothing is said about a topic."""
LEAST_SHARE = 0.05
"""Minimum share of the sum that a word must add."""


def explain_words(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return up to three words of the paper, as written there."""
    feedback = profiles.feedback
    seeds, rows = feedback.seeds.members(at.rows)
    each = feedback.dual_weights[rows] * feedback.seed_table.cosine[feedback.places[rows], at.columns[seeds.owner]]
    joint = np.bincount(seeds.owner, each, minlength=len(at)).astype(np.float32)
    strongest = {
        k: named
        for k in np.flatnonzero(joint >= LEAST_JOINT).tolist()
        if (named := _heaviest(candidates, profiles, int(at.rows[k]), int(at.columns[k])))
    }

    def words(k: int) -> Words:
        return "", strongest[k]

    strength = np.where(np.isin(np.arange(len(at)), list(strongest)), np.minimum(joint, 1), 0).astype(np.float32)
    return ReasonEvidence(ReasonKind.WORDS, strength, words, at.rows * len(candidates) + at.columns)


ORDER: tuple[tuple[Explain, float], ...] = (
    (named.explain_author, 0.0),
    (named.explain_phrase, named.MEANT),
    (topics.explain_subject, ABOUT),
    (likes.explain_likes, 0.0),
    (named.explain_phrase, 0.0),
    (explain_words, 0.0),
    (community.explain_co_likes, 0.0),
    (named.explain_collection, 0.0),
    (topics.explain_subject, FAR),
    (community.explain_trend, 0.0),
)
"""Sources of reasons, strongest first, with the strength that each needs at that position.

A phrase that is mentioned in passing says less than a topic or a like.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Reasons(Sequence[Reason]):
    """The reasons at q places.

    The `distinct` ones, and `which` of them each place has (q,).
    """

    distinct: Sequence[Reason]
    which: Ints

    def __len__(self) -> int:
        return len(self.which)

    @overload
    def __getitem__(self, place: int) -> Reason: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Reason]: ...
    def __getitem__(self, place: int | slice) -> Reason | Sequence[Reason]:
        if isinstance(place, slice):
            return [self.distinct[number] for number in self.which[place].tolist()]
        return self.distinct[int(self.which[place])]


def reason(candidates: CandidateSet, profile: Profile, j: int) -> Reason:
    return reasons(candidates, profile.among, Cells(np.array([profile.row]), np.array([j])))[0]


def reasons(candidates: CandidateSet, profiles: Profiles, at: Cells) -> Reasons:
    """Return the reason at each of q (subscriber, paper), in any order."""
    distinct = [Reason(ReasonKind.NEW)]
    which = np.zeros(len(at), dtype=np.intp)
    for places, evidence, among in _decided(candidates, profiles, at):
        _, first, alike = np.unique(evidence.alike[among], return_index=True, return_inverse=True)
        known: dict[tuple[ReasonKind, str, tuple[str, ...]], int] = {}
        numbers = [known.setdefault(evidence.reason(k), len(known)) for k in among[first].tolist()]
        which[places] = len(distinct) + np.array(numbers, dtype=np.intp)[alike]
        distinct += map(_reason, known)
    return Reasons(distinct, which)


def near_reasons(profiles: Profiles, at: Cells, found: Sequence[Reason]) -> Iterator[Reason]:
    """Yield, for the reasons found at papers below the minimum score, those that claim no match."""
    topics = profiles.topics
    for row, column, reason in zip(at.rows.tolist(), at.columns.tolist(), found, strict=True):
        start, count = int(topics.of.starts[row]), int(topics.of.sizes[row])
        if kind := _NEAR_KINDS.get(reason.kind):
            yield reason._replace(kind=kind)
        elif reason.kind not in (ReasonKind.NEW, ReasonKind.TREND, *_COLLECTIONS):
            yield reason
        elif count:
            nearest = int(np.argmax(topics.log_odds[start : start + count, column]))
            yield Reason(ReasonKind.NEAREST, *profiles.topic_words(start + nearest))
        else:
            yield Reason(ReasonKind.NEAREST) if profiles.feedback.likes.sizes[row] else reason


_COLLECTIONS = frozenset(ReasonKind(kind) for kind in COLLECTIONS)
_NEAR_KINDS = {
    ReasonKind.TITLE: ReasonKind.NEAR_TOPIC,
    ReasonKind.TOPIC: ReasonKind.BACKGROUND,
    ReasonKind.JUDGED: ReasonKind.JUDGED_NEAR,
}
_reason = partial(tuple.__new__, Reason)


def _decided(candidates: CandidateSet, profiles: Profiles, at: Cells) -> Iterator[tuple[Ints, ReasonEvidence, Ints]]:
    """Yield, for each signal in order, the papers that it explains.

    Yields:
        Positions among the given cells, the evidence, and indices into the evidence.
    """
    left = np.arange(len(at))
    for explain, least in ORDER:
        if not len(left):
            return
        evidence = explain(candidates, profiles, Cells(at.rows[left], at.columns[left]))
        if evidence is not None:
            enough = (evidence.strength > 0) & (evidence.strength >= least)
            yield left[enough], evidence, np.flatnonzero(enough)
            left = left[~enough]


def _heaviest(candidates: CandidateSet, profiles: Profiles, row: int, j: int) -> tuple[str, ...]:
    start, end = candidates.encoded.sparse.indptr[j : j + 2]
    columns: Ints = candidates.encoded.sparse.indices[start:end].astype(np.intp)
    values: Floats = candidates.encoded.sparse.data[start:end]
    adds: Floats = values * _weights(profiles, row, columns)
    written = candidates.surfaces(j)
    vocabulary = candidates.model.vocabulary
    words = {vocabulary[stem]: word for stem, word in written.items() if stem in vocabulary}
    heavy = np.flatnonzero(np.isin(columns, list(words)) & _weighty(adds))
    heavy = heavy[np.argsort(-adds[heavy], kind="stable")][:MOST_WORDS]
    return tuple(dict.fromkeys(words[column] for column in columns[heavy].tolist()))


def _weighty(adds: Floats) -> Bools:
    enough: Bools = (adds > 0) & (adds >= LEAST_SHARE * adds.sum())
    return enough


def _weights(profiles: Profiles, row: int, columns: Ints) -> Floats:
    """Return the weight w_t of each of these terms for one subscriber (len(columns),)."""
    feedback, total = profiles.feedback, np.zeros(len(columns), dtype=np.float32)
    start = int(feedback.seeds.starts[row])
    for number in range(start, start + int(feedback.seeds.sizes[row])):
        seed = feedback.seed_table.seeds[feedback.places[number]]
        if len(seed.columns):
            place = np.minimum(np.searchsorted(seed.columns, columns), len(seed.columns) - 1)
            total += feedback.dual_weights[number] * np.where(seed.columns[place] == columns, seed.values[place], 0)
    return total
