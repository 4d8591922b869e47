"""Put one page of sightings into the store: gather, decide, apply, in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from digestd.domain.paper import Sighting
from digestd.ingest.merge import Decision, decide
from digestd.store import sightings as kept
from digestd.store.database import Database
from digestd.tex import to_plain


class Plain(dict[str, str]):
    """Texts as words for people, each converted once."""

    def __missing__(self, text: str) -> str:
        self[text] = found = to_plain(text)
        return found


def take_in(db: Database, source: str, sightings: Sequence[Sighting], now: datetime) -> Decision:
    """Merge a page into the papers, whole or not at all.

    Turning TeX into words takes longest, so it is done on what a first look says will change,
    before the write begins.
    """
    if not sightings:
        return Decision()
    with db.read() as session:
        foreseen = _look(session, source, sightings, now)
    if not foreseen.changes:
        return foreseen
    plain = prepare(foreseen)
    with db.write() as session:
        return take_in_here(session, source, sightings, now, plain)


def take_in_here(
    session: Session, source: str, sightings: Sequence[Sighting], now: datetime, plain: Mapping[str, str]
) -> Decision:
    """The same inside the caller's transaction."""
    kept.lock(session)
    decision = _look(session, source, sightings, now)
    kept.apply(session, decision.changes, plain, now)
    return decision


def prepare(decision: Decision) -> Plain:
    """The words for people of every text that is to be written."""
    plain = Plain()
    for change in decision.changes:
        if change.text:
            plain[change.text.words.title], plain[change.text.words.abstract]
    return plain


def _look(session: Session, source: str, sightings: Sequence[Sighting], now: datetime) -> Decision:
    ids = {name for sighting in sightings for name in sighting.ids}
    return decide(source, sightings, kept.known(session, ids), now)
