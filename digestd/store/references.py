"""References: papers a subscriber brought along; lookups: papers they name that we do not know yet. Both are private.

References are written, read by their owner and by ranking for their owner, and deleted. Nothing outside this module
selects from the table except the data export and erasure, both by subscriber.

Lookups have one row per subscriber and paper. The functions that store interests request them, so that pages, mails,
commands and the API behave alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, bindparam, case, delete, func, insert, select, tuple_, update
from sqlmodel import Session

from digestd.domain.interest import Interest, Kind
from digestd.domain.paper import Paper, PaperId, Words
from digestd.domain.reference import AT_ONCE, REFERENCES_MAX, SPACING, LookupState, Reference, registries_of
from digestd.domain.subscriber import Status
from digestd.store import core, papers
from digestd.store.bulk import KeyLookup, chunks
from digestd.store.ranking import profiles
from digestd.store.timestamps import from_us, to_us

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_R, _I, _L, _E = core.reference.c, core.interest.c, core.library.c, core.library_entry.c
_WORDS = (_R.subscriber_id, _R.name, _R.ids, _R.title, _R.abstract, _R.authors, _R.added_us)


class StoredReference(NamedTuple):
    """A reference as stored, with what ranking has read in it.

    `terms` were made by the text model that was asked for, `vector` by the dense model `encoder`.
    """

    reference: Reference
    added: datetime
    terms: bytes | None
    encoder: str | None
    vector: NDArray[np.float32] | None


def of(session: Session, subscriber: int, names: Iterable[PaperId] | None = None) -> dict[PaperId, Reference]:
    """Return the references of a subscriber by name: all of them, or those of these names."""
    asked = [(_OF, {})] if names is None else [(_NAMED, {"names": chunk}) for chunk in chunks(set(names))]
    rows = (row for query, more in asked for row in session.connection().execute(query, {"owner": subscriber, **more}))
    return {PaperId(row.name): _reference(row) for row in rows}


_OF = select(*_WORDS).where(_R.subscriber_id == bindparam("owner")).order_by(_R.name)
_NAMED = _OF.where(_R.name.in_(bindparam("names", expanding=True)))


def of_interests(
    session: Session, subscribers: Sequence[int], model: str = ""
) -> dict[int, dict[PaperId, StoredReference]]:
    """Return the references that an interest of their owner names, by subscriber and name.

    `model`: The text model whose terms are wanted.
    """
    import numpy as np

    named = and_(_I.subscriber_id == _R.subscriber_id, _I.kind == Kind.PAPER, _I.value == _R.name)
    terms = case((_R.model == model, _R.terms), (_R.other_model == model, _R.other_terms))
    query = (
        select(*_WORDS, terms.label("terms"), _R.encoder, _R.vector)
        .join_from(core.reference, core.interest, named)
        .where(_R.subscriber_id.in_(subscribers))
        .order_by(_R.subscriber_id, _R.name)
    )
    found: dict[int, dict[PaperId, StoredReference]] = {}
    for row in session.connection().execute(query):
        vector = None if row.vector is None else np.frombuffer(row.vector, dtype=np.float16).astype(np.float32)
        stored = StoredReference(_reference(row), from_us(row.added_us), row.terms, row.encoder, vector)
        found.setdefault(row.subscriber_id, {})[PaperId(row.name)] = stored
    return found


def count_fitting(session: Session, subscribers: Sequence[int], most: int) -> int:
    """Return how many of these subscribers, from the first on, together fit a limit of references; at least 1."""
    query = select(_R.subscriber_id, func.count()).where(_R.subscriber_id.in_(subscribers)).group_by(_R.subscriber_id)
    held: dict[int, int] = {key: count for key, count in session.connection().execute(query)}
    return max(1, sum(total <= most for total in accumulate(held.get(key, 0) for key in subscribers)))


def public_names(session: Session, references: Iterable[Reference]) -> dict[PaperId, PaperId]:
    """Return the public paper that matches each reference, both by name; those without one are absent.

    A paper matches a reference if a source reported one of the reference's identifiers; the first of these counts.
    """
    given = list(references)
    names = papers.public_names(session, {name for reference in given for name in reference.ids})
    found = ((one.name, next((names[name] for name in one.ids if name in names), None)) for one in given)
    return {name: public for name, public in found if public is not None}


def resolved(session: Session, subscriber: int, names: Sequence[PaperId]) -> dict[PaperId, Paper | Reference]:
    """Return the public paper under each name, else the subscriber's own reference. Unknown names are absent."""
    own = of(session, subscriber, names)
    known = papers.by_ids(session, {*names, *(name for one in own.values() for name in one.ids)})
    found: dict[PaperId, Paper | Reference] = {}
    for name in names:
        public = next((known[other] for other in identifiers(name, own.get(name)) if other in known), None)
        if (shown := public or own.get(name)) is not None:
            found[name] = shown
    return found


