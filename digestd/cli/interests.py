"""subscriber interests, feedback and library: what a subscriber wants, likes, and has at Zotero."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import astuple
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd import files
from digestd.app import App
from digestd.cli.arguments import Email, Json, read_secret
from digestd.cli.output import emit, emit_import_report, progress
from digestd.cli.stdio import say
from digestd.domain.interest import Feedback, Interest, Kind, Muting, Stance, Verdict
from digestd.domain.library import EntryStatus, Library, LibraryProvider, LibraryState, SavingProblem
from digestd.domain.paper import PaperId, paper_id
from digestd.errors import BadInput, DigestdError, NotFound
from digestd.sources.imports import BYTES_MAX, IMPORT_FORMATS
from digestd.sources.imports.zotero import KEY_MAX
from digestd.store import feedback, libraries
from digestd.subscribers.feedback import add_feedback, mute_from_paper, undo_feedback, undo_mute
from digestd.subscribers.libraries import (
    LinkedLibrary,
    link_zotero,
    linked_libraries,
    stop_saving,
    sync_now,
    unlink,
)
from digestd.subscribers.lookup import find
from digestd.subscribers.reference_import import import_references, read_references

_FULL = "there is no room for them; drop liked papers, or let a shorter file name the ones that count"
_FORMATS = ", ".join(IMPORT_FORMATS)


class FeedbackWord(StrEnum):
    """A verdict on a paper, or `muted` for something in it."""

    MORE = Verdict.MORE.value
    LESS = Verdict.LESS.value
    SAVED = Verdict.SAVED.value
    DISMISSED = Verdict.DISMISSED.value
    MUTED = "muted"


def show_interests(
    email: Email,
    file: Annotated[
        Path | None, typer.Option("--import", help="A file of papers that they like; - reads standard input.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help=f"The format of the file. Default: detected. {_FORMATS}.")] = "",
    as_json: Json = False,
) -> None:
    """List a subscriber's interests, or import papers they like.

    A file may have 20 MB and 20,000 entries. Papers that no source knows stay private to the subscriber. Exits 1 if an
    entry was refused.

    Example: digestd subscriber interests ada@example.org --import library.bib
    """
    built = wiring.connect()
    with built.db.read() as session:
        known = find(session, built.keys, email)
    if file is None:
        if form:
            raise BadInput("--format requires --import")
        emit([{"kind": i.kind.value, "value": i.value, "stance": i.stance.value} for i in known.interests], as_json)
        return
    with progress("entries", None) as advance:
        found, page = asyncio.run(read_references(_read(file), form, _steps(advance)))
    say(f"read as {IMPORT_FORMATS[found].label}")
    done = import_references(built.db, known.key, page, built.clock())
    counts = {"added": done.added, "unchanged": done.unchanged, "refused": done.all_refused}
    refused = [astuple(one) for one in done.refused]
    if done.beyond:
        refused.append((f"{done.beyond:,} older entries", "likes", _FULL))
    emit_import_report(counts, refused, as_json)


def give_feedback(
    email: Email,
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="An arXiv id, a DOI, or SCHEME:VALUE.")] = "",
    verdict: Annotated[
        FeedbackWord | None, typer.Argument(metavar="FEEDBACK", help="more, less, saved, dismissed or muted.")
    ] = None,
    topic: Annotated[str, typer.Option(help="With muted: this topic of the paper.")] = "",
    phrase: Annotated[str, typer.Option(help="With muted: this phrase of the paper.")] = "",
    author: Annotated[str, typer.Option(help="With muted: this author of the paper.")] = "",
    category: Annotated[str, typer.Option(help="With muted: this category of the paper.")] = "",
    institution: Annotated[str, typer.Option(help="With muted: this institution of its authors.")] = "",
    venue: Annotated[str, typer.Option(help="With muted: this journal or conference of the paper.")] = "",
    undo: Annotated[
        bool, typer.Option("--undo", help="Undo the last feedback on the paper; with muted, the last muting.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Record a subscriber's feedback on a paper, or list it.

    Without a paper, lists all feedback.

    Example: digestd subscriber feedback ada@example.org 2401.00001 more

    Example: digestd subscriber feedback ada@example.org 2401.00001 muted --author "B. Other"
    """
    built = wiring.connect()
    named = {
        **{Kind.TOPIC: topic, Kind.PHRASE: phrase, Kind.AUTHOR: author},
        **{Kind.CATEGORY: category, Kind.INSTITUTION: institution, Kind.VENUE: venue},
    }
    muted = [Interest(kind, value, Stance.MUTED) for kind, value in named.items() if value]
    if muted and (verdict is not FeedbackWord.MUTED or undo):
        raise BadInput(f"{_MUTED_BY} require `muted`, without --undo")
    if not paper:
        emit(_history(built, email), as_json)
    elif undo:
        say(f"undone: {_undo(built, email, paper_id(paper, 'PAPER'), verdict)}")
    elif verdict is not None:
        _record_feedback(built, email, paper_id(paper, "PAPER"), verdict, muted)
        say(f"{verdict}: counts from the next digest on")
    else:
        raise BadInput("add one of more, less, saved, dismissed, muted, or --undo")


