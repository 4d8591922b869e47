"""The ledger as an operator sees it: delivery list, show, settle and reconcile; and fsck."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from digestd import app as wiring
from digestd.app import App
from digestd.cli.numbers import Newest
from digestd.cli.output import emit, say
from digestd.deliver import RelayLog, reconcile
from digestd.domain.delivery import Actor, Evidence, Settlement, State
from digestd.domain.digest import Pick
from digestd.domain.paper import Paper
from digestd.domain.typed import NUMBER_MAX
from digestd.errors import BadInput, DigestdError, NotFound
from digestd.links import Keys
from digestd.render import render_reason
from digestd.render.words import shorten
from digestd.store import bounces, papers, text_models
from digestd.store.fsck import INVARIANTS
from digestd.store.fsck import fsck as check
from digestd.store.ledger import GRACE, SettlementProof, queries, settle
from digestd.store.ledger.queries import DeliveryFilter, DeliveryInfo
from digestd.subscribe import find

app = typer.Typer(name="delivery", help="The ledger: every mail, its state and its history.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_deliveries(
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    email: Annotated[str, typer.Option(help="Only those to this subscriber.")] = "",
    limit: Newest = 50,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first.

    Example: digestd delivery list --state uncertain
    """
    built = wiring.build()
    with built.db.read() as session:
        subscriber = find(session, built.keys, email).key if email else None
        entries = [shown(entry) for entry in queries.entries(session, limit, DeliveryFilter(state, subscriber))]
    columns = ("id", "email", "kind", "period", "state", "picks", "attempts", "reason")
    emit(entries if as_json else [{name: entry[name] for name in columns} for entry in entries], as_json)


@app.command("show")
def show_delivery(
    key: Annotated[int, typer.Argument(max=NUMBER_MAX, help="The delivery's number, as `delivery list` shows it.")],
    as_json: Json = False,
) -> None:
    """Show one delivery with its history, attempts and picks.

    Example: digestd delivery show 17
    """
    built = wiring.build()
    with built.db.read() as session:
        entry = queries.entry(session, key)
        if entry is None:
            raise NotFound(f"there is no delivery {key}; `digestd delivery list` shows what there is")
        tries = [asdict(attempt) for attempt in queries.attempts(session, key)]
        picks = queries.picks(session, key)
        known = papers.by_keys(session, [pick.paper for pick in picks])
        returned = [
            {"at": b.at, "kind": b.kind, "status": b.status, "via": b.via, "attempt": b.attempt}
            for b in bounces.of_delivery(session, key)
        ]
        model = text_models.of_delivery(session, key)
    ranked_by = None if model is None else asdict(model)
    picked = [_told(pick, known.get(pick.paper)) if as_json else _line(built, pick, known) for pick in picks]
    emit({**shown(entry), "ranked_by": ranked_by, "tries": tries, "bounces": returned, "picked": picked}, as_json)


@app.command("settle")
def settle_delivery(
    which: Annotated[str, typer.Argument(metavar="EMAIL|KEY", help="Whose delivery, or its number.")],
    how: Annotated[
        Settlement,
        typer.Option("--as", help="accepted: it arrived. not-sent: it did not, send it. abandoned: neither matters."),
    ],
    why: Annotated[str, typer.Option(help="What shows it, e.g. a line of the relay's log; kept in the ledger.")],
) -> None:
    """Settle a delivery that is uncertain, or could not be composed, by what you know of it.

    Example: digestd delivery settle 17 --as accepted --why "the relay's log has it as 4FZq"
    """
    built = wiring.build()
    if not why.strip():
        raise BadInput("say what shows it, with --why: it is kept in the ledger")
    with built.db.write() as session:
        key = int(which) if which.isascii() and which.isdecimal() else _open_delivery(session, built.keys, which)
        settled = settle(
            session, key, how, SettlementProof(Evidence.OPERATOR, Actor.OPERATOR, why.strip()), built.clock()
        )
        entry = queries.entry(session, key)
    if entry is None:
        raise NotFound(f"there is no delivery {key}; `digestd delivery list` shows what there is")
    if not settled:
        raise NotSettled(_why_not(entry.state, how, key))
    say(f"delivery {key} is {entry.state}")


@app.command("reconcile")
def reconcile_deliveries(
    relay_log: Annotated[
        Path | None,
        typer.Option(
            "--log", metavar="FILE", exists=True, dir_okay=False, help="This log, e.g. a copy; else DIGESTD_RELAY_LOG."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Settle what is uncertain by the relay's log, as the service does every minute.

    Example: digestd delivery reconcile --log mail.log
    """
    built = wiring.build()
    everywhere = frozenset(route.name for route in built.routes)
    found = built.relay_log if relay_log is None else RelayLog(relay_log, everywhere)
    if found is None:
        raise BadInput("name the relay's log with --log, or set DIGESTD_RELAY_LOG")
    emit(asdict(reconcile(built.db, built.keys, found, built.clock())), as_json)


class NotSettled(DigestdError):
    """This delivery cannot be settled so."""


def _why_not(state: State, how: Settlement, key: int) -> str:
    if state is State.UNCERTAIN:
        minutes = GRACE // timedelta(minutes=1)
        return f"delivery {key} left less than {minutes} minutes ago and may still arrive; try again then"
    return f"delivery {key} is {state}: there is nothing to settle as {how}"


def _open_delivery(session: Session, keys: Keys, email: str) -> int:
    """The one delivery of a subscriber that waits to be settled."""
    subscriber = find(session, keys, email).key
    waiting = [
        entry.key
        for state in (State.UNCERTAIN, State.POISONED)
        for entry in queries.entries(session, 20, DeliveryFilter(state, subscriber))
    ]
    if len(waiting) == 1:
        return waiting[0]
    if not waiting:
        raise NotFound("this subscriber has no delivery that waits to be settled")
    raise BadInput(f"this subscriber has several that wait: name one of {', '.join(map(str, waiting))}")


def fsck(as_json: Json = False) -> None:
    """Check every invariant of the ledger; exits 1 if one is violated. Changes nothing.

    Example: digestd fsck
    """
    built = wiring.build()
    found = check(built.db, built.clock())
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


def shown(entry: DeliveryInfo) -> dict[str, object]:
    """A delivery as printed."""
    return {
        "id": entry.key,
        "email": entry.address,
        "kind": entry.kind,
        "period": entry.period,
        "covers_from": entry.covers_from,
        "state": entry.state,
        "picks": entry.picks,
        "attempts": entry.attempts,
        "due": entry.due,
        "expires": entry.expires,
        "not_before": entry.not_before,
        "message_id": entry.message_id,
        "reply": entry.reply,
        "queue_id": entry.queue_id,
        "reason": entry.reason,
        "history": [{"state": state, "by": actor, "at": at} for state, actor, at in entry.history],
    }


def _told(pick: Pick, paper: Paper | None) -> dict[str, object]:
    """A pick whole, its paper by the name that other commands know it by."""
    named = {"paper": paper.id, "title": paper.plain_title} if paper else {}
    return {**pick._asdict(), **named, "reason": pick.reason.shareable._asdict()}


def _line(built: App, pick: Pick, known: Mapping[int, Paper]) -> dict[str, object]:
    """A pick as a row."""
    paper, reason = known.get(pick.paper), render_reason(built.templates, pick.reason.shareable, "en")
    return {
        "rank": pick.rank,
        "paper": paper.id if paper else pick.paper,
        "title": shorten(paper.plain_title, _TITLE) if paper else "",
        "chance": pick.chance,
        "reason": reason if pick.propensity is None else f"drawn at random: {reason}",
    }


_TITLE = 60
