"""Libraries of subscribers and their entries; claimed by compare-and-set.

A claim moves `next_us` on, so that a library whose reader died becomes due again. A reader's result counts only while
its claim is valid: the library may have been unlinked or linked again meanwhile.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Text, cast, delete, func, insert, literal_column, null, select, update
from sqlmodel import Session

from digestd.domain.digest import Occasion
from digestd.domain.library import (
    EntryStatus,
    Library,
    LibraryEntry,
    LibraryLink,
    LibraryProvider,
    LibraryState,
    Saving,
)
from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Status
from digestd.store import core
from digestd.store.bulk import readable
from digestd.store.timestamps import from_us, to_us

LEASE = timedelta(minutes=20)
WHY_MAX = 300
BLOCK = 500
_L, _E, _S = core.library.c, core.library_entry.c, core.subscriber.c
_LINKED = _L.state == literal_column(f"'{LibraryState.LINKED}'")
"""Written like the condition of the partial index; SQLite does not match a parameter to it."""
COLUMNS = [cast(one, Text).label(one.name) if one is _L.saving else one for one in _L]
"""Columns with JSON as its text: a damaged one must not stop whoever reads other rows."""
_READ = _L.provider == LibraryProvider.ZOTERO, _S.status.in_((Status.ACTIVE, Status.PAUSED))


def link(session: Session, new: LibraryLink, now: datetime) -> None:
    """Link a library, due at once; one that is linked already gets the new key."""
    key = {"subscriber_id": new.subscriber, "provider": new.provider, "place": new.place}
    given = {
        "sealed": new.sealed,
        "may_write": new.may_write,
        "saving": _saving_row(new.saving),
        "state": LibraryState.LINKED,
        "version": 0,
        "linked_us": to_us(now),
        "next_us": to_us(now),
        "failures": 0,
        "why": "",
    }
    statement = core.upsert(session, core.library).values(key | given)
    session.connection().execute(statement.on_conflict_do_update(index_elements=list(key), set_=given))


def of(session: Session, subscriber: int) -> list[Library]:
    query = select(*COLUMNS).where(_L.subscriber_id == subscriber).order_by(_L.id)
    return [_library(row) for row in session.connection().execute(query)]


def counted(session: Session, subscriber: int) -> dict[tuple[int, EntryStatus], int]:
    """Return the number of entries per library and effect; absent if none."""
    query = (
        select(_E.library_id, _E.status, func.count())
        .join(core.library, _L.id == _E.library_id)
        .where(_L.subscriber_id == subscriber)
        .group_by(_E.library_id, _E.status)
    )
    return {(row[0], EntryStatus(row[1])): row[2] for row in session.connection().execute(query)}


def claim(session: Session, now: datetime, only: int | None = None) -> Library | None:
    """Claim the library that is due longest, or `only` this one, due or not.

    Return None if nothing is due or another reader was faster. Libraries of subscribers without digests are not read,
    nor are those at ORCID, which an earlier version linked.
    """
    query = select(*COLUMNS).join(core.subscriber, _S.id == _L.subscriber_id).where(*_READ)
    due = (_LINKED, _L.next_us <= to_us(now)) if only is None else (_L.id == only,)
    next_due = query.where(*due).order_by(_L.next_us, _L.id).limit(1)
    while (row := session.connection().execute(next_due).first()) is not None:
        change = update(core.library).where(_L.id == row.id, _L.next_us == row.next_us)
        done = session.connection().execute(change.values(next_us=to_us(now + LEASE)).returning(*COLUMNS))
        claimed = done.first()
        if claimed is None:
            return None
        try:
            return _library(claimed)
        except (ValueError, OverflowError) as error:  # a damaged row must not keep those behind it waiting
            _log_damage(row, error)
            if only is not None:
                return None
    return None


def holds(session: Session, claimed: Library) -> bool:
    """Return True if a claim is still valid; the library is then locked."""
    query = select(_L.id).where(_L.id == claimed.key, _L.next_us == to_us(claimed.next)).with_for_update()
    return session.connection().execute(query).first() is not None


def end(session: Session, claimed: Library, becomes: Library) -> None:
    """Write the result of a claim, which ends; no effect if it is not valid any more."""
    row = {
        "sealed": becomes.sealed,
        "state": becomes.state,
        "version": becomes.version,
        "next_us": to_us(becomes.next),
        "synced_us": None if becomes.synced is None else to_us(becomes.synced),
        "failures": becomes.failures,
        "why": becomes.why[:WHY_MAX],
        "saving": _saving_row(becomes.saving),
    }
    own = (_L.id == claimed.key, _L.next_us == to_us(claimed.next))
    session.connection().execute(update(core.library).where(*own).values(row))


def due_now(session: Session, key: int, now: datetime) -> None:
    """Make a library due now, even one that was given up."""
    change = update(core.library).where(_L.id == key)
    session.connection().execute(change.values(next_us=to_us(now), state=LibraryState.LINKED))


def due_to_save(session: Session, subscriber: int, now: datetime) -> None:
    """Make the libraries due that get a subscriber's saved papers, unless they wait after a failure."""
    theirs = (_L.subscriber_id == subscriber, _L.saving.is_not(null()), _LINKED, _L.why == "", _L.next_us > to_us(now))
    found = readable(session.connection().execute(select(*COLUMNS).where(*theirs)), _library)
    if due := [library.key for library in found if library.saving and not library.saving.is_waiting]:
        session.connection().execute(update(core.library).where(_L.id.in_(due)).values(next_us=to_us(now)))