def _steps(advance: Callable[[int], None]) -> Callable[[int], None]:
    """Return a function of how many there are that calls `advance` with how many are new."""
    before = 0

    def note(count: int) -> None:
        nonlocal before
        advance(count - before)
        before = count

    return note


def _read(file: Path) -> bytes:
    """Read the file, or one byte more than is allowed."""
    try:
        if file == Path("-"):
            return sys.stdin.buffer.read(BYTES_MAX + 1)
        with file.open("rb") as opened:
            return opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise BadInput(f"--import: cannot read {files.explain(error, file)}") from error


def _history(built: App, email: str) -> list[dict[str, object]]:
    """Return all feedback, oldest first."""
    with built.db.read() as session:
        key = find(session, built.keys, email).key
        verdicts, muted = feedback.history(session, key), feedback.muting_history(session, key)
    events = [(f.at, _event_row(f, f.verdict, None)) for f in verdicts]
    events += [(m.at, _event_row(m, FeedbackWord.MUTED, f"{m.interest.kind}: {m.interest.value}")) for m in muted]
    return [row for _, row in sorted(events, key=lambda event: event[0])]


def _event_row(event: Feedback | Muting, verdict: str, what: str | None) -> dict[str, object]:
    return {"paper": event.paper, "verdict": verdict, "what": what, "at": event.at, "undone": event.undone}


def _undo(built: App, email: str, paper: PaperId, verdict: FeedbackWord | None) -> str:
    """Undo the last feedback and return what it was."""
    if verdict is FeedbackWord.MUTED:
        taken = undo_mute(built.db, built.keys, email, paper, built.clock())
        return f"muted {taken.kind} {taken.value}"
    if verdict is not None:
        raise BadInput("use --undo alone, or with `muted`")
    return str(undo_feedback(built.db, built.keys, email, paper, built.clock()))


def _record_feedback(built: App, email: str, paper: PaperId, verdict: FeedbackWord, muted: list[Interest]) -> None:
    if verdict is not FeedbackWord.MUTED:
        add_feedback(built.db, built.keys, email, paper, Verdict(verdict.value), built.clock())
        return
    if not muted:
        raise BadInput(f"say what to mute by one of {_MUTED_BY}")
    for what in muted:
        mute_from_paper(built.db, built.keys, email, paper, what, built.clock())


_MUTED_BY = "--topic, --phrase, --author, --category, --institution and --venue"


LibraryName = Annotated[
    str, typer.Argument(metavar="LIBRARY", help="As `library list` shows it, or zotero if there is one.")
]


_NOT_READ = (
    "works at ORCID are no longer read: export them there as BibTeX, and import the file with "
    "`digestd subscriber interests EMAIL --import FILE`"
)


_PROBLEMS = {
    SavingProblem.KEY: "the key may no longer write there; link the library again with another key",
    SavingProblem.COLLECTION: "the collection no longer exists; link the library again with another one",
    SavingProblem.FULL: "Zotero takes no more papers; it is tried once a day",
    SavingProblem.PAPER: "Zotero refused “{paper}”, which is not tried again",
}


