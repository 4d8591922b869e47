"""subscriber feedback: what somebody thinks of a paper, or of something in it, said for them."""

from enum import StrEnum
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.output import emit, say
from digestd.domain.feedback import Feedback, Muting, Verdict
from digestd.domain.interest import Interest, Kind, Wish
from digestd.domain.paper import PaperId, paper_id
from digestd.errors import BadInput
from digestd.store import feedback, mutings
from digestd.subscribe.feedback import mute_of, say_of, take_back, unmute
from digestd.subscribe.leaving import find


class Said(StrEnum):
    """What can be said: a verdict on the paper, or that something of it is muted."""

    MORE = Verdict.MORE.value
    LESS = Verdict.LESS.value
    SAVED = Verdict.SAVED.value
    DISMISSED = Verdict.DISMISSED.value
    MUTED = "muted"


def give_feedback(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The subscriber's address.")],
    paper: Annotated[str, typer.Argument(metavar="[PAPER]", help="An arXiv id, a DOI, or scheme:value.")] = "",
    verdict: Annotated[
        Said | None, typer.Argument(metavar="[more|less|saved|dismissed|muted]", help="What of it.")
    ] = None,
    topic: Annotated[str, typer.Option(help="With muted: this topic of the paper.")] = "",
    phrase: Annotated[str, typer.Option(help="With muted: these words of the paper.")] = "",
    author: Annotated[str, typer.Option(help="With muted: this author of the paper.")] = "",
    category: Annotated[str, typer.Option(help="With muted: this category of the paper.")] = "",
    undo: Annotated[
        bool, typer.Option("--undo", help="Take back the newest verdict on the paper; with muted, the newest muting.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say for a subscriber what they think of a paper; without a paper, list what was said.

    Example: digestd subscriber feedback ada@example.org 2401.00001 more

    Example: digestd subscriber feedback ada@example.org 2401.00001 muted --author "B. Other"
    """
    built = wiring.build()
    named = {Kind.TOPIC: topic, Kind.PHRASE: phrase, Kind.AUTHOR: author, Kind.CATEGORY: category}
    muted = [Interest(kind, value, Wish.MUTED) for kind, value in named.items() if value]
    if muted and (verdict is not Said.MUTED or undo):
        raise BadInput("--topic, --phrase, --author and --category go with muted, as it is said")
    if not paper:
        emit(_said(built, email), as_json)
    elif undo:
        say(f"{_undone(built, email, paper_id(paper), verdict)} is taken back")
    elif verdict is not None:
        _note(built, email, paper_id(paper), verdict, muted)
        say(f"{verdict}: it counts from the next digest on")
    else:
        raise BadInput("say one of more, less, saved, dismissed, muted, or --undo")


def _said(built: App, email: str) -> list[dict[str, object]]:
    """Every event, oldest first."""
    with built.db.read() as session:
        key = find(session, built.keys, email).key
        verdicts, muted = feedback.history(session, key), mutings.history(session, key)
    events = [(f.at, _row(f, f.verdict, None)) for f in verdicts]
    events += [(m.at, _row(m, Said.MUTED, f"{m.interest.kind}: {m.interest.value}")) for m in muted]
    return [row for _, row in sorted(events, key=lambda event: event[0])]


def _row(event: Feedback | Muting, verdict: str, what: str | None) -> dict[str, object]:
    return {"paper": event.paper, "verdict": verdict, "what": what, "at": event.at, "undone": event.undone}


def _undone(built: App, email: str, paper: PaperId, verdict: Said | None) -> str:
    if verdict is Said.MUTED:
        taken = unmute(built.db, built.keys, email, paper, built.clock())
        return f"muted {taken.kind} {taken.value}"
    if verdict is not None:
        raise BadInput("say --undo alone, or with muted")
    return str(take_back(built.db, built.keys, email, paper, built.clock()))


def _note(built: App, email: str, paper: PaperId, verdict: Said, muted: list[Interest]) -> None:
    if verdict is not Said.MUTED:
        say_of(built.db, built.keys, email, paper, Verdict(verdict.value), built.clock())
        return
    if not muted:
        raise BadInput("say what of the paper is muted: --topic, --phrase, --author or --category")
    for what in muted:
        mute_of(built.db, built.keys, email, paper, what, built.clock())
