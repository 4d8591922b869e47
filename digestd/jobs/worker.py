"""Deliver what is ready, pause while relays refuse service, stop cleanly.

Each run has its own name in the ledger, locked while the run lives. What a run could not record, because the database
was unreachable, is recovered by the next run as after a crash.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog
from sqlmodel import Session

from digestd.app import App
from digestd.delivery.attempt_recorder import RunCounters
from digestd.delivery.reconcile import reconcile, resend_uncertain
from digestd.delivery.recovery import recover
from digestd.delivery.retry import RELAY_BACKOFF
from digestd.delivery.run import deliver
from digestd.delivery.transports import Route
from digestd.domain.webhook import POSTS_KEPT as HOOK_POSTS_KEPT
from digestd.errors import BadSetting, DatabaseUnreachable, DigestdError
from digestd.jobs import chores
from digestd.jobs.children import ChildProcesses
from digestd.store import bounces, clock, consent, integrations, ledger, monitoring, rate_limits
from digestd.store.ledger import queries
from digestd.store.migrate import require_current
from digestd.subscribers.signup import purge_unconfirmed

TICK_SECONDS = 15.0
"""Interval of looking for work. A change on the web pages of this process wakes the worker earlier."""
REST_SECONDS = 1.0
"""Time between two looks, however many changes there are."""
LOOKUP_SECONDS = 60.0
"""The same as TICK_SECONDS for libraries to read and papers to look up."""
SETTLE_SECONDS = 60.0
"""Interval of checking the relay's log while deliveries are uncertain."""
UPKEEP_SECONDS = 3_600.0
"""Interval of deleting unconfirmed sign-ups and expired counts of mails."""
MANY = 300
"""Ready mails that are worth processes of their own, which take a second to start."""
EXPIRE_BLOCK = 500
log = structlog.get_logger(__name__)


async def work(
    app: App, stop: asyncio.Event, wake: asyncio.Event | None = None, children: ChildProcesses | None = None
) -> None:
    """Deliver what becomes ready until `stop` is set.

    A new worker tries every relay at once.

    Args:
        stop: ends the worker.
        wake: set when there may be something to do.
        children: send many mails in these processes; None to send all in this one.
    """
    starting, settled, cleaned = True, -SETTLE_SECONDS, -UPKEEP_SECONDS
    while not stop.is_set():
        try:
            if starting:
                await asyncio.to_thread(clear_backoff, app)
                starting = False
            if (time := asyncio.get_running_loop().time()) - settled >= SETTLE_SECONDS:
                settled = time  # also if it fails, so that it keeps back no mail
                await settle_and_alert(app)
            if (time := asyncio.get_running_loop().time()) - cleaned >= UPKEEP_SECONDS:
                cleaned = time
                await asyncio.to_thread(delete_expired, app, app.clock())
            await tick(app, stop, children)
        except DigestdError as error:
            log.error("delivery failed", why=str(error), retry=error.retry)
        except Exception as error:  # the next tick tries again
            log.exception("delivery failed", kind=type(error).__name__)
        await rest(stop, wake, TICK_SECONDS)


async def rest(stop: asyncio.Event, wake: asyncio.Event | None, seconds: float) -> None:
    """Sleep until `stop` or `wake` is set, at least REST_SECONDS unless stopped, at most `seconds`. Clear `wake`."""
    wake, time = wake or asyncio.Event(), asyncio.get_running_loop().time
    earliest = time() + min(REST_SECONDS, seconds)
    waiting = [asyncio.create_task(event.wait()) for event in (stop, wake)]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    if (left := earliest - time()) > 0:
        await sleep(stop, left)
    wake.clear()


