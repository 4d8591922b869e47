"""delivery: list, show, settle, reconcile, resend; fsck."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Json, Limit, check_number, not_empty, parse_datetime
from digestd.cli.output import emit, progress
from digestd.cli.stdio import say
from digestd.domain.delivery import UNSENT, Actor, Evidence, MailKind, Settlement, State, shown_period
from digestd.domain.digest import Pick
from digestd.domain.paper import Paper
from digestd.domain.schedule import period_date
from digestd.errors import BadInput, DigestdError, NotFound
from digestd.security.addresses import make_envelope_id
from digestd.security.keys import Keys
from digestd.store import bounces, papers
from digestd.store.fsck import INVARIANTS, fsck, steps_of_fsck
from digestd.store.fsck.sql_checks import SHOWN
from digestd.store.ledger import queries
from digestd.store.ledger.queries import DeliveryFilter, DeliveryView
from digestd.store.ledger.settlement import GRACE, SettlementProof, settle
from digestd.store.ranking import text_models
from digestd.subscribers.lookup import find
from digestd.text.sanitise import shorten


def list_deliveries(
    state: Annotated[State | None, typer.Option(help="Only deliveries in this state.")] = None,
    email: Annotated[str, typer.Option(help="Only deliveries to this subscriber.")] = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first.

    Example: digestd delivery list --state uncertain
    """
    built = wiring.connect()
    with built.db.read() as session:
        subscriber = find(session, built.keys, email).key if email else None
        entries = [delivery_row(entry) for entry in queries.entries(session, limit, DeliveryFilter(state, subscriber))]
    columns = ("id", "email", "kind", "period", "state", "picks", "attempts", "reason")
    emit(entries if as_json else [{name: entry[name] for name in columns} for entry in entries], as_json)


def show_delivery(
    key: Annotated[int, typer.Argument(callback=check_number, metavar="NUMBER", help="As `delivery list` shows it.")],
    as_json: Json = False,
) -> None:
    """Show one delivery with its history, attempts and picks.

    Example: digestd delivery show 17
    """
    built = wiring.connect()
    with built.db.read() as session:
        entry = queries.entry(session, key)
        if entry is None:
            raise NotFound(f"there is no delivery {key}; `digestd delivery list` shows them")
        tries = [
            {**asdict(attempt), "envelope_id": make_envelope_id(built.keys, key, attempt.n)}
            for attempt in queries.attempts(session, key)
        ]
        picks = queries.picks(session, key)
        known = papers.by_keys(session, [pick.paper for pick in picks])
        returned = [
            {"at": b.at, "kind": b.kind, "status": b.status, "via": b.via, "attempt": b.attempt}
            for b in bounces.of_delivery(session, key)
        ]
        model = text_models.of_delivery(session, key)
    ranked_by = None if model is None else asdict(model)
    picked = [_pick_json(pick, known.get(pick.paper)) if as_json else _pick_row(built, pick, known) for pick in picks]
    emit(
        {**delivery_row(entry), "ranked_by": ranked_by, "tries": tries, "bounces": returned, "picked": picked}, as_json
    )


def settle_delivery(
    which: Annotated[
        str, typer.Argument(metavar="EMAIL|NUMBER", help="The subscriber's address, or the delivery's number.")
    ],
    how: Annotated[
        Settlement,
        typer.Option("--as", help="accepted: it arrived. not-sent: send it again. abandoned: do nothing."),
    ],
    why: Annotated[str, typer.Option(help="The evidence, e.g. a line of the relay's log; stored in the ledger.")],
) -> None:
    """Settle an uncertain delivery, or one that failed to compose.

    Example: digestd delivery settle 17 --as accepted --why "the relay's log has it as 4FZq"
    """
    built = wiring.connect()
    if not why.strip():
        raise BadInput("--why is empty; give the evidence, which is stored in the ledger")
    with built.db.write() as session:
        key = int(which) if which.isascii() and which.isdecimal() else _open_delivery(session, built.keys, which)
        settled = settle(
            session, key, how, SettlementProof(Evidence.OPERATOR, Actor.OPERATOR, why.strip()), built.clock()
        )
        entry = queries.entry(session, key)
    if entry is None:
        raise NotFound(f"there is no delivery {key}; `digestd delivery list` shows them")
    if not settled:
        raise NotSettled(_why_not(entry.state, how, key))
    say(f"delivery {key} is {entry.state}")


