"""source: list, add, check and remove; and coverage: how complete each day of each source is."""

from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Json, between
from digestd.cli.output import emit
from digestd.cli.stdio import say
from digestd.errors import BadInput
from digestd.mail.categories import unknown_category
from digestd.sources import parse_source, source_type
from digestd.sources.source import Source
from digestd.store import rate_limits
from digestd.store.papers import conferences, sources
from digestd.store.papers.sources import FetchRecord, RejectedRecord
from digestd.store.rate_limits import HostState

if TYPE_CHECKING:
    from digestd.papers.source_check import SourceCheck

import re
import sys
from collections.abc import Iterable, Sequence
from datetime import date

from rich.console import Console
from rich.table import Table
from rich.text import Text

from digestd.domain.coverage import COMPLETE, Coverage, CoverageState

Spec = Annotated[
    str, typer.Argument(metavar="SPEC", help="A source, as in arxiv-rss:cs.LG+stat.ML, biorxiv or feed:https://…")
]


def list_sources(as_json: Json = False) -> None:
    """List the sources, their last fetch and the state of their hosts.

    A host that failed three times in a row is retried after five minutes, then after twice as long each time.

    Example: digestd source list --json
    """
    built = wiring.connect()
    with built.db.read() as session:
        last = sources.latest_fetches(session)
        known = {host.host: host for host in rate_limits.hosts(session)}
    emit([source_row(one, last.get(one.name), known.get(one.rate_limit.host)) for one in built.sources], as_json)


def add_source(
    spec: Spec,
    conference: Annotated[
        bool,
        typer.Option("--conference", help="It lists a conference: each subscriber who follows it gets one programme."),
    ] = False,
    name: Annotated[str, typer.Option(help="The name of the conference, as in 'ICLR 2027'.")] = "",
) -> None:
    """Add a source.

    `digestd source check SPEC` tries it without storing anything.

    Example: digestd source add openreview:ICLR.cc/2027/Conference --conference
    """
    built = _changeable()
    source = parse_source(spec).name
    _check_categories(source)
    _check_venue(source, built.clock())
    if name and not conference:
        raise BadInput("--name is for conferences; add --conference")
    if conference and source.startswith("acl-anthology:"):
        raise BadInput(
            f"{source} lists every year of the venue, and a programme is for one: add OpenReview's venue or a feed of "
            "that year with --conference, or the Anthology without it"
        )
    called = _conference_name(source, name) if conference else None
    with built.db.write() as session:
        if source in sources.specs(session):
            raise BadInput(f"{source} was added before; `digestd source list` shows all sources")
        if called and called.casefold() in map(str.casefold, conferences.names(session).values()):
            raise BadInput(f"{called} is another source's conference; choose another --name")
        sources.add(session, [source], built.clock(), called)
        if called:
            sources.delete_fetches_before(session, source, built.clock())  # all of its list is read
    kind = source_type(source)
    caution = "" if kind and kind.is_verified else "; this kind is by documentation, not proven on recordings"
    say(f"{source} is fetched from the next ingest on{caution}")
    if called:
        say(f"subscribers who follow {called} get one programme with a digest, once its list was complete for a day")


def remove_source(spec: Spec) -> None:
    """Remove a source. Its papers stay.

    Example: digestd source remove hf-daily
    """
    built = _changeable()
    with built.db.write() as session:
        known = sources.specs(session)
        if spec not in known:
            near = get_close_matches(spec, known, n=1) or [name for name in known if spec and name.startswith(spec)]
            hint = f"did you mean {near[0]}?" if near else "`digestd source list` shows all sources"
            raise BadInput(f"there is no source {spec[:80]!r}; {hint}")
        if known == [spec]:
            raise BadInput(f"{spec} is the last source; to ask none, set DIGESTD_SOURCES=none")
        sources.remove(session, spec)
    say(f"{spec} is removed; its papers stay")


def _check_categories(source: str) -> None:
    """Raise BadInput for a category that arXiv does not have: it would answer as on a day without papers."""
    kind = source_type(source)
    if kind and kind.label == "arXiv":
        refusal = next(filter(None, map(unknown_category, source.partition(":")[2].split("+"))), "")
        if refusal:
            raise BadInput(f"source {source[:80]}: {refusal}")


