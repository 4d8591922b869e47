"""Conferences: sources whose papers come as one programme per subscriber, and never in a daily digest."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select, text, update
from sqlmodel import Session

from digestd.domain.delivery import MailKind, State
from digestd.errors import NotFound
from digestd.store import core, papers
from digestd.store.papers import sources
from digestd.store.tables.ledger import PROGRAMME
from digestd.store.tables.papers import LISTED
from digestd.store.timestamps import from_us

STILL = timedelta(days=1)
"""Time without a new paper after which the list of a conference is taken as complete."""
LIFE = timedelta(days=60)
"""The same after which new followers get no programme of it."""
_S, _G, _P, _D = core.source.c, core.sighting.c, core.paper.c, core.delivery.c
Sessions = Mapping[int, tuple[datetime, datetime, str]]
"""Start, end and room by row number of the paper."""


class Programmes(StrEnum):
    """The state of a conference's programmes."""

    COLLECTING = "collecting"  # the list is still growing
    OPEN = "open"  # each follower gets theirs after their next digest
    ENDED = "ended"  # the edition is over; not stored
    HELD = "held"  # a restore lost who had one: none is planned until the operator asks for them


@dataclass(frozen=True, slots=True)
class Conference:
    """A conference.

    Attributes:
        papers: How many of its papers can be shown.
        newest: When the newest of them was listed; None without any.
        programmes: How many subscribers have got one.
    """

    name: str
    source: str
    state: Programmes
    papers: int
    newest: datetime | None
    programmes: int


def names(session: Session) -> dict[str, str]:
    """Return the name of each conference by the spec of its source."""
    query = select(_S.spec, _S.conference).where(_S.conference.is_not(None)).order_by(_S.id)
    return {row.spec: row.conference for row in session.connection().execute(query)}


def listing(session: Session) -> list[Conference]:
    """Return the conferences in the order they were added."""
    query = select(_S.spec, _S.conference, _S.programmes).where(_S.conference.is_not(None)).order_by(_S.id)
    return [_conference(session, row) for row in session.connection().execute(query).all()]


def find(session: Session, name: str) -> Conference:
    """Return a conference by its name, in any case. Raises NotFound."""
    found = next((one for one in listing(session) if one.name.casefold() == name.casefold()), None)
    if found is None:
        raise NotFound(f"there is no conference {name[:80]!r}; `digestd conference list` shows all")
    return found


def listed(session: Session, source: str) -> dict[int, datetime]:
    """Return the row numbers of the papers of a conference that can be shown, and when each was first listed."""
    query = (
        select(_G.paper, func.min(_G.seen_us).label("since"))
        .join_from(core.sighting, core.paper, _P.id == _G.paper)
        .where(_G.source == source, text(LISTED), _P.withdrawn.is_(False), _P.revision_id.is_not(None))
        .group_by(_G.paper)
        .order_by(_G.paper)
    )
    return {row.paper: from_us(row.since) for row in session.connection().execute(query)}


def _conference(session: Session, row: core.Record) -> Conference:
    found, checked = listed(session, row.spec), sources.newest_success(session, row.spec)
    newest = max(found.values(), default=None)
    still = checked - newest if newest and checked else timedelta(0)
    stored = Programmes(row.programmes) if row.programmes in set(Programmes) else None
    by_age = Programmes.OPEN if still >= STILL else Programmes.COLLECTING
    sent = select(func.count()).where(text(PROGRAMME), _D.key == row.conference, _D.state != State.EMPTY)
    return Conference(
        name=row.conference,
        source=row.spec,
        state=Programmes.ENDED if still >= LIFE else stored or by_age,
        papers=len(found),
        newest=newest,
        programmes=session.connection().execute(sent).scalar_one(),
    )


def open_programmes(session: Session, name: str) -> Conference:
    """Plan the programmes of a conference from now on, although its list may grow or they are held.

    Raises NotFound, also if its list was never read to the end, so that programmes would lack papers, or if it ended.
    """
    found = find(session, name)
    if sources.newest_success(session, found.source) is None:
        raise NotFound(f"the list of {found.name} was not read to its end yet; run `digestd ingest` first")
    if found.state is Programmes.ENDED:
        raise NotFound(f"the list of {found.name} has not grown for {LIFE.days} days: its programmes have ended")
    session.connection().execute(update(core.source).where(_S.spec == found.source).values(programmes=Programmes.OPEN))
    return replace(found, state=Programmes.OPEN)


def hold_programmes(session: Session) -> None:
    """Plan no programmes until the operator asks for them."""
    held = update(core.source).where(_S.conference.is_not(None)).values(programmes=Programmes.HELD)
    session.connection().execute(held)


def with_programme(session: Session, name: str, subscribers: Collection[int]) -> set[int]:
    """Return those of some subscribers who have a programme of a conference, or whom none of its papers fitted."""
    query = select(_D.subscriber_id).where(_D.kind == MailKind.PROGRAMME, _D.key == name)
    return set(session.connection().execute(query.where(_D.subscriber_id.in_(subscribers))).scalars())


def set_sessions(session: Session, name: str, sessions: Mapping[str, list[str]]) -> None:
    session.connection().execute(update(core.source).where(_S.conference == name).values(sessions=dict(sessions)))


def sessions(session: Session, name: str, keys: Iterable[int]) -> Sessions:
    """Return the sessions of those of some papers for which they are known."""
    stored = session.connection().execute(select(_S.sessions).where(_S.conference == name)).scalar() or {}
    now_known_as, current = papers.merged_into(session, keys), papers.aliases(session, stored)
    by_key = {current[paper]: stored[paper] for paper in stored if paper in current}
    found = {key: by_key[now] for key in keys if (now := now_known_as.get(key, key)) in by_key}
    return {
        key: (datetime.fromisoformat(start), datetime.fromisoformat(end), room)
        for key, (start, end, room) in found.items()
    }
