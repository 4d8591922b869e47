"""Create deliveries: digests with their picks, and notices."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import bindparam, func, insert, select, update
from sqlmodel import Session

from digestd.domain.coverage import CoverageState
from digestd.domain.delivery import Actor, MailKind, State
from digestd.domain.digest import DigestFacts, DigestSlot, Pick, SavedNews
from digestd.domain.schedule import DAILY_LIFE, PROGRAMME_LIFE
from digestd.store import core
from digestd.store.bulk import BulkStatement, Value
from digestd.store.ledger import seen_papers
from digestd.store.ledger.packing import pack_occasions, pack_picks, readable_picks, step
from digestd.store.timestamps import to_us

_NO_TEMPLATES = ""
"""Earlier versions stored the templates of each delivery under a hash; the column remains."""
AFTER_DIGESTS = timedelta(microseconds=1)
"""Time by which programmes are later in the queue than digests that another process plans at the same time."""
_HASH_BITS = 62
"""An order-free sum of hashes that still fits a signed 64-bit column."""


class NewDigest(NamedTuple):
    """A digest to create for one subscriber.

    `is_told`: it is sent even without picks. `news`: of papers that they saved; without picks only if they want to
    know, or if a paper was withdrawn.
    """

    subscriber: int
    consent_version: int
    slot: DigestSlot
    picks: tuple[Pick, ...]
    considered: int
    message_id: str
    occasions: str = ""
    is_told: bool = False
    news: tuple[SavedNews, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.picks and not self.is_told and not self.news


@dataclass(frozen=True, slots=True)
class RankingInputs:
    """The inputs of ranking that are stored with each digest.

    Attributes:
        horizon: Highest paper row number; papers above it are new to the next digest.
        coverage: Incomplete sources by label.
    """

    horizon: int | None = None
    model: str | None = None
    coverage: Mapping[str, CoverageState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to one subscriber.

    Attributes:
        key: distinguishes it from other notices of its kind; planning the same one twice makes one mail.
        consent_version: the subscriber's consent version now; the mail is not sent under another one.
        expires: when it is too late to send it.
        recipient_key: the keyed hash of the recipient, if that is not the subscriber's own address.
        not_before: the earliest time to send it; None for at once.
    """

    subscriber: int
    kind: MailKind
    key: str
    consent_version: int
    expires: datetime
    recipient_key: bytes | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewCopy:
    """A copy of a digest to create, or a programme.

    `period`: of a programme, the name of its conference. `packed`: its picks, or the topics without a paper, as the
    ledger stores them.
    """

    subscriber: int
    consent_version: int
    period: str
    packed: bytes
    facts: DigestFacts


def plan_digests(
    session: Session,
    digests: Sequence[NewDigest],
    now: datetime,
    ranked: RankingInputs = RankingInputs(),
    again: Mapping[int, int] = MappingProxyType({}),
) -> None:
    """Write digests, seen papers, the due audit and next due times in the caller's transaction.

    Args:
        again: The delivery of each subscriber whose digest of the period exists and is empty; it is written again.
    """
    if not digests:
        return
    at_us = to_us(now)
    model = select(core.text_model.c.id).where(core.text_model.c.version == ranked.model)
    gaps, made_by = json.dumps(dict(ranked.coverage)), session.connection().execute(model).scalar()
    _create(session, [digest for digest in digests if digest.subscriber not in again], at_us, (gaps, made_by))
    _REPLAN.run(
        session,
        (
            (*_replanned(digest, at_us), gaps, made_by, again[digest.subscriber])
            for digest in digests
            if digest.subscriber in again
        ),
    )
    seen_papers.add(session, {d.subscriber: [pick.paper for pick in d.picks] for d in digests if d.picks})
    _NEXT_DUE.run(
        session,
        (
            (
                *(_us(d.slot.next_due), d.slot.local_date, at_us, ranked.horizon),
                *(_us(d.slot.day_ends) if d.is_empty else None, d.subscriber),
            )
            for d in digests
        ),
    )


