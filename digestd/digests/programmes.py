"""Plan the programmes of a conference: its papers for each subscriber who follows it, once.

The papers are ranked like those of a day, but without their venue, which all have in common. Programmes are written in
blocks of subscribers; whoever has one, or fits no paper, is left out when a conference is planned again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from digestd.digests.picks import select_picks
from digestd.digests.planner import Planner
from digestd.digests.planning_day import PlanningDay, read_planning_day
from digestd.digests.resource_limits import single_blas_thread
from digestd.digests.shard import rank_shard
from digestd.domain import schedule
from digestd.domain.delivery import MailKind
from digestd.domain.digest import Pick, Section
from digestd.domain.paper import Paper
from digestd.domain.subscriber import SIZE_MAX
from digestd.papers.page_store import make_readable
from digestd.ranking.places import index_venues
from digestd.security.addresses import make_message_id
from digestd.store import due as due_subscribers
from digestd.store import ledger, papers
from digestd.store.bulk import by_halves
from digestd.store.database import Database
from digestd.store.due import DueSubscriber
from digestd.store.ledger import restore
from digestd.store.ledger.create import NewProgramme
from digestd.store.papers import conferences
from digestd.store.papers.conferences import Conference, Programmes

BLOCK = 100
"""Subscribers ranked together; a conference has several times the papers of a day."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProgrammeReport:
    """The programmes of a conference.

    Attributes:
        followers: Active subscribers who follow it and had no programme.
        planned: Those who have one now.
        changed: Those whose row changed meanwhile, who are tried again.
        failed: Those for whom none can be planned.
    """

    conference: str
    papers: int = 0
    followers: int = 0
    planned: int = 0
    changed: int = 0
    failed: int = 0


def plan_due(
    db: Database, planner: Planner, clock: Callable[[], datetime], should_continue: Callable[[], bool] = lambda: True
) -> list[ProgrammeReport]:
    """Plan the programmes of each conference that is due; safe to repeat."""
    with db.read() as session:
        if not conferences.is_any_open(session):
            return []
        due = [one.name for one in conferences.listing(session) if one.is_due]
    return [plan_programmes(db, planner, name, clock(), should_continue) for name in due]


def plan_programmes(
    db: Database, planner: Planner, name: str, now: datetime, should_continue: Callable[[], bool] = lambda: True
) -> ProgrammeReport:
    """Plan a programme for each active subscriber who follows a conference and has none; safe to repeat.

    Args:
        should_continue: Called before each block; if it returns False, the rest is planned next time.

    Raises:
        NotFound: There is no such conference.
        NotResumed: The database was restored, so that programmes could come twice.
    """
    restore.require_resumed(db)
    with db.read() as session:
        conference = conferences.find(session, name)
        followed = conferences.followed_venues(session)
        readers = conferences.followers(session, _names_of(followed, name), name)
    report = ProgrammeReport(name, len(conference.papers))
    if readers and conference.papers:
        report = _plan(db, planner, conference, readers, now, should_continue)
    if conference.papers and not report.changed and should_continue():
        with db.write() as session:
            conferences.set_programmes(session, name, Programmes.PLANNED)
    return report


def _names_of(followed: Sequence[str], conference: str) -> list[str]:
    """Return the venues that mean a conference, by its name or acronym, whatever the year."""
    venues = index_venues([(0, conference)])
    return [venue for venue in followed if venues.find(venue)]


def _plan(
    db: Database,
    planner: Planner,
    conference: Conference,
    readers: Sequence[int],
    now: datetime,
    should_continue: Callable[[], bool],
) -> ProgrammeReport:
    make_readable(db, conference.papers, now)
    with db.read() as session:
        listed = papers.by_keys(session, conference.papers).values()
    options = replace(planner.ranking, judged=False)
    candidates = [_as_candidate(paper, now) for paper in listed]
    day = replace(read_planning_day(db, now, options, among=candidates), trial=None)
    failed: list[int] = []

    def refuse(reader: int, error: Exception) -> None:
        log.error("cannot plan a programme", subscriber=reader, kind=type(error).__name__)
        failed.append(reader)

    def plan(block: Sequence[int]) -> tuple[int, int, int]:
        return _plan_block(db, planner, day, conference.name, block)

    counts = [(0, 0, 0)]
    with single_blas_thread():
        for begin in range(0, len(readers), BLOCK):
            if not should_continue():
                break
            counts += by_halves(readers[begin : begin + BLOCK], plan, refuse)
    followers, planned, changed = map(sum, zip(*counts, strict=True))
    return ProgrammeReport(conference.name, len(candidates), followers + len(failed), planned, changed, len(failed))


def _as_candidate(paper: Paper, now: datetime) -> Paper:
    """Return a paper as a new one without its venue: who follows that would else be shown every paper."""
    return replace(paper, first_seen=now, facts=replace(paper.facts, venue=""))


def _plan_block(
    db: Database, planner: Planner, day: PlanningDay, name: str, block: Sequence[int]
) -> tuple[int, int, int]:
    """Plan for some subscribers; return how many are active, how many have a programme, and how many changed."""
    with db.read() as session:
        readers = [_as_new(due) for due in due_subscribers.active(session, block)]
        shard = rank_shard(session, day, readers)
    picks = select_picks(day, shard, [name] * len(readers), explore=False)
    fitting = {
        due.key: tuple(pick for pick in theirs if pick.section is Section.FOR_YOU)
        for due, theirs in zip(readers, picks, strict=True)
    }
    with db.write() as session:
        unchanged = due_subscribers.unchanged(session, readers)
        without = set(conferences.without_programme(session, [due.key for due in unchanged], name))
        new = [
            _programme(planner, day, name, due, fitting[due.key])
            for due in unchanged
            if fitting[due.key] and due.key in without
        ]
        ledger.plan_programmes(session, new, day.now)
        due_subscribers.touch(session, [one.subscriber for one in new])
        if new:
            planner.on_planned(session)
    return len(readers), len(new), len(readers) - len(unchanged)


def _as_new(due: DueSubscriber) -> DueSubscriber:
    """Return a subscriber for whom every paper of the conference is new, of any category, and many have a place."""
    wide = due.preferences.model_copy(update={"size": SIZE_MAX, "only_categories": False})
    return due._replace(preferences=wide, last_planned=None, horizon=None)


def _programme(
    planner: Planner, day: PlanningDay, name: str, due: DueSubscriber, picks: tuple[Pick, ...]
) -> NewProgramme:
    return NewProgramme(
        subscriber=due.key,
        consent_version=due.version,
        conference=name,
        date=schedule.local_date(due.preferences.timing, day.now).isoformat(),
        picks=picks,
        considered=len(day.candidates),
        message_id=make_message_id(planner.keys, due.key, MailKind.PROGRAMME, name.replace(" ", "-"), planner.host),
    )
