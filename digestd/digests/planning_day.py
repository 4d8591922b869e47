"""The planning day: every selectable paper at `now`, read and indexed once for all subscribers.

It also holds the sources that are incomplete at that time, as the digest shows them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session

from digestd.digests.relevance_probability import calibration_at
from digestd.digests.resource_limits import release_free_memory, single_blas_thread
from digestd.digests.seed_reader import SeedReader
from digestd.digests.text_model import read_embeddings, text_model
from digestd.domain.coverage import SOURCE_IN_USE, CoverageState, incomplete_states
from digestd.domain.digest import FIRST_WINDOW, WINDOW
from digestd.domain.paper import Paper
from digestd.domain.subscriber import Cadence
from digestd.ranking.arrays import Bools
from digestd.ranking.calibration import LocalCalibration
from digestd.ranking.candidates import CandidateSet, build_candidates
from digestd.ranking.community import ESTABLISHED_AFTER, TRUSTED_AFTER, counted_likes
from digestd.ranking.dense import Encoder, NoEncoder, build_embedding_space
from digestd.ranking.judgments import Judgments, paper_key
from digestd.ranking.model import TextModel
from digestd.sources import source_type
from digestd.store import feedback, papers
from digestd.store.database import Database
from digestd.store.due import DueSubscriber
from digestd.store.papers import conferences, sources
from digestd.store.ranking import judgments

_WORST_LAST = list(CoverageState)
WEEKLY_SLACK = timedelta(days=1)
"""Maximum by which the window of a weekly digest may exceed a week."""
ONE_VISIT = timedelta(minutes=5)
"""Time in which the addresses of one source are asked; one that answered is enough."""
ARCHIVE_VOTES = 2_000
"""Number of older papers whose votes serve as a baseline."""


@dataclass(frozen=True, slots=True)
class RankingOptions:
    """Hold the options that an install ranks with.

    Attributes:
        encoder: The dense model.
        co_likes: Whether the likes of subscribers count for others.
        judged: Whether the judgments of a language model count.
        most_read: Whether digests name the paper that everybody reads.
        encoded_max: How many papers may be encoded; if more lack a vector, ranking goes by words. Default: all.
    """

    encoder: Encoder = NoEncoder()  # noqa: RUF009  # immutable
    co_likes: bool = True
    judged: bool = False
    most_read: bool = True
    encoded_max: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PlanningDay:
    """m candidates; `keys` and `first_seen` (seconds since 1970) are (m,).

    Attributes:
        horizon: The highest row number among the candidates, damaged ones too; papers stored later have higher ones.
        former: (f, 2) row numbers of merged papers, and the position of the paper they became.
        coverage: Incomplete sources by label.
        is_unanswered: True if no source answered when it was last asked.
        seed_reader: Reads the papers that subscribers named.
        places: Row number → position.
        calibration: Fitted to the install's own feedback.
    """

    candidates: CandidateSet
    keys: NDArray[np.int64]
    former: NDArray[np.int64]
    first_seen: NDArray[np.float64]
    now: datetime
    coverage: Mapping[str, CoverageState]
    is_unanswered: bool
    seed_reader: SeedReader
    places: Mapping[int, int]
    calibration: LocalCalibration
    horizon: int = 0

    def windows(self, subscribers: Sequence[DueSubscriber]) -> tuple[Bools, Bools]:
        """Return two tables (n, m) for n subscribers: the papers inside the window, and the new ones of them.

        Most subscribers were planned at the same moment, so few windows differ.
        """
        windows = [(due.preferences.timing.cadence, due.last_planned, due.horizon) for due in subscribers]
        distinct = {window: row for row, window in enumerate(dict.fromkeys(windows))}
        pairs = np.array([self._window(*window) for window in distinct], dtype=np.bool_).reshape(
            len(distinct), 2, len(self.candidates)
        )
        which = [distinct[window] for window in windows]
        return pairs[which, 0], pairs[which, 1]

    def _window(self, cadence: Cadence, last_planned: datetime | None, horizon: int | None) -> tuple[Bools, Bools]:
        """Return one pair of windows.

        New papers are those with a higher row number than the last planning saw, regardless of clocks, and archived
        papers announced since.
        """
        if last_planned is None:
            window = WINDOW if cadence is Cadence.WEEKLY else FIRST_WINDOW
            inside = self.first_seen > (self.now - window).timestamp()
            return inside, inside
        inside = self.first_seen > self._since(cadence, last_planned).timestamp()
        fresh = self.first_seen > last_planned.timestamp()
        if horizon is not None:
            fresh |= self.keys > horizon
        return inside, inside & fresh

    def _since(self, cadence: Cadence, last_planned: datetime) -> datetime:
        """Return the start of the window.

        It is a week ago, or the last weekly digest if that is slightly longer ago.

        The week in which the clocks go back has an extra hour, and a planner may have been late.
        """
        week = self.now - WINDOW
        return max(min(week, last_planned), week - WEEKLY_SLACK) if cadence is Cadence.WEEKLY else week

    def unseen(self, had: Sequence[NDArray[np.uint32]]) -> Bools:
        """Return the papers (n, m) not among each subscriber's row numbers.

        The numbers may be current or former.
        """
        mask = np.ones((len(had), len(self.candidates)), dtype=np.bool_)
        rows = np.repeat(np.arange(len(had)), [len(papers) for papers in had])
        papers = np.concatenate([np.zeros(0, dtype=np.uint32), *had]).astype(np.int64)
        names = np.concatenate([self.keys, self.former[:, 0]])
        places = np.concatenate([np.arange(len(self.keys)), self.former[:, 1]])
        order = np.argsort(names, kind="stable")
        names, places = names[order], places[order]
        left, right = np.searchsorted(names, papers, side="left"), np.searchsorted(names, papers, side="right")
        while (found := left < right).any():  # one former number may refer to several papers
            mask[rows[found], places[left[found]]] = False
            left = left + 1
        return mask

    def with_judgments(self, session: Session) -> "PlanningDay":
        """Return a copy that ranks by the judgments of a language model that are stored now."""
        places = {paper_key(paper): j for j, paper in enumerate(self.candidates.papers)}
        found: dict[bytes, dict[int, int]] = defaultdict(dict)
        for topic, paper, grade in judgments.judged(session):
            if paper in places:
                found[topic][places[paper]] = grade
        return replace(self, candidates=replace(self.candidates, judgments=Judgments(found)))

    def among(self, papers: Sequence[Sequence[int]]) -> Bools:
        """Return the papers (n, m) among each subscriber's row numbers."""
        mask = np.zeros((len(papers), len(self.candidates)), dtype=np.bool_)
        found = [(i, self.places[key]) for i, keys in enumerate(papers) for key in keys if key in self.places]
        rows, columns = np.array(found, dtype=np.intp).reshape(-1, 2).T
        mask[rows, columns] = True
        return mask


