"""status: how the service fares, on one screen."""

import sys
from collections.abc import Iterable
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from digestd import app as wiring
from digestd.cli.arguments import Json
from digestd.cli.messages import printable
from digestd.cli.output import emit
from digestd.operations.diagnosis import Diagnosis, Level
from digestd.operations.service_status import needs_attention, status_lines
from digestd.operations.status import read_status

_SIGNS = {Level.ERROR: ("✗", "bold red"), Level.WARNING: ("!", "yellow"), Level.OK: ("✓", "green")}


def show_status(as_json: Json = False) -> None:
    """Show how the service fares: what is due, sent, waiting and failing.

    Exits 1 if something needs you now: a relay is paused, due digests are not planned, or mails cannot be composed.
    Warnings alone exit 0. `digestd doctor` checks the installation itself.

    Example: digestd status --json
    """
    status = read_status(wiring.connect())
    found = needs_attention(status)
    if as_json:
        row = {**asdict(status), "attention": [asdict(finding) for finding in found]}
        emit({name: value for name, value in row.items() if name not in {"has_sources", "stopped"}}, as_json=True)
    else:
        emit(dict(status_lines(status)))
        print_findings(found)
    if status.is_failing:
        raise typer.Exit(1)


def print_findings(found: Iterable[Diagnosis]) -> None:
    """Print findings with their remedies; on a terminal with a sign and a colour for each level."""
    if not sys.stdout.isatty():
        emit(asdict(finding) for finding in found)
        return
    rows = Table.grid(padding=(0, 1, 0, 0))
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    for finding in found:
        sign, style = _SIGNS[finding.level]
        said = Text.assemble((f"{finding.area}: ", "bold"), printable(finding.message))
        if finding.remedy:
            said.append(f"\n→ {printable(finding.remedy)}", "dim")
        rows.add_row(Text(sign, style), said)
    Console().print(rows)
