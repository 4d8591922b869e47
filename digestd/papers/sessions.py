"""Read when and where the papers of a conference are presented."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from digestd.domain.paper import PaperId
from digestd.errors import BadRecord
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.papers import conferences
from digestd.text.inputs import parse_datetime
from digestd.text.sanitise import clean
from digestd.text.scripts import fold

ROOM_MAX = 200


def import_sessions(
    db: Database, name: str, lines: Iterable[Mapping[str | None, str | None]]
) -> tuple[int, list[tuple[int, BadRecord]]]:
    """Store the sessions of a conference in place of earlier ones; return how many, and the lines that are refused.

    Raises:
        NotFound: There is no such conference.
    """
    sessions: dict[str, list[str]] = {}
    refused: list[tuple[int, BadRecord]] = []
    with db.write() as session:
        listed = papers.by_keys(session, conferences.find(session, name).papers).values()
        by_title = {fold(paper.plain_title): paper.id for paper in listed}
        known = papers.aliases(session, [paper.id for paper in listed])
        keys = set(known.values())
        for number, line in enumerate(lines, start=2):
            try:
                start, end, room = _times(line)
                named = (line.get("paper") or "").strip()
                paper = by_title.get(fold(named), PaperId(named))
                if papers.aliases(session, [paper]).get(paper) not in keys:
                    raise BadRecord("paper", f"{named[:80]!r} is no paper of {name}; give its id or title")
            except BadRecord as error:
                refused.append((number, error))
            else:
                sessions[paper] = [start.isoformat(), end.isoformat(), room]
        conferences.set_sessions(session, name, sessions)
    return len(sessions), refused


def _times(line: Mapping[str | None, str | None]) -> tuple[datetime, datetime, str]:
    """Return start, end and room. Raises BadRecord."""
    start, end = (_time(line.get(name), name) for name in ("start", "end"))
    if end <= start:
        raise BadRecord("end", "is not after the start")
    return start, end, clean(line.get("room") or "")[:ROOM_MAX]


def _time(text: str | None, field: str) -> datetime:
    try:
        at = parse_datetime((text or "").strip())
    except ValueError as error:
        raise BadRecord(field, str(error)) from error
    if at.tzinfo is None:
        raise BadRecord(field, "has no time zone; write it like 2027-04-24T09:00:00+02:00")
    return at
