"""doctor: check the installation from all sides."""

from dataclasses import asdict
from typing import Annotated

import typer

from digestd.cli.arguments import Json
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.cli.status import print_findings
from digestd.operations.diagnosis import Level, worst_first
from digestd.operations.doctor import DoctorOptions, examine
from digestd.operations.service_status import counted


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
