"""The worker: delivers what is ready, rests while the relay does not serve us, ends clean.

Each run has a name of its own in the ledger, held by a lock while it lives. What a run could
not write down (the database was away) is recovered by the next, like after a crash.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from sqlmodel import Session

from digestd.app import App
from digestd.deliver import DeliverReport, Tally, deliver, reconcile, recover, send_again, webhook
from digestd.domain.hook import POSTS_KEPT as HOOK_POSTS_KEPT
from digestd.errors import BadSetting, DigestdError
from digestd.retry import LANE_WAITS
from digestd.store import (
    address_changes,
    alert_state,
    bounce_surge,
    ledger,
    mail_budgets,
    pending_requests,
    throttles,
    webhooks,
)
from digestd.store.ledger import queries
from digestd.store.migrate import require_current
from digestd.subscribe.asking import purge_unconfirmed
from digestd.transports import Route

TICK_SECONDS = 5.0
SETTLE_SECONDS = 60.0
"""How often the relay's log is looked at while something is uncertain."""
UPKEEP_SECONDS = 3_600.0
"""The interval of deleting unconfirmed sign-ups, and counts of mails that no limit needs any more."""
TIDY_BLOCK = 500
_UNCERTAIN, _HELD = "mails uncertain", "suppression held"
log = structlog.get_logger(__name__)


async def work(app: App, stop: asyncio.Event) -> None:
    """Deliver whatever becomes ready until `stop` is set. A new worker tries every relay at once."""
    waking, settled, kept_up = True, -SETTLE_SECONDS, -UPKEEP_SECONDS
    while not stop.is_set():
        try:
            if waking:
                await asyncio.to_thread(_wake, app)
                waking = False
            if (time := asyncio.get_running_loop().time()) - settled >= SETTLE_SECONDS:
                await asyncio.to_thread(settle_open_ends, app, app.clock())
                settled = time
                await tell_of_uncertain(app)
                await tell_of_held(app)
            if (time := asyncio.get_running_loop().time()) - kept_up >= UPKEEP_SECONDS:
                await asyncio.to_thread(keep_up, app, app.clock())
                kept_up = time
            await tick(app, stop)
        except DigestdError as error:
            log.error("delivery failed", why=str(error), retry=error.retry)
        try:
            await asyncio.wait_for(stop.wait(), TICK_SECONDS)
        except TimeoutError:
            continue


async def tell(app: App, stop: asyncio.Event) -> None:
    """Post subscribers' events to the operator's programs until `stop` is set, apart from delivery."""
    await _beside(_tell_on(app), stop)


async def read_libraries(app: App, stop: asyncio.Event) -> None:
    """Read the libraries that subscribers linked whenever one is due, until `stop` is set, apart from delivery."""
    await _beside(_read_on(app), stop)