def _check_venue(source: str, now: datetime) -> None:
    """Raise BadInput for an acronym of a conference that is no id at OpenReview, which would have no papers."""
    kind, _, venue = source.partition(":")
    if kind == "openreview":
        from digestd.sources.openreview import full_venue

        if full := full_venue(venue, now):
            raise BadInput(
                f"{source[:80]} has no papers: did you mean openreview:{full}? The id stands in the address of the "
                "venue's page, https://openreview.net/group?id=…"
            )


def _conference_name(spec: str, name: str) -> str:
    """Return the name of a conference: as given, else by OpenReview's id of the main one. Raises BadInput."""
    found = _EDITION.fullmatch(spec)
    name = name.strip() or (f"{found['acronym']} {found['year']}" if found else "")
    if not _CONFERENCE.fullmatch(name) or len(name) > _NAME_MAX:
        raise BadInput(
            f"{name[:40]!r} is no name of a conference; give one by --name, of at most {_NAME_MAX} letters, digits and "
            "single spaces, which begins with a letter, as in 'ICLR 2027'"
        )
    return name


_EDITION = re.compile(
    r"openreview:(?:[\w.-]+/)?(?P<acronym>[A-Za-z]\w*)(?:\.[\w.]+)?/(?P<year>20\d\d)/Conference", re.ASCII
)
_CONFERENCE = re.compile(r"[A-Za-z](?: ?[A-Za-z0-9]){1,15}", re.ASCII)
_NAME_MAX = 16
"""Characters of the name of a conference, for which the sent journal has so many bytes."""


def source_row(source: Source, last: FetchRecord | None, host: HostState | None) -> dict[str, object]:
    """Return one source as printed, with its last fetch, and until when its host is not contacted."""
    state = "never asked" if last is None else "broken" if last.error else "answered"
    fetched: datetime | None = last.fetched if last else None
    kind = source_type(source.name)
    return {
        "source": source.name,
        "state": state,
        "fetched": fetched,
        "items": last.items if last else 0,
        "proven": "on recordings" if kind and kind.is_verified else "by documentation",
        "host_failures": host.failures if host else 0,
        "left_alone_until": host.open_until if host else None,
        "error": last.error if last else None,
    }


def _changeable() -> App:
    """Open the database.

    Raises BadInput if DIGESTD_SOURCES replaces the list of sources.
    """
    built = wiring.connect()
    if built.settings.sources:
        raise BadInput("DIGESTD_SOURCES is set; change the sources there, or unset it to use `digestd source add`")
    return built


SHOWN = 5
"""The number of records shown of each kind."""
RECENT = timedelta(days=7)


def check_source(spec: Spec, as_json: Json = False) -> None:
    """Fetch one page of a source without storing it, and report problems.

    Also shows records that could not be read in its last ingest. Exits 1 if there are problems.

    Example: digestd source check feed:https://journal.example.org/rss
    """
    import asyncio

    from digestd.papers.source_check import sample_source
    from digestd.store import papers
    from digestd.store.papers import sources

    built = wiring.connect()
    (source,) = built.observed([parse_source(spec)])
    _check_venue(source.name, built.clock())
    with built.db.read() as session:
        rejects = sources.rejected(session, source.name)
        known = papers.candidates(session, built.clock() - RECENT, built.clock())
    checked = asyncio.run(sample_source(built.db, source, built.client, built.clock, known))
    report = _report(checked, rejects)
    emit(report if as_json else {name: value for name, value in report.items() if name != "concerns"}, as_json)
    for concern in checked.concerns:
        say(f"{source.name}: {concern}")
    if checked.concerns:
        raise typer.Exit(1)


def _report(checked: "SourceCheck", rejects: list[RejectedRecord]) -> dict[str, object]:
    found = checked.page.sightings
    dates = [sighting.published for sighting in found if sighting.published]
    return {
        "source": checked.source,
        "asked": checked.asked,
        "bytes": checked.size,
        "papers": len(found),
        "more": checked.page.next is not None,
        "total": checked.page.total,
        "newest": max(dates, default=None),
        "with_abstract": sum(bool(sighting.words.abstract) for sighting in found),
        "first": [f"{sighting.ids[0]}  {sighting.words.title}" for sighting in found[:SHOWN]],
        "rejects": [f"{one.where}: {one.field}: {one.message}" for one in checked.page.rejects[:SHOWN]],
        "rejects_of_last_ingest": [f"{one.where}: {one.field}: {one.message}" for one in rejects[:SHOWN]],
        "concerns": list(checked.concerns),
    }


