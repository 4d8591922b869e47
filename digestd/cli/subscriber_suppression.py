"""Subscribers who must not be written to: suppress, unsuppress, and what came back from an address."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from sqlmodel import Session

from digestd import app as wiring
from digestd.bounces.score import SUPPRESS_AT
from digestd.cli.moments import moment
from digestd.cli.output import emit, say
from digestd.domain.suppression import HEALED_BY_CONSENT, SuppressionReason
from digestd.errors import BadInput
from digestd.store import bounces, subscribers, suppressions
from digestd.store.suppressions import SuppressionFilter
from digestd.subscribe import leaving

SHOWN = 10


Email = Annotated[str | None, typer.Argument(metavar="EMAIL", help="The address, whether it has subscribed or not.")]
Since = Annotated[str | None, typer.Option(metavar="TIME", help="Only from this time on, ISO 8601, UTC if no zone.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Only until this time. Else until now.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def suppress(
    email: Email = None,
    reason: Annotated[SuppressionReason, typer.Option(help="Why.")] = SuppressionReason.REQUEST,
    held: Annotated[
        bool, typer.Option("--held", help="Instead of EMAIL: every address whose bounces are held, as they are right.")
    ] = False,
    since: Since = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Never write to an address again; no sign-up and no import brings it back.

    With --held: bounces are held when unusually many come at once. Use it if the mailboxes are gone indeed.

    Examples: digestd subscriber suppress ada@example.org --reason complaint
              digestd subscriber suppress --held --dry-run
    """
    if (email is None) != held or (not held and (since or dry_run or as_json)):
        raise BadInput("name one EMAIL, or say --held; --since, --dry-run and --json go with --held")
    if reason is SuppressionReason.ERASED:
        raise BadInput("--reason erased comes with `digestd subscriber erase` alone")
    built = wiring.build()
    if email is not None:
        leaving.suppress(built.db, built.keys, email, reason, built.clock())
        say("suppressed")
        return
    count = leaving.suppress_held(built.db, moment(since) if since else None, built.clock(), dry_run)
    if as_json:
        emit({"dry_run": dry_run, "suppressed": count}, as_json=True)
    else:
        say(f"{count} addresses {'would be suppressed' if dry_run else 'suppressed'}")


def unsuppress(
    why: Annotated[str, typer.Option(help="Why they may be written to again; kept, and shown by `subscriber show`.")],
    email: Email = None,
    since: Since = None,
    until: Until = None,
    domain: Annotated[str, typer.Option(help="Only subscribers at this domain.")] = "",
    relay: Annotated[
        str, typer.Option(help="Only after a bounce of a mail over this relay, as in `delivery show`.")
    ] = "",
    reason: Annotated[
        list[SuppressionReason] | None,
        typer.Option(help="Only these, with --since. Repeat for more. Else hard_bounce and soft_bounce."),
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Take a suppression back, or with --since all of one time. After a bounce things are as they were.

    After a complaint or a request the reader must sign up again; these are taken back only if --reason names them.

    Examples: digestd subscriber unsuppress ada@example.org --why "their server was misconfigured until Monday"
              digestd subscriber unsuppress --since 2026-11-24T07:00 --domain example.org --why "wrong map in the relay"
    """
    if (email is None) == (since is None):
        raise BadInput("name one EMAIL, or say --since TIME for all that were suppressed from then on")
    built = wiring.build()
    if since is None:
        if until or domain or relay or reason or dry_run or as_json:
            raise BadInput("--until, --domain, --relay, --reason, --dry-run and --json go with --since, not with EMAIL")
        status = leaving.unsuppress(built.db, built.keys, str(email), why, built.clock())
        say(f"not suppressed any more; {f'the subscriber is {status}' if status else 'there is no such subscriber'}")
        return
    now = built.clock()
    reasons = frozenset(reason) if reason else HEALED_BY_CONSENT
    wave = SuppressionFilter(
        moment(since), moment(until) if until else now, reasons, domain.strip().lstrip("@"), relay.strip()
    )
    restored = leaving.unsuppress_wave(built.db, wave, why, now, dry_run)
    if as_json:
        emit({"dry_run": dry_run, "count": len(restored), "restored": [asdict(one) for one in restored]}, as_json=True)
        return
    emit(asdict(one) for one in restored)
    say(f"{len(restored)} {'would not be' if dry_run else 'are not'} suppressed any more")


def came_back(session: Session, key: int, now: datetime) -> dict[str, object]:
    """What a subscriber's address has brought: suppression, points, the newest bounces, suppressions taken back."""
    address_key = subscribers.address_key_of(session, key)
    found = bounces.of_address(session, address_key, SHOWN)
    points = bounces.score_of(session, address_key, now).at(now)
    return {
        "suppression": suppressions.reason_for(session, address_key),
        "bounce points": f"{points:.1f} of {SUPPRESS_AT:g}" if found else "",
        "bounces": [
            {"at": b.at, "kind": b.kind, "status": b.status, "via": b.via, "delivery": b.delivery, "held": b.held}
            for b in found
        ],
        "liftings": [
            {"at": lifting.at, "reason": lifting.reason, "why": lifting.why}
            for lifting in suppressions.lifted(session, address_key)
        ],
    }
