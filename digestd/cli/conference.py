"""conference: list, plan, and the sessions of papers."""

import csv
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json, read_text_file
from digestd.cli.output import emit, emit_import_report
from digestd.store.papers import conferences
from digestd.store.papers.conferences import Conference

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of a conference, as in 'ICLR 2027'.")]


def list_conferences(as_json: Json = False) -> None:
    """List the conferences, how many papers they have, and whether their programmes were sent.

    Example: digestd conference list --json
    """
    with wiring.connect().db.read() as session:
        emit([conference_row(one) for one in conferences.listing(session)], as_json)


def plan_conference(name: Name, as_json: Json = False) -> None:
    """Plan the programmes of a conference now, for those who follow it and have none.

    Example: digestd conference plan "ICLR 2027"
    """
    from digestd.digests.programmes import plan_programmes

    app = wiring.build()
    app.restore_guard.require_resumed(app.clock())
    report = plan_programmes(app.db, app.planner, name, app.clock())
    columns = ("conference", "papers", "followers", "planned", "changed", "failed")
    emit({column: getattr(report, column) for column in columns}, as_json)
    if report.failed:
        raise typer.Exit(1)


def import_sessions(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file: paper (id or title), start, end, room.")],
    as_json: Json = False,
) -> None:
    """Import when and where the papers of a conference are presented, for the calendar files of programmes.

    Times need their zone, as in 2027-04-24T09:00:00+02:00. The file replaces earlier sessions. Valid lines are
    imported, invalid ones are reported, and the exit code is 1 if there are any.

    Example: digestd conference sessions "ICLR 2027" sessions.csv
    """
    from digestd.papers.sessions import import_sessions as store

    app = wiring.connect()
    lines = csv.DictReader(read_text_file(file).splitlines())
    added, refused = store(app.db, name, lines)
    rows = [(line, error.field, error.message) for line, error in refused]
    emit_import_report({"added": added, "refused": len(rows)}, rows, as_json)


def conference_row(one: Conference) -> dict[str, object]:
    """Return one conference as printed."""
    return {
        "conference": one.name,
        "source": one.source,
        "state": one.state.value,
        "papers": len(one.papers),
        "newest": one.newest,
        "programmes": one.sent,
    }
