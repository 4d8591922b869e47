"""Describe the state of the service: the facts, what of them needs the operator, and one line for each."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from digestd.domain.bounce import BounceKind, InboundOutcome
from digestd.domain.coverage import Coverage, CoverageState
from digestd.domain.delivery import State, SuppressionReason
from digestd.domain.subscriber import Status
from digestd.domain.webhook import WebhookPostState
from digestd.operations.diagnosis import Diagnosis, Level, error, warning, worst_first
from digestd.store.clock import SKEW, ClockReadings
from digestd.store.monitoring import WaitingMails
from digestd.store.rate_limits import HostState, PausedRelay

LAG = timedelta(minutes=70)
"""Planned work may wait this long: `digestd run` by cron comes every hour."""
INGEST_LAG = timedelta(hours=3)
BACKUP_LAG = timedelta(days=3)
"""Backups are made every night; one may fail, and one machine be off."""
CORRECTED_FOR = timedelta(days=1)
"""The time for which corrected due times are reported."""
UNREAD_FOR = timedelta(days=7)
"""The time for which a mail that was not understood is reported."""
BACKUP_STATE = "backup.json"
"""Name of the file beside the journals that says how the last backup went. It must be readable when the database is
not."""
FREE_ENOUGH = 1 << 30
"""Free bytes below which the operator is warned."""
_SILENT = frozenset({CoverageState.BROKEN, CoverageState.STALE})
_MIB = 1 << 20
_HOURS_SHOWN = 48
"""Younger backups have their age in hours."""


@dataclass(frozen=True, slots=True)
class FailingRoom:
    """A chat room that did not take the last digests. `used`: it still gets the next one."""

    subscriber: int
    label: str
    failures: int
    problem: str
    used: bool


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The result of the last backup.

    Attributes:
        at: when it was made.
        why: why it failed; empty if it did not.
        good: when the last good one was made; None if there is none.
        checked: when the database was last checked completely.
    """

    at: datetime
    why: str = ""
    good: datetime | None = None
    checked: datetime | None = None

    @classmethod
    def read(cls, journals: Path) -> Self | None:
        """Return how the last backup went; None if there was none, or it cannot be read."""
        try:
            found = json.loads((journals / BACKUP_STATE).read_text(encoding="utf-8"))
            times = {name: found[name] and datetime.fromisoformat(found[name]) for name in ("good", "checked")}
            return cls(datetime.fromisoformat(found["at"]), str(found["why"]), **times)
        except (OSError, ValueError, TypeError, KeyError):
            return None


@dataclass(frozen=True, slots=True)
class ServiceVersions:
    """Versions of what runs here; `database` is the engine with its version, `schema` the revision."""

    digestd: str
    python: str
    database: str
    schema: str


@dataclass(frozen=True, kw_only=True)
class ServiceHealth:
    """Facts that a monitor reads often, and that all reports have in common.

    Attributes:
        free_bytes: free space where database and journals are.
        free_needed: free space below which nothing is sent.
        backup: how the last backup on this machine went; None if there was none.
        sources: newest announcement day of each source in use.
        last_ingest: when a source last answered.
        stopped: relays whose last transaction failed, and the last delivery run if it failed.
        open: deliveries that are not finished, by state.
        long_uncertain: deliveries uncertain for more than a day.
        refused: mails that wait because a relay refused many for good.
        held: addresses that are not suppressed because too many bounced at once.
        refused_sender: addresses that refused us as the sender within a day.
    """

    at: datetime
    free_bytes: int
    free_needed: int
    backup: LastBackup | None = None
    sources: Sequence[Coverage] = ()
    last_ingest: datetime | None = None
    stopped: Sequence[PausedRelay] = ()
    open: Mapping[State, int] = field(default_factory=dict)
    long_uncertain: int = 0
    refused: int = 0
    held: int = 0
    refused_sender: int = 0


