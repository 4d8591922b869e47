"""subscriber: add, list, show, edit, import, export, data."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import astuple, replace
from datetime import UTC, datetime
from functools import partial
from inspect import Parameter, Signature, signature
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlmodel import Session

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import DryRun, Email, Json
from digestd.cli.output import emit, emit_import_report, progress
from digestd.cli.stdio import say
from digestd.delivery.bounces import score_of
from digestd.domain.bounce import SUPPRESS_AT
from digestd.domain.delivery import shown_period
from digestd.domain.interest import TOPIC_SHOWN_MAX, Kind, Stance, values
from digestd.domain.paper import PaperId
from digestd.domain.reference import LookupState
from digestd.domain.schedule import next_digest
from digestd.domain.subscriber import Preferences, Status, Subscriber, describe_damage, option_of
from digestd.errors import BadInput
from digestd.files import explain
from digestd.mail.categories import NAMES, unknown_category
from digestd.security.addresses import address_key
from digestd.store import bounces, consent, groups, subscribers, suppressions
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.store.ledger.queries import DeliveryFilter
from digestd.subscribers import files, lookup
from digestd.subscribers.files import FileFormat, FileLine
from digestd.subscribers.named_papers import NamedPaper, named_papers
from digestd.subscribers.subscriber_record import KEYS, MUTABLE, SubscriberRecord, parse, subscriber_fields
from digestd.text.sanitise import shorten

if TYPE_CHECKING:
    from digestd.domain.interest import TopicHint

DELIVERIES_SHOWN = BOUNCES_SHOWN = MUTED_SHOWN = 10
_STDIN = Path("-")
_BLOCK = 1 << 20

Strings = list[str] | None


def _check_categories(given: Strings) -> Strings:
    """Refuse a code in the form of arXiv's that its taxonomy does not have; sources have others of their own."""
    archives = {code.partition(".")[0] for code in NAMES}
    for code in given or ():
        archive, _, field = code.partition(".")
        if archive.casefold() in archives and field != "*" and (refusal := unknown_category(code)):
            raise typer.BadParameter(refusal)
    return given


def _words(name: str, help: str, **more: Any) -> Any:
    return Annotated[Strings, typer.Option(f"--{name}", help=f"{help} Repeatable.", **more)]


INTEREST_OPTIONS: Mapping[str, Any] = {
    "topic": _words("topic", "A topic in free words."),
    "phrase": _words("phrase", "An exact phrase."),
    "author": _words("author", "An author to follow."),
    "category": _words("category", "A category, as in cs.LG.", callback=_check_categories),
    "institution": _words("institution", "An institution to follow, as in MIT, or its ROR id."),
    "venue": _words("venue", "A journal or conference to follow."),
    "mute_topic": _words("mute-topic", "A topic never to show."),
    "mute_phrase": _words("mute-phrase", "Hide papers with this phrase."),
    "mute_author": _words("mute-author", "An author never to show."),
    "mute_category": _words("mute-category", "A category never to show."),
    "mute_institution": _words("mute-institution", "An institution never to show."),
    "mute_venue": _words("mute-venue", "A journal or conference never to show."),
}
"""The options for interests, by parameter."""


def with_options(annotations: Mapping[str, Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that replaces the parameter `options` of a command by these, after its first."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        options = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            for name, annotation in annotations.items()
        ]
        address, *others, _ = signature(command).parameters.values()
        others = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in others]
        command.__signature__ = Signature([address, *options, *others])  # type: ignore[attr-defined]  # for Typer
        return command

    return decorate


def _preference(name: str) -> Any:
    """Return the annotation of the parameter for a preference. Words are text, checked as in an import."""
    option, kind = option_of(name), Preferences.model_fields[name].annotation
    made = typer.Option(option.names or f"--{name.replace('_', '-')}", help=option.help)
    return Annotated[(kind if kind in (bool, int) else str) | None, made]


