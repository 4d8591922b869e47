"""Store one page of sightings in one transaction: gather, decide, apply."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from sqlmodel import Session

from digestd.domain.paper import Sighting
from digestd.papers.deduplication import merge_duplicates
from digestd.papers.identity import without_shared_dois
from digestd.papers.merge import Decision, ReadableTexts, decide, is_recent
from digestd.store.bulk import by_halves
from digestd.store.database import Database
from digestd.store.papers import merges
from digestd.store.papers import sightings as stored
from digestd.store.papers.sightings import PaperState, ReadableText, TextKey

log = structlog.get_logger(__name__)


def store_page(db: Database, source: str, sightings: Sequence[Sighting], now: datetime) -> Decision:
    """Merge a page into the papers, in one transaction if all can be stored; the others are returned as refused."""
    refused: list[tuple[Sighting, str]] = []

    def refuse(sighting: Sighting, error: Exception) -> None:
        refused.append((sighting, type(error).__name__))
        log.exception("cannot store a paper", source=source, paper=sighting.ids[0], exc_info=error)

    parts = list(by_halves(sightings, lambda some: _store(db, source, some, now), refuse))
    return Decision(
        tuple(change for part in parts for change in part.changes),
        sum(part.new for part in parts),
        sum(part.updated for part in parts),
        sum(part.unchanged for part in parts),
        tuple(refused),
    )


def _store(db: Database, source: str, sightings: Sequence[Sighting], now: datetime) -> Decision:
    """Merge sightings into the papers, all of them or nothing.

    Converting TeX and making gists takes longest, so it is done before the write transaction, for what a
    first look expects to change. A page of old announcements needs neither.
    """
    readable = ReadableTexts()
    if any(is_recent(sighting, now) for sighting in sightings):
        with db.read() as session:
            foreseen = _decide(session, source, sightings, now)
        if not foreseen.changes:
            return foreseen
        readable = convert_texts(foreseen)
    with db.write() as session:
        return store_page_in_session(session, source, sightings, now, readable)


def store_page_in_session(
    session: Session,
    source: str,
    sightings: Sequence[Sighting],
    now: datetime,
    readable: Mapping[TextKey, ReadableText],
) -> Decision:
    """Merge a page in the caller's transaction."""
    stored.lock(session)
    decision = _decide(session, source, sightings, now)
    numbers = stored.apply(session, decision.changes, readable, now)
    numbered = list(zip(numbers, decision.changes, strict=True))
    created = frozenset(number for number, change in numbered if change.key is None)
    seen = {number: change.new_sightings for number, change in numbered if change.new_sightings}
    fresh = {number: [one.sighting for one in new] for number, new in seen.items()}
    gone = merge_duplicates(session, fresh, created, readable, now)
    return replace(decision, new=decision.new - gone, updated=decision.updated + gone)


def convert_texts(decision: Decision) -> ReadableTexts:
    """Convert every text of a paper that may be picked."""
    readable = ReadableTexts()
    for change in decision.changes:
        text = change.becomes_plain or (change.revised if change.is_pickable else None)
        if text:
            readable[text.key]
    return readable


def _decide(session: Session, source: str, sightings: Sequence[Sighting], now: datetime) -> Decision:
    known = _known(session, sightings)
    holders = {
        name: [one.sighting for one in (*paper.sightings, *paper.older)] for paper in known for name in paper.aliases
    }
    if (apart := without_shared_dois(sightings, holders)) != sightings:
        sightings, known = apart, _known(session, apart)
    return decide(source, sightings, known, now, merges.forbidden_pairs(session, [paper.key for paper in known]))


def _known(session: Session, sightings: Sequence[Sighting]) -> list[PaperState]:
    return stored.known(session, {name for sighting in sightings for name in sighting.ids})
