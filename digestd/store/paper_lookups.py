"""Lookups of papers that interests name and that are not known yet.

One row per subscriber and paper, private like the interest. The functions that store interests request the lookups, so
that pages, mails, commands and the API behave alike.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, insert, select, tuple_, update
from sqlmodel import Session

from digestd.domain.interest import Interest, Kind
from digestd.domain.paper import PaperId
from digestd.domain.reference import AT_ONCE, SPACING, LookupState, registries_of
from digestd.domain.subscriber import Status
from digestd.store import core, papers
from digestd.store.timestamps import to_us

_L, _I, _R, _S = core.paper_lookup.c, core.interest.c, core.reference.c, core.subscriber.c
LEASE = timedelta(minutes=10)
"""A reader that is not done by then has died."""
COUNTED = timedelta(days=1)
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


def request(session: Session, interests: Mapping[int, Sequence[Interest]], now: datetime) -> None:
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
        select(_L.subscriber_id, _L.name, _L.requested_us).where(_L.subscriber_id.in_(interests))
    ).all()
    dropped = [
        (row.subscriber_id, row.name)
        for row in held
        if row.name not in named[row.subscriber_id] and row.requested_us < to_us(now - COUNTED)
    ]
    if dropped:
        connection.execute(delete(core.paper_lookup).where(tuple_(_L.subscriber_id, _L.name).in_(dropped)))
    wanted = {(key, name) for key, names in named.items() for name in names} - {
        (row.subscriber_id, row.name) for row in held
    }
    if not wanted:
        return
    wanted -= _with_words(session, {key for key, _ in wanted})
    public = papers.public_names(session, {name for _, name in wanted})
    recent = Counter(row.subscriber_id for row in held if row.requested_us >= to_us(now - COUNTED))
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
    """Return the papers that these subscribers brought along with a title."""
    query = select(_R.subscriber_id, _R.name).where(_R.subscriber_id.in_(list(subscribers)), _R.title != "")
    return {(row.subscriber_id, PaperId(row.name)) for row in session.connection().execute(query)}


def is_any_due(session: Session, now: datetime) -> bool:
    """Return True if a lookup may be due; cheap."""
    return session.connection().execute(select(_L.name).where(_L.next_us <= to_us(now)).limit(1)).first() is not None


def claim(session: Session, limit: int, now: datetime) -> list[PaperLookup]:
    """Claim the lookups that are due longest, until LEASE from now.

    Those of subscribers without digests wait.
    """
    interest = and_(_I.subscriber_id == _L.subscriber_id, _I.kind == Kind.PAPER, _I.value == _L.name)
    query = (
        select(core.paper_lookup)
        .join(core.interest, interest)
        .join(core.subscriber, and_(_S.id == _L.subscriber_id, _S.status.in_(_READ_STATUSES)))
        .where(_L.next_us <= to_us(now))
        .order_by(_L.next_us, _L.subscriber_id, _L.name)
        .limit(limit)
        .with_for_update(skip_locked=True, of=core.paper_lookup)
    )
    found = [
        PaperLookup(row.subscriber_id, PaperId(row.name), LookupState(row.state), row.failures)
        for row in session.connection().execute(query)
    ]
    _move(session, found, now + LEASE)
    return found


def _move(session: Session, lookups: Sequence[PaperLookup], until: datetime) -> None:
    if lookups:
        ours = tuple_(_L.subscriber_id, _L.name).in_([(one.subscriber, one.name) for one in lookups])
        session.connection().execute(update(core.paper_lookup).where(ours).values(next_us=to_us(until)))


def is_wanted(session: Session, subscriber: int, name: PaperId) -> bool:
    """Return True if an interest of the subscriber still names the paper."""
    query = select(_I.value).where(_I.subscriber_id == subscriber, _I.kind == Kind.PAPER, _I.value == name)
    return session.connection().execute(query).first() is not None


def end(session: Session, lookup: PaperLookup, following: datetime | None) -> None:
    """Store the state of a lookup after a try, and when the next one is due; None for never."""
    values = {
        "state": lookup.state,
        "failures": lookup.failures,
        "next_us": None if following is None else to_us(following),
    }
    session.connection().execute(update(core.paper_lookup).where(*_own(lookup)).values(values))


def remove(session: Session, lookup: PaperLookup) -> None:
    """Delete a lookup: the paper was found, or is not wanted any more."""
    session.connection().execute(delete(core.paper_lookup).where(*_own(lookup)))


def states(session: Session, subscriber: int) -> dict[PaperId, LookupState]:
    query = select(_L.name, _L.state).where(_L.subscriber_id == subscriber)
    return {PaperId(row.name): LookupState(row.state) for row in session.connection().execute(query)}


def _own(lookup: PaperLookup) -> tuple[core.Condition, ...]:
    return _L.subscriber_id == lookup.subscriber, _L.name == lookup.name
