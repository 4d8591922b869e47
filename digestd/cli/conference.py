"""conference: list, plan, and the sessions of papers."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json, read_text_file
from digestd.cli.output import emit, emit_import_report
from digestd.cli.stdio import say
from digestd.store.papers import conferences

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of a conference, as in 'ICLR 2027'.")]


def list_conferences(as_json: Json = False) -> None:
    """List the conferences, how many papers they have, and how many programmes were planned.

    Example: digestd conference list --json
    """
    with wiring.connect().db.read() as session:
        emit([asdict(one) for one in conferences.listing(session)], as_json)


def plan_conference(name: Name) -> None:
    """Plan the programmes of a conference from now on, without waiting a day for more papers.

    Example: digestd conference plan "ICLR 2027"
    """
    with wiring.connect().db.write() as session:
        opened = conferences.open_programmes(session, name)
    say(f"followers of {opened.name} get their programme, from {opened.papers:,} papers, after their next digest")


def import_sessions(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file: paper (id or title), start, end, room.")],
    as_json: Json = False,
) -> None:
    """Import when and where the papers of a conference are presented, for the calendar files of programmes.

    Times need their zone, as in 2027-04-24T09:00:00+02:00. The file replaces earlier sessions, unless none of its lines
    is valid. Invalid lines are reported, and the exit code is 1 if there are any.

    Example: digestd conference sessions "ICLR 2027" sessions.csv
    """
    from digestd.papers.sessions import import_sessions as store

    added, refused = store(wiring.connect().db, name, read_text_file(file))
    rows = [(line, error.field, error.message) for line, error in refused]
    emit_import_report({"added": added, "refused": len(rows)}, rows, as_json)