def _create(session: Session, digests: Sequence[NewDigest], at_us: int, alike: tuple[Value, ...]) -> None:
    """Insert the deliveries of digests, and note who was due."""
    if not digests:
        return
    due = audit_hash((d.subscriber, d.slot.period.key) for d in digests)
    audit = insert(core.due_audit).values(at_us=at_us, due=len(digests), hash=due).returning(core.due_audit.c.id)
    noted = session.connection().execute(audit).scalar_one()
    _INSERT_DELIVERIES.run(session, ((*row, *alike, _NO_TEMPLATES, noted) for row in _rows(digests, at_us)))


_us = lru_cache(maxsize=10_000)(to_us)
_INSERT_DELIVERIES = BulkStatement(
    insert(core.delivery),
    (
        *("subscriber_id", "kind", "key", "covers_from", "consent_version", "state", "message_id", "picks"),
        *("considered", "history", "due_us", "expires_us", "not_before_us", "attempts", "failures", "occasions"),
        *("coverage", "model_id", "template_hash", "audit_id"),
    ),
)
_NEXT_DUE = BulkStatement(
    update(core.subscriber)
    .where(core.subscriber.c.id == bindparam("row"))
    .values(
        next_due_us=bindparam("next_due"),
        last_date=bindparam("last_date"),
        last_planned_us=bindparam("planned"),
        horizon=bindparam("up_to"),
        empty_until_us=bindparam("empty_until"),
    ),
    ("next_due", "last_date", "planned", "up_to", "empty_until", "row"),
)
_REPLAN = BulkStatement(
    update(core.delivery)
    .where(core.delivery.c.id == bindparam("row"), core.delivery.c.state == State.EMPTY)
    .values(
        covers_from=bindparam("since"),
        consent_version=bindparam("version"),
        state=bindparam("new_state"),
        picks=bindparam("held"),
        considered=bindparam("of"),
        history=core.delivery.c.history + bindparam("added"),
        expires_us=bindparam("expires"),
        occasions=bindparam("special"),
        coverage=bindparam("gaps"),
        model_id=bindparam("made_by"),
    ),
    (
        "since",
        "version",
        "new_state",
        "held",
        "of",
        "added",
        "expires",
        "special",
        "gaps",
        "made_by",
        "row",
    ),
)


class StoredDigest(NamedTuple):
    """A digest in the ledger, by its delivery."""

    delivery: int
    is_empty: bool


def stored_digests(session: Session, periods: Mapping[int, str]) -> dict[int, StoredDigest]:
    """Return the digest that each of these subscribers (key → period) has of that period; absent if there is none."""
    columns = (core.delivery.c.id, core.delivery.c.subscriber_id, core.delivery.c.key, core.delivery.c.state)
    query = select(*columns).where(
        core.delivery.c.subscriber_id.in_(list(periods)),
        core.delivery.c.kind == MailKind.DIGEST,
        core.delivery.c.key.in_(sorted(set(periods.values()))),
    )
    return {
        row.subscriber_id: StoredDigest(row.id, row.state == State.EMPTY)
        for row in session.connection().execute(query)
        if periods[row.subscriber_id] == row.key
    }


def plan_notice(session: Session, notice: Notice, message_id: str, now: datetime) -> int | None:
    """Write one notice and return its number; None if the same one exists already."""
    same = select(core.delivery.c.id).where(
        core.delivery.c.subscriber_id == notice.subscriber,
        core.delivery.c.kind == notice.kind,
        core.delivery.c.key == notice.key,
    )
    if session.connection().execute(same).first() is not None:
        return None
    row = {
        "subscriber_id": notice.subscriber,
        "kind": notice.kind,
        "key": notice.key,
        "recipient_key": notice.recipient_key,
        "covers_from": notice.key,
        "consent_version": notice.consent_version,
        "message_id": message_id,
        "picks": b"",
        "considered": 0,
        "coverage": {},
        "occasions": "",
    }
    return _insert_ready(session, row, Actor.PLANNER, now, notice.expires, notice.not_before)