def reconcile_deliveries(
    relay_log: Annotated[
        Path | None,
        typer.Option(
            "--log", metavar="FILE", exists=True, dir_okay=False, help="A log file. Default: DIGESTD_RELAY_LOG."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Settle uncertain deliveries from the relay's log.

    The service does so every minute if DIGESTD_RELAY_LOG is set.

    Example: digestd delivery reconcile --log mail.log
    """
    built = wiring.connect()
    counts = built.reconcile(relay_log)
    if counts is None:
        raise BadInput("there is no log to read; give --log FILE, or set DIGESTD_RELAY_LOG")
    emit(asdict(counts), as_json)


class NotSettled(DigestdError):
    """A delivery cannot be settled in this way."""


def _why_not(state: str, how: Settlement, key: int) -> str:
    if state is State.UNCERTAIN:
        minutes = GRACE // timedelta(minutes=1)
        return f"delivery {key} was sent less than {minutes} minutes ago and may still arrive; try again later"
    return f"delivery {key} is {state} and cannot be settled as {how}"


def _open_delivery(session: Session, keys: Keys, email: str) -> int:
    """Return the only unsettled delivery of a subscriber. Raises NotFound or BadInput."""
    subscriber = find(session, keys, email).key
    waiting = [
        entry.key
        for state in (State.UNCERTAIN, State.POISONED)
        for entry in queries.entries(session, 20, DeliveryFilter(state, subscriber))
    ]
    if len(waiting) == 1:
        return waiting[0]
    if not waiting:
        raise NotFound(f"{email} has no unsettled delivery; `digestd delivery list --email {email}` shows theirs")
    raise BadInput(f"this subscriber has several unsettled deliveries; give a number: {', '.join(map(str, waiting))}")


def check_ledger(
    relay_log: Annotated[
        Path | None,
        typer.Option(
            "--log", metavar="FILE", exists=True, dir_okay=False, help="A relay's log. Default: DIGESTD_RELAY_LOG."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every invariant of the ledger, and compare it with the sent journal and the relay's log.

    Changes nothing. Exits 1 if an invariant is violated.

    Example: digestd fsck
    """
    built = wiring.connect()
    with progress("checking", steps_of_fsck(built.db)) as advance:
        found = fsck(built.db, built.clock(), advance)
        unknown = built.guard_with_log(relay_log).find_unknown(built.clock())
    found.update({name: [{"attempt": attempt} for attempt in mails[:SHOWN]] for name, mails in unknown.items()})
    broken = {name: rows for name, rows in found.items() if rows}
    if as_json:
        emit(found, as_json=True)
    else:
        for name, rows in broken.items():
            say(f"{name}  {INVARIANTS[name]}")
            emit(rows, as_json=False)
        say(f"{len(found) - len(broken)} of {len(found)} invariants hold")
    if broken:
        raise typer.Exit(1)


def delivery_row(entry: DeliveryView) -> dict[str, object]:
    """Return a delivery as printed."""
    return {
        "id": entry.key,
        "email": entry.address,
        "kind": entry.kind,
        "period": shown_period(entry.kind, entry.period),
        "covers_from": shown_period(entry.kind, entry.covers_from),
        **{name: getattr(entry, name) for name in _FIELDS},
        "history": [step._asdict() for step in entry.history],
    }


_FIELDS = (
    *("state", "picks", "attempts", "due", "expires", "not_before", "message_id"),
    *("reply", "queue_id", "reason"),
)


def _pick_json(pick: Pick, paper: Paper | None) -> dict[str, object]:
    """Return a pick with all its fields.

    Its paper is given by the id that other commands accept.
    """
    named = {"paper": paper.id, "title": paper.plain_title} if paper else {}
    kind, value, words = pick.reason.shareable
    return {**pick._asdict(), **named, "reason": {"why": kind, "value": value, "words": words}}


def _pick_row(built: App, pick: Pick, known: Mapping[int, Paper]) -> dict[str, object]:
    """Return a pick as a row of the table."""
    paper, reason = known.get(pick.paper), built.reason_text(pick.reason.shareable)
    return {
        "rank": pick.rank,
        "paper": paper.id if paper else pick.paper,
        "title": shorten(paper.plain_title, _TITLE) if paper else "",
        "probability": pick.probability,
        "reason": reason if pick.propensity is None else f"random pick: {reason}",
    }


_TITLE = 60


def resend_digests(
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="[EMAIL|NUMBER]",
            callback=not_empty,
            help="A subscriber, or a delivery. Default: all by the filters.",
        ),
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Digests that were due from this time on (ISO 8601; UTC by default).")
    ] = "",
    state: Annotated[
        list[State] | None,
        typer.Option(help="Only digests in this state. Repeatable. Default: rejected, expired and abandoned."),
    ] = None,
    domain: Annotated[str | None, typer.Option(callback=not_empty, help="Only to addresses at this domain.")] = None,
    relay: Annotated[
        str | None,
        typer.Option(callback=not_empty, help="Only those last tried at this relay, as in `delivery show`."),
    ] = None,
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
    from digestd.delivery.resend import RESENDABLE, resend
    from digestd.operations.service_status import counted
    from digestd.security.addresses import make_message_id
    from digestd.store.ledger.resending import ResendFilter

    chosen = frozenset(state or UNSENT - {State.SKIPPED})
    if wrong := chosen - RESENDABLE:
        allowed = ", ".join(sorted(RESENDABLE))
        raise BadInput(f"--state {min(wrong)}: such digests cannot be sent again; use one of {allowed}")
    if not which and not since:
        raise BadInput("give EMAIL, NUMBER, or --since TIME for all that were due from then on")
    app = wiring.build()
    number = int(which) if which and which.isascii() and which.isdecimal() else None
    with app.db.read() as session:
        subscriber = find(session, app.keys, which).key if which and number is None else None
    wanted = ResendFilter(
        since=parse_datetime(since, "--since") if since else datetime.fromtimestamp(0, UTC),
        states=RESENDABLE if number is not None and not state else chosen,
        domain=(domain or "").strip().lstrip("@"),
        relay=(relay or "").strip(),
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
    if found.kind is MailKind.PROGRAMME:
        return f"the programme of {found.period} has no papers to send"
    date = period_date(found.period)
    return (
        f"the digest of {found.period} has no papers; `digestd send {found.address}` plans today's again, "
        f"`digestd send {found.address} --date {date}` sends what that day would hold now"
    )
