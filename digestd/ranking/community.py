"""The community: what people with similar likes liked, and how many people liked each candidate.

Item-based collaborative filtering (Sarwar et al. 2001): a like of paper i speaks for candidate j by the sum of
w_i / √(likes of v) over the people v who liked both, with w_i = 1 / (1 + ln(likes of i)). Everybody's influence is
bounded: the similarity of two people is at most 1, and likes of very many candidates share `LIKES_PER_PERSON`.

A paper connects two people only if at least `LEAST_PEOPLE` liked it, so that a rare like reveals nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from digestd.ranking.arrays import NOWHERE, Bools, Floats, Ints, Sparse

LEAST_PEOPLE = 3
"""The number of people below which nothing is told about what they liked."""
LIKES_PER_PERSON = 30
"""The number of liked candidates up to which each counts fully."""
TRUSTED_AFTER = timedelta(days=14)
"""Age from which a subscriber's likes count for others, so that new accounts cannot promote a paper."""
ESTABLISHED_AFTER = timedelta(days=90)
"""Age from which a subscriber's likes count however few like the paper."""
CROWD = 5
"""The number of people who like a paper from which the likes of younger accounts count as well."""
LIKES_MAX = 50
"""Newest likes of one subscriber that count."""


@dataclass(frozen=True, eq=False)
class Community:
    """The likes of h people that concern m candidates.

    Attributes:
        keys: (m,) row numbers of the candidates.
        papers: (p,) row numbers of papers that connect people, ascending.
        liked: (h, p) 1 if a person liked a paper.
        candidates: (h, m) the weight of a person's like of a candidate; 0 if there is none.
        similarity: (p + 1, m) how much a like of a paper speaks for a candidate; the last row is empty.
    """

    keys: Ints
    papers: Ints
    liked: Sparse
    candidates: Sparse
    similarity: Sparse

    @property
    def is_empty(self) -> bool:
        return self.candidates.nnz == 0

    @cached_property
    def likers(self) -> Floats:
        return np.asarray(self.candidates.sum(axis=0), dtype=np.float32)

    def rows(self, papers: Ints) -> Ints:
        return _find(self.papers, papers, len(self.papers))

    def columns(self, papers: Ints) -> Ints:
        """Return the position of each paper among the candidates, −1 if it is none."""
        return _positions(self.keys, papers)

    def count_similar(self, shares: Sparse, shared: int) -> Ints:
        """Count the people who liked each candidate and share likes with a subscriber.

        Args:
            shares: (n, p + 1) positive where a subscriber likes a paper.
            shared: Minimum number of shared likes.

        Returns:
            (n, m) numbers of people.
        """
        own = csr_array((np.ones_like(shares.data), shares.indices, shares.indptr), shape=shares.shape)
        similar = own[:, :-1] @ self.liked.T >= shared
        people: Ints = (similar.astype(np.intp) @ (self.candidates > 0).astype(np.intp)).toarray()
        return people


def build_community(people: Ints, papers: Ints, candidates: Sequence[int]) -> Community:
    """Read the likes of people once for a set of candidates.

    Args:
        people: (l,) who liked a paper; each pair of person and paper is there once.
        papers: (l,) row numbers of the liked papers.
        candidates: (m,) row numbers of the candidates.
    """
    keys = np.array(candidates, dtype=np.intp)
    names, counts = np.unique(papers, return_counts=True)
    connects = counts >= LEAST_PEOPLE
    concerned = np.isin(people, people[np.isin(papers, keys)])
    rows, owner = np.unique(people[concerned], return_inverse=True)
    liked = _table(owner, _find(names[connects], papers[concerned], -1), (len(rows), int(connects.sum())))
    news = _table(owner, _positions(keys, papers[concerned]), (len(rows), len(keys)))
    weights = (1 / (1 + np.log(counts[connects]))).astype(np.float32)
    bounded = np.minimum(1, LIKES_PER_PERSON / np.maximum(np.diff(news.indptr), 1)).astype(np.float32)
    similarity = (1 / np.sqrt(np.bincount(owner, minlength=len(rows)))).astype(np.float32)
    news = _scaled(news, bounded)
    shares = _scaled(liked, similarity)
    shares.data *= weights[shares.indices]
    return Community(keys, names[connects], liked, news, _with_empty_row(shares.T.tocsr() @ news))


def _find(sorted_keys: Ints, wanted: Ints, otherwise: int) -> Ints:
    """Return the position of each wanted key, `otherwise` if it is absent."""
    if not len(sorted_keys):
        return np.full(len(wanted), otherwise, dtype=np.intp)
    at = np.minimum(np.searchsorted(sorted_keys, wanted), len(sorted_keys) - 1)
    return np.where(sorted_keys[at] == wanted, at, otherwise)


def _positions(keys: Ints, wanted: Ints) -> Ints:
    """Return the position of each wanted key among unsorted keys, −1 if it is absent."""
    order = np.argsort(keys)
    found = _find(keys[order], wanted, -1)
    return np.where(found < 0, -1, np.append(order, -1)[found])


def _scaled(table: Sparse, factors: Floats) -> Sparse:
    sizes = np.diff(table.indptr)
    return csr_array((table.data * np.repeat(factors, sizes), table.indices, table.indptr), shape=table.shape)


def _table(rows: Ints, columns: Ints, shape: tuple[int, int]) -> Sparse:
    """Return a table with 1 in these cells; cells in column −1 are left out."""
    kept: Bools = columns >= 0
    ones = np.ones(int(kept.sum()), dtype=np.float32)
    table: Sparse = csr_array((ones, (rows[kept], columns[kept])), shape=shape)
    return table


def _with_empty_row(table: Sparse) -> Sparse:
    ends = np.append(table.indptr, table.indptr[-1])
    return csr_array((table.data, table.indices, ends), shape=(table.shape[0] + 1, table.shape[1]))


NO_COMMUNITY = build_community(NOWHERE, NOWHERE, ())


class Likes(NamedTuple):
    """l likes: row numbers of the subscribers and of the papers, each pair once, newest first."""

    people: Ints
    papers: Ints


def counted_likes(people: Ints, papers: Ints, positive: Ints, established: Ints) -> Likes:
    """Return the likes that count for others, of n verdicts by trusted subscribers, newest first.

    The newest verdict on a paper counts. Likes of accounts that are not established count only where a crowd likes the
    paper, so a few new accounts move nothing.
    """
    pairs = people * (papers.max(initial=0) + 1) + papers
    newest = np.sort(np.unique(pairs, return_index=True)[1])
    kept = newest[positive[newest] > 0]
    kept = kept[_ranks(people[kept]) < LIKES_MAX]
    _, number, counts = np.unique(papers[kept], return_inverse=True, return_counts=True)
    kept = kept[(established[kept] > 0) | (counts[number] >= CROWD)]
    return Likes(people[kept], papers[kept])


def _ranks(people: Ints) -> Ints:
    """Return how many earlier entries each person has."""
    order = np.argsort(people, kind="stable")
    ordered = people[order]
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    return ranks
