"""source: where papers come from, and how the last fetch went."""

from datetime import datetime
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.output import emit
from digestd.store import fetches
from digestd.store.fetches import Fetched

app = typer.Typer(name="source", help="Where papers come from.", no_args_is_help=True)


@app.callback()
def source() -> None:
    """Where papers come from."""


@app.command("list")
def list_sources(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the sources of DIGESTD_SOURCES, with how the last fetch of each went.

    Example: digestd source list --json
    """
    built = wiring.build()
    with built.db.read() as session:
        last = fetches.last(session)
    emit([shown(source.name, last.get(source.name)) for source in built.sources], as_json)


def shown(name: str, last: Fetched | None) -> dict[str, object]:
    """One source as a row: never asked, answered, or broken and why."""
    state = "never asked" if last is None else "broken" if last.error else "answered"
    fetched: datetime | None = last.fetched if last else None
    return {
        "source": name,
        "state": state,
        "fetched": fetched.isoformat() if fetched else None,
        "items": last.items if last else 0,
        "error": last.error if last else None,
    }