def identifiers(name: PaperId, reference: Reference | None) -> tuple[PaperId, ...]:
    """Return the identifiers under which a public paper may match an interest of this name, which is first."""
    return (name, *(reference.ids if reference else ()))


def store(session: Session, subscriber: int, references: Iterable[Reference], now: datetime) -> None:
    """Store references of a subscriber; one of the same name is overwritten.

    The caller has locked the subscriber. Beyond REFERENCES_MAX, new references are left out: only their names count.
    """
    before = of(session, subscriber)
    given = {one.name: one for one in references if one.is_worth_keeping}
    changed = [one for name, one in given.items() if name in before and one != before[name]]
    new = [one for name, one in given.items() if name not in before][: max(0, REFERENCES_MAX - len(before))]
    connection = session.connection()
    for block in chunks([one.name for one in changed]):
        connection.execute(delete(core.reference).where(_R.subscriber_id == subscriber, _R.name.in_(block)))
    if rows := [_row(subscriber, one, now) for one in (*changed, *new)]:
        connection.execute(insert(core.reference), rows)
        profiles.invalidate_profiles(session, [subscriber])


def delete_unused(session: Session, subscribers: Sequence[int]) -> None:
    """Delete references that no interest or library entry of their owner names."""
    liked = select(_I.subscriber_id, _I.value).where(_I.subscriber_id.in_(subscribers), _I.kind == Kind.PAPER)
    listed = (
        select(_L.subscriber_id, _E.paper)
        .join_from(core.library_entry, core.library, _L.id == _E.library_id)
        .where(_L.subscriber_id.in_(subscribers))
    )
    named = tuple_(_R.subscriber_id, _R.name)
    session.connection().execute(
        delete(core.reference).where(_R.subscriber_id.in_(subscribers), named.not_in(liked), named.not_in(listed))
    )


class DerivedVectors(NamedTuple):
    """The terms and vector that ranking derived from a reference's words at `added`."""

    added: datetime
    model: str
    terms: bytes
    encoder: str | None
    vector: NDArray[np.float32] | None


def store_derived(session: Session, made: Mapping[tuple[int, PaperId], DerivedVectors]) -> None:
    """Store derived vectors by subscriber and name, and keep the terms by the last text model beside them.

    Skip references that have changed or were deleted.
    """
    rows = [
        {
            "b_subscriber": subscriber,
            "b_name": name,
            "b_added": to_us(read.added),
            "b_model": read.model,
            "b_terms": read.terms,
            "b_encoder": read.encoder,
            "b_vector": None if read.vector is None else read.vector.astype("f2").tobytes(),
        }
        for (subscriber, name), read in sorted(made.items(), key=lambda item: item[0])
    ]
    core.execute_many(session, _READ, rows)


_IS_SAME = _R.model == bindparam("b_model")
_READ = (
    update(core.reference)
    .where(
        _R.subscriber_id == bindparam("b_subscriber"),
        _R.name == bindparam("b_name"),
        _R.added_us == bindparam("b_added"),
    )
    .values(
        other_model=case((_IS_SAME, _R.other_model), else_=_R.model),
        other_terms=case((_IS_SAME, _R.other_terms), else_=_R.terms),
        model=bindparam("b_model"),
        terms=bindparam("b_terms"),
        encoder=bindparam("b_encoder"),
        vector=bindparam("b_vector"),
    )
)


def _reference(row: core.Record) -> Reference:
    words = Words(row.title, row.abstract, tuple(row.authors))
    return Reference(PaperId(row.name), tuple(map(PaperId, row.ids)), words)


def _row(subscriber: int, reference: Reference, now: datetime) -> dict[str, object]:
    return {
        "subscriber_id": subscriber,
        "name": reference.name,
        "ids": list(reference.ids),
        "title": reference.words.title,
        "abstract": reference.words.abstract,
        "authors": list(reference.words.authors),
        "added_us": to_us(now),
    }


_Q, _S = core.paper_lookup.c, core.subscriber.c
LOOKUP_LEASE = timedelta(minutes=10)
"""A reader that is not done by then has died."""
LOOKUP_COUNTED = timedelta(days=1)
"""Rows of removed interests are kept so long: whoever adds and removes papers does not get ahead of others."""
LOOKUPS_MAX = 2_000
"""Maximum number of rows per subscriber, those of removed interests included; further papers are not looked up."""
_READ_STATUSES = (Status.ACTIVE, Status.PAUSED)


@dataclass(frozen=True, slots=True)
class PaperLookup:
    """A lookup of one paper for one subscriber."""

    subscriber: int
    name: PaperId
    state: LookupState = LookupState.OPEN
    failures: int = 0