_SIGNS: dict[CoverageState, tuple[str, str]] = {
    CoverageState.FRESH: ("●", "green"),
    CoverageState.QUIET: ("○", "dim"),
    CoverageState.PARTIAL: ("◐", "yellow"),
    CoverageState.LATE: ("◷", "yellow"),
    CoverageState.STALE: ("≈", "yellow"),
    CoverageState.BROKEN: ("✗", "bold red"),
}
"""A sign and a colour for each state, so that the picture is readable without colour."""
_NOTHING = "·"
_CELL, _SOURCE_MAX = 7, 30
"""Widths in terminal cells: of one day, and of the longest name of a source."""


def show_coverage(
    days: Annotated[int, typer.Option(callback=between(1, 366), help="The number of days, today included.")] = 7,
    source: Annotated[str, typer.Option(help="Only this source or kind of source, as in arxiv-rss.")] = "",
    as_json: Json = False,
) -> None:
    """Show how complete each day of each source is.

    Draws a picture on a terminal; in a pipe prints one line per day and source.

    Example: digestd coverage --days 14 --source biorxiv
    """
    app = wiring.connect()
    today = app.clock().date()
    with app.db.read() as session:
        found = [
            row
            for row in sources.recent_coverage(session, today - timedelta(days=days - 1))
            if not source or source in (row.source, row.source.partition(":")[0])
        ]
    if not found:
        if source and source_type(source) is None:
            raise BadInput(f"unknown source {source[:80]}; `digestd source list` shows the sources")
        say(_nothing(days, source))
    if found and not as_json and sys.stdout.isatty():
        draw(Console(), found)
        if remarks := [_remark(row) for row in found if row.state not in COMPLETE]:
            emit(remarks)
        return
    if found or as_json:
        emit([_row(row) for row in found], as_json)


def draw(console: Console, found: Sequence[Coverage]) -> None:
    """Draw one line per source and one column per day, newest first.

    Lines are wrapped to the width.
    """
    newest, oldest = max(row.day for row in found), min(row.day for row in found)
    days = [newest - timedelta(days=back) for back in range((newest - oldest).days + 1)]
    width = min(_SOURCE_MAX, max(len(row.source) for row in found))
    room = max(1, (console.width - width) // _CELL)
    for start in range(0, len(days), room):
        console.print(_table(found, days[start : start + room]))
        console.print()
    console.print(_legend())
    console.print()


def _table(found: Iterable[Coverage], days: Sequence[date]) -> Table:
    cells = {(row.source, row.day): _cell(row) for row in found}
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("source", overflow="fold", max_width=_SOURCE_MAX)
    for day in days:
        table.add_column(f"{day:%a %d}", no_wrap=True, min_width=_CELL - 1)
    for source in sorted({source for source, _ in cells}):
        table.add_row(Text(source), *(cells.get((source, day), Text(_NOTHING, style="dim")) for day in days))
    return table


def _cell(row: Coverage) -> Text:
    sign, style = _SIGNS[row.state]
    return Text(f"{sign} {row.items}" if row.items else sign, style=style)


def _legend() -> Text:
    legend = Text()
    for state, (sign, style) in _SIGNS.items():
        legend.append(f"{sign} {state}", style=style).append("   ")
    return legend.append(f"{_NOTHING} no data", style="dim")


def _nothing(days: int, source: str) -> str:
    who = source[:80] or "any source"
    span = "today" if days == 1 else f"the last {days} days"
    remedy = "`digestd source list` shows the sources" if source else "`digestd ingest` fetches papers"
    return f"there is no data about {who} for {span}; {remedy}"


def _row(row: Coverage) -> dict[str, object]:
    return {
        "day": row.day.isoformat(),
        "source": row.source,
        "state": row.state.value,
        "items": row.items,
        "expected": row.expected,
        "note": row.note or None,
    }


def _remark(row: Coverage) -> dict[str, object]:
    expected = "" if row.expected is None else f"about {row.expected}"
    return {"day": row.day.isoformat(), "source": row.source, "state": row.state.value, "items": row.items,
            "expected": expected, "note": row.note}  # fmt: skip
