"""Read the state of the service from the database: for monitors, for people, and for metrics."""

import platform
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlmodel import Session

from digestd import __version__, files
from digestd.app import App
from digestd.delivery import disk_space
from digestd.domain.bounce import BounceKind, InboundOutcome
from digestd.domain.coverage import SOURCE_IN_USE, Coverage
from digestd.domain.subscriber import Status, describe_damage
from digestd.domain.webhook import WebhookPostState
from digestd.errors import BadSetting, DatabaseUnreachable, DigestdError
from digestd.operations.service_status import (
    FailingRoom,
    LastBackup,
    ServiceHealth,
    ServiceStatus,
    ServiceTotals,
    ServiceVersions,
)
from digestd.store import bounces, clock, integrations, job_queue, ledger, monitoring, papers, rate_limits, subscribers
from digestd.store import suppressions as suppressed_addresses
from digestd.store.ledger import queries, restore
from digestd.store.migrate import newest
from digestd.store.papers import sources
from digestd.store.processes import SCHEDULER
from digestd.store.rate_limits import DELIVERY_RUN, paused_relays
from digestd.text.sanitise import without_addresses

DAY = timedelta(days=1)
PLANNING, _TICK_SECONDS = "plan", 120.0
"""The periodic job that plans (jobs/tasks), and how long after its last tick the engine counts as running."""


def read_health(app: App) -> ServiceHealth:
    """Return what a monitor asks for often, within milliseconds whatever the size of the ledger.

    Raises DatabaseUnreachable.
    """
    with app.db.read() as session:
        return _health(session, app)


def read_disk(app: App) -> ServiceHealth:
    """Return what is known of the state of the service without its database."""
    folders = [app.journals, *([app.db.file.parent] if app.db.file else [])]
    free = min(map(disk_space.free_bytes, folders))
    backup = LastBackup.read(app.journals)
    return ServiceHealth(at=app.clock(), free_bytes=free, free_needed=disk_space.MIN_FREE_BYTES, backup=backup)


def read_status(app: App) -> ServiceStatus:
    """Return the state of the service now. Raises DatabaseUnreachable."""
    is_scheduled = _is_scheduled(app)
    routes, bad_transport = _routes(app)
    kept, kept_place = _kept_mails(app)
    with app.db.read() as session:
        health = _health(session, app)
        now = health.at
        asked = {
            name: one for name, one in sources.latest_fetches(session).items() if one.fetched > now - SOURCE_IN_USE
        }
        last_asked = max((one.fetched for one in asked.values()), default=None)
        due = monitoring.due_times(session, now, now + DAY)
        interval = timedelta(minutes=app.settings.ingest_interval_minutes)
        return ServiceStatus(
            **vars(health),
            versions=ServiceVersions(__version__, platform.python_version(), _engine(session, app), newest()),
            next_ingest=last_asked + interval if is_scheduled and last_asked else None,
            due=due.due,
            due_soon=due.soon,
            overdue_since=due.first,
            next_due=due.following,
            clock=clock.read(session),
            subscribers=subscribers.count(session),
            suppressed=sum(suppressed_addresses.count(session).values()),
            digests=monitoring.digests_due_since(session, now - DAY),
            unanswered=monitoring.count_unanswered(session, now - DAY),
            sent_hour=monitoring.count_sent(session, now - timedelta(hours=1)),
            sent_day=monitoring.count_sent(session, now - DAY),
            waiting=monitoring.waiting(session),
            bounces=_bounces(session, now),
            relays=[
                replace(one, why=without_addresses(one.why))
                for one in health.stopped
                if one.until > now and one.relay in routes
            ],
            bad_transport=bad_transport,
            rooms=[
                FailingRoom(one.subscriber, one.label, one.failures, one.problem or "", one.is_used)
                for one in integrations.chat_targets(session, failing=True)
            ],
            failing_templates=monitoring.last_count(session, monitoring.MAILS_HELD),
            failed_run=next((one.why for one in health.stopped if one.relay == DELIVERY_RUN), ""),
            unplanned=[_unplanned(session, key) for key in subscribers.unplanned(session, now)],
            foreign_files=list(_foreign_files(app)),
            posts=integrations.count_posts(session)[WebhookPostState.WAITING],
            scheduler=is_scheduled,
            database_bytes=app.db.file.stat().st_size if app.db.file else None,
            has_sources=app.settings.sources.strip() != "none",
            failing={name: one.error for name, one in asked.items() if one.error},
            restored=restore.restored_from(session),
            last_unread=monitoring.last_inbound(session, InboundOutcome.UNREAD),
            kept=kept,
            kept_place=kept_place,
        )


