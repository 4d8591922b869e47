"""Plan all due digests, one shard of subscribers after the other.

A shard is written in one transaction: digests, seen papers, next due times. Subscribers who changed between reading and
writing (an unsubscribe, another planner) are left for the next tick.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial

import structlog
from sqlmodel import Session

from digestd.digests.judging import PLANNING_SECONDS, Judge, judge_due
from digestd.digests.picks import digest_occasions, most_read, select_picks, unpicked
from digestd.digests.planning_day import PlanningDay, RankingOptions, read_planning_day
from digestd.digests.programmes import plan_programmes
from digestd.digests.relevance_probability import refit_calibration
from digestd.digests.rescheduling import reopen_empty_day, update_schedules
from digestd.digests.resource_limits import single_blas_thread
from digestd.digests.shard import MAX_REFERENCES, Shard, rank_shard, store_compiled
from digestd.domain import schedule
from digestd.domain.delivery import MailKind
from digestd.domain.digest import DigestSlot, Period
from digestd.domain.subscriber import Timing
from digestd.errors import BadSetting, NotFound, Unavailable
from digestd.security.addresses import make_message_id
from digestd.security.keys import Keys
from digestd.store import due as due_subscribers
from digestd.store import ledger, libraries, references, saved_news
from digestd.store.bulk import by_halves
from digestd.store.database import Database
from digestd.store.due import DueSubscriber
from digestd.store.ledger import restore, seen_papers
from digestd.store.ledger.create import NewDigest, RankingInputs
from digestd.store.ledger.packing import pack_occasions
from digestd.store.ranking import profiles
from digestd.store.subscribers import note_unplanned
from digestd.tracing import span

SHARD_SIZE = 400
"""Subscribers per shard. Measured: 200 cost 30 µs more each; 1,000 save 4 µs but take about 30 MB more in total."""
DAY_AGE_MAX = timedelta(minutes=1)
"""The longest time that one reading of the papers serves for several calls."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Planner:
    """The settings of planning: keys, the host of Message-IDs, how to rank.

    Attributes:
        on_planned: called in each transaction that adds mails to send.
        judge: the language model that judges papers before they are ranked, if one does.
    """

    keys: Keys
    host: str
    ranking: RankingOptions = RankingOptions()  # noqa: RUF009  # immutable
    on_planned: Callable[[Session], None] = lambda _session: None
    judge: Judge | None = None


@dataclass(frozen=True, slots=True)
class PlanReport:
    """Number of subscribers due, digests planned, and empty digests.

    `rescheduled`: subscribers whose schedule was corrected, because the clock had been ahead when it was made.
    """

    due: int = 0
    planned: int = 0
    empty: int = 0
    rescheduled: int = 0

    def __add__(self, other: "PlanReport") -> "PlanReport":
        return PlanReport(
            self.due + other.due,
            self.planned + other.planned,
            self.empty + other.empty,
            self.rescheduled + other.rescheduled,
        )


def plan(
    db: Database,
    planner: Planner,
    now: datetime,
    should_continue: Callable[[], bool] = lambda: True,
    *,
    is_resuming: bool = False,
    is_clock: bool = True,
) -> PlanReport:
    """Plan a digest for every subscriber who is due by `now`; safe to repeat.

    Args:
        should_continue: called before each shard; if it returns False, the rest is planned next time.
        is_resuming: plan although the database was restored and sending was not resumed.
        is_clock: `now` is what the clock says.

    Raises:
        NotResumed: the database was restored, so that papers that were sent since would be picked again.
    """
    if not is_resuming:
        restore.require_resumed(db)
    corrected = PlanReport(rescheduled=update_schedules(db, now, is_clock=is_clock))
    every = range(1, due_subscribers.MAX_KEY)
    return corrected + plan_keys(db, planner, every, now, should_continue=should_continue)


def plan_keys(  # noqa: PLR0913  # what planning may be limited by
    db: Database,
    planner: Planner,
    keys: range,
    now: datetime,
    *,
    until: datetime | None = None,
    days: "PlanningDays | None" = None,
    should_continue: Callable[[], bool] = lambda: True,
) -> PlanReport:
    """Plan a digest for every subscriber with one of these row numbers who is due, then programmes; safe to repeat.

    Args:
        keys: row numbers without gaps.
        until: plan who is due by then, later than `now`; none of their mails is sent before it is due.
        days: where to read the papers; by default they are read for this call.
        should_continue: called before each shard; if it returns False, the rest is planned next time.
    """
    _take_in_returned(db, now)
    until = until or now
    shard = _next(db, keys, until) if should_continue() else []
    if not shard:
        return PlanReport()
    days, report, planned = days or PlanningDays(), PlanReport(), list[int]()
    day = days.at(db, planner, now)
    with single_blas_thread(), span("plan"):
        while shard:
            work = partial(_plan_shard, db, planner, day, until)
            report = sum(by_halves(shard, work, partial(_refuse, db, now), (Unavailable, BadSetting)), report)
            planned += [due.key for due in shard]
            rest = range(shard[-1].key + 1, keys.stop)
            shard = _next(db, rest, until) if should_continue() else []
        plan_programmes(db, planner, planned, until, should_continue)
    return report


