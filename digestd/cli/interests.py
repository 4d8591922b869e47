"""subscriber interests, subscriber feedback.

What a subscriber wants, and what they think of papers.
"""

import asyncio
import sys
from dataclasses import astuple
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Email, Json
from digestd.cli.messages import say
from digestd.cli.output import emit, emit_import_report
from digestd.domain.interest import Feedback, Interest, Kind, Muting, Stance, Verdict
from digestd.domain.paper import PaperId, paper_id
from digestd.errors import BadInput
from digestd.sources.imports import BYTES_MAX, IMPORT_FORMATS
from digestd.store import feedback
from digestd.subscribers.cold_start import import_references, read_references
from digestd.subscribers.feedback import add_feedback, mute_from_paper, undo_feedback, undo_mute
from digestd.subscribers.lookup import find

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

    A file may have 1 MiB and 5,000 entries. Papers that no source knows stay private to the subscriber. Exits 1 if an
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
    found, page = asyncio.run(read_references(_read(file), form))
    say(f"read as {IMPORT_FORMATS[found].label}")
    done = import_references(built.db, known.key, page, built.clock())
    counts = {"added": done.added, "unchanged": done.unchanged, "refused": len(done.refused)}
    emit_import_report(counts, map(astuple, done.refused), as_json)


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
    named = {Kind.TOPIC: topic, Kind.PHRASE: phrase, Kind.AUTHOR: author, Kind.CATEGORY: category}
    muted = [Interest(kind, value, Stance.MUTED) for kind, value in named.items() if value]
    if muted and (verdict is not FeedbackWord.MUTED or undo):
        raise BadInput("--topic, --phrase, --author and --category require `muted`, without --undo")
    if not paper:
        emit(_history(built, email), as_json)
    elif undo:
        say(f"undone: {_undo(built, email, paper_id(paper), verdict)}")
    elif verdict is not None:
        _record_feedback(built, email, paper_id(paper), verdict, muted)
        say(f"{verdict}: counts from the next digest on")
    else:
        raise BadInput("add one of more, less, saved, dismissed, muted, or --undo")


def _read(file: Path) -> bytes:
    """Read the file, or one byte more than is allowed."""
    try:
        if file == Path("-"):
            return sys.stdin.buffer.read(BYTES_MAX + 1)
        with file.open("rb") as opened:
            return opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from error


def _history(built: App, email: str) -> list[dict[str, object]]:
    """Return all feedback, oldest first."""
    with built.db.read() as session:
        key = find(session, built.keys, email).key
        verdicts, muted = feedback.history(session, key), feedback.muting_history(session, key)
    events = [(f.at, _row(f, f.verdict, None)) for f in verdicts]
    events += [(m.at, _row(m, FeedbackWord.MUTED, f"{m.interest.kind}: {m.interest.value}")) for m in muted]
    return [row for _, row in sorted(events, key=lambda event: event[0])]


def _row(event: Feedback | Muting, verdict: str, what: str | None) -> dict[str, object]:
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
        raise BadInput("say what to mute: --topic, --phrase, --author or --category")
    for what in muted:
        mute_from_paper(built.db, built.keys, email, paper, what, built.clock())