def plan_copy(session: Session, copy: NewCopy, message_id: Callable[[str], str], now: datetime) -> int:
    """Write a copy of a digest, to be sent at once, and return its number.

    Args:
        message_id: Returns the Message-ID for the copy's key, which is its period and a number.
    """
    table = core.delivery.c
    earlier = select(func.count()).where(
        table.subscriber_id == copy.subscriber, table.kind == MailKind.COPY, table.covers_from == copy.period
    )
    key = f"{copy.period}-{session.connection().execute(earlier).scalar_one() + 1}"
    row = _row_of(copy, MailKind.COPY, key, message_id(key.replace(" ", "-")))
    return _insert_ready(session, row, Actor.OPERATOR, now, now + DAILY_LIFE)


def plan_programme(session: Session, new: NewCopy, message_id: str, now: datetime) -> None:
    """Write the programme of a conference, to be sent after the digests of that time, and its papers as seen.

    Its subscriber may have none of that conference. Without picks it is empty, so that they are not asked again.
    """
    row = _row_of(new, MailKind.PROGRAMME, new.period, message_id)
    row["state"] = State.READY if new.packed else State.EMPTY
    _insert_ready(session, row, Actor.PLANNER, now, now + PROGRAMME_LIFE, now + AFTER_DIGESTS)
    if new.packed:
        seen_papers.add(session, {new.subscriber: [pick.paper for pick in readable_picks(new.packed)]})


def _row_of(copy: NewCopy, kind: MailKind, key: str, message_id: str) -> dict[str, object]:
    return {
        "subscriber_id": copy.subscriber,
        "kind": kind,
        "key": key,
        "covers_from": copy.period,
        "consent_version": copy.consent_version,
        "message_id": message_id,
        "picks": copy.packed,
        "considered": copy.facts.considered,
        "coverage": dict(copy.facts.coverage or {}),
        "occasions": pack_occasions(copy.facts.occasions, copy.facts.most_read),
    }


def audit_hash(due: Iterable[tuple[int, str]]) -> int:
    """Return the sum of the hashes of (subscriber, period key); order does not matter."""
    total = 0
    for subscriber, key in due:
        total += int.from_bytes(hashlib.blake2b(f"{subscriber}|{key}".encode(), digest_size=8).digest(), "big")
    return total % (1 << _HASH_BITS)


def _insert_ready(
    session: Session,
    row: dict[str, object],
    actor: Actor,
    now: datetime,
    expires: datetime,
    not_before: datetime | None = None,
) -> int:
    """Write a delivery that is ready, unless its row has another state, and return its number."""
    at_us, state = to_us(now), State(str(row.get("state", State.READY)))
    values = {
        "state": state,
        "history": step(state, actor, at_us),
        "due_us": at_us,
        "expires_us": to_us(expires),
        "not_before_us": to_us(not_before or now),
        "attempts": 0,
        "failures": 0,
        "template_hash": _NO_TEMPLATES,
    }
    statement = insert(core.delivery).values(row | values).returning(core.delivery.c.id)
    return int(session.connection().execute(statement).scalar_one())


def _replanned(digest: NewDigest, at_us: int) -> tuple[Value, ...]:
    """Return the values of an empty digest that is planned again, in the column order of `_REPLAN`."""
    state = State.EMPTY if digest.is_empty else State.READY
    added = "" if digest.is_empty else step(state, Actor.PLANNER, at_us)
    return (
        *(digest.slot.covers_from, digest.consent_version, state.value, _packed(digest), digest.considered),
        *(added, _us(digest.slot.expires), digest.occasions),
    )


def _rows(digests: Iterable[NewDigest], at_us: int) -> Iterator[tuple[Value, ...]]:
    """Yield the values that differ per digest, in the column order of `_INSERT_DELIVERIES`."""
    history = {state: step(state, Actor.PLANNER, at_us) for state in (State.READY, State.EMPTY)}
    for digest in digests:
        slot, state = digest.slot, State.EMPTY if digest.is_empty else State.READY
        due_us = _us(slot.period.due)
        yield (
            *(digest.subscriber, MailKind.DIGEST.value, slot.period.key, slot.covers_from, digest.consent_version),
            *(state.value, digest.message_id, _packed(digest), digest.considered, history[state]),
            *(due_us, max(_us(slot.expires), due_us + 1), due_us, 0, 0, digest.occasions),
        )


def _packed(digest: NewDigest) -> bytes:
    return pack_picks(digest.picks, digest.news, is_told=digest.is_told)
