"""Look up the papers that subscribers named by an identifier and that no source has reported.

A paper that is found becomes a private reference of each subscriber who named it. It never becomes a public paper.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from digestd.domain.paper import PaperId, Sighting
from digestd.domain.reference import RETRY_FAILED, RETRY_UNKNOWN, LookupResult, LookupState, Reference, reference_of
from digestd.errors import DigestdError
from digestd.fetching.paper_lookup import RegistryReader
from digestd.store import papers, references, subscribers
from digestd.store.database import Database
from digestd.store.references import PaperLookup

PER_TICK = 40
"""The maximum number of lookups per tick, so that ingest gets its turn at the same hosts."""
log = structlog.get_logger(__name__)


async def look_up_due(reader: RegistryReader) -> int:
    """Look up the papers that are due; return how many lookups were made."""
    claimed = await asyncio.to_thread(_claim, reader.db, reader.clock())
    if not claimed:
        return 0
    public = await asyncio.to_thread(_public, reader.db, [one.name for one in claimed])
    results = await reader.look_up(one.name for one in claimed if one.name not in public)
    for lookup in claimed:
        await asyncio.to_thread(_apply_or_postpone, reader.db, lookup, results.get(lookup.name), reader.clock())
    counted = Counter(result.state or "found" for result in results.values())
    log.info("looked up papers", **{str(state): count for state, count in counted.items()})
    return len(claimed)


def _claim(db: Database, now: datetime) -> list[PaperLookup]:
    with db.read() as session:
        if not references.is_any_lookup_due(session, now):
            return []
    with db.write() as session:
        return references.claim_lookups(session, PER_TICK, now)


def _public(db: Database, names: Sequence[PaperId]) -> Mapping[PaperId, PaperId]:
    with db.read() as session:
        return papers.public_names(session, names)


def _apply_or_postpone(db: Database, lookup: PaperLookup, result: LookupResult | None, now: datetime) -> None:
    """Store what a lookup found; what cannot be stored counts as a failed try, and the others go on."""
    try:
        _apply(db, lookup, result, now)
    except DigestdError:
        raise
    except Exception as error:
        log.exception("cannot store a paper that was looked up", paper=lookup.name, kind=type(error).__name__)
        _apply(db, lookup, LookupResult(why=f"cannot be stored ({type(error).__name__})"), now)


def _apply(db: Database, lookup: PaperLookup, result: LookupResult | None, now: datetime) -> None:
    """Store what a lookup found; without a result the paper is public by now."""
    with db.write() as session:
        known = subscribers.by_key(session, lookup.subscriber, lock=True)
        if known is None or result is None or not references.is_lookup_wanted(session, lookup.subscriber, lookup.name):
            references.remove_lookup(session, lookup)
        elif result.sighting is not None:
            references.store(session, known.key, [_reference(session, lookup, result.sighting)], now)
            references.remove_lookup(session, lookup)
        else:
            becomes, delay = _after(lookup, result)
            references.end_lookup(session, becomes, None if delay is None else now + delay)


def _reference(session: Session, lookup: PaperLookup, sighting: Sighting) -> Reference:
    """Return the paper under the name of the interest, with the identifiers that its owner gave before."""
    before = references.of(session, lookup.subscriber, [lookup.name]).get(lookup.name)
    found = looked_up_reference(lookup.name, sighting)
    return replace(found, ids=tuple(dict.fromkeys((*before.ids, *found.ids)))) if before else found


def looked_up_reference(name: PaperId, sighting: Sighting) -> Reference:
    """Return a paper that a registry has as a reference under the name it was asked for."""
    return replace(reference_of(sighting), name=name)


def _after(lookup: PaperLookup, result: LookupResult) -> tuple[PaperLookup, timedelta | None]:
    """Return a lookup after a try that found nothing, and the delay until the next; None for no further try."""
    state = result.state or LookupState.FAILED
    failures = lookup.failures + 1 if lookup.state is state else 1
    if state is LookupState.UNKNOWN:
        delay = RETRY_UNKNOWN[failures - 1] if failures <= len(RETRY_UNKNOWN) else None
    else:
        delay = RETRY_FAILED.delay(1 if result.busy else failures)
    return replace(lookup, state=state, failures=failures), delay
