"""Read deliveries for the CLI, pages and previews; count what is ready."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, func, not_, select
from sqlmodel import Session

from digestd.domain.delivery import Actor, Claim, MailKind, State
from digestd.domain.digest import Occasion, Pick, Reason
from digestd.store import core
from digestd.store.ledger.claim_queue import ALL_COLUMNS, KINDS, TO_ROOM, claim_of, claimable, occasions
from digestd.store.ledger.packing import pick_count, readable_picks, readable_steps
from digestd.store.preferences import COLUMNS
from digestd.store.timestamps import from_us

_D, _S, _A = core.delivery.c, core.subscriber.c, core.attempt.c
_STATES = {str(state): state for state in State}


class Step(NamedTuple):
    """One step in the history of a delivery: the state it came to, by which part, and when."""

    state: State
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery as commands, pages and the API show it.

    Attributes:
        kind, state: Of MailKind and State, or what a damaged row says.
        sha256: Of the last bytes that passed the commit point, if any did.
        relay: The relay or route of the last attempt.
        is_unanswered: True if it is empty because no source answered.
    """

    key: int
    subscriber: int
    address: str | None
    kind: str
    period: str
    covers_from: str
    state: str
    picks: int
    attempts: int
    due: datetime
    expires: datetime
    not_before: datetime
    message_id: str
    reply: str | None
    queue_id: str | None
    reason: str | None
    history: tuple[Step, ...]
    sha256: bytes | None = None
    relay: str | None = None
    is_unanswered: bool = False

    @property
    def planned(self) -> datetime:
        """Return when it was planned; when it is due if that cannot be read."""
        times = [step.at for step in self.history if step.state is State.EMPTY]
        times += [step.at for step in self.history if step.state is not State.EMPTY][:1]
        return times[-1] if times else self.due


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Conditions on deliveries; None matches any. `before`: only lower numbers."""

    state: State | None = None
    subscriber: int | None = None
    kind: MailKind | None = None
    before: int | None = None
    period: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptInfo:
    """One attempt as listed."""

    n: int
    phase: str
    outcome: str | None
    evidence: str | None
    reply: str | None
    relay: str | None
    opened: datetime
    final_dot: datetime | None
    closed: datetime | None


def is_any_ready(session: Session, now: datetime, *, to_rooms: bool = False) -> bool:
    """Return True if a claim would find anything: mails, or what goes to chat rooms."""
    query = select(_D.id).where(*claimable(session, now)).limit(1)
    query = query.where(TO_ROOM if to_rooms else not_(TO_ROOM))
    return session.connection().execute(query).first() is not None


def count_ready(session: Session, now: datetime, most: int | None = None) -> int:
    found = select(_D.id).where(*claimable(session, now), not_(TO_ROOM)).limit(most)
    return int(session.connection().execute(select(func.count()).select_from(found.subquery())).scalar_one())


def counts(session: Session) -> dict[State, int]:
    return by_state(session.connection().execute(select(_D.state, func.count()).group_by(_D.state)).all())


def by_state(rows: Sequence[core.Record]) -> dict[State, int]:
    """Return the counts of (state, count) for every state. `fsck` reports rows with a state that is not known."""
    return dict.fromkeys(State, 0) | {_STATES[state]: count for state, count in rows if state in _STATES}


def entries(session: Session, limit: int, selection: DeliveryFilter = DeliveryFilter()) -> Iterator[DeliveryView]:
    """Yield the deliveries that match, newest first."""
    # for its bare number SQLite would walk through all, in their order, to find a few uncertain ones
    newest = _D.id + 0 if selection.state is State.UNCERTAIN else _D.id
    query = _WITH_READER.order_by(newest.desc()).limit(limit)
    wanted = {
        _D.state: selection.state,
        _D.subscriber_id: selection.subscriber,
        _D.kind: selection.kind,
        _D.key: selection.period,
    }
    query = query.where(*(column == value for column, value in wanted.items() if value is not None))
    if selection.before is not None:
        query = query.where(_D.id < selection.before)
    for row in session.connection().execute(query):
        yield _entry(row)


def entry(session: Session, delivery: int) -> DeliveryView | None:
    row = session.connection().execute(_BY_KEY, {"delivery": delivery}).first()
    return None if row is None else _entry(row)


def attempts(session: Session, delivery: int) -> list[AttemptInfo]:
    query = select(core.attempt).where(_A.delivery_id == delivery).order_by(_A.n)
    return [_try(row) for row in session.connection().execute(query)]


def picks(session: Session, delivery: int) -> tuple[Pick, ...]:
    """Return the picks of a digest; none if they cannot be read."""
    return readable_picks(session.connection().execute(select(_D.picks).where(_D.id == delivery)).scalar_one())


def reasons(session: Session, subscriber: int, digests: int) -> list[Reason]:
    """Return the reasons of all picks in a subscriber's newest digests."""
    rows = session.connection().execute(_NEWEST_PICKS, {"who": subscriber, "digests": digests}).scalars()
    return [pick.reason for packed in rows for pick in readable_picks(packed)]