async def sleep(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def settle_and_alert(app: App) -> None:
    await asyncio.to_thread(settle_uncertain, app, app.clock())
    await alert_operator(app)


async def post_webhooks(app: App, stop: asyncio.Event, wake: asyncio.Event | None = None) -> None:
    await _repeat("posting webhooks", partial(chores.post_webhooks, app), TICK_SECONDS, stop, wake)


async def sync_libraries(app: App, stop: asyncio.Event, wake: asyncio.Event | None = None) -> None:
    await _repeat("library sync", partial(chores.sync_libraries, app), LOOKUP_SECONDS, stop, wake)


async def look_up_papers(app: App, stop: asyncio.Event, wake: asyncio.Event | None = None) -> None:
    await _repeat("looking up papers", partial(chores.look_up_papers, app), LOOKUP_SECONDS, stop, wake)


async def serve_chat(app: App, stop: asyncio.Event, wake: asyncio.Event | None = None) -> None:
    """Post digests to chat rooms until `stop` is set, and the last room has answered."""
    await _repeat_until("posting to chat rooms", partial(post_to_chat, app, stop), TICK_SECONDS, stop, wake)


BESIDE_MAIL = (serve_chat, post_webhooks, sync_libraries, look_up_papers)
"""The work of the inline runner, apart from sending mail."""


async def _repeat(
    name: str,
    work: Callable[[], Awaitable[object]],
    seconds: float,
    stop: asyncio.Event,
    wake: asyncio.Event | None,
) -> None:
    """Repeat some work until `stop` is set.

    What it is doing then is cancelled, and repeated once its claim has expired.
    """
    repeating = asyncio.create_task(_repeat_until(name, work, seconds, stop, wake))
    await stop.wait()
    repeating.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await repeating


async def _repeat_until(
    name: str,
    work: Callable[[], Awaitable[object]],
    seconds: float,
    stop: asyncio.Event,
    wake: asyncio.Event | None,
) -> None:
    while not stop.is_set():
        try:
            await work()
        except DigestdError as error:
            log.error(f"{name} failed", why=str(error), retry=error.retry)
        except Exception as error:  # one failure must not stop the rest
            log.exception(f"{name} failed", kind=type(error).__name__)
        await rest(stop, wake, seconds)


async def tick(app: App, stop: asyncio.Event, children: ChildProcesses | None = None) -> None:
    """Clean up, then deliver if anything is ready and a relay is available.

    `children`: as in `work`.

    Raises NotInitialised on a schema of another version, so that an old worker writes nothing there.
    """
    async with _recording_failure(app):
        routes = await asyncio.to_thread(_clean_up_for_delivery, app)
    if not routes:
        await asyncio.to_thread(_record_run, app, "")
    elif children is not None and await asyncio.to_thread(_are_many_ready, app):
        await children.run("delivery", [{}] * children.most, stop)
    else:
        await _deliver(app, stop, app.new_owner(), routes)


def _are_many_ready(app: App) -> bool:
    with app.db.read() as session:
        return queries.count_ready(session, app.clock(), MANY) == MANY


def _clean_up_for_delivery(app: App) -> tuple[Route, ...]:
    """Clean up; return the routes over which to deliver now, as `_routes_to_use`."""
    require_current(app.db)
    clean_up(app, app.clock())
    return _routes_to_use(app)


async def deliver_ready(app: App, stop: asyncio.Event, owner: str) -> None:
    """Deliver until nothing is ready, over the relays that are available.

    `owner`: the name of this run in the ledger.
    """
    if routes := await asyncio.to_thread(_routes_to_use, app):
        await _deliver(app, stop, owner, routes)


async def _deliver(app: App, stop: asyncio.Event, owner: str, routes: tuple[Route, ...]) -> None:
    async with _recording_failure(app):
        with app.owners.hold(owner):
            delivery = replace(app.delivery(owner, routes), send_alert=app.send_alert)
            report = await deliver(delivery, stop=stop)
        await asyncio.to_thread(_record_run, app, "")
    log.info("delivered", **{name: count for name, count in counts(report).items() if count})


@contextlib.asynccontextmanager
async def _recording_failure(app: App) -> AsyncIterator[None]:
    """Record why a delivery run failed, so that `digestd status` can say why nothing is sent."""
    try:
        yield
    except DigestdError as error:
        if await asyncio.to_thread(_record_run, app, str(error)) == 1:
            await app.send_alert("delivery failed", "", f"nothing is sent: {error}")
        raise


def _record_run(app: App, why: str) -> int:
    """Record how a run ended; return the failures in a row, 0 if the database cannot be written either."""
    try:
        with app.db.read() as session:
            [state] = rate_limits.throttle_states(session, [rate_limits.DELIVERY_RUN]).values()
            if not why and not state.backoff.failures:
                return 0  # the usual case takes no lock
        with app.db.write() as session:
            return rate_limits.record_run(session, why, app.clock())
    except DatabaseUnreachable:
        return 0


def clean_up(app: App, now: datetime) -> None:
    """Recover from dead workers, settle bounced mails, expire late ones.

    A step that fails unexpectedly leaves the others and the delivery alone.

    Raises NotResumed on a database that was put back: nothing expires before it is known what was sent.
    """
    app.restore_guard.require_resumed(now)
    settled = clock.note(app.db, now).settled(now)
    steps: Sequence[Callable[[], object]] = (
        lambda: recover(app.db, app.owners, app.journals, now),
        lambda: ledger.settle_all_bounced(app.db, now),
        lambda: integrations.delete_posts_before(app.db, settled - HOOK_POSTS_KEPT),
        lambda: consent.delete_expired_address_changes(app.db, settled),
        lambda: _expire_late(app, now),
    )
    for step in steps:
        try:
            step()
        except DigestdError:
            raise
        except Exception as error:  # nothing is sent twice by what is left for later
            log.exception("cannot clean up", kind=type(error).__name__)


def _expire_late(app: App, now: datetime) -> None:
    more = True
    while more:
        with app.db.write() as session:
            more = ledger.expire(session, EXPIRE_BLOCK, now) == EXPIRE_BLOCK


def delete_expired(app: App, now: datetime) -> None:
    """Delete unconfirmed sign-ups, old requests, old counts of mails and domains that are no longer slowed."""
    settled = clock.settled(app.db, now)
    if purged := purge_unconfirmed(app.db, settled):
        log.info("deleted unconfirmed sign-ups", subscribers=purged)
    consent.erase_expired_requests(app.db, settled)
    rate_limits.delete_expired_mails(app.db, settled)
    with app.db.write() as session:
        rate_limits.delete_idle_domains(session, now)


def settle_uncertain(app: App, now: datetime) -> None:
    """Settle uncertain deliveries by the relay's log, then by policy.

    An unreadable log stops nothing else.
    """
    try:
        if app.relay_log is not None:
            reconcile(app.db, app.relay_log, app.keys, now)
    except BadSetting as error:
        log.error("cannot check uncertain mails", why=str(error))
    if app.settings.on_uncertain == "resend" and (count := resend_uncertain(app.db, now)):
        log.warning("resent uncertain mails", deliveries=count)


async def alert_operator(app: App) -> None:
    """Alert the operator of what needs a person, and again if there is more of it."""
    for event, why in await asyncio.to_thread(_new_alerts, app):
        log.warning(event, why=why)
        await app.send_alert(event, "", why)


async def run(
    app: App,
    *,
    drain: bool = True,
    limit: int | None = None,
    only: Collection[int] = (),
    stop: asyncio.Event | None = None,
    counters: RunCounters | None = None,
) -> RunCounters:
    """Run delivery once, to relays and chat rooms. It tries every relay, including those that are paused.

    `only`: send these deliveries and no others.
    """
    counters, stop = counters or RunCounters(), stop or asyncio.Event()

    async def mail(only: Collection[int]) -> None:
        owner = app.new_owner()
        async with _recording_failure(app):
            with app.owners.hold(owner):
                parts = app.delivery(owner)
                await deliver(parts, drain=drain, limit=limit, only=only, stop=stop, counters=counters)
            await asyncio.to_thread(_record_run, app, "")

    rooms = asyncio.create_task(post_to_chat(app, stop, counters, limit=limit, only=only))
    try:
        await mail(only)
    finally:
        diverted = await rooms
    if diverted:
        await mail(diverted)
    return counters


async def post_to_chat(
    app: App,
    stop: asyncio.Event,
    counters: RunCounters | None = None,
    *,
    owner: str = "",
    limit: int | None = None,
    only: Collection[int] = (),
) -> list[int]:
    """Post the digests for chat rooms that are ready; see `post_to_rooms`.

    `owner`: the name of this run in the ledger; a new one by default.
    """
    from digestd.delivery.chat_rooms import post_to_rooms

    owner = owner or app.new_owner()
    with app.owners.hold(owner):
        return await post_to_rooms(app.delivery(owner, ()), counters or RunCounters(), stop, limit=limit, only=only)


def counts(counters: RunCounters) -> dict[str, int]:
    names = ("accepted", "deferred", "rejected", "skipped", "expired", "uncertain")
    return {name: getattr(counters, name) for name in names}


def _new_alerts(app: App) -> list[tuple[str, str]]:
    """Return what has grown since the last check: the events, and texts that say what to do."""
    found = []
    if count := _grown_count(app, "mails uncertain", ledger.count_long_uncertain):
        why = f"{count} for more than a day; run `digestd delivery list --state uncertain` and settle them"
        found.append(("mails uncertain", why))
    if count := _grown_count(app, "suppression held", _count_held):
        why = (
            f"{count} permanent refusals or bounces, too many to be the subscribers' fault: no address is suppressed "
            "and the mails wait. Check the relay, then run `digestd subscriber suppress --held --dry-run`"
        )
        found.append(("suppression held", why))
    if _grown_count(app, "sender refused", _count_doublings):
        with app.db.read() as session:
            addresses, status = bounces.count_refused_senders(session, app.clock())
        why = (
            f"{addresses} addresses refused a mail within a day because of its sender or content"
            f"{f' (mostly {status})' if status else ''}; nobody is suppressed. Check DNS, DKIM and blocklists"
        )
        found.append(("sender refused", why))
    return found


def _grown_count(app: App, event: str, count: Callable[[Session, datetime], int]) -> int:
    """Return the count behind an alert if it has grown since the last check, else 0."""
    with app.db.read() as session:
        if count(session, app.clock()) == monitoring.last_count(session, event):
            return 0  # the usual case takes no lock
    with app.db.write() as session:
        return monitoring.count_if_more(session, event, lambda: count(session, app.clock()))


def _count_doublings(session: Session, now: datetime) -> int:
    """Return 0 if no address refused us recently, 1 for one address, 2 for two, 3 for four, and so on."""
    return bounces.count_refused_senders(session, now)[0].bit_length()


def _count_held(session: Session, now: datetime) -> int:
    return ledger.count_waiting(session) + len(bounces.held_addresses(session, now))


def clear_backoff(app: App) -> None:
    """Make every relay available; the operator may have fixed something."""
    names = [route.name for route in app.routes]
    with app.db.write() as session:
        rate_limits.change_throttles(
            session,
            {
                name: lambda kept: replace(kept, backoff=replace(kept.backoff, until=0.0))
                for name, kept in rate_limits.throttle_states(session, names).items()
                if kept.backoff.until
            },
        )


def _routes_to_use(app: App) -> tuple[Route, ...]:
    """Return the routes that are not paused; none if nothing is ready."""
    now = app.clock()
    if not (routes := _available_routes(app, now)):
        return ()
    with app.db.read() as session:
        return routes if queries.is_any_ready(session, now) else ()


def _available_routes(app: App, now: datetime) -> tuple[Route, ...]:
    """Return the routes that are not paused.

    A pause longer than possible was written under a wrong clock.
    """
    longest = (now + RELAY_BACKOFF.longest).timestamp()
    with app.db.read() as session:
        states = rate_limits.throttle_states(session, [route.name for route in app.routes])
    return tuple(route for route in app.routes if not now.timestamp() < states[route.name].backoff.until <= longest)
