"""Reasons: one true reason per paper, the strongest that applies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import overload

import numpy as np

from digestd.domain.digest import Reason, ReasonKind
from digestd.ranking import term_contributions
from digestd.ranking.arrays import Cells, Ints
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profile, Profiles
from digestd.ranking.signals import community, likes, named, topics
from digestd.ranking.signals.base import Explain, ReasonEvidence

ORDER: tuple[tuple[Explain, float], ...] = (
    (named.explain_author, 0.0),
    (named.explain_phrase, named.MEANT),
    (topics.explain_subject, 0.0),
    (likes.explain_likes, 0.0),
    (named.explain_phrase, 0.0),
    (term_contributions.explain_words, 0.0),
    (community.explain_co_likes, 0.0),
    (named.explain_category, 0.0),
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
