"""subscriber saved: list, note, export: the papers that a subscriber was sent and saved."""

from typing import Annotated

import typer
from sqlmodel import Session

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Email, Json, Out, PaperName
from digestd.cli.output import emit, write_out
from digestd.cli.stdio import say
from digestd.domain.paper import paper_id
from digestd.domain.subscriber import Subscriber
from digestd.errors import BadInput
from digestd.mail.outlets import OUTLETS
from digestd.store.feedback import SAVED_MAX, ReaderPaper
from digestd.subscribers import saved_papers
from digestd.subscribers.lookup import find

_FORMS = [name for name, outlet in OUTLETS.items() if not outlet.is_feed]
Search = Annotated[
    str, typer.Option(metavar="WORDS", help="Search all papers they were sent and saved, by words and meaning.")
]
Tag = Annotated[str, typer.Option(help="Only saved papers with this tag.")]


def list_saved(email: Email, search: Search = "", tag: Tag = "", as_json: Json = False) -> None:
    """List a subscriber's saved papers, newest first, or search.

    A search also finds papers that they were sent and did not save; the best come first.

    Example: digestd subscriber saved list ada@example.org --tag thesis

    Example: digestd subscriber saved list ada@example.org --search "frozen lakes" --json
    """
    built = wiring.connect()
    with built.db.read() as session:
        found = _find(built, session, find(session, built.keys, email), search, tag)
    emit([_row(one) for one in found], as_json)


def edit_note(
    email: Email,
    paper: PaperName,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="Replaces its tags. Repeatable; --tag '' drops them.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="Replaces its note; --note '' drops it.")] = None,
    as_json: Json = False,
) -> None:
    """Set tags and note of a saved paper.

    They are private to the subscriber, and no ranking reads them. To save or remove a paper, use `subscriber feedback`.

    Example: digestd subscriber saved edit ada@example.org 2401.00001 --tag thesis --note "Compare with table 3."
    """
    if tags is None and note is None:
        raise BadInput("add --tag or --note")
    built, name = wiring.connect(), paper_id(paper, "PAPER")
    with built.db.read() as session:
        subscriber = find(session, built.keys, email).key
    emit(_row(saved_papers.annotate(built.db, subscriber, name, tags, note)), as_json)


def export_saved(
    email: Email,
    form: Annotated[
        str, typer.Option("--as", metavar="FORM", help=f"The form: {', '.join(_FORMS)}.", autocompletion=lambda: _FORMS)
    ] = "bibtex",
    search: Search = "",
    tag: Tag = "",
    out: Out = None,
) -> None:
    """Export a subscriber's saved papers, with tags and notes.

    Example: digestd subscriber saved export ada@example.org --as csl --tag thesis --out thesis.csl.json
    """
    if form not in _FORMS:
        raise BadInput(f"--as: {form[:40]!r} is not a form; use one of {', '.join(_FORMS)}")
    built = wiring.connect()
    with built.db.read() as session:
        subscriber = find(session, built.keys, email)
        found = _find(built, session, subscriber, search, tag)
    title = built.settings.list_name
    listed = saved_papers.own_list(found, built.templates, subscriber, title, built.clock())
    write_out(OUTLETS[form].render(listed), out)
    if out is not None:
        say(f"{len(found)} papers written to {out}")


def _find(built: App, session: Session, subscriber: Subscriber, search: str, tag: str) -> list[ReaderPaper]:
    found = saved_papers.find_papers(session, lambda: built.encoder, subscriber.key, search, tag)
    if not search and len(found) >= SAVED_MAX:
        say(f"only the newest {SAVED_MAX:,} saved papers; --search finds older ones")
    return found


def _row(one: ReaderPaper) -> dict[str, object]:
    return {
        "paper": one.paper.id,
        "title": one.paper.plain_title,
        "saved": one.saved,
        "tags": list(one.tags),
        "note": one.note,
    }
