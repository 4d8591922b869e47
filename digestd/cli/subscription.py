"""subscriber pause, resume, unsubscribe, suppress, unsuppress, erase, chat: whether and where people get mail."""

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import DryRun, Email, Json, not_empty, parse_date, parse_datetime, read_secret
from digestd.cli.output import emit
from digestd.cli.stdio import say
from digestd.delivery.chat_post import URL_MAX
from digestd.domain.delivery import LIFTED_BY_SIGNUP, SuppressionReason
from digestd.domain.subscriber import Cause
from digestd.errors import BadInput
from digestd.operations.service_status import counted
from digestd.store import integrations, subscribers
from digestd.store.suppressions import SuppressionFilter
from digestd.subscribers import lookup, personal_data, status_changes, suppression
from digestd.subscribers.chat import post_test, remove_chat, room_state, set_chat
from digestd.subscribers.lookup import find

Address = Annotated[str | None, typer.Argument(metavar="EMAIL", help="The address; it need not be subscribed.")]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", callback=not_empty, help="Only from this time on (ISO 8601; UTC by default)."),
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", callback=not_empty, help="Only until this time. Default: now.")
]


def pause(
    email: Email,
    until: Annotated[str, typer.Option(help="The day it resumes, as in 2026-12-24. Default: until `resume`.")] = "",
) -> None:
    """Pause a subscriber's digest.

    It resumes on the day given by --until, or with `subscriber resume`.

    Example: digestd subscriber pause ada@example.org --until 2026-12-24
    """
    built = wiring.connect()
    with built.db.read() as session:
        known = lookup.find(session, built.keys, email)
    end = status_changes.pause_end(known, parse_date(until, "--until")) if until else None
    say(_result(status_changes.pause(built.db, known.key, Cause.CLI, built.clock(), end), "paused"))


def resume(email: Email) -> None:
    """Resume a paused subscriber's digest.

    Never resumes a subscriber who unsubscribed.

    Example: digestd subscriber resume ada@example.org
    """
    built = wiring.connect()
    say(_result(status_changes.resume(built.db, _key(built, email), Cause.CLI, built.clock()), "active"))


def unsubscribe(email: Email) -> None:
    """Unsubscribe a subscriber.

    Mail that is waiting to be sent is dropped.

    Example: digestd subscriber unsubscribe ada@example.org
    """
    built = wiring.connect()
    say(_result(status_changes.unsubscribe(built.db, _key(built, email), Cause.CLI, built.clock()), "unsubscribed"))


def erase(
    email: Email, yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False
) -> None:
    """Delete everything about a person.

    Deletes address, name, interests and digests. Only a keyed hash of the address stays, which prevents mail to
    them again. This cannot be undone.

    Example: digestd subscriber erase ada@example.org --yes
    """
    built = wiring.connect()
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput("this cannot be undone; add --yes to confirm")
        typer.confirm("This cannot be undone. Erase?", abort=True, err=True)
    personal_data.erase(built.db, built.keys, email, built.clock())
    say("erased")