_OPTIONS = {
    **INTEREST_OPTIONS,
    "like": _words("like", "A paper they like: arXiv id, DOI or SCHEME:VALUE."),
    "dislike": _words("dislike", "A paper they do not like."),
    **{name: _preference(name) for name in Preferences.model_fields},
    "explore": Annotated[bool | None, typer.Option("--explore/--no-explore", hidden=True)],
}
FormatOption = Annotated[
    FileFormat | None, typer.Option("--format", help="The format of the file. Default: by its name.")
]
OutputFile = Annotated[Path | None, typer.Argument(metavar="FILE", help="The file to write. Default: standard output.")]


@with_options(_OPTIONS)
def add_subscriber(
    email: Email,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Send a confirmation mail instead of activating them at once.")
    ] = False,
    **options: Any,
) -> None:
    """Add a subscriber, or update a known one.

    They are active at once: you vouch that they want the digest.

    Example: digestd subscriber add ada@example.org --topic "protein folding" --timezone Europe/Berlin --hour 7
    """
    from digestd.subscribers.admin_edits import add

    built = wiring.connect()
    record = _record(email, options | {"status": "pending" if confirm else "active"})
    say(f"{record.address}: {add(built.db, built.notices, record, built.clock())}")
    _say_understood(built, record, options)


@with_options(_OPTIONS)
def edit_subscriber(email: Email, **options: Any) -> None:
    """Change settings and interests of a subscriber.

    A given option replaces all earlier values; `--topic ""` removes them. What is not given does not change.

    Example: digestd subscriber edit ada@example.org --hour 18 --mute-phrase "quantum annealing"
    """
    from digestd.subscribers.admin_edits import edit

    built = wiring.connect()
    record = _record(email, options)
    say(f"{record.address}: {edit(built.db, built.keys, record, built.clock())}")
    _say_understood(built, record, options)


def list_subscribers(
    status: Annotated[Status | None, typer.Option(help="Only subscribers with this status.")] = None,
    as_json: Json = False,
) -> None:
    """List subscribers in the order they joined.

    Example: digestd subscriber list --status active --json
    """
    built = wiring.connect()
    emit(_listed(built.db, status, as_json), as_json)


def show_subscriber(email: Email, as_json: Json = False) -> None:
    """Show one subscriber.

    Shows settings, interests, papers that do not count yet, groups, when the next digest is due, every change of
    consent, the last deliveries with their results, bounces, and suppressions with their cause.

    Example: digestd subscriber show ada@example.org --json
    """
    built = wiring.connect()
    with built.db.read() as session:
        found = lookup.find(session, built.keys, email)
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
            {
                **{
                    "id": e.key,
                    "kind": e.kind,
                    "period": shown_period(e.kind, e.period),
                    "state": e.state,
                    "picks": e.picks,
                    "due": e.due,
                },
                "attempts": e.attempts,
                "said": e.reason or e.reply,
            }
            for e in queries.entries(session, DELIVERIES_SHOWN, DeliveryFilter(subscriber=found.key))
        ]
        bounced = _bounces(session, found.key, built.clock())
        names = [PaperId(name) for stance in Stance for name in values(found.interests, Kind.PAPER, stance)]
        unknown = [
            {"paper": one.paper, "why": _fate(built, one)}
            for one in named_papers(session, found.key, names)
            if not one.title
        ]
        following = next_digest(found, subscribers.next_due(session, found.key), built.clock())
        member_of = [one.group.name for one in groups.of_subscriber(session, found.key)]
    row = {
        **subscriber_row(found),
        "damaged": describe_damage(found),
        "next_digest": following and following.astimezone(UTC),
        "unknown_papers": unknown,
        "groups": member_of,
        "consent": events,
    }
    if as_json:
        emit({**row, "deliveries": mails, **bounced}, as_json=True)
        return
    row |= {"last_deliveries": mails, **bounced}
    emit({name: value for name, value in row.items() if value not in ("", [], {}, None)})


