"""subscriber: add, list, show, edit, and let go."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.output import emit, say
from digestd.cli.subscriber_feedback import give_feedback
from digestd.cli.subscriber_files import export_file, import_file, write_data
from digestd.cli.subscriber_interests import interests
from digestd.cli.subscriber_library import app as library
from digestd.cli.subscriber_suppression import came_back, suppress, unsuppress
from digestd.domain.interest import Wish
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.errors import BadInput
from digestd.store import consent, subscribers
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.store.ledger.queries import DeliveryFilter
from digestd.subscribe import Record, leaving, parse
from digestd.subscribe.keeping import add, edit
from digestd.subscribe.record import MUTABLE, said_of

app = typer.Typer(name="subscriber", help="Who gets the digest, and what they want.", no_args_is_help=True)
app.command("import")(import_file)
app.command("export")(export_file)
app.command("data")(write_data)
app.command("interests")(interests)
app.add_typer(library)
app.command("feedback")(give_feedback)
app.command("suppress")(suppress)
app.command("unsuppress")(unsuppress)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The subscriber's address.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Words = list[str] | None
Topics = Annotated[Words, typer.Option("--topic", help="A topic in free words. Repeat for more.")]
Phrases = Annotated[Words, typer.Option("--phrase", help="Exact words. Repeat for more.")]
Authors = Annotated[Words, typer.Option("--author", help="An author to follow. Repeat for more.")]
Categories = Annotated[Words, typer.Option("--category", help="A category, as in cs.LG. Repeat for more.")]
MuteTopics = Annotated[Words, typer.Option("--mute-topic", help="A topic never to show.")]
MutePhrases = Annotated[Words, typer.Option("--mute-phrase", help="Words that no paper shown may hold.")]
MuteAuthors = Annotated[Words, typer.Option("--mute-author", help="An author never to show.")]
MuteCategories = Annotated[Words, typer.Option("--mute-category", help="A category never to show.")]
Likes = Annotated[Words, typer.Option("--like", help="A paper they like: arXiv id, DOI or scheme:value.")]
Dislikes = Annotated[Words, typer.Option("--dislike", help="A paper they do not like.")]
Timezone = Annotated[str | None, typer.Option(help="IANA time zone, as in Europe/Berlin. Else UTC.")]
Hour = Annotated[int | None, typer.Option(help="Local hour of the digest, 0 to 23. Else 7.")]
CadenceOption = Annotated[str | None, typer.Option(help="daily, weekdays or weekly. Else daily.")]
Weekday = Annotated[str | None, typer.Option(help="The day of a weekly digest, mon to sun. Else mon.")]
Size = Annotated[int | None, typer.Option(help="At most so many papers, 1 to 50. Else 10.")]
BarOption = Annotated[
    str | None, typer.Option("--bar", help="How good a paper must be: low, normal, high. Else normal.")
]
Explore = Annotated[
    bool | None,
    typer.Option("--explore/--no-explore", help="One paper of a digest may come from outside the usual. Else it may."),
]
OnlyCategories = Annotated[
    bool | None,
    typer.Option("--only-categories/--any-category", help="Nothing outside --category, but by --author. Else any."),
]
Language = Annotated[str | None, typer.Option(help="Language of the mail, as in en. Else en.")]
Name = Annotated[str | None, typer.Option(help="How to greet them.")]


@app.command("add")
def add_one(
    email: Email,
    topic: Topics = None,
    phrase: Phrases = None,
    author: Authors = None,
    category: Categories = None,
    mute_topic: MuteTopics = None,
    mute_phrase: MutePhrases = None,
    mute_author: MuteAuthors = None,
    mute_category: MuteCategories = None,
    like: Likes = None,
    dislike: Dislikes = None,
    timezone: Timezone = None,
    hour: Hour = None,
    cadence: CadenceOption = None,
    weekday: Weekday = None,
    size: Size = None,
    bar: BarOption = None,
    explore: Explore = None,
    only_categories: OnlyCategories = None,
    language: Language = None,
    name: Name = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Ask them by mail to confirm, instead of vouching for them.")
    ] = False,
) -> None:
    """Add a subscriber, active at once: you vouch that they want it. A known address is updated.

    Example: digestd subscriber add ada@example.org --topic "protein folding" --timezone Europe/Berlin --hour 7
    """
    built = wiring.build()
    record = _record(locals() | {"status": "pending" if confirm else "active"})
    say(f"{record.address}: {add(built.db, built.post, record, built.clock())}")


@app.command("edit")
def edit_one(
    email: Email,
    topic: Topics = None,
    phrase: Phrases = None,
    author: Authors = None,
    category: Categories = None,
    mute_topic: MuteTopics = None,
    mute_phrase: MutePhrases = None,
    mute_author: MuteAuthors = None,
    mute_category: MuteCategories = None,
    like: Likes = None,
    dislike: Dislikes = None,
    timezone: Timezone = None,
    hour: Hour = None,
    cadence: CadenceOption = None,
    weekday: Weekday = None,
    size: Size = None,
    bar: BarOption = None,
    explore: Explore = None,
    only_categories: OnlyCategories = None,
    language: Language = None,
    name: Name = None,
) -> None:
    """Change settings and interests. What is given replaces what was; `--topic ""` leaves none.

    Example: digestd subscriber edit ada@example.org --hour 18 --mute-phrase "quantum annealing"
    """
    built = wiring.build()
    record = _record(locals())
    say(f"{record.address}: {edit(built.db, built.keys, record, built.clock())}")


_LISTS = {"topics": "topic", "phrases": "phrase", "authors": "author", "categories": "category"}
_SETTINGS = (
    *("email", "name", "language", "status", "timezone", "hour", "cadence", "weekday", "size"),
    *("bar", "explore", "only_categories"),
)


def _record(options: dict[str, object]) -> Record:
    """The options as a record in which only the kinds of interest that were given are said."""
    lists = {**_LISTS, "likes": "like", "dislikes": "dislike"}
    said = {name: options[name] for name in _SETTINGS if name in options}
    said |= {name: options[option] for name, option in lists.items() if options[option]}
    mute = {name: options[f"mute_{option}"] for name, option in _LISTS.items() if options[f"mute_{option}"]}
    record = parse(said | ({"mute": mute} if mute else {}))
    unsaid = {(kind, Wish.MUTED) for name, kind in MUTABLE.items() if name not in mute}
    return replace(record, lists={slot: items for slot, items in record.lists.items() if slot not in unsaid})


@app.command("list")
def list_all(
    status: Annotated[Status | None, typer.Option(help="Only those of this status.")] = None,
    as_json: Json = False,
) -> None:
    """List subscribers, in the order they came.

    Example: digestd subscriber list --status active --json
    """
    built = wiring.build()
    emit(_listed(built.db, status, as_json), as_json)


def _listed(db: Database, status: Status | None, whole: bool) -> Iterator[dict[str, object]]:
    with db.read() as session:
        for subscriber in subscribers.stream(session, status):
            yield shown(subscriber) if whole else _summary(subscriber)


def shown(subscriber: Subscriber) -> dict[str, object]:
    """One subscriber whole: what export writes, the number and the consent version."""
    paused = {"paused_until": subscriber.paused_until} if subscriber.paused_until else {}
    return {"id": subscriber.key, **said_of(subscriber), **paused, "version": subscriber.version}


def _summary(subscriber: Subscriber) -> dict[str, object]:
    timing = subscriber.timing
    return {
        "email": subscriber.address,
        "status": subscriber.status,
        "when": f"{timing.cadence} {timing.hour:02}:00 {timing.timezone}",
        "interests": len(subscriber.interests),
        "last digest": subscriber.last_date,
    }


@app.command("show")
def show_one(email: Email, as_json: Json = False) -> None:
    """Show one subscriber: settings, interests, every change of consent, the last deliveries, what came back.

    Example: digestd subscriber show ada@example.org --json
    """
    built = wiring.build()
    with built.db.read() as session:
        found = leaving.find(session, built.keys, email)
        events = [
            {
                "version": e.version,
                "status": e.status,
                "cause": e.cause,
                "at": e.at,
                "network": e.network.hex()[:16] if e.network else "",
                "wording": e.wording,
            }
            for e in consent.history(session, found.key)
        ]
        mails = [
            {"id": e.key, "kind": e.kind, "period": e.period, "state": e.state, "picks": e.picks, "due": e.due}
            for e in queries.entries(session, 10, DeliveryFilter(subscriber=found.key))
        ]
        returned = came_back(session, found.key, built.clock())
    if as_json:
        emit({**shown(found), "consent": events, "deliveries": mails, **returned}, as_json=True)
        return
    told = {**shown(found), "consent": events, "last_deliveries": mails, **returned}
    emit({name: value for name, value in told.items() if value not in ("", [], {})})


@app.command()
def pause(
    email: Email,
    until: Annotated[str, typer.Option(help="The day it goes on by itself, as in 2026-12-24; else `resume`.")] = "",
) -> None:
    """Stop somebody's digest until a day, or until `resume`.

    Example: digestd subscriber pause ada@example.org --until 2026-12-24
    """
    built = wiring.build()
    with built.db.read() as session:
        known = leaving.find(session, built.keys, email)
    end = leaving.pause_end(known, _day(until)) if until else None
    say(_told(leaving.pause(built.db, known.key, Cause.CLI, built.clock(), end), "paused"))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--until: {text[:40]!r} is no day; write it like 2026-12-24") from error


@app.command()
def resume(email: Email) -> None:
    """Go on after a pause; never for somebody who unsubscribed.

    Example: digestd subscriber resume ada@example.org
    """
    built = wiring.build()
    say(_told(leaving.resume(built.db, _key(built, email), Cause.CLI, built.clock()), "active"))


@app.command()
def unsubscribe(email: Email) -> None:
    """End somebody's subscription at their wish; mail that waits is not sent.

    Example: digestd subscriber unsubscribe ada@example.org
    """
    built = wiring.build()
    say(_told(leaving.unsubscribe(built.db, _key(built, email), Cause.CLI, built.clock()), "unsubscribed"))


@app.command()
def erase(
    email: Email, yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether this is meant.")] = False
) -> None:
    """Forget a person for good: address, name, interests, digests. A keyed hash stays, so that nobody writes again.

    Example: digestd subscriber erase ada@example.org --yes
    """
    built = wiring.build()
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput("this cannot be undone; add --yes to say that it is meant")
        typer.confirm("This cannot be undone. Erase?", abort=True, err=True)
    leaving.erase(built.db, built.keys, email, built.clock())
    say("erased")


def _key(built: App, email: str) -> int:
    with built.db.read() as session:
        return leaving.find(session, built.keys, email).key


def _told(changed: bool, state: str) -> str:
    return state if changed else f"{state} already; nothing was changed"
