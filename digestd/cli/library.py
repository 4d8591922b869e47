"""subscriber library: libraries at Zotero: link, list, sync, unlink."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Email, Json, read_text_file
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.domain.library import EntryStatus, Library, LibraryProvider, LibraryState
from digestd.errors import BadInput, DigestdError, NotFound
from digestd.sources.imports.zotero import KEY_MAX
from digestd.store import libraries
from digestd.subscribers.libraries import LinkedLibrary, link_zotero, linked_libraries, sync_now, unlink
from digestd.subscribers.lookup import find

LibraryName = Annotated[str, typer.Argument(metavar="LIBRARY", help="As `library list` shows it.")]


_NOT_READ = (
    "works at ORCID are no longer read: export them there as BibTeX, and import the file with "
    "`digestd subscriber interests EMAIL --import FILE`"
)


class LibraryNotSynced(DigestdError):
    """A library could not be read."""


def link_library(
    email: Email,
    spec: Annotated[str, typer.Argument(metavar="LIBRARY", help="zotero or zotero:groups/NUMBER.")],
    key_file: Annotated[
        Path | None, typer.Option("--key-file", help="A file with the API key. Default: ask, or read standard input.")
    ] = None,
) -> None:
    """Link a library, so that its papers are liked.

    It is read at once, and then every DIGESTD_LIBRARY_SYNC_HOURS hours.

    Zotero requires an API key, which is stored encrypted: create one with read access only at
    zotero.org/settings/keys. Never pass it as an argument, where other users of this machine could see it.

    Example: digestd subscriber library link ada@example.org zotero < key.txt
    """
    built = wiring.connect()
    subscriber = _subscriber(built, email)
    provider, _, place = spec.partition(":")
    if provider == LibraryProvider.ORCID:
        raise BadInput(f"{_NOT_READ}; it was not linked")
    if provider != LibraryProvider.ZOTERO:
        raise BadInput(f"invalid library {spec[:40]!r}; write zotero or zotero:groups/NUMBER")
    new = asyncio.run(link_zotero(built.libraries, subscriber, _key(key_file), place))
    if new.may_write:
        say("warning: this key has write access; digestd only reads, so create one with read access")
    say(f"{new.provider}:{new.place} is linked; a worker will read it soon, or run `library sync`")


def list_libraries(email: Email, as_json: Json = False) -> None:
    """List a subscriber's libraries.

    Shows the state of each, its last sync, and how many of its papers count.

    Example: digestd subscriber library list ada@example.org
    """
    built = wiring.connect()
    with built.db.read() as session:
        found = linked_libraries(session, find(session, built.keys, email).key)
    emit([_row(one) for one in found], as_json)


def sync_library(email: Email, spec: LibraryName) -> None:
    """Sync a library now.

    Also tries a library that was given up. Exits 1 if it could not be read.

    Example: digestd subscriber library sync ada@example.org zotero:users/12345
    """
    built = wiring.connect()
    linked = _library(built, email, spec)
    if not linked.is_read:
        raise BadInput(f"{_NOT_READ}; its papers stay liked until you unlink it")
    library = asyncio.run(sync_now(built.libraries, linked.key))
    if library is None:
        raise LibraryNotSynced("another process is reading it, or the subscriber is not active")
    if library.why:
        raise LibraryNotSynced(library.why)
    list_libraries(email)


def unlink_library(
    email: Email,
    spec: LibraryName,
    drop: Annotated[bool, typer.Option("--drop", help="Also remove its papers from their likes.")] = False,
) -> None:
    """Unlink a library and delete its key.

    Example: digestd subscriber library unlink ada@example.org zotero:users/12345
    """
    built = wiring.connect()
    library = _library(built, email, spec)
    unlink(built.db, library.subscriber, library.key, built.clock(), keep=not drop)
    say(f"{library.spec} is unlinked; its papers {'no longer count' if drop else 'stay liked'}")


def _key(file: Path | None) -> str:
    """Read the API key from the file, the terminal or standard input."""
    if file is None and sys.stdin.isatty():
        return str(typer.prompt("Key", hide_input=True, err=True))
    if file is None:
        return sys.stdin.buffer.readline(2 * KEY_MAX).decode(errors="replace")
    return read_text_file(file)[: 2 * KEY_MAX]


def _subscriber(built: App, email: str) -> int:
    with built.db.read() as session:
        return find(session, built.keys, email).key


def _library(built: App, email: str, spec: str) -> Library:
    with built.db.read() as session:
        known = libraries.of(session, find(session, built.keys, email).key)
    found = next((one for one in known if one.spec == spec), None)
    if found is None:
        names = ", ".join(one.spec for one in known) or "none"
        raise NotFound(f"library {spec[:60]!r} is not linked; linked: {names}")
    return found


def _row(one: LinkedLibrary) -> dict[str, object]:
    library = one.library
    return {
        "library": library.spec,
        "state": library.state,
        "read": library.synced,
        "next": library.next if library.is_read and library.state is LibraryState.LINKED else None,
        "liked": one.counts[EntryStatus.LIKED],
        "own": one.counts[EntryStatus.OWN],
        "taken away": one.counts[EntryStatus.DROPPED],
        "no room": one.counts[EntryStatus.BEYOND],
        "may write": library.may_write,
        "why": library.why if library.is_read else _NOT_READ,
    }
