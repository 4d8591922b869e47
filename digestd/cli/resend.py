"""delivery resend: send digests again that did not arrive."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Json, parse_datetime
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.delivery.resend import RESENDABLE, resend
from digestd.domain.delivery import UNSENT, MailKind, State
from digestd.domain.schedule import period_date
from digestd.errors import BadInput, NotFound
from digestd.operations.service_status import counted
from digestd.security.links import make_message_id
from digestd.store.ledger import queries
from digestd.store.ledger.queries import DeliveryFilter
from digestd.store.ledger.resending import ResendFilter
from digestd.subscribers.lookup import find


def resend_digests(
    which: Annotated[
        str, typer.Argument(metavar="[EMAIL|NUMBER]", help="A subscriber, or a delivery. Default: all by the filters.")
    ] = "",
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Digests that were due from this time on (ISO 8601; UTC by default).")
    ] = "",
    state: Annotated[
        list[State] | None,
        typer.Option(help="Only digests in this state. Repeatable. Default: rejected, expired and abandoned."),
    ] = None,
    domain: Annotated[str, typer.Option(help="Only to addresses at this domain.")] = "",
    relay: Annotated[str, typer.Option(help="Only those last tried at this relay, as in `delivery show`.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent. Changes nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Send digests again that did not arrive. Never against consent.

    Queues a copy of each with the same papers; the service or `digestd deliver` sends it. In bulk nobody gets two
    digests on one local date: who had a newer one, or is due today, is left out. For one subscriber or delivery that
    you name, only consent counts.

    Example: digestd delivery resend --since 2026-11-24T06:00 --state rejected --domain example.org --dry-run

    Example: digestd delivery resend ada@example.org --state accepted --since 2026-11-24
    """
    chosen = frozenset(state or UNSENT - {State.SKIPPED})
    if wrong := chosen - RESENDABLE:
        allowed = ", ".join(sorted(RESENDABLE))
        raise BadInput(f"--state {min(wrong)}: such digests cannot be sent again; use one of {allowed}")
    if not which and not since:
        raise BadInput("give EMAIL, NUMBER, or --since TIME for all that were due from then on")
    app = wiring.build()
    number = int(which) if which.isascii() and which.isdecimal() else None
    with app.db.read() as session:
        subscriber = find(session, app.keys, which).key if which and number is None else None
    wanted = ResendFilter(
        since=parse_datetime(since) if since else datetime.fromtimestamp(0, UTC),
        states=RESENDABLE if number is not None and not state else chosen,
        domain=domain.strip().lstrip("@"),
        relay=relay.strip(),
        subscriber=subscriber,
        delivery=number,
    )
    done = resend(
        app.db,
        wanted,
        lambda who, kind, key: make_message_id(app.keys, who, kind, key, app.sender.host),
        app.clock(),
        dry_run=dry_run,
    )
    if which and not done:
        raise NotFound(_why_none(app, number, subscriber))
    sent = [one for one in done if not one.refused]
    if as_json:
        emit({"dry_run": dry_run, "resent": len(sent), "digests": [asdict(one) for one in done]}, as_json=True)
    else:
        emit(asdict(one) for one in done)
        will = "would be" if dry_run else "will be"
        say(f"{counted(len(sent), 'digest')} {will} sent again, {len(done) - len(sent)} not")
    if which and not sent:
        raise typer.Exit(1)


def _why_none(app: App, number: int | None, subscriber: int | None) -> str:
    """Return why nothing is to be sent again, with what to do about a digest that is empty."""
    wanted = DeliveryFilter(subscriber=subscriber, kind=MailKind.DIGEST)
    with app.db.read() as session:
        found = queries.entry(session, number) if number else next(queries.entries(session, 1, wanted), None)
    if found is None or found.state is not State.EMPTY:
        return "there is no such digest to send again; see `digestd delivery list --email EMAIL`"
    date = period_date(found.period)
    return (
        f"the digest of {found.period} has no papers; `digestd send {found.address}` plans today's again, "
        f"`digestd send {found.address} --date {date}` sends what that day would hold now"
    )
