"""source: where papers come from, and how the last fetch went."""

from datetime import datetime
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.output import emit, say
from digestd.errors import BadInput
from digestd.sources import kind_of, parse_source
from digestd.store import fetches, sources
from digestd.store.fetches import Fetched

app = typer.Typer(name="source", help="Where papers come from.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Spec = Annotated[str, typer.Argument(metavar="SPEC", help="E.g. arxiv-rss:cs.LG+stat.ML, biorxiv, feed:https://….")]


@app.callback()
def source() -> None:
    """Where papers come from."""


@app.command("list")
def list_sources(as_json: Json = False) -> None:
    """List the sources that are asked, with how the last fetch of each went.

    Example: digestd source list --json
    """
    built = wiring.build()
    with built.db.read() as session:
        last = fetches.last(session)
    emit([shown(source.name, last.get(source.name)) for source in built.sources], as_json)


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


def shown(name: str, last: Fetched | None) -> dict[str, object]:
    """One source as a row: never asked, answered, or broken and why."""
    state = "never asked" if last is None else "broken" if last.error else "answered"
    fetched: datetime | None = last.fetched if last else None
    kind = kind_of(name)
    return {
        "source": name,
        "state": state,
        "fetched": fetched.isoformat() if fetched else None,
        "items": last.items if last else 0,
        "proven": "on recorded answers" if kind and kind.proven else "not yet proven on live data",
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
