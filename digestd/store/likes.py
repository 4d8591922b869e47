"""The likes of all subscribers, as ranking uses them for other subscribers.

Only verdicts on papers of this installation count. Papers that a subscriber brought along (imported, pasted, linked)
are private to them and are not read here.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import or_, select
from sqlmodel import Session

from digestd.domain.feedback import POSITIVE_VERDICTS
from digestd.domain.subscriber import Status
from digestd.store import core
from digestd.store.papers import merged_into
from digestd.store.timestamps import to_us

_F, _S = core.feedback.c, core.subscriber.c
TRUSTED_AFTER = timedelta(days=14)
"""Age from which a subscriber's likes count for others, so that new accounts cannot promote a paper."""
ESTABLISHED_AFTER = timedelta(days=90)
"""Age from which a subscriber's likes count however few like the paper."""
CROWD = 5
"""The number of people who like a paper from which the likes of younger accounts count as well."""
VERDICTS_MAX = 500_000
"""Newest verdicts read, in 1 s."""
BATCH = 10_000
"""Rows fetched at a time."""
LIKES_MAX = 50
"""Newest likes of one subscriber that count."""


class Likes(NamedTuple):
    """l likes: row numbers of the subscribers and of the papers, each pair once, newest first."""

    people: NDArray[np.intp]
    papers: NDArray[np.intp]


def of_community(session: Session, at: datetime) -> Likes:
    """Return the likes at a time of subscribers who are active and were trusted then.

    Those of accounts that are not established count only where a crowd likes the paper, so a few new accounts move
    nothing.
    """
    verdicts = (
        select(
            *(_F.subscriber_id, _F.paper, _F.verdict.in_(sorted(POSITIVE_VERDICTS))),
            _S.created_us <= to_us(at - ESTABLISHED_AFTER),
        )
        .join_from(core.feedback, core.subscriber, _S.id == _F.subscriber_id)
        .where(_S.status == Status.ACTIVE, _S.created_us <= to_us(at - TRUSTED_AFTER))
        .where(_F.at_us <= to_us(at), or_(_F.undone_us.is_(None), _F.undone_us > to_us(at)))
        .order_by(_F.id.desc())
        .limit(VERDICTS_MAX)
    )
    rows = session.connection().execute(verdicts.execution_options(yield_per=BATCH))
    people, papers, liked, established = np.fromiter(map(tuple, rows), dtype=np.dtype((np.intp, 4))).T
    papers = _merged(session, papers)
    pairs = people * (papers.max(initial=0) + 1) + papers
    newest = np.sort(np.unique(pairs, return_index=True)[1])
    kept = newest[liked[newest] > 0]
    kept = kept[_ranks(people[kept]) < LIKES_MAX]
    _, number, counts = np.unique(papers[kept], return_inverse=True, return_counts=True)
    kept = kept[(established[kept] > 0) | (counts[number] >= CROWD)]
    return Likes(people[kept], papers[kept])


def _merged(session: Session, papers: NDArray[np.intp]) -> NDArray[np.intp]:
    """Replace the row numbers of merged papers by those of the papers they became."""
    names, where = np.unique(papers, return_inverse=True)
    became = merged_into(session, names.tolist())
    current: NDArray[np.intp] = np.array([became.get(key, key) for key in names.tolist()], dtype=np.intp)[where]
    return current


def _ranks(people: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how many earlier entries each person has."""
    order = np.argsort(people, kind="stable")
    ordered = people[order]
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    return ranks