def stop_saving(session: Session, subscriber: int, key: int | None = None) -> None:
    """Put no more saved papers into any library of a subscriber, or into this one.

    A claim becomes invalid, so that whoever reads a library now adds nothing and does not undo this.
    """
    theirs = _L.subscriber_id == subscriber, _L.saving.is_not(null()), *([] if key is None else [_L.id == key])
    session.connection().execute(update(core.library).where(*theirs).values(saving=None, next_us=_L.next_us - 1))


def take_news_of_saving(session: Session, subscribers: Sequence[int]) -> dict[int, set[Occasion]]:
    """Return what their next digests say of saving to libraries, each once. Others are absent."""
    query = select(*COLUMNS).where(_L.subscriber_id.in_(subscribers), _L.saving.is_not(null())).order_by(_L.id)
    news: dict[int, set[Occasion]] = {}
    for library in readable(session.connection().execute(query.with_for_update()), _library):
        if (saving := library.saving) is None:
            continue
        told = {"is_told": saving.is_told or library.is_saving_stuck, "is_announced": True}
        changed = saving.model_copy(update=told)
        if changed != saving:
            row = _saving_row(changed)
            session.connection().execute(update(core.library).where(_L.id == library.key).values(saving=row))
            said = {Occasion.NOT_SAVED: changed.is_told != saving.is_told, Occasion.SAVING: not saving.is_announced}
            news.setdefault(library.subscriber, set()).update(one for one, is_new in said.items() if is_new)
    return news


def unlink(session: Session, key: int) -> None:
    session.connection().execute(delete(core.library_entry).where(_E.library_id == key))
    session.connection().execute(delete(core.library).where(_L.id == key))


def forget(session: Session, subscriber: int) -> None:
    theirs = _L.subscriber_id == subscriber
    session.connection().execute(delete(core.library_entry).where(_E.library_id.in_(select(_L.id).where(theirs))))
    session.connection().execute(delete(core.library).where(theirs))


def entries(session: Session, subscriber: int) -> list[LibraryEntry]:
    """Return the entries of all libraries of a subscriber, by name."""
    query = (
        select(core.library_entry)
        .join(core.library, _L.id == _E.library_id)
        .where(_L.subscriber_id == subscriber)
        .order_by(_E.library_id, _E.name)
    )
    rows = session.connection().execute(query)
    return [
        LibraryEntry(row.library_id, row.name, PaperId(row.paper), row.day, EntryStatus(row.status)) for row in rows
    ]


def write_entries(session: Session, before: Collection[LibraryEntry], after: Collection[LibraryEntry]) -> None:
    """Replace the entries of a subscriber; unchanged ones are not touched."""
    old, new = set(before), set(after)
    gone = {(entry.library, entry.name) for entry in old - new}
    for library, names in _by_library(gone).items():
        rest = iter(names)
        while block := list(islice(rest, BLOCK)):
            where = (_E.library_id == library, _E.name.in_(block))
            session.connection().execute(delete(core.library_entry).where(*where))
    fresh = [_row(entry) for entry in new - old]
    core.execute_many(session, insert(core.library_entry), fresh)


def _by_library(gone: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for library, name in gone:
        found.setdefault(library, []).append(name)
    return found


def _row(entry: LibraryEntry) -> dict[str, object]:
    return {
        "library_id": entry.library,
        "name": entry.name,
        "paper": entry.paper,
        "day": entry.day,
        "status": entry.status,
    }


def _library(row: core.Record) -> Library:
    return Library(
        key=row.id,
        subscriber=row.subscriber_id,
        provider=LibraryProvider(row.provider),
        place=row.place,
        sealed=None if row.sealed is None else bytes(row.sealed),
        may_write=row.may_write,
        state=LibraryState(row.state),
        version=row.version,
        linked=from_us(row.linked_us),
        next=from_us(row.next_us),
        synced=None if row.synced_us is None else from_us(row.synced_us),
        failures=row.failures,
        why=row.why,
        saving=_saving(row),
    )


def _saving(row: core.Record) -> Saving | None:
    """Return how papers get into a library. What cannot be read ends it: its numbers are not guessed."""
    try:
        return None if row.saving is None else Saving.model_validate_json(row.saving)
    except ValueError as error:
        _log_damage(row, error)
        return None


def _log_damage(row: core.Record, error: Exception) -> None:
    import structlog  # noqa: PLC0415  # most commands log nothing

    log = structlog.get_logger(__name__)
    log.error("cannot read what is stored of a library", number=row.id, kind=type(error).__name__)


def _saving_row(saving: Saving | None) -> dict[str, object] | None:
    return None if saving is None else saving.model_dump(mode="json")