class LibraryNotSynced(DigestdError):
    """A library could not be read."""


def link_library(
    email: Email,
    spec: Annotated[str, typer.Argument(metavar="LIBRARY", help="zotero or zotero:groups/NUMBER.")],
    key_file: Annotated[
        Path | None, typer.Option("--key-file", help="A file with the API key. Default: ask, or read standard input.")
    ] = None,
    save: Annotated[
        bool, typer.Option("--save/--read-only", help="Also put the papers they save there. Default: read only.")
    ] = False,
    collection: Annotated[
        str, typer.Option("--collection", help="The collection for saved papers: its title, key or address.")
    ] = "",
) -> None:
    """Link a library, so that its papers are liked.

    It is read at once, and then once a day.

    Zotero requires an API key, which is stored encrypted: create one with read access only at
    zotero.org/settings/keys. Never pass it as an argument, where other users of this machine could see it.

    With `--save`, papers that the subscriber saves from now on are added there, each once. The key needs write access.

    Example: digestd subscriber library link ada@example.org zotero < key.txt
    """
    built = wiring.connect()
    with built.db.read() as session:
        subscriber = find(session, built.keys, email).key
    provider, _, place = spec.partition(":")
    if provider == LibraryProvider.ORCID:
        raise BadInput(f"{_NOT_READ}; it was not linked")
    if provider != LibraryProvider.ZOTERO:
        raise BadInput(f"invalid library {spec[:40]!r}; write zotero or zotero:groups/NUMBER")
    if collection and not save:
        raise BadInput("--collection needs --save")
    key = read_secret(key_file, "Key", 2 * KEY_MAX)
    new = asyncio.run(link_zotero(built.libraries, subscriber, key, place, collection if save else None))
    if new.may_write and not save:
        say("warning: this key has write access; digestd only reads, so create one with read access")
    spec = f"{new.provider}:{new.place}"
    say(f"{spec} is linked; a worker will read it soon, or run `digestd subscriber library sync {email} {spec}`")


def list_libraries(email: Email, as_json: Json = False) -> None:
    """List a subscriber's libraries.

    Shows the state of each, its last sync, and how many of its papers count.

    Example: digestd subscriber library list ada@example.org
    """
    built = wiring.connect()
    with built.db.read() as session:
        found = linked_libraries(session, find(session, built.keys, email).key)
    emit([_library_row(one) for one in found], as_json)


def sync_library(email: Email, spec: LibraryName, as_json: Json = False) -> None:
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
    list_libraries(email, as_json)


def stop_library(email: Email, spec: LibraryName) -> None:
    """Add no more saved papers to a library.

    It is still read. To add them again, link it again with `--save`.

    Example: digestd subscriber library stop ada@example.org zotero:users/12345
    """
    built = wiring.connect()
    library = _library(built, email, spec)
    stop_saving(built.db, library.subscriber, library.key)
    say(f"{library.spec} gets no more saved papers; it is still read")


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


def _library(built: App, email: str, spec: str) -> Library:
    with built.db.read() as session:
        known = libraries.of(session, find(session, built.keys, email).key)
    found = [one for one in known if spec in (one.spec, one.provider)]
    if len(found) != 1:
        names = ", ".join(one.spec for one in known) or "none"
        what = "names several libraries; write one of them" if found else "is not linked; linked"
        raise NotFound(f"library {spec[:60]!r} {what}: {names}")
    return found[0]


def _not_saved(library: Library) -> str:
    """Return in one line why saved papers do not get into a library."""
    problem = library.saving.problem if library.saving else None
    return _PROBLEMS[problem].format(paper=library.saving.paper) if library.saving and problem else ""


def _library_row(one: LinkedLibrary) -> dict[str, object]:
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
        "saves to": None if library.saving is None else library.saving.title or "the library",
        "not saved": _not_saved(library),
        "why": library.why if library.is_read else _NOT_READ,
    }
