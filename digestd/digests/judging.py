"""Have a language model judge papers against topics, before digests are planned.

For each topic of those who are due, or soon will be, the best new papers by the ranking are judged: once for everybody
with the same topic, up to a number a day, each topic's best paper before any topic's second. Topics, titles and
abstracts are sent, never who asked. While the model is down, slow or talks nonsense, ranking does without.
"""

from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
import structlog

from digestd.digests.planning_day import PlanningDay
from digestd.digests.resource_limits import single_blas_thread
from digestd.domain.interest import Interest, Kind, topic_key
from digestd.domain.paper import Paper, PaperId
from digestd.ranking.compiler import ProfileInput
from digestd.ranking.judgments import judgment_messages, paper_key, read_judgment
from digestd.ranking.profile import compile_profiles
from digestd.ranking.signals.topics import subject
from digestd.store.database import Database
from digestd.store.ranking import judgments
from digestd.store.ranking.judgments import RequestOutcome, WantedTopic

if TYPE_CHECKING:
    from digestd.papers.language_model import LanguageModel

BEST = 30
"""Papers judged per topic and day."""
TOPICS_MAX = 1_000
"""Topics read at a time."""
AHEAD = timedelta(hours=2)
"""Time before a digest is due at which its topics are judged."""
PLANNING_SECONDS, RUN_SECONDS = 60.0, 10 * 60.0
"""Time for judging when digests are due, and ahead of it."""
PLANNING_REQUEST_SECONDS = 20.0
"""Time for one answer when digests are due."""
PAUSE = timedelta(minutes=15)
"""Time without requests after the language model failed; planning also waits so long after a late answer."""
DAY = timedelta(days=1)
BLOCK = 400
"""Topics ranked together."""
AT_ONCE = 4
"""Requests at a time."""
INVALID_MAX = 5
"""Papers with invalid answers after which a run stops if most answers are invalid; one paper spoils its own only."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Judge:
    """A language model, and how many papers a day it is asked about."""

    model: "LanguageModel"
    per_day: int


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """What became of a run.

    Attributes:
        asked, judged: Number of papers that the model was asked about, and of valid answers.
        failure: Why it stopped, if it failed.
        invalid: The papers with invalid answers.
    """

    asked: int = 0
    judged: int = 0
    failure: str = ""
    invalid: frozenset[PaperId] = frozenset()

    def __add__(self, other: "JudgeReport") -> "JudgeReport":
        asked, judged = self.asked + other.asked, self.judged + other.judged
        return JudgeReport(asked, judged, self.failure or other.failure, self.invalid | other.invalid)

    @property
    def is_nonsense(self) -> bool:
        return len(self.invalid) >= INVALID_MAX and 2 * self.judged < self.asked


@dataclass(frozen=True, slots=True)
class _Limits:
    """Time for one answer, and when the time for all ends, by the monotonic clock."""

    seconds: float
    ends: float


@dataclass(frozen=True, slots=True)
class _Failure:
    outcome: RequestOutcome
    why: str


@dataclass(frozen=True, slots=True)
class _Question:
    topic: str
    paper: Paper

    @property
    def keys(self) -> judgments.Pair:
        return topic_key(self.topic), paper_key(self.paper)


def judge_due(
    db: Database,
    judge: Judge,
    day: PlanningDay,
    until: datetime,
    seconds: float,
    should_continue: Callable[[], bool] = lambda: True,
) -> JudgeReport:
    """Judge the papers of a day for the topics of subscribers who are due by `until`; safe to repeat.

    Whatever fails is logged: nothing depends on judgments.

    Args:
        seconds: Time for all requests.
        should_continue: Called before each few requests; if it returns False, the rest waits for the next call.
    """
    try:
        limit = judge.model.seconds if until > day.now else PLANNING_REQUEST_SECONDS
        report = _judge(db, judge, day, until, _Limits(limit, monotonic() + seconds), should_continue)
    except Exception as error:  # digests are planned without
        log.exception("nothing judged", kind=type(error).__name__)
        return JudgeReport(failure=type(error).__name__)
    if report.asked:
        log.info("judged papers", asked=report.asked, judged=report.judged)
    if report.failure:
        log.warning("judging stopped", why=report.failure, pause=str(PAUSE))
    return report


def _judge(
    db: Database, judge: Judge, day: PlanningDay, until: datetime, limits: _Limits, should_continue: Callable[[], bool]
) -> JudgeReport:
    stops = [RequestOutcome.FAILED] if until > day.now else [RequestOutcome.FAILED, RequestOutcome.LATE]
    with db.read() as session:
        left = judge.per_day - judgments.count_asked(session, day.now - DAY)
        if left <= 0 or judgments.has_failed(session, day.now - PAUSE, stops):
            return JudgeReport()
        topics, known = judgments.due_topics(session, day.now, until, TOPICS_MAX), judgments.asked(session)
    with single_blas_thread():
        questions = _questions(day, topics, known)[:left]
    report = JudgeReport()
    with ThreadPoolExecutor(AT_ONCE, "judge") as pool:
        for start in range(0, len(questions), AT_ONCE):
            if report.failure or monotonic() >= limits.ends or not should_continue():
                break
            report += _ask(db, judge.model, pool, questions[start : start + AT_ONCE], (day.now, limits))
            if report.is_nonsense:
                failure = f"{report.asked - report.judged} of {report.asked} answers are invalid"
                report = replace(report, failure=failure)
                with db.write() as session:
                    judgments.note_failure(session, day.now)
    return report


def _questions(day: PlanningDay, topics: Sequence[WantedTopic], known: Set[judgments.Pair]) -> list[_Question]:
    """Return what to ask: the best papers of each topic, without those asked about before, the best of all first."""
    ranks: dict[tuple[str, int], int] = {}
    for topic, best in _best(day, topics):
        for rank, j in enumerate(best):
            ranks[topic, j] = min(rank, ranks.get((topic, j), rank))
    ordered = sorted(ranks, key=ranks.__getitem__)
    questions = (_Question(topic, day.candidates.papers[j]) for topic, j in ordered)
    return [question for question in questions if question.keys not in known]


def _best(day: PlanningDay, topics: Sequence[WantedTopic]) -> Iterator[tuple[str, list[int]]]:
    """Yield the positions of the best new papers of each topic, best first."""
    for start in range(0, len(topics), BLOCK):
        block = topics[start : start + BLOCK]
        inputs = [ProfileInput((Interest(Kind.TOPIC, topic.text),)) for topic in block]
        profiles = compile_profiles(inputs, day.candidates.model, day.candidates)
        log_odds = subject(day.candidates, profiles)
        for row, topic in enumerate(block):
            new = np.flatnonzero(day.first_seen > topic.since.timestamp())
            if not profiles.without_interests[row]:
                yield topic.text, new[np.argsort(-log_odds[row, new], kind="stable")][:BEST].tolist()


def _ask(
    db: Database,
    model: "LanguageModel",
    pool: ThreadPoolExecutor,
    questions: Sequence[_Question],
    times: tuple[datetime, _Limits],
) -> JudgeReport:
    """Ask about what no other process asks about, and store the answers.

    `times`: now, and the time for answers.
    """
    now, limits = times
    with db.write() as session:
        request, claimed = judgments.claim(session, [question.keys for question in questions], now)
    mine = [question for question in questions if question.keys in claimed]
    answers = list(pool.map(lambda question: _answer(model, question, limits), mine))
    valid = {q.keys: a for q, a in zip(mine, answers, strict=True) if isinstance(a, int)}
    failed = {q.keys: a for q, a in zip(mine, answers, strict=True) if isinstance(a, _Failure)}
    failure = max(failed.values(), key=lambda one: one.outcome is RequestOutcome.FAILED, default=None)
    with db.write() as session:
        judgments.record(session, valid)
        if failure:
            judgments.release(session, request, list(failed), failure.outcome)
    invalid = frozenset(q.paper.id for q, a in zip(mine, answers, strict=True) if a is None)
    return JudgeReport(len(mine), len(valid), failure.why if failure else "", invalid)


def _answer(model: "LanguageModel", question: _Question, limits: _Limits) -> int | _Failure | None:
    """Return the model's grade; None if it gave none, and why if it did not answer."""
    from digestd.papers.language_model import AnswerTimedOut, ModelUnavailable, NoText  # noqa: PLC0415  # seldom used

    seconds = min(model.seconds, limits.seconds, max(limits.ends - monotonic(), 1.0))
    try:
        return read_judgment(replace(model, seconds=seconds).ask(judgment_messages(question.topic, question.paper)))
    except NoText:
        return None
    except AnswerTimedOut as error:
        return _Failure(RequestOutcome.LATE if seconds < model.seconds else RequestOutcome.FAILED, str(error))
    except ModelUnavailable as error:
        return _Failure(RequestOutcome.FAILED, str(error))
    except Exception as error:  # an answer of a kind that nobody foresaw; the other papers go on
        log.exception("not judged", paper=question.paper.id, kind=type(error).__name__)
        return None
