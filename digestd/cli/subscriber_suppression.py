"""Subscribers who must not be written to: suppress, unsuppress, and what came back from an address."""

from datetime import datetime
from typing import Annotated

import typer
from sqlmodel import Session

from digestd import app as wiring
from digestd.bounces.score import SUPPRESS_AT
from digestd.cli.output import say
from digestd.domain.suppression import SuppressionReason
from digestd.errors import BadInput
from digestd.store import bounces, subscribers, suppressions
from digestd.subscribe import leaving

SHOWN = 10


def suppress(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The address, whether it has subscribed or not.")],
    reason: Annotated[SuppressionReason, typer.Option(help="Why.")] = SuppressionReason.REQUEST,
) -> None:
    """Never write to an address again; no sign-up and no import brings it back.

    Example: digestd subscriber suppress ada@example.org --reason complaint
    """
    if reason is SuppressionReason.ERASED:
        raise BadInput("--reason erased comes with `digestd subscriber erase` alone")
    built = wiring.build()
    leaving.suppress(built.db, built.keys, email, reason, built.clock())
    say("suppressed")


def unsuppress(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The address.")],
    why: Annotated[str, typer.Option(help="Why it may be written to again; kept, and shown by `subscriber show`.")],
) -> None:
    """Take a suppression back. After a bounce things are as they were; else the reader must sign up anew.

    Example: digestd subscriber unsuppress ada@example.org --why "their server was misconfigured until Monday"
    """
    built = wiring.build()
    status = leaving.unsuppress(built.db, built.keys, email, why, built.clock())
    say(f"not suppressed any more; {f'the subscriber is {status}' if status else 'there is no such subscriber'}")


def came_back(session: Session, key: int, now: datetime) -> dict[str, object]:
    """What a subscriber's address has brought: suppression, points, the newest bounces, suppressions taken back."""
    address_key = subscribers.address_key_of(session, key)
    found = bounces.of(session, address_key, SHOWN)
    points = bounces.score_of(session, address_key, now).at(now)
    return {
        "suppression": suppressions.is_suppressed(session, address_key),
        "bounce points": f"{points:.1f} of {SUPPRESS_AT:g}" if found else "",
        "bounces": [
            {"at": b.at, "kind": b.kind, "status": b.status, "via": b.via, "delivery": b.delivery} for b in found
        ],
        "liftings": [
            {"at": lifting.at, "reason": lifting.reason, "why": lifting.why}
            for lifting in suppressions.liftings(session, address_key)
        ],
    }