def request_lookups(session: Session, interests: Mapping[int, Sequence[Interest]], now: datetime) -> None:
    """Request lookups for the papers that these interests, by subscriber, name and that are not known.

    The caller has locked the subscribers. Lookups of papers that they no longer name are deleted.
    """
    connection = session.connection()
    named = {
        key: list(
            dict.fromkeys(PaperId(i.value) for i in given if i.kind is Kind.PAPER and registries_of(PaperId(i.value)))
        )
        for key, given in interests.items()
    }
    held = connection.execute(
        select(_Q.subscriber_id, _Q.name, _Q.requested_us).where(_Q.subscriber_id.in_(interests))
    ).all()
    dropped = [
        (row.subscriber_id, row.name)
        for row in held
        if row.name not in named[row.subscriber_id] and row.requested_us < to_us(now - LOOKUP_COUNTED)
    ]
    if dropped:
        connection.execute(delete(core.paper_lookup).where(tuple_(_Q.subscriber_id, _Q.name).in_(dropped)))
    wanted = {(key, name) for key, names in named.items() for name in names} - {
        (row.subscriber_id, row.name) for row in held
    }
    if not wanted:
        return
    wanted -= _with_words(session, {key for key, _ in wanted})
    public = papers.public_names(session, {name for _, name in wanted})
    recent = Counter(row.subscriber_id for row in held if row.requested_us >= to_us(now - LOOKUP_COUNTED))
    kept = Counter(row.subscriber_id for row in held)
    rows: list[dict[str, object]] = []
    for key, names in named.items():
        new = [name for name in names if (key, name) in wanted and name not in public]
        rows += [
            {
                "subscriber_id": key,
                "name": name,
                "state": LookupState.OPEN,
                "requested_us": to_us(now),
                "next_us": to_us(now + max(0, place + 1 - AT_ONCE) * SPACING),
                "failures": 0,
            }
            for place, name in enumerate(new[: max(0, LOOKUPS_MAX - kept[key])], start=recent[key])
        ]
    core.execute_many(session, insert(core.paper_lookup), rows)


def _with_words(session: Session, subscribers: Iterable[int]) -> set[tuple[int, PaperId]]:
    query = select(_R.subscriber_id, _R.name).where(_R.subscriber_id.in_(list(subscribers)), _R.title != "")
    return {(row.subscriber_id, PaperId(row.name)) for row in session.connection().execute(query)}


def is_any_lookup_due(session: Session, now: datetime) -> bool:
    return session.connection().execute(select(_Q.name).where(_Q.next_us <= to_us(now)).limit(1)).first() is not None


def claim_lookups(session: Session, limit: int, now: datetime) -> list[PaperLookup]:
    """Claim until LOOKUP_LEASE the lookups that are due longest. Those of subscribers without digests wait."""
    interest = and_(_I.subscriber_id == _Q.subscriber_id, _I.kind == Kind.PAPER, _I.value == _Q.name)
    query = (
        select(core.paper_lookup)
        .join(core.interest, interest)
        .join(core.subscriber, and_(_S.id == _Q.subscriber_id, _S.status.in_(_READ_STATUSES)))
        .where(_Q.next_us <= to_us(now))
        .order_by(_Q.next_us, _Q.subscriber_id, _Q.name)
        .limit(limit)
        .with_for_update(skip_locked=True, of=core.paper_lookup)
    )
    found = [
        PaperLookup(row.subscriber_id, PaperId(row.name), LookupState(row.state), row.failures)
        for row in session.connection().execute(query)
    ]
    if found:
        ours = tuple_(_Q.subscriber_id, _Q.name).in_([(one.subscriber, one.name) for one in found])
        session.connection().execute(update(core.paper_lookup).where(ours).values(next_us=to_us(now + LOOKUP_LEASE)))
    return found


def is_lookup_wanted(session: Session, subscriber: int, name: PaperId) -> bool:
    query = select(_I.value).where(_I.subscriber_id == subscriber, _I.kind == Kind.PAPER, _I.value == name)
    return session.connection().execute(query).first() is not None


def end_lookup(session: Session, lookup: PaperLookup, following: datetime | None) -> None:
    """Store the state of a lookup after a try, and when the next one is due; None for never."""
    values = {
        "state": lookup.state,
        "failures": lookup.failures,
        "next_us": None if following is None else to_us(following),
    }
    session.connection().execute(update(core.paper_lookup).where(*_own(lookup)).values(values))


def remove_lookup(session: Session, lookup: PaperLookup) -> None:
    session.connection().execute(delete(core.paper_lookup).where(*_own(lookup)))


def lookup_states(session: Session, subscriber: int) -> dict[PaperId, LookupState]:
    return {PaperId(row.name): LookupState(row.state) for row in _STATES.rows(session, [subscriber])}


_STATES = KeyLookup(select(_Q.name, _Q.state), _Q.subscriber_id)


def _own(lookup: PaperLookup) -> tuple[core.Condition, ...]:
    return _Q.subscriber_id == lookup.subscriber, _Q.name == lookup.name