def suppress(
    email: Address = None,
    reason: Annotated[SuppressionReason, typer.Option(help="The reason.")] = SuppressionReason.REQUEST,
    held: Annotated[
        bool, typer.Option("--held", help="Instead of EMAIL: every address with bounces that are on hold.")
    ] = False,
    since: Since = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Stop sending mail to an address permanently.

    No sign-up and no import removes the suppression. Bounces are put on hold when unusually many arrive at once; use
    --held to confirm that these mailboxes are gone.

    Example: digestd subscriber suppress ada@example.org --reason complaint

    Example: digestd subscriber suppress --held --dry-run
    """
    if (email is None) != held or (not held and (since or dry_run)):
        raise BadInput("give EMAIL or --held; --since and --dry-run require --held")
    if reason is SuppressionReason.ERASED:
        raise BadInput("--reason erased is reserved for `digestd subscriber erase`")
    built = wiring.connect()
    if email is not None:
        suppression.suppress(built.db, built.keys, email, reason, built.clock())
        say("suppressed")
        return
    count = suppression.suppress_held(
        built.db, parse_datetime(since, "--since") if since else None, built.clock(), dry_run
    )
    if as_json:
        emit({"dry_run": dry_run, "suppressed": count}, as_json=True)
    else:
        say(f"{counted(count, 'address')} {'would be suppressed' if dry_run else 'suppressed'}")


def unsuppress(
    why: Annotated[str, typer.Option(help="Why mail is allowed again; stored and shown by `subscriber show`.")],
    email: Address = None,
    since: Since = None,
    until: Until = None,
    domain: Annotated[str | None, typer.Option(callback=not_empty, help="Only addresses at this domain.")] = None,
    relay: Annotated[
        str | None,
        typer.Option(callback=not_empty, help="Only after bounces of mail sent by this relay, as in `delivery show`."),
    ] = None,
    reason: Annotated[
        list[SuppressionReason] | None,
        typer.Option(help="With --since, only these. Repeatable. Default: hard_bounce and soft_bounce."),
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Remove an address from the suppression list.

    With --since, removes all that were suppressed from that time on. After a bounce the subscription continues. After
    a complaint or a request the reader must sign up again; with --since these are removed only if --reason names them.

    Example: digestd subscriber unsuppress ada@example.org --why "their server was misconfigured until Monday"

    Example: digestd subscriber unsuppress --since 2026-11-24T07:00 --domain example.org --why "wrong map in the relay"
    """
    if (email is None) == (since is None):
        raise BadInput("give EMAIL, or --since TIME for all that were suppressed from then on")
    built = wiring.connect()
    if since is None:
        if until or domain or relay or reason or dry_run:
            raise BadInput("--until, --domain, --relay, --reason and --dry-run require --since")
        status = suppression.unsuppress(built.db, built.keys, str(email), why, built.clock())
        say(f"no longer suppressed; {f'the subscriber is {status}' if status else 'there is no such subscriber'}")
        return
    now = built.clock()
    reasons = frozenset(reason) if reason else LIFTED_BY_SIGNUP
    end = parse_datetime(until, "--until") if until else now
    only = (domain or "").strip().lstrip("@"), (relay or "").strip()
    wave = SuppressionFilter(parse_datetime(since, "--since"), end, reasons, *only)
    restored = suppression.unsuppress_wave(built.db, wave, why, now, dry_run)
    if as_json:
        emit({"dry_run": dry_run, "count": len(restored), "restored": [asdict(one) for one in restored]}, as_json=True)
        return
    emit(asdict(one) for one in restored)
    say(f"{len(restored)} {'would no longer be' if dry_run else 'are no longer'} suppressed")


def edit_chat(
    email: Annotated[str | None, typer.Argument(metavar="EMAIL", help="The subscriber's address.")] = None,
    url_file: Annotated[
        Path | None, typer.Option("--url-file", help="A file with the chat URL. Default: ask, or read standard input.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show where their digests go. Changes nothing.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Send their digests by mail again.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Post a test message to their room.")] = False,
    list_all: Annotated[bool, typer.Option("--list", help="List all chat rooms. Changes nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Send a subscriber's digests to a chat room instead of their mailbox.

    The URL is one of apprise, for a service over HTTP, as in slack://TOKEN_A/TOKEN_B/TOKEN_C or
    mmosts://chat.example.org/KEY. It holds secrets, so it is read from a file or standard input, never from the command
    line, which other users of this machine can see. It is stored encrypted.

    Example: digestd subscriber chat team@example.org < url.txt
    """
    if show + remove + test + list_all + (url_file is not None) > 1:
        raise BadInput("--url-file, --show, --remove, --test and --list exclude each other; use one of them")
    if (email is None) != list_all:
        raise BadInput("name a subscriber, or list all rooms with --list")
    built = wiring.build() if test else wiring.connect()
    if email is None:
        emit(_rooms(built), as_json)
        return
    with built.db.read() as session:
        subscriber = find(session, built.keys, email).key
        target = integrations.chat_target(session, subscriber)
    if show:
        say(f"{email}: digests go to {target.label if target else 'the mailbox'}")
    elif remove:
        remove_chat(built.db, subscriber)
        say(f"{email}: digests go to the mailbox")
    elif test:
        text = f"This is a test: digests from {built.settings.list_name} come here."
        if problem := asyncio.run(post_test(built.db, built.keys, subscriber, text)):
            say(f"the room refused the message: {problem}")
            raise typer.Exit(1)
        say(f"posted to {target.label if target else ''}")
    else:
        label = set_chat(
            built.db, built.keys, subscriber, read_secret(url_file, "Chat URL", 2 * URL_MAX), built.clock()
        )
        say(f"{email}: digests go to {label}; notices still go to the mailbox")


def _key(built: App, email: str) -> int:
    with built.db.read() as session:
        return lookup.find(session, built.keys, email).key


def _result(changed: bool, state: str) -> str:
    return state if changed else f"already {state}; nothing was changed"


def _rooms(built: App) -> list[dict[str, object]]:
    with built.db.read() as session:
        return [
            {
                "email": known.address,
                "room": target.label,
                "set": target.set_at,
                "failures": target.failures,
                "state": room_state(session, built.keys, target),
            }
            for target in integrations.chat_targets(session)
            if (known := subscribers.by_key(session, target.subscriber)) is not None
        ]