@dataclass(frozen=True, kw_only=True)
class ServiceStatus(ServiceHealth):
    """The service at one moment.

    Attributes:
        next_ingest: when the scheduler asks the sources again; None if no scheduler runs.
        due, due_soon: active subscribers that are due now, and in the next 24 hours.
        overdue_since: when the first of those that are due was; None if there is none.
        next_due: when the next subscriber is due.
        clock: what the clock said at earlier runs.
        digests: digests that were due in the last 24 hours, by state.
        unanswered: those of them that are empty because no source answered.
        sent_hour, sent_day: mails that relays accepted in the last hour and in the last 24 hours.
        bounces: bounces of the last 24 hours, by kind.
        relays: relays in use that get no mail now.
        rooms: chat rooms that did not take the last digest.
        failed_run: why the last delivery run failed; empty if it did not.
        bad_transport: why no mail can be sent with the setting of the transports; empty if it is valid.
        foreign_files: whose the files of database and journals are that do not belong to the service's user.
        unplanned: subscribers whose digest could not be planned lately, and why.
        posts: events for the operator's programs that wait.
        scheduler: True if a scheduler runs on this database.
        database_bytes: size of the SQLite file; None on PostgreSQL.
        failing: why the last request failed, by source.
        failing_templates: kinds of mail, counted by language, that the last run could not send.
        restored: when the backup was made that the database was restored from, until sending is resumed.
        last_unread: when a mail of a person or a mail system last came in that was not understood.
        kept: mails that are kept for the operator; None if only the mailbox's server knows.
        kept_place: the mailbox that they are in; empty if there is none.
    """

    versions: ServiceVersions
    next_ingest: datetime | None
    due: int
    due_soon: int
    overdue_since: datetime | None
    next_due: datetime | None
    clock: ClockReadings
    subscribers: Mapping[Status, int]
    suppressed: int
    digests: Mapping[State, int]
    sent_hour: int
    sent_day: int
    waiting: Sequence[WaitingMails]
    bounces: Mapping[BounceKind, int]
    relays: Sequence[PausedRelay]
    rooms: Sequence[FailingRoom]
    posts: int
    scheduler: bool
    database_bytes: int | None = None
    has_sources: bool = True
    failing: Mapping[str, str] = field(default_factory=dict)
    failing_templates: int = 0
    unanswered: int = 0
    failed_run: str = ""
    bad_transport: str = ""
    foreign_files: Sequence[str] = ()
    unplanned: Sequence[str] = ()
    restored: datetime | None = None
    last_unread: datetime | None = None
    kept: int | None = None
    kept_place: str = ""

    @property
    def is_failing(self) -> bool:
        return any(finding.level is Level.ERROR for finding in needs_attention(self))


@dataclass(frozen=True, kw_only=True)
class ServiceTotals(ServiceHealth):
    """Totals since the start, for metrics. Contains no addresses and no titles.

    `answered`: time of the last usable answer of each source.
    """

    deliveries: Mapping[State, int]
    subscribers: Mapping[Status, int]
    papers: int
    answered: Mapping[str, datetime]
    hosts: Sequence[HostState]
    bounces: Mapping[BounceKind, int]
    inbound: Mapping[InboundOutcome, int]
    suppressions: Mapping[SuppressionReason, int]
    last_inbound: datetime | None
    hook_posts: Mapping[WebhookPostState, int]


def needs_attention(status: ServiceStatus) -> list[Diagnosis]:
    """Return what needs the operator, worst first."""
    parts = (
        _restore_findings,
        _backup_findings,
        _relay_findings,
        _delivery_findings,
        _hold_findings,
        _unread_findings,
        _planning_findings,
        _source_findings,
        _disk_findings,
    )
    return worst_first(finding for part in parts for finding in part(status))


