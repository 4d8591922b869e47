"""source: where papers come from, and how the last fetch went."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.output import emit, say
from digestd.errors import BadInput
from digestd.ingest.check import Checked, check
from digestd.sources import Source, kind_of, parse_source
from digestd.store import fetches, hosts, papers, sources
from digestd.store.fetches import FetchRecord
from digestd.store.hosts import HostState
from digestd.store.sources import RejectedRecord

app = typer.Typer(name="source", help="Where papers come from.", no_args_is_help=True)
SHOWN = 5
"""So many records are shown of each kind."""
RECENT = timedelta(days=7)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Spec = Annotated[str, typer.Argument(metavar="SPEC", help="E.g. arxiv-rss:cs.LG+stat.ML, biorxiv, feed:https://….")]


@app.callback()
def source() -> None:
    """Where papers come from."""


@app.command("list")
def list_sources(as_json: Json = False) -> None:
    """List the sources that are asked, how the last fetch of each went, and which hosts are left alone for now.

    A host that failed three times in a row is tried again after five minutes, then after twice as long each time.

    Example: digestd source list --json
    """
    built = wiring.build()
    with built.db.read() as session:
        last = fetches.latest(session)
        known = {host.host: host for host in hosts.all_of(session)}
    emit([shown(one, last.get(one.name), known.get(one.pace.host)) for one in built.sources], as_json)


@app.command("add")
def add_source(spec: Spec) -> None:
    """Ask a source from now on. `digestd source check SPEC` tries it first.

    Example: digestd source add biorxiv:neuroscience
    """
    built = _changeable()
    name = parse_source(spec).name
    with built.db.write() as session:
        if name in sources.specs(session):
            raise BadInput(f"{name} is asked already; `digestd source list` shows all")
        sources.add(session, [name], built.clock())
    say(f"{name} is asked from the next ingest on{_caution(name)}")


@app.command("remove")
def remove_source(spec: Spec) -> None:
    """Ask a source no more. Its papers stay.

    Example: digestd source remove hf-daily
    """
    built = _changeable()
    with built.db.write() as session:
        known = sources.specs(session)
        if spec not in known:
            raise BadInput(f"{spec[:80]} is not asked; `digestd source list` shows what is")
        if known == [spec]:
            raise BadInput(f"{spec} is the last source; to ask none, set DIGESTD_SOURCES=none")
        sources.remove(session, spec)
    say(f"{spec} is asked no more; its papers stay")


@app.command("check")
def check_source(spec: Spec, as_json: Json = False) -> None:
    """Ask one page of a source, keep nothing, and show what came and what looks wrong. Exits 1 if something does.

    Also shows what could not be read when an ingest last asked it.

    Example: digestd source check feed:https://journal.example.org/rss
    """
    built = wiring.build()
    (source,) = built.observed([parse_source(spec)])
    with built.db.read() as session:
        rejects = sources.rejected(session, source.name)
        known = papers.candidates(session, built.clock() - RECENT, built.clock())
    checked = asyncio.run(check(built.db, source, built.client, built.clock, known))
    report = _report(checked, rejects)
    emit(report if as_json else {name: value for name, value in report.items() if name != "concerns"}, as_json)
    for concern in checked.concerns:
        say(f"{source.name}: {concern}")
    if checked.concerns:
        raise typer.Exit(1)


def _report(checked: Checked, rejects: list[RejectedRecord]) -> dict[str, object]:
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


def shown(source: Source, last: FetchRecord | None, host: HostState | None) -> dict[str, object]:
    """One source as a row: never asked, answered, or broken and why; and until when its host is left alone."""
    state = "never asked" if last is None else "broken" if last.error else "answered"
    fetched: datetime | None = last.fetched if last else None
    kind = kind_of(source.name)
    return {
        "source": source.name,
        "state": state,
        "fetched": fetched,
        "items": last.items if last else 0,
        "proven": "on recorded answers" if kind and kind.proven else "not yet proven on live data",
        "host_failures": host.failures if host else 0,
        "left_alone_until": host.open_until if host else None,
        "error": last.error if last else None,
    }


def _changeable() -> App:
    """The install, unless its settings name the sources. Raises BadInput."""
    built = wiring.build()
    if built.settings.sources:
        raise BadInput("DIGESTD_SOURCES names the sources; change it there, or unset it to use `digestd source add`")
    return built


def _caution(name: str) -> str:
    kind = kind_of(name)
    return "" if kind and kind.proven else "; this kind is not yet proven on live data"
