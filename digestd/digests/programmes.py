"""Plan the programmes of conferences: of each its papers for every subscriber who follows it, once.

A programme follows a digest of its subscriber, so it comes at their hour and after the digests of that time. The papers
are ranked like those of a day, but without their venue, which all have in common. Whom none fits is noted in the ledger
too, and not asked again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog
from sqlmodel import Session

from digestd.digests.picks import select_picks
from digestd.digests.planning_day import PlanningDay, read_planning_day
from digestd.digests.shard import rank_shard
from digestd.domain.delivery import MailKind
from digestd.domain.digest import DigestFacts, Section
from digestd.domain.interest import Kind, Stance
from digestd.domain.subscriber import SIZE_MAX
from digestd.errors import BadSetting, Unavailable
from digestd.ranking.places import index_venues
from digestd.security.addresses import make_message_id
from digestd.store import due as due_subscribers
from digestd.store import groups, interests, ledger, papers
from digestd.store.bulk import by_halves
from digestd.store.database import Database
from digestd.store.due import DueSubscriber
from digestd.store.ledger import seen_papers
from digestd.store.ledger.create import NewCopy
from digestd.store.ledger.packing import pack_picks
from digestd.store.papers import conferences
from digestd.store.papers.conferences import Conference, Programmes

if TYPE_CHECKING:
    from digestd.digests.planner import Planner

BLOCK = 100
"""Subscribers ranked together; a conference has several times the papers of a day."""
log = structlog.get_logger(__name__)


def plan_programmes(
    db: Database,
    planner: "Planner",
    subscribers: Sequence[int],
    now: datetime,
    should_continue: Callable[[], bool],
) -> None:
    """Plan the programmes of open conferences for those of some subscribers who follow one and have none of it.

    What fails is logged and tried again after their next digest.
    """
    with db.read() as session:
        found = [one for one in conferences.listing(session) if one.state is Programmes.OPEN and one.papers]
    for conference in found:
        try:
            _plan_conference(db, planner, conference, subscribers, now, should_continue)
        except (Unavailable, BadSetting):
            raise
        except Exception as error:  # a conference stops neither digests nor other conferences
            log.error("cannot plan programmes", conference=conference.name, kind=type(error).__name__)


def _plan_conference(
    db: Database,
    planner: "Planner",
    conference: Conference,
    subscribers: Sequence[int],
    now: datetime,
    should_continue: Callable[[], bool],
) -> None:
    day: PlanningDay | None = None  # one of a large conference takes 200 MB: it is kept for no other
    for begin in range(0, len(subscribers), BLOCK):
        with db.read() as session:
            followers = _followers(session, conference.name, subscribers[begin : begin + BLOCK])
        if followers and should_continue():
            day = day or _read_conference(db, planner, conference, now)
            work = partial(_plan, db, planner, day, conference.name)
            list(by_halves(followers, work, _refuse, (Unavailable, BadSetting)))


def _refuse(subscriber: int, error: Exception) -> None:
    log.error("cannot plan a programme", subscriber=subscriber, kind=type(error).__name__)


def _read_conference(db: Database, planner: "Planner", conference: Conference, now: datetime) -> PlanningDay:
    """Return a day with the papers of a conference as new ones, without the venue: it would be a reason for all."""
    with db.read() as session:
        listed = papers.by_keys(session, conferences.listed(session, conference.source)).values()
    candidates = [replace(paper, first_seen=now, facts=replace(paper.facts, venue="")) for paper in listed]
    return read_planning_day(db, now, replace(planner.ranking, judged=False), among=candidates)


def _followers(session: Session, name: str, subscribers: Sequence[int]) -> list[int]:
    """Return those of some subscribers who follow a conference, and more than venues, and have no programme of it.

    Whoever has had no paper yet gets their first digest first.
    """
    has = conferences.with_programme(session, name, subscribers)
    keys = [key for key in subscribers if key not in has]
    own, shared = interests.readable(session, keys)[0], groups.interests(session, keys)
    venue = index_venues([(0, name)])

    def is_follower(key: int) -> bool:
        every = (*own.get(key, ()), *(one.interest for one in shared.get(key, ())))
        liked = [one for one in every if one.stance is Stance.LIKED]
        follows = any(one.kind is Kind.VENUE and venue.find(one.value) for one in liked)
        return follows and any(one.kind is not Kind.VENUE for one in liked)

    followers = [key for key in keys if is_follower(key)]
    had = seen_papers.of(session, followers)
    return [key for key in followers if len(had.get(key, ()))]


def _plan(db: Database, planner: "Planner", day: PlanningDay, name: str, subscribers: Sequence[int]) -> None:
    """Write the programmes of a conference for subscribers who do not change meanwhile, and have none."""
    with db.read() as session:
        followers = [due_subscribers.by_key(session, key) for key in subscribers]
        shard = rank_shard(session, day, list(map(_as_new, followers)))
    picks = select_picks(day, shard, [name] * len(followers))
    with db.write() as session:
        unchanged = {due.key for due in due_subscribers.unchanged(session, followers)}
        wanted = unchanged - conferences.with_programme(session, name, unchanged)
        for due, theirs in zip(followers, picks, strict=True):
            if due.key in wanted:
                fitting = tuple(pick for pick in theirs if pick.section is Section.FOR_YOU)
                key = name.replace(" ", "-")
                message_id = make_message_id(planner.keys, due.key, MailKind.PROGRAMME, key, planner.host)
                new = NewCopy(due.key, due.version, name, pack_picks(fitting), DigestFacts(len(day.candidates)))
                ledger.plan_programme(session, new, message_id, day.now)
        if wanted:
            planner.on_planned(session)


def _as_new(due: DueSubscriber) -> DueSubscriber:
    """Return a subscriber for whom every paper of the conference is new, of any category, and many have a place."""
    wide = due.preferences.model_copy(update={"size": SIZE_MAX, "only_categories": False})
    return due._replace(preferences=wide, last_planned=None, horizon=None)