_NEWEST_PICKS = (
    select(_D.picks)
    .where(_D.subscriber_id == bindparam("who"), _D.kind == MailKind.DIGEST)
    .order_by(_D.id.desc())
    .limit(bindparam("digests"))
)


def digests(session: Session, subscriber: int, kinds: Collection[MailKind] = (MailKind.DIGEST,)) -> list[DeliveryView]:
    """Return every digest of a subscriber, or mail of other kinds, empty ones too, oldest first."""
    query = _WITH_READER.where(_D.subscriber_id == subscriber, _D.kind.in_(sorted(kinds)))
    return [_entry(row) for row in session.connection().execute(query.order_by(_D.id))]


def newest_digest(session: Session, subscriber: int) -> int | None:
    """Return the newest delivery that carries a digest with picks to a subscriber."""
    query = select(func.max(_D.id)).where(
        _D.subscriber_id == subscriber,
        _D.kind == MailKind.DIGEST,
        _D.state != State.EMPTY,
        _D.occasions.not_like(f"%{Occasion.EMPTY}%"),
    )
    found: int | None = session.connection().execute(query).scalar()
    return found


def unanswered(session: Session, subscribers: Sequence[int]) -> frozenset[int]:
    """Return those of the subscribers whose newest digest is empty because no source answered."""
    if not subscribers:
        return frozenset()
    theirs = _D.subscriber_id.in_(subscribers), _D.kind == MailKind.DIGEST
    newest = select(func.max(_D.id)).where(*theirs).group_by(_D.subscriber_id)
    query = select(_D.subscriber_id).where(_D.id.in_(newest), *IS_UNANSWERED)
    return frozenset(session.connection().execute(query).scalars())


IS_UNANSWERED = _D.state == State.EMPTY, _D.occasions.contains(Occasion.UNANSWERED)
"""Conditions for an empty digest that was planned while no source answered."""


def digest_of(session: Session, subscriber: int, period: str) -> int | None:
    query = select(_D.id).where(_D.subscriber_id == subscriber, _D.kind == MailKind.DIGEST, _D.key == period)
    found: int | None = session.connection().execute(query).scalar()
    return found


def as_claim(session: Session, delivery: int) -> Claim | None:
    """Return a delivery as a claim, to compose it again; nothing is leased. None if its kind is not known."""
    row = session.connection().execute(_BY_KEY, {"delivery": delivery}).first()
    return None if row is None or row.kind not in KINDS else claim_of(row, row.attempts, "", row.due_us)


_WITH_READER = select(*ALL_COLUMNS, _S.address, *COLUMNS).join_from(
    core.delivery, core.subscriber, _S.id == _D.subscriber_id
)
_BY_KEY = _WITH_READER.where(_D.id == bindparam("delivery"))


def _entry(row: core.Record) -> DeliveryView:
    return DeliveryView(
        key=row.id,
        subscriber=row.subscriber_id,
        address=row.address,
        kind=KINDS.get(row.kind, row.kind),
        period=row.key,
        covers_from=row.covers_from,
        state=_STATES.get(row.state, row.state),
        picks=pick_count(row.picks),
        attempts=row.attempts,
        due=from_us(row.due_us),
        expires=from_us(row.expires_us),
        not_before=from_us(row.not_before_us),
        message_id=row.message_id,
        reply=_reply_text(row.reply_code, row.reply_text),
        queue_id=row.relay_qid,
        reason=row.reason,
        history=tuple(Step(state, actor, from_us(at_us)) for state, actor, at_us in readable_steps(row.history)),
        sha256=row.sha256,
        relay=row.relay,
        is_unanswered=row.state == State.EMPTY and Occasion.UNANSWERED in occasions(row.occasions),
    )


def _try(row: core.Record) -> AttemptInfo:
    return AttemptInfo(
        n=row.n,
        phase=row.phase,
        outcome=row.outcome,
        evidence=row.evidence,
        reply=_reply_text(row.code, row.text),
        relay=row.relay,
        opened=from_us(row.opened_us),
        final_dot=None if row.final_dot_us is None else from_us(row.final_dot_us),
        closed=None if row.closed_us is None else from_us(row.closed_us),
    )


def _reply_text(code: int | None, text: str | None) -> str | None:
    return None if code is None else f"{code} {text or ''}".strip()