def failed_sources(failing: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Yield a warning for each error of sources, which several may share."""
    for why in dict.fromkeys(failing.values()):
        names = [name for name, one in failing.items() if one == why]
        broken = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} broken"
        yield warning("sources", f"{broken}: {why}", f"`digestd source check {names[0]}` tries it now")


def status_lines(status: ServiceStatus) -> Iterator[tuple[str, str]]:
    """Yield the status as names and sentences, a screen of them."""
    yield "Papers", _papers(status)
    found = [f"{status.subscribers.get(state, 0):,} {state}" for state in Status if status.subscribers.get(state, 0)]
    yield "Subscribers", f"{', '.join(found) or 'none yet'}; {counted(status.suppressed, 'address')} suppressed"
    following = "" if status.next_due is None else f"; the next at {clock_time(status.next_due, status.at)}"
    yield "Due", f"{status.due:,} now, {status.due_soon:,} in the next 24 hours{following}"
    yield "Last 24 hours", _digests(status)
    yield "Waiting", "; ".join(waiting_lines(status.waiting, status.at)) or "nothing"
    yield "Uncertain", _uncertain(status)
    yield "Bounces", _bounces(status)
    if status.kept_place:
        yield "Kept mails", _kept(status)
    yield "Relays", "; ".join(map(_relay, status.relays)) or "none is paused"
    yield "Webhooks", f"{counted(status.posts, 'event')} waiting" if status.posts else "nothing waits"
    yield "Next runs", _next_runs(status)
    size = "" if status.database_bytes is None else f"database {status.database_bytes / _MIB:,.1f} MiB, "
    yield "Disk", f"{size}{status.free_bytes / (1 << 30):,.1f} GiB free"
    yield "Backup", _backup(status)
    versions = status.versions
    yield (
        "Versions",
        f"digestd {versions.digestd}, Python {versions.python}, {versions.database}, schema {versions.schema}",
    )


def waiting_lines(waiting: Sequence[WaitingMails], now: datetime) -> Iterator[str]:
    """Yield how many mails wait until when and why."""
    for one in waiting:
        until = "ready to be sent" if one.last <= now else f"until {clock_time(one.last, now)}"
        if one.first <= now < one.last:
            until = f"some are ready, others wait {until}"
        why = f": the relay said {one.reply}" if one.reply else ""
        yield f"{counted(one.mails, 'mail')} {until}{why}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one."""
    ending = "" if number == 1 else "es" if noun.endswith(("s", "x")) else "s"
    return f"{number:,} {noun}{ending}"


def clock_time(at: datetime, now: datetime) -> str:
    """Return a time in UTC, without the date if it is today's."""
    return f"{at:%H:%MZ}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%MZ}"


def _relay_findings(status: ServiceStatus) -> Iterator[Diagnosis]:
    if status.bad_transport:
        yield error("relay", status.bad_transport, "correct it; `digestd config check` tries it")
    for relay in status.relays:
        yield error(
            "relay",
            f"{relay.relay} is paused until {clock_time(relay.until, status.at)} after "
            f"{counted(relay.failures, 'failure')}: {relay.why}",
            "`digestd doctor` tries it; `digestd deliver` sends at once when it is repaired",
        )


def _delivery_findings(status: ServiceStatus) -> Iterator[Diagnosis]:
    now = status.at
    if status.failed_run:
        yield error(
            "delivery", f"nothing is sent: {status.failed_run}", "repair it; `digestd deliver` tries again at once"
        )
    if status.foreign_files:
        yield error(
            "files",
            f"{counted(len(status.foreign_files), 'file')} that the service may not be able to use: "
            f"{status.foreign_files[0]}",
            "give them to the user of the service with `chown`; root's commands leave files to that user",
        )
    ready = [one.since for one in status.waiting if one.first <= now and one.since <= now - LAG]
    if ready and not status.relays and not status.failed_run:
        yield error(
            "delivery",
            f"mails have been ready since {clock_time(min(ready), now)} and were not sent",
            "check that `digestd up` or `digestd worker` runs, or send them with `digestd deliver`",
        )
    if status.failing_templates:
        yield error(
            "delivery",
            "mails are held because their templates fail",
            "`digestd config check` names file and line; sending resumes by itself when they are repaired",
        )
    if count := status.open.get(State.POISONED, 0):
        yield error(
            "delivery",
            f"{counted(count, 'mail')} cannot be composed",
            "`digestd delivery list --state poisoned` shows them; repair what they say, then `digestd delivery settle`",
        )
    for room in status.rooms:
        yield (warning if room.used else error)(
            "chat",
            f"the chat room {room.label} of subscriber {room.subscriber} did not take "
            f"{counted(room.failures, 'digest')}{'' if room.used else ', so they go by mail'}: {room.problem}",
            "`digestd subscriber chat --list` shows whose it is; then repair it and run "
            "`digestd subscriber chat EMAIL --test`",
        )


def _restore_findings(status: ServiceStatus) -> Iterator[Diagnosis]:
    if status.restored is not None:
        yield error(
            "restore",
            f"the database was restored from a backup of {status.restored:%Y-%m-%d %H:%MZ}, and nothing is sent yet",
            "run `digestd restore --resume`, so that nothing is sent twice, then start the service",
        )


def _backup_findings(status: ServiceStatus) -> Iterator[Diagnosis]:
    last = status.backup
    if last is None:
        return
    if last.why:
        good = "there is no good one" if last.good is None else f"the last good one is of {_day_time(last.good)}"
        yield error(
            "backup",
            f"the last backup failed at {_day_time(last.at)} ({last.why}); {good}",
            "`digestd backup` tries again; if the database is damaged, `digestd fsck` says where, and `digestd restore`"
            " puts a good backup back",
        )
    elif last.good is not None and status.at - last.good > BACKUP_LAG:
        yield warning(
            "backup",
            f"the last backup was made {(status.at - last.good).days} days ago",
            "check its timer: `systemctl list-timers digestd-backup`",
        )


def _hold_findings(status: ServiceStatus) -> Iterator[Diagnosis]:
    if status.refused or status.held:
        yield error(
            "delivery",
            f"{counted(status.refused, 'mail')} and {counted(status.held, 'address')} are on hold: too many were "
            "refused or bounced to be the subscribers' fault",
            "check the relay; `digestd subscriber suppress --held --dry-run` shows whose mailboxes would be given up",
        )
    if status.long_uncertain:
        yield warning(
            "delivery",
            f"{counted(status.long_uncertain, 'mail')} uncertain for more than a day",
            "`digestd delivery list --state uncertain` shows them; look into the relay's log, then "
            "`digestd delivery settle`",
        )
    if status.refused_sender:
        yield warning(
            "delivery",
            f"{counted(status.refused_sender, 'address')} refused a mail within a day because of its sender or content",
            "`digestd doctor` checks DNS; look your address up at blocklists",
        )


def _unread_findings(status: ServiceStatus) -> Iterator[Diagnosis]:
    last = status.last_unread
    if last is not None and status.at - last < UNREAD_FOR and status.kept != 0:
        yield warning(
            "inbound",
            f"a mail that digestd does not understand came in at {clock_time(last, status.at)}; "
            f"a person may wait for your answer{f' ({_kept(status)})' if status.kept_place else ''}",
            "`digestd inbound list` lists them; answer by mail, then `digestd inbound done NUMBER`",
        )


def _kept(status: ServiceStatus) -> str:
    number = "those flagged" if status.kept is None else counted(status.kept, "mail")
    return f"{number} in {status.kept_place}"


def _disk_findings(status: ServiceStatus) -> Iterator[Diagnosis]:
    if status.free_bytes < status.free_needed:
        yield error("disk", f"only {status.free_bytes // _MIB} MiB are free; nothing is sent", _FREE)
    elif status.free_bytes < FREE_ENOUGH:
        yield warning("disk", f"only {status.free_bytes // _MIB} MiB are free", _FREE)


_FREE = "free some space: `du -xh / | sort -h | tail -n 20` shows what is large"


def _planning_findings(status: ServiceStatus) -> Iterator[Diagnosis]:
    if status.overdue_since is not None and status.overdue_since <= status.at - LAG:
        yield error(
            "planning",
            f"{counted(status.due, 'digest')} due since {clock_time(status.overdue_since, status.at)} not planned",
            "check that `digestd up` or `digestd worker` runs and its log, or plan them with `digestd plan`",
        )
    for one in status.unplanned:
        yield error("subscribers", f"no digest can be planned for {one}", "`digestd subscriber show EMAIL` says more")
    last, corrected = status.clock.last, status.clock.corrected
    compare = "compare it with others by `digestd doctor`; if it is right, planning corrects who is due"
    if last is not None and last > status.at + SKEW:
        said = f"the clock said {_day_time(last)} at an earlier run, so it was ahead then or is behind now"
        yield warning("planning", said, compare)
    elif corrected is not None and status.at - corrected < CORRECTED_FOR:
        at = clock_time(corrected, status.at)
        yield warning("planning", f"due times were wrong, as after a clock that was ahead; corrected at {at}", compare)


def _source_findings(status: ServiceStatus) -> Iterator[Diagnosis]:
    yield from failed_sources(status.failing)
    for day in status.sources:
        if day.state in _SILENT and day.source not in status.failing:
            yield warning(
                "sources",
                f"{day.source} is {day.state}{f': {day.note}' if day.note else ''}",
                f"`digestd source check {day.source}` tries it now",
            )
    if status.unanswered:
        yield warning(
            "sources",
            f"no source answered, so {counted(status.unanswered, 'digest')} of the last 24 hours "
            f"{'is' if status.unanswered == 1 else 'are'} empty",
            "`digestd ingest` asks them now; papers that come before a subscriber's day is over still make a digest",
        )
    last = status.last_ingest
    if status.has_sources and (last is None or last < status.at - INGEST_LAG or not status.sources):
        answered = (
            "no source has ever answered"
            if last is None
            else f"no source has answered since {clock_time(last, status.at)}"
        )
        yield warning(
            "sources",
            answered,
            "`digestd ingest` asks them now; `digestd source list` says why",
        )


def _papers(status: ServiceStatus) -> str:
    newest = {day.source: day.state for day in status.sources} | dict.fromkeys(status.failing, CoverageState.BROKEN)
    states = list(newest.values())
    if not (states or status.has_sources):
        return "no sources are set; papers come by import"
    kinds = [f"{states.count(state)} {state}" for state in CoverageState if state in states]
    last = "no answer yet" if status.last_ingest is None else f"last answer {clock_time(status.last_ingest, status.at)}"
    sources = f"{counted(len(states), 'source')} ({', '.join(kinds)})" if kinds else "no source has reported lately"
    return f"{sources}; {counted(sum(day.items for day in status.sources), 'paper')} on their newest day; {last}"


def _digests(status: ServiceStatus) -> str:
    ends = (State.REJECTED, State.SKIPPED, State.EXPIRED, State.ABANDONED)
    planned = sum(status.digests.values()) - status.digests.get(State.EMPTY, 0)
    bad = [f"{status.digests[state]:,} {state}" for state in ends if status.digests.get(state)]
    empty = status.digests.get(State.EMPTY, 0)
    return ", ".join(
        [
            f"{counted(planned, 'digest')} planned",
            f"{counted(empty, 'subscriber')} without a matching paper",
            f"{counted(status.sent_day, 'mail')} sent ({status.sent_hour:,} in the last hour)",
            *bad,
        ]
    )


def _uncertain(status: ServiceStatus) -> str:
    count = status.open.get(State.UNCERTAIN, 0)
    return f"{counted(count, 'mail')}, {status.long_uncertain:,} of them for more than a day" if count else "none"


def _bounces(status: ServiceStatus) -> str:
    found = [f"{count:,} {kind}" for kind, count in status.bounces.items() if count]
    return f"{', '.join(found) or 'none'} in the last 24 hours"


def _relay(relay: PausedRelay) -> str:
    return f"{relay.relay} paused until {relay.until:%H:%MZ}: {relay.why}"


def _next_runs(status: ServiceStatus) -> str:
    if not status.scheduler:
        return "no scheduler runs on this database"
    ingest = "soon" if status.next_ingest is None else clock_time(status.next_ingest, status.at)
    return f"sources {ingest}, planning every 15 seconds"


def _backup(status: ServiceStatus) -> str:
    last = status.backup
    if last is None:
        return "none yet on this machine"
    good = "none is good" if last.good is None else f"the last good one is {_age(last.good, status.at)} old"
    return (
        f"failed at {_day_time(last.at)}; {good}"
        if last.why
        else f"{_age(last.at, status.at)} old, {_day_time(last.at)}"
    )


def _age(then: datetime, now: datetime) -> str:
    hours = int((now - then) / timedelta(hours=1))
    return counted(hours // 24, "day") if hours >= _HOURS_SHOWN else counted(max(hours, 1), "hour")


def _day_time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%MZ}"
