"""subscriber library: what somebody keeps at Zotero or ORCID, linked, listed, read and unlinked."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.output import emit, say
from digestd.cli.texts import read_text
from digestd.domain.library import Counts, Keeper, Library, Standing
from digestd.errors import BadInput, DigestdError, NotFound
from digestd.libraries import link_orcid, link_zotero, sync_now
from digestd.sources.libraries.zotero import KEY_MAX
from digestd.store import libraries
from digestd.subscribe import find
from digestd.subscribe.libraries import Linked, linked, unlink

app = typer.Typer(name="library", help="Libraries at Zotero or ORCID whose papers they like.", no_args_is_help=True)
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The subscriber's address.")]
Spec = Annotated[str, typer.Argument(metavar="LIBRARY", help="As `library list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class NotRead(DigestdError):
    """A library could not be read."""


@app.command("link")
def link_one(
    email: Email,
    spec: Annotated[
        str, typer.Argument(metavar="LIBRARY", help="zotero, zotero:groups/NUMBER or orcid:0000-0002-1825-0097.")
    ],
    key_file: Annotated[
        Path | None, typer.Option("--key-file", help="A file that holds the key; else it is asked for, or read.")
    ] = None,
) -> None:
    """Link a library: it is read at once and then every DIGESTD_LIBRARY_HOURS, and its papers are liked.

    Zotero wants a key, which is kept encrypted: make one at zotero.org/settings/keys that may only read. It is asked
    for, or read from standard input; never give it as an argument, where others on this machine could see it.

    Example: digestd subscriber library link ada@example.org zotero < key.txt
    """
    built = wiring.build()
    subscriber = _subscriber(built, email)
    keeper, _, place = spec.partition(":")
    if keeper == Keeper.ORCID:
        new = link_orcid(built.libraries, subscriber, place)
    elif keeper == Keeper.ZOTERO:
        new = asyncio.run(link_zotero(built.libraries, subscriber, _key(key_file), place))
    else:
        raise BadInput(f"{spec[:40]!r} is no library; write zotero, zotero:groups/NUMBER or orcid:ID")
    if new.may_write:
        say("this key may also write; digestd only reads, so one that may only read would do")
    say(f"{new.keeper}:{new.place} is linked, and read when a worker comes round; `library sync` reads it now")


@app.command("list")
def list_all(email: Email, as_json: Json = False) -> None:
    """List the libraries of a subscriber: how they stand, when they were read, and how many of their papers count.

    Example: digestd subscriber library list ada@example.org
    """
    built = wiring.build()
    with built.db.read() as session:
        found = linked(session, find(session, built.keys, email).key)
    emit([_told(one) for one in found], as_json)


@app.command("sync")
def sync_one(email: Email, spec: Spec) -> None:
    """Read a library now, also one that was given up. Exits 1 if it could not be read.

    Example: digestd subscriber library sync ada@example.org zotero:users/12345
    """
    built = wiring.build()
    library = asyncio.run(sync_now(built.libraries, _library(built, email, spec).key))
    if library is None:
        raise NotRead("it is being read elsewhere, or its reader gets no digest")
    if library.why:
        raise NotRead(library.why)
    list_all(email)


@app.command("unlink")
def unlink_one(
    email: Email,
    spec: Spec,
    drop: Annotated[bool, typer.Option("--drop", help="Its papers are liked no more; else they stay.")] = False,
) -> None:
    """Forget a library and its key.

    Example: digestd subscriber library unlink ada@example.org zotero:users/12345
    """
    built = wiring.build()
    library = _library(built, email, spec)
    unlink(built.db, library.subscriber, library.key, built.clock(), keep=not drop)
    say(f"{library.spec} is unlinked; its papers {'count no more' if drop else 'stay liked'}")


def _key(file: Path | None) -> str:
    if file is None and sys.stdin.isatty():
        return str(typer.prompt("Key", hide_input=True, err=True))
    if file is None:
        return sys.stdin.buffer.readline(2 * KEY_MAX).decode(errors="replace")
    return read_text(file)[: 2 * KEY_MAX]


def _subscriber(built: App, email: str) -> int:
    with built.db.read() as session:
        return find(session, built.keys, email).key


def _library(built: App, email: str, spec: str) -> Library:
    with built.db.read() as session:
        known = libraries.of(session, find(session, built.keys, email).key)
    found = next((one for one in known if one.spec == spec), None)
    if found is None:
        named = ", ".join(one.spec for one in known) or "none"
        raise NotFound(f"no library {spec[:60]!r} is linked; linked: {named}")
    return found


def _told(one: Linked) -> dict[str, object]:
    library = one.library
    return {
        "library": library.spec,
        "standing": library.standing,
        "read": library.synced,
        "next": library.next if library.standing is Standing.LINKED else None,
        "liked": one.counts[Counts.LIKED],
        "own": one.counts[Counts.OWN],
        "taken away": one.counts[Counts.DROPPED],
        "no room": one.counts[Counts.BEYOND],
        "may write": library.may_write,
        "why": library.why,
    }
