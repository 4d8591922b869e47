"""send: one digest to one subscriber, now."""

import asyncio
from datetime import date
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Email, Json, parse_date
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.cli.service import run_until_stopped
from digestd.digests.explanation import preview_on
from digestd.digests.planner import plan_now
from digestd.domain.delivery import MailKind, State
from digestd.domain.schedule import period_date
from digestd.domain.subscriber import Status, Subscriber
from digestd.errors import BadInput, DigestdError, NotFound
from digestd.jobs.worker import run
from digestd.security.links import make_message_id
from digestd.store import ledger
from digestd.store.ledger import queries
from digestd.store.ledger.create import NewCopy
from digestd.store.ledger.queries import DeliveryView
from digestd.store.packing import pack_picks
from digestd.subscribers.lookup import find


def send(
    email: Email,
    on: Annotated[
        str, typer.Option("--date", metavar="DATE", help="Send what they got, or would have got, on this date.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Send a subscriber their digest now, ahead of their hour.

    It is their digest of the day, so none follows at their hour. With --date it is a copy, which changes nothing else.

    Example: digestd send ada@example.org --date 2026-11-24
    """
    day = parse_date(on, "--date") if on else None
    app = wiring.build()
    with app.db.read() as session:
        subscriber = find(session, app.keys, email)
    if subscriber.status is not Status.ACTIVE:
        raise BadInput(f"{email} is {subscriber.status}, so no digest may be sent to them")
    delivery = _plan_copy(app, subscriber, day) if day else _plan(app, subscriber)
    _check_ready(app, delivery, email)
    report = asyncio.run(run_until_stopped(lambda stop: run(app, only=[delivery], stop=stop)))
    sent = _entry(app, delivery)
    emit({"email": email, "period": sent.period, "papers": sent.picks, "state": sent.state}, as_json)
    if sent.state is not State.ACCEPTED:
        why = report.stopped or sent.reason or sent.reply
        say(f"not sent yet: {why or 'another process is sending it'}; see `digestd delivery show {delivery}`")
        raise typer.Exit(1)


class NothingToSend(DigestdError):
    """There is no digest to send."""


def _plan(app: App, subscriber: Subscriber) -> int:
    """Return the delivery of the current period, planned if need be."""
    delivery = plan_now(app.db, app.planner, subscriber.key, app.clock())
    if delivery is None:
        raise NothingToSend(_nothing(subscriber))
    return delivery


def _plan_copy(app: App, subscriber: Subscriber, day: date) -> int:
    settings, now = app.settings, app.clock()
    shown = preview_on(app.db, subscriber.key, day, now, app.encoder, settings.explore, settings.co_likes)
    if not shown.picks:
        raise NothingToSend(_nothing(subscriber))
    copy = NewCopy(
        subscriber=subscriber.key,
        consent_version=subscriber.version,
        period=shown.period,
        picks=pack_picks(shown.picks),
        considered=shown.considered,
        coverage=shown.coverage,
        occasions=" ".join(sorted(shown.occasions)),
    )
    with app.db.write() as session:
        return ledger.plan_copy(
            session,
            copy,
            lambda key: make_message_id(app.keys, subscriber.key, MailKind.COPY, key, app.sender.host),
            now,
        )


def _nothing(subscriber: Subscriber) -> str:
    return f"nothing to send: no new paper matches their interests; see `digestd explain {subscriber.address}`"


def _check_ready(app: App, delivery: int, email: str) -> None:
    entry = _entry(app, delivery)
    if entry.state is not State.READY:
        raise NothingToSend(
            f"their digest of {entry.period} is {entry.state} already; "
            f"send it once more with `digestd send {email} --date {period_date(entry.period)}`"
        )


def _entry(app: App, delivery: int) -> DeliveryView:
    with app.db.read() as session:
        entry = queries.entry(session, delivery)
    if entry is None:
        raise NotFound(f"delivery {delivery} is gone")
    return entry