class PlanningDays:
    """The papers of a moment, kept for the shards that are planned soon after.

    Papers that arrive meanwhile are new for the next digest. Not for several threads.
    """

    def __init__(self) -> None:
        self._day: PlanningDay | None = None

    def at(self, db: Database, planner: Planner, now: datetime) -> PlanningDay:
        """Return the papers of the last DAY_AGE_MAX; read them if necessary."""
        self.forget_old(now)
        if self._day is None:
            self._day = _prepare_day(db, planner, now)
        return self._day

    def forget_old(self, now: datetime) -> None:
        if self._day is not None and not timedelta(0) <= now - self._day.now <= DAY_AGE_MAX:
            self._day = None


def plan_now(db: Database, planner: Planner, subscriber: int, now: datetime) -> int | None:
    """Plan an active subscriber's digest for their current date or week, whatever their hour.

    Returns:
        The number of its delivery; None if no paper would be in it, or if they changed meanwhile. No digest is written
        then, so that their hour still brings one.

    Raises:
        NotFound: they have had a digest on their date, of another period.
    """
    restore.require_resumed(db)
    _take_in_returned(db, now)
    day = _prepare_day(db, planner, now)
    with db.write() as session:
        reopen_empty_day(session, subscriber, now)
    with single_blas_thread(), db.read() as session:
        due = due_subscribers.by_key(session, subscriber)
        period = schedule.current_period(due.preferences.timing, now)
        if (planned := _filled(session, subscriber, period.key)) is not None:
            return planned
        if due.last_date is not None and due.last_date >= period.date.isoformat():
            raise NotFound(f"they have had a digest on {due.last_date} already, and never get two on one date")
        shard = rank_shard(session, day, [due])
    digests = _digests(planner, day, shard, [_slot_of(period, due.preferences.timing, due.last_planned, now)])
    if any(not digest.is_empty for digest in digests.values()):
        _write(db, planner, day, shard, digests, now)
    with db.read() as session:
        return _filled(session, subscriber, period.key)


def _filled(session: Session, subscriber: int, period: str) -> int | None:
    """Return the delivery of a subscriber's digest of a period, unless it is empty."""
    stored = ledger.stored_digests(session, {subscriber: period}).get(subscriber)
    return None if stored is None or stored.is_empty else stored.delivery


def _take_in_returned(db: Database, now: datetime) -> None:
    """Count papers as seen that came back after a restore, before anybody's seen papers are read."""
    with db.read() as session:
        is_any = seen_papers.is_any_expected(session)
    if is_any:
        with db.write() as session:
            seen_papers.take_in(session, now)


def _prepare_day(db: Database, planner: Planner, now: datetime) -> PlanningDay:
    refit_calibration(db, now)
    day = read_planning_day(db, now, replace(planner.ranking, judged=False))
    if planner.judge is None:
        return day
    judge_due(db, planner.judge, day, now, PLANNING_SECONDS)
    with db.read() as session:
        return day.with_judgments(session)


def _refuse(db: Database, now: datetime, due: DueSubscriber, error: Exception) -> None:
    log.error("cannot plan", subscriber=due.key, kind=type(error).__name__)
    _set_aside(db, [due.key], now)


def _set_aside(db: Database, keys: Sequence[int], now: datetime) -> None:
    """Try subscribers later who cannot be planned, and note them for `digestd status`."""
    with db.write() as session:
        due_subscribers.postpone(session, dict.fromkeys(keys, now + due_subscribers.RETRY_AFTER))
        profiles.invalidate_profiles(session, keys)  # a damaged stored profile is compiled again
        note_unplanned(session, keys, now)


def _next(db: Database, keys: range, now: datetime) -> list[DueSubscriber]:
    while True:
        with db.read() as session:
            shard = due_subscribers.due(session, keys.start - 1, SHARD_SIZE, now, keys.stop)
            damaged = [due.key for due in shard if due.is_damaged]
            if not damaged:
                return shard[: references.count_fitting(session, [due.key for due in shard], MAX_REFERENCES)]
        log.error("cannot plan: `digestd fsck` names the damaged fields", subscribers=damaged)
        _set_aside(db, damaged, now)