def read_totals(app: App) -> ServiceTotals:
    """Return the totals for metrics, which takes a while on a large ledger; states without rows count 0."""
    with app.db.read() as session:
        last = {source: sources.newest_success(session, source) for source in sources.latest_fetches(session)}
        return ServiceTotals(
            **vars(_health(session, app)),
            deliveries=queries.counts(session),
            subscribers=dict.fromkeys(Status, 0) | subscribers.count(session),
            papers=papers.count(session),
            answered={source: at for source, at in last.items() if at is not None},
            hosts=rate_limits.hosts(session),
            bounces=bounces.count(session),
            inbound=monitoring.inbound_counts(session),
            suppressions=suppressed_addresses.count(session),
            last_inbound=monitoring.last_inbound(session),
            hook_posts=integrations.count_posts(session),
        )


def _health(session: Session, app: App) -> ServiceHealth:
    found = read_disk(app)
    now = found.at
    answers = (one.fetched for one in sources.latest_fetches(session).values() if one.error is None)
    return replace(
        found,
        sources=_newest_days(session, now.date()),
        last_ingest=max(answers, default=None),
        stopped=paused_relays(session),
        open=monitoring.open_deliveries_by_state(session),
        long_uncertain=ledger.count_long_uncertain(session, now),
        refused=ledger.count_waiting(session),
        held=len(bounces.held_addresses(session, now)),
        refused_sender=bounces.count_refused_senders(session, now)[0],
    )


def _newest_days(session: Session, today: date) -> list[Coverage]:
    """Return the newest day up to today of each source in use, by source."""
    rows = sources.recent_coverage(session, today - SOURCE_IN_USE)
    newest_day = {row.source: row for row in sorted(rows, key=lambda row: row.day) if row.day <= today}
    return [newest_day[source] for source in sorted(newest_day)]


def _kept_mails(app: App) -> tuple[int | None, str]:
    """Return the number of mails that are kept for the operator, and where; a mailbox elsewhere is not asked."""
    try:
        mailbox = app.kept_mails
        return (mailbox.count_kept(), mailbox.place) if mailbox else (None, "")
    except (DigestdError, OSError):  # doctor tells
        return None, ""


def _is_scheduled(app: App) -> bool:
    """Return True if a process ticks: the one with the lock or, with the job engine, any machine."""
    if app.settings.runner == "procrastinate":
        with app.db.read() as session:
            ticked = job_queue.seconds_since_tick(session, PLANNING)
        return ticked is not None and ticked < _TICK_SECONDS
    try:
        return not app.owners.is_dead(SCHEDULER)
    except DatabaseUnreachable:  # the folder of the locks cannot be written by this user
        return False


def _engine(session: Session, app: App) -> str:
    if app.db.is_sqlite:
        return f"SQLite {sqlite3.sqlite_version}"
    version = session.connection().dialect.server_version_info or ()
    return f"PostgreSQL {'.'.join(map(str, version))}"


def _bounces(session: Session, now: datetime) -> dict[BounceKind, int]:
    total: Counter[BounceKind] = Counter()
    for found in monitoring.bounces_per_day(session, now - DAY).values():
        total += found
    return {kind: total[kind] for kind in BounceKind}


def _unplanned(session: Session, key: int) -> str:
    """Return who cannot be planned and why."""
    known = subscribers.by_key(session, key)
    if known is None:
        return f"subscriber {key}"
    return f"{known.address}: {describe_damage(known) or 'the log says why; `digestd fsck` checks what is stored'}"


def _foreign_files(app: App) -> Iterator[str]:
    """Yield whose the files of the database and the journals are that do not belong to the service's user."""
    file, folder = app.db.file, app.journals
    owned = [file, file.parent] if file else [folder]
    owner = next((uid for uid in (one.stat().st_uid for one in owned if one.exists()) if uid), 0)
    if owner:
        beside = sorted(file.parent.glob(f"{file.name}*")) if file else []
        inside = [one for held in {*beside, folder} if held.is_dir() for one in sorted(held.iterdir())]
        yield from files.foreign([*beside, *inside], owner)


def _routes(app: App) -> tuple[set[str], str]:
    """Return the names of the relays in use; none, and why, if the setting is wrong."""
    try:
        return {route.name for route in app.routes}, ""
    except BadSetting as error:
        return set(), str(error)
