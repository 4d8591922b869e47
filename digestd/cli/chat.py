"""subscriber chat: send somebody's digests to a chat room instead of their mailbox."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Json, read_text_file
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.delivery.chat_post import URL_MAX
from digestd.errors import BadInput
from digestd.store import integrations, subscribers
from digestd.subscribers.chat import post_test, remove_chat, room_state, set_chat
from digestd.subscribers.lookup import find


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
            say(f"the room did not take the message: {problem}")
            raise typer.Exit(1)
        say(f"posted to {target.label if target else ''}")
    else:
        label = set_chat(built.db, built.keys, subscriber, _url(url_file), built.clock())
        say(f"{email}: digests go to {label}; notices still go to the mailbox")


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


def _url(file: Path | None) -> str:
    """Read the chat URL from the file, the terminal or standard input."""
    if file is not None:
        return read_text_file(file).strip()
    if sys.stdin.isatty():
        return str(typer.prompt("Chat URL", hide_input=True, err=True)).strip()
    return sys.stdin.buffer.readline(2 * URL_MAX).decode(errors="replace").strip()
