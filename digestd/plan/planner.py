"""Plan everything due: gather, decide, apply, one shard of subscribers after the other.

A shard is written in one transaction: digests, seen papers, who was due, next due times. What
changed between reading and writing (an unsubscribe, another planner) is left for the next tick.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import structlog

from digestd import schedule
from digestd.domain.delivery import MailKind
from digestd.domain.digest import Slot
from digestd.domain.subscriber import Timing
from digestd.errors import DigestdError
from digestd.links import Keys, message_id
from digestd.plan.pick_selection import select_picks
from digestd.plan.planning_day import PlanningDay, read_planning_day
from digestd.plan.profiles import keep_compiled
from digestd.plan.relevance_probability import refit
from digestd.plan.resource_limits import single_blas_thread
from digestd.plan.shard import Shard, rank
from digestd.ranking.dense import Encoder, NoEncoder
from digestd.store import due as waiting
from digestd.store import ledger, pauses, references
from digestd.store.database import Database
from digestd.store.due import Due
from digestd.store.ledger import NewDigest, Ranked
from digestd.store.packing import pack_picks

SHARD_SIZE = 400
"""Subscribers planned at a time: at 250 ranking takes 5 µs more of each, at 1,000 some 30 MB more in all."""
REFERENCES = 10_000
"""References of a shard, all of which are in memory at a time: some 10 kB each at most, but for those of one subscriber
alone."""
PUT_OFF = timedelta(hours=1)
"""When to look again at a subscriber whose digest could not be planned."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Planner:
    """What planning needs besides the database.

    Keys and host of Message-IDs, the templates in force, a dense model; `explore`: digests may hold a drawn paper.
    """

    keys: Keys
    host: str
    template_hash: str
    encoder: Encoder = NoEncoder()  # noqa: RUF009  # frozen, so one for all
    explore: bool = True


@dataclass(frozen=True, slots=True)
class PlanReport:
    """How many were due, how many digests were planned, and for how many the day is empty."""

    due: int = 0
    planned: int = 0
    empty: int = 0

    def __add__(self, other: "PlanReport") -> "PlanReport":
        return PlanReport(self.due + other.due, self.planned + other.planned, self.empty + other.empty)


def plan(
    db: Database, planner: Planner, now: datetime, should_continue: Callable[[], bool] = lambda: True
) -> PlanReport:
    """Plan a digest for every subscriber whose hour has come by `now`; safe to repeat at any time.

    `keep_on` is asked before each shard: what is left when it says no is planned the next time.
    """
    _end_pauses(db, now)
    shard = _next(db, 0, now) if should_continue() else []
    if not shard:
        return PlanReport()
    day, report = _gather(db, planner, now), PlanReport()
    with single_blas_thread():
        while shard:
            report += _plan_whole_or_one_by_one(db, planner, day, shard)
            shard = _next(db, shard[-1].key, now) if should_continue() else []
    return report


def _end_pauses(db: Database, now: datetime) -> None:
    """Who wanted a pause until now is active again before it is asked who is due."""
    while _any_pause_is_over(db, now):
        with db.write() as session:
            pauses.end(session, SHARD_SIZE, now)


def _any_pause_is_over(db: Database, now: datetime) -> bool:
    with db.read() as session:
        return pauses.is_any_over(session, now)


def _gather(db: Database, planner: Planner, now: datetime) -> PlanningDay:
    refit(db, now)
    return read_planning_day(db, now, planner.encoder)


def _plan_whole_or_one_by_one(db: Database, planner: Planner, day: PlanningDay, shard: Sequence[Due]) -> PlanReport:
    """Plan a shard; if it cannot be, plan each of it alone, so that one bad row holds up nobody else."""
    try:
        return _plan_shard(db, planner, day, shard)
    except DigestdError:
        raise
    except Exception as error:  # whatever it is, it must not stop everybody's digest
        if len(shard) > 1:
            return sum((_plan_whole_or_one_by_one(db, planner, day, [due]) for due in shard), PlanReport())
        log.error("cannot plan", subscriber=shard[0].key, kind=type(error).__name__)
        with db.write() as session:
            waiting.put_off(session, {shard[0].key: day.now + PUT_OFF})
        return PlanReport()


def _next(db: Database, after: int, now: datetime) -> list[Due]:
    with db.read() as session:
        shard = waiting.due(session, after, SHARD_SIZE, now)
        return shard[: references.fitting(session, [due.key for due in shard], REFERENCES)]


def _plan_shard(db: Database, planner: Planner, day: PlanningDay, candidates: Sequence[Due]) -> PlanReport:
    with db.read() as session:
        shard = rank(session, day, candidates)
    digests = _digests(planner, day, shard)
    with db.write() as session:
        still = waiting.unchanged(session, candidates)
        wanted = {due.key: digests[due.key] for due in still if due.key in digests}
        # who moves to a later weekday has had the digest of this week
        had = ledger.planned_for(session, {key: digest.slot.period.key for key, digest in wanted.items()})
        new = [digest for key, digest in wanted.items() if key not in had]
        ranked = Ranked(day.horizon, day.candidates.model.version, day.coverage)
        ledger.plan_digests(session, new, planner.template_hash, day.now, ranked)
        ledger.offer_held(session, [digest.subscriber for digest in new if digest.picks.picks], day.now)
        keep_compiled(session, day, {d.key: shard.compiled[d.key] for d in still if d.key in shard.compiled})
        waiting.put_off(session, {d.key: _put_off(d, day) for d in still if d.key not in wanted or d.key in had})
    return PlanReport(len(new), sum(1 for d in new if d.picks.picks), sum(1 for d in new if not d.picks.picks))


def _digests(planner: Planner, day: PlanningDay, shard: Shard) -> dict[int, NewDigest]:
    """The digest of each subscriber; who is not in it turns out not to be due yet."""
    slots = [_slot(due.timing, due.last_date, due.last_planned, day.now) for due in shard.subscribers]
    picks = pack_picks(select_picks(day, shard, [slot.period.key if slot else "" for slot in slots], planner.explore))
    considered = (shard.open & shard.ranked.fresh).sum(axis=1).tolist()
    return {
        due.key: NewDigest(
            subscriber=due.key,
            consent_version=due.version,
            slot=slot,
            picks=picks[i],
            considered=considered[i],
            message_id=message_id(planner.keys, due.key, MailKind.DIGEST, slot.period.key, planner.host),
        )
        for i, (due, slot) in enumerate(zip(shard.subscribers, slots, strict=True))
        if slot is not None
    }


@lru_cache(maxsize=2_000)
def _slot(timing: Timing, last_date: str | None, last_planned: datetime | None, now: datetime) -> Slot | None:
    """What is due by a timing; many have the same one, and much else the same."""
    period = schedule.due_period(timing, last_date, now)
    if period is None:
        return None
    return Slot(
        period=period,
        covers_from=schedule.covers_from(timing, last_planned, period),
        expires=schedule.expires(timing, max(period.due, now)),
        next_due=schedule.next_due(timing, now),
        local_date=schedule.local_date(timing, now).isoformat(),
    )


def _put_off(due: Due, day: PlanningDay) -> datetime:
    return schedule.next_due(due.timing, day.now)