def read_planning_day(
    db: Database,
    now: datetime,
    ranking: RankingOptions,
    until: datetime | None = None,
    among: Sequence[Paper] | None = None,
) -> PlanningDay:
    """Read the candidates of `now` and index them.

    Args:
        until: Leave out papers first seen later. Default: none.
        among: The candidates, instead of the new papers.
    """
    model = text_model(db, now)
    with db.read() as session:
        # Another process's clock may be ahead: every stored paper is a candidate.
        new = papers.candidates(session, now - WINDOW - WEEKLY_SLACK, until or now + WINDOW) if among is None else among
        found = list(new)
        archive_votes = papers.archive_votes(session, now - WINDOW - WEEKLY_SLACK, ARCHIVE_VOTES)
        former = papers.former_keys(session, [paper.key for paper in found])
        coverage = incomplete_sources(session, now)
        is_unanswered = no_source_answered(session, now)
        horizon, _ = papers.newest_news(session, now - WINDOW - WEEKLY_SLACK, now)
        calibration = calibration_at(session, now)
        verdicts = (
            feedback.verdicts_of_community(session, now, trusted=TRUSTED_AFTER, established=ESTABLISHED_AFTER)
            if ranking.co_likes
            else None
        )
    space, vectors = read_embeddings(db, ranking.encoder, found, ranking.encoded_max)
    pairs = [(key, j) for j, paper in enumerate(found) for key in former.get(paper.key, ())]
    with single_blas_thread():
        candidates = build_candidates(found, model, now, space=space, vectors=vectors).with_archive_votes(archive_votes)
        if verdicts is not None:
            candidates = candidates.with_likes(*counted_likes(*verdicts))
    day = PlanningDay(
        candidates=candidates,
        keys=np.array([paper.key for paper in found], dtype=np.int64),
        former=np.array(pairs, dtype=np.int64).reshape(-1, 2),
        first_seen=np.array([paper.first_seen.timestamp() for paper in found], dtype=np.float64),
        now=now,
        coverage=coverage,
        is_unanswered=is_unanswered,
        seed_reader=SeedReader(model, space),
        places={paper.key: j for j, paper in enumerate(found)},
        calibration=calibration,
        horizon=horizon,
    )
    if ranking.judged:
        with db.read() as session:
            day = day.with_judgments(session)
    release_free_memory()
    return day