async def _beside(endless: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """What is under way when `stop` comes is done again once its claim has run out."""
    going = asyncio.create_task(endless)
    await stop.wait()
    going.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await going


async def _read_on(app: App) -> None:
    from digestd.libraries import sync_due

    while True:
        try:
            await sync_due(app.libraries)
        except DigestdError as error:
            log.error("reading libraries failed", why=str(error), retry=error.retry)
        except Exception as error:  # what one library holds must not end the reading of all others
            log.error("reading libraries failed", kind=type(error).__name__)
        await asyncio.sleep(TICK_SECONDS)


async def _tell_on(app: App) -> None:
    from digestd.hooks import post_due

    while app.hooks is not None:
        try:
            await post_due(app.hooks)
        except DigestdError as error:
            log.error("posting to hooks failed", why=str(error), retry=error.retry)
        await asyncio.sleep(TICK_SECONDS)


async def tick(app: App, stop: asyncio.Event) -> None:
    """One look: tidy up, then deliver if anything is ready and a relay has rested.

    Raises NotInitialised on a schema of another version: what an old worker writes there, nobody has thought of.
    """
    await asyncio.to_thread(require_current, app.db)
    now = app.clock()
    await asyncio.to_thread(tidy, app, now)
    routes = await asyncio.to_thread(_rested, app, now)
    if not routes or not await asyncio.to_thread(_anything_ready, app, now):
        return
    owner = app.new_owner()
    with app.owners.hold(owner):
        delivery = replace(app.delivery(owner, routes), tell=webhook(app.settings.alert_url))
        report = await deliver(delivery, stop=stop)
    log.info("delivered", **{name: count for name, count in counts(report).items() if count})


def tidy(app: App, now: datetime) -> None:
    """Recover after dead workers, settle what came back, close what has become too late, forget what is long over."""
    recover(app.db, app.owners, app.journals, now)
    ledger.settle_all_bounced(app.db, now)
    webhooks.delete_before(app.db, now - HOOK_POSTS_KEPT)
    address_changes.delete_expired(app.db, now)
    more = True
    while more:
        with app.db.write() as session:
            more = ledger.expire(session, TIDY_BLOCK, now) == TIDY_BLOCK


def keep_up(app: App, now: datetime) -> None:
    """Delete sign-ups that nobody confirmed, and forget requests, networks and counts that are over."""
    if purged := purge_unconfirmed(app.db, now):
        log.info("deleted sign-ups that nobody confirmed", subscribers=purged)
    pending_requests.erase_expired(app.db, now)
    mail_budgets.delete_expired(app.db, now)


def settle_open_ends(app: App, now: datetime) -> None:
    """Settle what is uncertain by the relay's log, then by policy. A log that cannot be read stops nothing else."""
    try:
        if app.relay_log is not None:
            reconcile(app.db, app.keys, app.relay_log, now)
    except BadSetting as error:
        log.error("cannot look for uncertain mails", why=str(error))
    if app.settings.on_uncertain == "resend" and (count := send_again(app.db, now)):
        log.warning("sent again what stayed uncertain", deliveries=count)


async def tell_of_uncertain(app: App) -> None:
    """Tell of mails uncertain for a day: one of all workers does, once, and again only when they have become more."""
    if count := await asyncio.to_thread(_newly_uncertain, app):
        why = f"{count} for more than a day; see `digestd delivery list --state uncertain`, and settle them"
        log.warning("uncertain", why=why)
        await webhook(app.settings.alert_url)(_UNCERTAIN, "", why)


async def tell_of_held(app: App) -> None:
    """Tell of mails that wait and suppressions that are held: one of all workers does, again when there are more."""
    if count := await asyncio.to_thread(_newly_held, app):
        why = (
            f"{count} mails refused for good or addresses reported gone, too many to be about the readers: nobody is "
            "suppressed, and the mails wait; look at the relay, and see `digestd subscriber suppress --held --dry-run`"
        )
        log.error("held", why=why)
        await webhook(app.settings.alert_url)(_HELD, "", why)


async def run(
    app: App,
    *,
    drain: bool = True,
    limit: int | None = None,
    stop: asyncio.Event | None = None,
    tally: Tally | None = None,
) -> DeliverReport:
    """One run by hand, under a name of its own; it tries every relay, also one that rests."""
    owner = app.new_owner()
    with app.owners.hold(owner):
        return await deliver(app.delivery(owner), drain=drain, limit=limit, stop=stop, tally=tally)


def counts(report: DeliverReport) -> dict[str, int]:
    """A report as the contract prints it."""
    names = ("accepted", "deferred", "rejected", "skipped", "expired", "uncertain")
    return {name: getattr(report, name) for name in names}


def _newly_uncertain(app: App) -> int:
    with app.db.read() as session:
        if ledger.count_long_uncertain(session, app.clock()) == alert_state.last_count(session, _UNCERTAIN):
            return 0  # as it mostly is: nothing is locked
    with app.db.write() as session:
        return alert_state.count_if_more(session, _UNCERTAIN, lambda: ledger.count_long_uncertain(session, app.clock()))


def _newly_held(app: App) -> int:
    with app.db.read() as session:
        if _held(app, session) == alert_state.last_count(session, _HELD):
            return 0
    with app.db.write() as session:
        return alert_state.count_if_more(session, _HELD, lambda: _held(app, session))


def _held(app: App, session: Session) -> int:
    return ledger.count_waiting(session) + len(bounce_surge.held_addresses(session, app.clock()))


def _wake(app: App) -> None:
    """End the rests: whoever starts a worker may have changed something."""
    names = [route.name for route in app.routes]
    with app.db.write() as session:
        throttles.change(
            session,
            {
                name: lambda kept: replace(kept, rest=replace(kept.rest, until=0.0))
                for name, kept in throttles.states(session, names).items()
                if kept.rest.until
            },
        )


def _rested(app: App, now: datetime) -> tuple[Route, ...]:
    """The routes that may be tried now. A rest longer than any was written under another clock."""
    longest = (now + max(LANE_WAITS)).timestamp()
    with app.db.read() as session:
        kept = throttles.states(session, [route.name for route in app.routes])
    return tuple(route for route in app.routes if not now.timestamp() < kept[route.name].rest.until <= longest)


def _anything_ready(app: App, now: datetime) -> bool:
    with app.db.read() as session:
        return queries.is_any_ready(session, now)
