"""subscriber chat: send somebody's digests to a chat room instead of their mailbox."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import Email, read_text_file
from digestd.cli.messages import say
from digestd.delivery.chat import URL_MAX
from digestd.errors import BadInput
from digestd.store import chat_targets
from digestd.subscribers.chat import remove_chat, set_chat
from digestd.subscribers.lookup import find


def edit_chat(
    email: Email,
    url_file: Annotated[
        Path | None, typer.Option("--url-file", help="A file with the chat URL. Default: ask, or read standard input.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show where their digests go. Changes nothing.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Send their digests by mail again.")] = False,
) -> None:
    """Send a subscriber's digests to a chat room instead of their mailbox.

    The URL names the form: slack+https:// (an incoming webhook of Slack, Mattermost or Discord), matrix+https://,
    telegram+https:// or ntfy+https://. It holds secrets, so it is read from a file or
    standard input, never from the command line, which other users of this machine can see. It is stored encrypted.

    Example: digestd subscriber chat team@example.org < url.txt
    """
    if show + remove + (url_file is not None) > 1:
        raise BadInput("--url-file, --show and --remove exclude each other; use one of them")
    built = wiring.connect()
    with built.db.read() as session:
        subscriber = find(session, built.keys, email).key
        label = chat_targets.label(session, subscriber)
    if show:
        say(f"{email}: digests go to {label or 'the mailbox'}")
    elif remove:
        remove_chat(built.db, subscriber)
        say(f"{email}: digests go to the mailbox")
    else:
        label = set_chat(built.db, built.keys, subscriber, _url(url_file), built.clock())
        say(f"{email}: digests go to {label}; notices still go to the mailbox")


def _url(file: Path | None) -> str:
    """Read the chat URL from the file, the terminal or standard input."""
    if file is not None:
        return read_text_file(file).strip()
    if sys.stdin.isatty():
        return str(typer.prompt("Chat URL", hide_input=True, err=True)).strip()
    return sys.stdin.buffer.readline(2 * URL_MAX).decode(errors="replace").strip()
