"""Report a subscriber's last and next digest, and the yield of each interest.

It answers why somebody got no digest. Nothing is stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
from sqlmodel import Session

from digestd.digests.picks import select_picks
from digestd.digests.planning_day import PlanningDay, RankingOptions, read_planning_day
from digestd.digests.resource_limits import single_blas_thread
from digestd.digests.selection import DigestOptions, above_minimum
from digestd.digests.shard import NO_SUBSCRIBER, rank_alone, rank_shard
from digestd.domain.delivery import MailKind, State
from digestd.domain.digest import SavedNews, Section
from digestd.domain.interest import Interest, Stance
from digestd.domain.paper import Paper
from digestd.domain.schedule import current_period, is_mail_day, local_date, period_on
from digestd.domain.subscriber import Status, Subscriber
from digestd.ranking.calibration import MIN_SCORES
from digestd.store import due as due_subscribers
from digestd.store import references
from digestd.store.database import Database
from digestd.store.due import DueSubscriber
from digestd.store.interests import for_ranking
from digestd.store.ledger import queries
from digestd.store.ledger.queries import DeliveryFilter, DeliveryView


@dataclass(frozen=True, slots=True)
class InterestYield:
    """The papers of the last days that one interest finds by itself.

    Attributes:
        papers: Number of papers of the last days that reach the minimum score by it.
        sent: Number of those that were in a digest already.
        best: The one most likely to be liked, else the nearest paper; None if there are none.
        probability: The probability that the subscriber likes it.
    """

    interest: Interest
    papers: int
    sent: int
    best: Paper | None
    probability: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """The last digest of a subscriber, and the one that they would get now.

    Attributes:
        last: None if no digest was ever planned.
        considered: Number of papers of the last days, as far as their digests look back.
        picks: Number of papers that a digest would have now.
        near: Number of those below the minimum score.
        min_score: The probability that a paper needs.
        news: What it would tell of saved papers.
    """

    last: DeliveryView | None
    considered: int
    picks: int
    near: int
    min_score: float
    interests: tuple[InterestYield, ...]
    news: tuple[SavedNews, ...]


def forecast(db: Database, subscriber: int, now: datetime, ranking: RankingOptions = RankingOptions()) -> Forecast:
    """Rank the papers of `now` for each interest of a subscriber, and for all together."""
    day = read_planning_day(db, now, ranking)
    with single_blas_thread(), db.read() as session:
        due = due_subscribers.by_key(session, subscriber)
        shard = rank_shard(session, day, [due])
        period = current_period(due.preferences.timing, now).key
        wanted = [i for i in for_ranking(session, [due.key]).get(due.key, ()) if i.stance is Stance.LIKED]
        [picks] = select_picks(day, shard, [period])
        return Forecast(
            last=next(queries.entries(session, 1, DeliveryFilter(subscriber=subscriber, kind=MailKind.DIGEST)), None),
            considered=int(shard.open.sum()),
            picks=len(picks),
            near=sum(pick.section is Section.NEAR for pick in picks),
            min_score=MIN_SCORES[due.preferences.min_score],
            interests=tuple(_yields(session, day, due, wanted)),
            news=shard.news.of(due.key, is_sent=bool(picks) or due.preferences.when_empty),
        )


def _yields(
    session: Session, day: PlanningDay, due: DueSubscriber, interests: Iterable[Interest]
) -> Iterable[InterestYield]:
    own = references.of_interests(session, [due.key]).get(due.key, {})
    alone, options = due._replace(key=NO_SUBSCRIBER), DigestOptions(due.preferences.size, due.preferences.min_score)
    for interest in interests:
        shard, _ = rank_alone(session, day, alone, (interest,), own)
        ranked = shard.ranked
        enough = above_minimum(ranked, [options], day.calibration)[0]
        matching = np.flatnonzero(enough & shard.open[0] & shard.allowed[0])
        inside = matching if matching.size else np.flatnonzero(shard.open[0] & shard.allowed[0])
        if not inside.size:
            yield InterestYield(interest, 0, 0, None, 0.0)
            continue
        best = int(inside[np.argmax(ranked.log_odds[0, inside])])
        probability = day.calibration.probability(float(ranked.log_odds[0, best]))
        yield InterestYield(
            interest,
            int(matching.size),
            int((~shard.unseen[0, matching]).sum()),
            day.candidates.papers[best],
            probability,
        )


def explain_date(
    subscriber: Subscriber, day: date, delivery: DeliveryView | None, status_then: Status | None, now: datetime
) -> str:
    """Return why a subscriber got a digest on a date, or none.

    Args:
        subscriber: as they are now.
        day: a date in their time zone.
        delivery: their digest of the period, if one was planned.
        status_then: their status when it was due; None if they were not known yet.
    """
    timing = subscriber.timing
    period = period_on(timing, day)
    if delivery is not None:
        still = "; papers that come before their day is over still make a digest"
        is_open = delivery.state is State.EMPTY and subscriber.last_date == local_date(timing, now).isoformat()
        fate = _fate(delivery, now) + (still if is_open else "")
        if is_mail_day(timing, day):
            return fate
        return f"none is due on a {day:%A} ({timing.cadence}); the digest of {period.key}: {fate}"
    return _why_not_planned(subscriber, day, status_then, now)


def _why_not_planned(subscriber: Subscriber, day: date, status_then: Status | None, now: datetime) -> str:
    timing = subscriber.timing
    due = period_on(timing, day).due
    is_today = day == local_date(timing, now)
    is_late_start = is_today and due <= now and subscriber.status is Status.ACTIVE  # the digest follows at once
    if status_then is None and not is_late_start:
        return "no digest: they were not a subscriber yet"
    if status_then not in {None, Status.ACTIVE} and not is_late_start:
        return f"no digest: they were {status_then}"
    if not is_mail_day(timing, day):
        return f"no digest: none is due on a {day:%A} ({timing.cadence})"
    if due > now:
        return f"not yet: it is due at {due.astimezone(ZoneInfo(timing.timezone)):%H:%M} ({timing.timezone})"
    if subscriber.last_date is not None and subscriber.last_date >= day.isoformat():
        return "no digest: a later one covered the day, or their time zone or hour was changed; never two on one date"
    if is_today:
        return "not planned yet: `digestd plan` plans it; check that `digestd up` or `digestd worker` runs"
    return "no digest was planned: digestd did not run on that day; the next digest covers it"


def _fate(found: DeliveryView, now: datetime) -> str:
    """Return what became of a planned digest."""
    papers = f"{found.picks} paper" + ("" if found.picks == 1 else "s")
    said = f"; the relay said: {found.reply}" if found.reply else ""
    match found.state:
        case State.EMPTY if found.is_unanswered:
            return "no mail: no source answered; `digestd source list` says why"
        case State.EMPTY:
            return "no mail: no new paper reached their minimum score; `digestd preview EMAIL --date DATE` ranks again"
        case State.ACCEPTED:
            return f"sent with {papers}{said}; if it did not arrive, look into their spam folder and the relay's log"
        case State.READY if found.not_before > now:
            return f"planned with {papers}, waits until {found.not_before:%Y-%m-%d %H:%M}Z{said}"
        case State.READY:
            return f"planned with {papers} and ready; `digestd deliver` sends it{said}"
        case State.LEASED | State.FINAL_DOT:
            return f"planned with {papers}, being sent now"
        case State.UNCERTAIN:
            return f"{papers}, may have arrived: the relay's answer was lost; `digestd delivery settle {found.key}`"
        case _:
            return f"{papers}, {found.state}" + (f" ({found.reason})" if found.reason else "") + said