def import_file(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A JSONL or CSV file, or a list of addresses; - reads standard input."),
    ],
    strict: Annotated[bool, typer.Option("--strict", help="Import all lines or none.")] = False,
    dry_run: DryRun = False,
    rejects: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write invalid lines with the reason to this new file, to correct them."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Import subscribers from a CSV or JSONL file.

    The format is detected. CSV may be separated by commas, semicolons or tabs,
    in UTF-8 or UTF-16, as spreadsheets save it; a text file with one address
    per line is read too.

    Valid lines are imported, invalid ones are reported, and the exit code is 1 if there are any. Correct those in the
    file of --rejects and import it: the reasons in it are ignored. Topics that are not understood are reported as well,
    up to ten of them with similar ones.

    Keys: {keys}. Only email is required. In CSV, separate the values of a list by semicolons; columns may have usual
    names in German, French, Spanish, Portuguese, Chinese and Japanese, as in E-Mail and Themen.

    A known address is updated; keys that are not given keep their value. Nobody
    who unsubscribed or is suppressed is subscribed again. The status is active
    (you vouch for them) unless given; pending sends a confirmation mail.

    Example: digestd subscriber import people.csv --dry-run

    Example: digestd subscriber import people.csv --rejects rejects.csv
    """
    from digestd.subscribers.importing import ImportOptions, import_subscribers

    for other, is_given in (("--dry-run", dry_run), ("--rejects", rejects is not None)):
        if strict and is_given:
            raise BadInput(f"--strict and {other} exclude each other; use one of them")
    built = wiring.connect()
    with ExitStack() as stack:
        lines = stack.enter_context(files.open_file(file)) if file != _STDIN else _stdin()
        advance = stack.enter_context(progress("subscribers", _count_lines(file)))
        options = ImportOptions(strict, dry_run)
        if rejects is not None:
            options = replace(options, refuse=stack.enter_context(files.rejects_file(rejects)))
        done = import_subscribers(built.db, built.notices, _advancing(lines, advance), built.clock(), options)
    for refused, line in islice(done.muted.items(), MUTED_SHOWN):
        say(f"line {line}: muted '{shorten(refused, TOPIC_SHOWN_MAX)}', which the topics refuse")
    _say_not_understood(built, done.topics)
    if dry_run:
        say("dry run: nothing was changed")
    if done.left_alone:
        say(f"{done.left_alone} skipped: they unsubscribed or are suppressed")
    if rejects is not None and done.refused:
        say(f"correct the refused lines in {rejects}, then `digestd subscriber import {rejects}`")
    counts = {name: getattr(done, name) for name in ("added", "updated", "unchanged")} | {"refused": len(done.refused)}
    emit_import_report(counts, map(astuple, done.refused), as_json)


import_file.__doc__ = str(import_file.__doc__).format(keys=", ".join(KEYS))


def export_file(file: OutputFile = None, form: FormatOption = None, as_json: Json = False) -> None:
    """Export every subscriber as JSONL or CSV.

    `subscriber import` reads the result. A subscriber whose data is damaged is reported instead, and the exit code
    is 1.

    Example: digestd subscriber export people.jsonl
    """
    from digestd.subscribers.importing import export_subscribers

    if as_json and (file or form):
        raise BadInput("--json prints all subscribers as one list; leave out FILE and --format")
    built = wiring.connect()
    csv = file is not None and file.suffix.lower() == ".csv"
    damaged: list[Subscriber] = []
    exported = export_subscribers(built.db, damaged.append)
    if as_json:
        emit(exported, as_json)
    else:
        _write(file, files.format_records(exported, form or (FileFormat.CSV if csv else FileFormat.JSONL)))
    for one in damaged:
        say(f"left out: {one.address}: {describe_damage(one)}")
    if damaged:
        raise typer.Exit(1)


def export_data(email: Email, file: OutputFile = None, as_json: Json = False) -> None:
    """Export everything stored about one subscriber as JSON.

    The output is the same with --json. Subscribers can download the same from their settings page, but
    without names and addresses, as the link to it may be forwarded.

    Example: digestd subscriber data ada@example.org ada.json
    """
    from digestd.subscribers.personal_data import collect_data, to_json

    built = wiring.connect()
    with built.db.read() as session:
        data = collect_data(session, lookup.find(session, built.keys, email), built.clock())
    if as_json and file is None:
        emit(data, as_json)
    else:
        _write(file, [to_json(data)])


def subscriber_row(subscriber: Subscriber) -> dict[str, object]:
    """Return one subscriber as printed: the keys of an import line, the number and the consent version."""
    paused = {"paused_until": subscriber.paused_until} if subscriber.paused_until else {}
    return {"id": subscriber.key, **subscriber_fields(subscriber), **paused, "version": subscriber.version}


def _record(email: str, options: Mapping[str, Any]) -> SubscriberRecord:
    """Parse the options as an import line.

    Kinds of interest that were not given are not changed.
    """
    given = {name: options[kind.value] for name, kind in MUTABLE.items()}
    given |= {"likes": options["like"], "dislikes": options["dislike"]}
    lists = {name: items for name, items in given.items() if items}
    mute = {name: items for name, kind in MUTABLE.items() if (items := options[f"mute_{kind.value}"])}
    if options["explore"] is not None:
        say("digests have no random picks any more; leave out --explore and --no-explore")
    plain = {name: options[name] for name in (*Preferences.model_fields, "status") if name in options}
    record = parse({"email": email, **plain, **lists, **({"mute": mute} if mute else {})})
    not_given = {(kind, Stance.MUTED) for name, kind in MUTABLE.items() if name not in mute}
    return replace(record, lists={slot: items for slot, items in record.lists.items() if slot not in not_given})


def _say_understood(built: App, record: SubscriberRecord, given: Mapping[str, Any]) -> None:
    """Tell how the time zone, the topics and the papers of a record are understood."""
    zone = record.preferences.timezone
    if given["timezone"] not in (None, zone):
        say(f"time zone '{given['timezone']}': read as {zone}")
    _say_hints(built, record)
    _say_papers(built, record)


def _say_hints(built: App, record: SubscriberRecord) -> None:
    """Tell what there is to know about the topics."""
    topics = record.topics
    for hint in record.refused:
        say(_describe_hint(hint))
    for hint in built.topic_hinter.hints(topics, built.clock()) if topics else ():
        if hint.is_notable:
            say(_describe_hint(hint))


def _say_not_understood(built: App, topics: Mapping[str, int]) -> None:
    """Tell which topics of a file are not understood.

    Args:
        topics: Each topic, and a line that has it.
    """
    if not topics:
        return
    found = built.topic_hinter.not_understood(topics, built.clock())
    hints = built.topic_hinter.hints(found, built.clock())
    for hint in hints:
        say(f"line {topics[hint.topic]}: {_describe_hint(hint)}")
    if more := len(found) - len(hints):
        say(f"{more} more topics are not understood" if more > 1 else "1 more topic is not understood")


def _say_papers(built: App, record: SubscriberRecord) -> None:
    """Tell which of the named papers do not count yet, and what happens with them."""
    names = [PaperId(name) for stance in Stance for name in record.lists.get((Kind.PAPER, stance), ())]
    if not names:
        return
    with built.db.read() as session:
        known = subscribers.by_address_key(session, address_key(built.keys, record.address))
        states = named_papers(session, known.key, names) if known else []
    for state in states:
        if not state.title:
            say(f"paper {state.paper}: {_fate(built, state)}")


def _fate(built: App, paper: NamedPaper) -> str:
    """Return why a paper does not count, and what happens next."""
    where = " and ".join(paper.registries)
    if paper.state is LookupState.UNKNOWN:
        return f"unknown to {where}; check the identifier"
    if paper.state is None or built.registry_reader is None:
        return "not known yet; it counts once a source has it"
    if paper.state is LookupState.FAILED:
        return f"could not be looked up at {where} yet; digestd will try again"
    return f"not known yet; digestd will look it up at {where}, see `digestd subscriber show`"


def _describe_hint(hint: "TopicHint") -> str:
    if hint.is_muted:
        return f"muted '{shorten(hint.topic, TOPIC_SHOWN_MAX)}', which the topics refuse"
    parts = [f"read as '{hint.understood}'"] if hint.understood else []
    if hint.papers:
        parts.append(f"{hint.papers} papers in the last week" if hint.papers > 1 else "1 paper in the last week")
    elif hint.is_unknown:
        parts.append("no paper uses its words, and most papers are in English")
    else:
        parts.append("no paper of the last week is surely about it")
    return f"topic '{shorten(hint.topic, TOPIC_SHOWN_MAX)}': {'; '.join(parts)}"


def _listed(db: Database, status: Status | None, complete: bool) -> Iterator[dict[str, object]]:
    with db.read() as session:
        for subscriber in subscribers.stream(session, status):
            yield subscriber_row(subscriber) if complete else _summary(subscriber)


def _summary(subscriber: Subscriber) -> dict[str, object]:
    timing = subscriber.timing
    when = f"{timing.cadence} {timing.hour:02}:00 {timing.timezone}"
    return {
        "email": subscriber.address,
        "status": subscriber.status,
        "when": "damaged: see `digestd subscriber show`" if subscriber.damage else when,
        "interests": len(subscriber.interests),
        "last digest": subscriber.last_date,
    }


def _bounces(session: Session, key: int, now: datetime) -> dict[str, object]:
    """Return the suppression with its time, and the bounces of an address.

    These are bounce points, latest bounces and lifted suppressions.
    """
    address_key = subscribers.address_key_of(session, key)
    found = bounces.of_address(session, address_key, BOUNCES_SHOWN)
    suppressed = suppressions.found_at(session, address_key)
    points = score_of(session, address_key, now).at(now)
    return {
        "suppression": suppressed[0] if suppressed else None,
        "suppressed_since": suppressed[1] if suppressed else None,
        "bounce points": f"{points:.1f} of {SUPPRESS_AT:g}" if found else "",
        "bounces": [
            {"at": b.at, "kind": b.kind, "status": b.status, "via": b.via, "delivery": b.delivery, "held": b.held}
            for b in found
        ],
        "liftings": [
            {"at": lifting.at, "reason": lifting.reason, "why": lifting.why}
            for lifting in suppressions.lifted(session, address_key)
        ],
    }


def _stdin() -> Iterator[FileLine]:
    return files.read_lines(sys.stdin.buffer, name="standard input")


def _count_lines(file: Path) -> int | None:
    """Return the number of line ends for the progress bar, or None if the file cannot be read."""
    if not file.is_file():
        return None
    try:
        with file.open("rb") as opened:
            return sum(block.count(b"\n") for block in iter(partial(opened.read, _BLOCK), b""))
    except OSError:
        return None


def _advancing(lines: Iterator[FileLine], advance: Callable[[int], None]) -> Iterator[FileLine]:
    for line in lines:
        advance(1)
        yield line


def _write(file: Path | None, lines: Iterable[str]) -> None:
    """Write the complete file or nothing, readable by its owner only, as it contains addresses. None is stdout."""
    if file is None:
        sys.stdout.writelines(lines)
        return
    try:
        with NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", delete=False) as out:
            try:
                out.writelines(lines)
                out.flush()
                os.fsync(out.fileno())
                Path(out.name).replace(file)
            except BaseException:
                Path(out.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise BadInput(f"cannot write {explain(error, file)}") from error