def _plan_shard(
    db: Database, planner: Planner, day: PlanningDay, until: datetime, candidates: Sequence[DueSubscriber]
) -> PlanReport:
    with db.read() as session:
        shard = rank_shard(session, day, candidates)
    slots = [_slot(due.preferences.timing, due.last_date, due.last_planned, until) for due in candidates]
    return _write(db, planner, day, shard, _digests(planner, day, shard, slots), until)


def _write(
    db: Database, planner: Planner, day: PlanningDay, shard: Shard, digests: Mapping[int, NewDigest], until: datetime
) -> PlanReport:
    """Write the digests of the subscribers who have not changed since they were read."""
    with db.write() as session:
        unchanged = due_subscribers.unchanged(session, shard.subscribers)
        wanted = {due.key: digests[due.key] for due in unchanged if due.key in digests}
        # this period's digest may be there: empty, or after a change of weekday
        stored = ledger.stored_digests(session, {key: digest.slot.period.key for key, digest in wanted.items()})
        already_planned = {key for key, digest in stored.items() if not digest.is_empty}
        new = _with_news_of_saving(session, [wanted[key] for key in wanted if key not in already_planned])
        again = {key: digest.delivery for key, digest in stored.items() if digest.is_empty}
        ranked = RankingInputs(day.horizon, day.candidates.model.version, day.coverage)
        ledger.plan_digests(session, new, day.now, ranked, again)
        saved_news.set_known(session, _known(shard, new))
        ledger.offer_uncertain(session, [digest.subscriber for digest in new if not digest.is_empty], day.now)
        if any(not digest.is_empty for digest in new):
            planner.on_planned(session)
        store_compiled(session, day, {d.key: shard.compiled[d.key] for d in unchanged if d.key in shard.compiled})
        due_subscribers.postpone(
            session,
            {
                d.key: schedule.next_due(d.preferences.timing, until)
                for d in unchanged
                if d.key not in wanted or d.key in already_planned
            },
            {key: wanted[key].slot.local_date for key in already_planned},
        )
    empty = sum(digest.is_empty for digest in new)
    return PlanReport(len(new), len(new) - empty, empty)


def _with_news_of_saving(session: Session, digests: list[NewDigest]) -> list[NewDigest]:
    """Return the digests with what they say of saving to libraries."""
    news = libraries.take_news_of_saving(session, [digest.subscriber for digest in digests if not digest.is_empty])
    said = {d.subscriber: " ".join([d.occasions, *sorted(news.get(d.subscriber, ()))]).strip() for d in digests}
    return [digest._replace(occasions=said[digest.subscriber]) for digest in digests] if news else digests


def _known(shard: Shard, digests: Sequence[NewDigest]) -> dict[int, int]:
    """Return the revisions of saved papers that the subscribers know with these digests."""
    known = [shard.news.known(digest.subscriber, digest.news) for digest in digests]
    return {saved: revision for theirs in known for saved, revision in theirs.items()}


def _digests(
    planner: Planner, day: PlanningDay, shard: Shard, slots: Sequence[DigestSlot | None]
) -> dict[int, NewDigest]:
    """Return the digest of each subscriber who has a slot."""
    picks = select_picks(day, shard, [slot.period.key if slot else "" for slot in slots])
    considered = (shard.open & shard.ranked.fresh).sum(axis=1).tolist()
    read = most_read(day) if planner.ranking.most_read else None
    is_sent = [due.preferences.when_empty or bool(picks[i]) for i, due in enumerate(shard.subscribers)]
    return {
        due.key: NewDigest(
            subscriber=due.key,
            consent_version=due.version,
            slot=slot,
            picks=picks[i],
            is_told=is_sent[i],
            news=shard.news.of(due.key, is_sent=is_sent[i]),
            considered=considered[i],
            occasions=pack_occasions(
                digest_occasions(due, picks[i], day, shard.unanswered), unpicked(day, shard, i, picks[i], read)
            ),
            message_id=make_message_id(planner.keys, due.key, MailKind.DIGEST, slot.period.key, planner.host),
        )
        for i, (due, slot) in enumerate(zip(shard.subscribers, slots, strict=True))
        if slot is not None
    }


@lru_cache(maxsize=2_000)
def _slot(timing: Timing, last_date: str | None, last_planned: datetime | None, now: datetime) -> DigestSlot | None:
    """Return the slot that is due; cached, because many subscribers share a timing."""
    period = schedule.due_period(timing, last_date, now)
    return None if period is None else _slot_of(period, timing, last_planned, now)


def _slot_of(period: Period, timing: Timing, last_planned: datetime | None, now: datetime) -> DigestSlot:
    return DigestSlot(
        period=period,
        covers_from=schedule.covers_from(timing, last_planned, period),
        expires=schedule.expires(timing, max(period.due, now)),
        next_due=schedule.next_due(timing, now),
        local_date=schedule.local_date(timing, now).isoformat(),
        day_ends=schedule.end_of_day(timing, now),
    )
