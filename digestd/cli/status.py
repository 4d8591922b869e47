"""status and doctor: the state of the service, and what is wrong with the installation."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from digestd import app as wiring
from digestd import files
from digestd import settings as configuration
from digestd.cli.arguments import Json
from digestd.cli.output import emit
from digestd.cli.stdio import printable, say
from digestd.operations.diagnosis import Diagnosis, Level, worst_first
from digestd.operations.service_status import counted, needs_attention, status_lines
from digestd.operations.status_reader import read_status

_SIGNS = {Level.ERROR: ("✗", "bold red"), Level.WARNING: ("!", "yellow"), Level.OK: ("✓", "green")}


def show_status(as_json: Json = False) -> None:
    """Show the state of the service: what is due, sent, waiting and failing.

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


def check_installation(
    resolver: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Ask this DNS server, as in 9.9.9.9. Default: the system's."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Check the installation: DNS, relay, web, clock, disk, database, sources, secrets and sandbox.

    Tries what others depend on: looks up MX, SPF, DKIM, DMARC and PTR, connects and logs in to the relay without
    sending mail, requests the pages at the public URL as a stranger would, and compares the clock with web servers.
    Changes nothing. Each fault comes with its remedy. Exits 1 if there is an error; takes at most 20 seconds.

    Example: digestd doctor --json
    """
    from digestd.operations.doctor import DoctorOptions, examine

    files.become_owner(wiring.data_folder(configuration.load()), configuration.location())
    found = worst_first(examine(DoctorOptions(resolver)))
    count = {level: sum(finding.level is level for finding in found) for level in Level}
    if as_json:
        row = {f"{level}s" if level is not Level.OK else "ok": number for level, number in count.items()}
        emit({**row, "findings": [asdict(finding) for finding in found]}, as_json=True)
    else:
        print_findings(found)
        say(f"{counted(count[Level.ERROR], 'error')}, {counted(count[Level.WARNING], 'warning')}")
    if count[Level.ERROR]:
        raise typer.Exit(1)
