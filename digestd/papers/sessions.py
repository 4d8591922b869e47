"""Read when and where the papers of a conference are presented."""

import csv
from collections.abc import Iterator
from datetime import datetime
from io import StringIO

from digestd.domain.paper import PaperId
from digestd.errors import BadInput, BadRecord
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.papers import conferences
from digestd.text.inputs import parse_datetime
from digestd.text.sanitise import clean
from digestd.text.scripts import fold

ROOM_MAX = 200
COLUMNS = ["paper", "start", "end", "room"]


def import_sessions(db: Database, name: str, text: str) -> tuple[int, list[tuple[int, BadRecord]]]:
    """Store the sessions of a conference from a CSV file in place of earlier ones, unless no line of it is valid.

    Returns:
        How many there are, and the lines that are refused.

    Raises:
        BadInput: The first line does not name the columns.
        NotFound: There is no such conference.
    """
    lines, refused, sessions = list(_read(text)), list[tuple[int, BadRecord]](), dict[str, list[str]]()
    with db.read() as session:
        conference = conferences.find(session, name)
        keys = conferences.listed(session, conference.source)
        listed = {paper.key: paper for paper in papers.by_keys(session, keys).values()}
        known = papers.aliases(session, (PaperId(named) for _, (named, *_) in lines))
    ids = {alias: listed[key].id for alias, key in known.items() if key in listed}
    ids |= {PaperId(fold(paper.plain_title)): paper.id for paper in listed.values()}
    for number, (named, begin, finish, room) in lines:
        try:
            paper = ids.get(PaperId(named)) or ids.get(PaperId(fold(named)))
            if paper is None:
                raise BadRecord("paper", f"{named[:80]!r} is no paper of {conference.name}; give its id or title")
            if paper in sessions:
                raise BadRecord("paper", "has a session on an earlier line, which stands; give one line per paper")
            start, end = _time("start", begin), _time("end", finish)
            if end <= start:
                raise BadRecord("end", "is not after the start")
        except BadRecord as error:
            refused.append((number, error))
        else:
            sessions[paper] = [start.isoformat(), end.isoformat(), clean(room)[:ROOM_MAX]]
    if sessions:
        with db.write() as session:
            conferences.set_sessions(session, conference.name, sessions)
    return len(sessions), refused


def _read(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the four cells of each line. Raises BadInput."""
    rows = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        if next(rows, []) != COLUMNS:
            raise BadInput(f"the first line must name the columns, with commas between them: {','.join(COLUMNS)}")
        for row in rows:
            if any(row):
                yield rows.line_num, [cell.strip() for cell in (*row, "", "", "", "")][:4]
    except csv.Error as error:
        raise BadInput(f"line {rows.line_num} is not CSV ({error}); correct its quotes") from error


def _time(field: str, text: str) -> datetime:
    try:
        at = parse_datetime(text)
    except ValueError as error:
        raise BadRecord(field, str(error)) from error
    if at.tzinfo is None:
        raise BadRecord(field, "has no time zone; write it like 2027-04-24T09:00:00+02:00")
    return at
