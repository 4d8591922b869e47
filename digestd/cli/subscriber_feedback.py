"""subscriber feedback: what somebody thinks of a paper, said for them."""

from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.output import emit, say
from digestd.domain.feedback import Verdict
from digestd.domain.paper import paper_id
from digestd.errors import BadInput
from digestd.store import feedback
from digestd.subscribe.feedback import say_of, take_back
from digestd.subscribe.leaving import find


def give_feedback(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The subscriber's address.")],
    paper: Annotated[str, typer.Argument(metavar="[PAPER]", help="An arXiv id, a DOI, or scheme:value.")] = "",
    verdict: Annotated[
        Verdict | None, typer.Argument(metavar="[more|less|saved|dismissed]", help="What of it.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the newest verdict on the paper.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say for a subscriber what they think of a paper; without a paper, list what was said.

    Example: digestd subscriber feedback ada@example.org 2401.00001 more
    """
    built = wiring.build()
    now = built.clock()
    if not paper:
        with built.db.read() as session:
            said = feedback.history(session, find(session, built.keys, email).key)
        rows = [{"paper": f.paper, "verdict": f.verdict, "at": f.at, "undone": f.undone} for f in said]
        emit(rows, as_json)
    elif undo and verdict is None:
        say(f"{take_back(built.db, built.keys, email, paper_id(paper), now)} is taken back")
    elif verdict is not None and not undo:
        say_of(built.db, built.keys, email, paper_id(paper), verdict, now)
        say(f"{verdict}: it counts from the next digest on")
    else:
        raise BadInput("say one of more, less, saved, dismissed, or --undo")