def without_papers(model: TextModel, encoder: Encoder, now: datetime) -> PlanningDay:
    """Return a day without candidates, by which profiles can be compiled."""
    space = build_embedding_space(encoder, np.zeros((0, encoder.dims), dtype=np.float32))
    return PlanningDay(
        candidates=build_candidates((), model, now, space=space),
        keys=np.zeros(0, dtype=np.int64),
        former=np.zeros((0, 2), dtype=np.int64),
        first_seen=np.zeros(0, dtype=np.float64),
        now=now,
        coverage={},
        is_unanswered=False,
        seed_reader=SeedReader(model, space),
        places={},
        calibration=LocalCalibration(),
    )


def incomplete_sources(session: Session, now: datetime) -> dict[str, CoverageState]:
    """Return the incomplete sources by label, each with the worst of its states.

    Several sources may share a label, such as two sets of arXiv categories. If one of them is complete, the label is
    partial at worst, because its papers are in the digest.
    """
    today, apart = now.date(), conferences.names(session)
    rows = [row for row in sources.recent_coverage(session, today - SOURCE_IN_USE) if row.source not in apart]
    incomplete = incomplete_states(rows, today)
    complete = {_label(row.source) for row in rows if row.day <= today and row.source not in incomplete}
    found: dict[str, CoverageState] = {}
    for source, state in incomplete.items():
        label = _label(source)
        state_shown = CoverageState.PARTIAL if label in complete else state
        found[label] = max(state_shown, found.get(label, state_shown), key=_WORST_LAST.index)
    return dict(sorted(found.items()))


def no_source_answered(session: Session, now: datetime) -> bool:
    """Return True if there are sources of papers, and none answered when it was last asked."""
    apart = conferences.names(session)
    asked = {
        source: answered is not None and answered >= last - ONE_VISIT
        for source, (last, answered) in sources.answers(session).items()
        if last > now - SOURCE_IN_USE and source not in apart
    }
    answered = [source for source, has_answered in asked.items() if has_answered]
    return len(answered) < len(asked) and not any(map(_has_papers, answered))


def _has_papers(source: str) -> bool:
    """Return False if a source adds only figures to known papers."""
    kind = source_type(source)
    return kind is None or not hasattr(kind.load(), "for_papers")


def _label(source: str) -> str:
    kind = source_type(source)
    return kind.label if kind else source.partition(":")[0]
