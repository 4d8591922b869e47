"""Conferences: sources whose papers come as one programme per subscriber, and never in a daily digest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.domain.interest import Kind, Stance
from digestd.errors import NotFound
from digestd.store import core, papers
from digestd.store.bulk import chunks
from digestd.store.papers import sources
from digestd.store.timestamps import from_us

STILL = timedelta(days=1)
"""Time without a new paper after which the list of a conference is taken as complete."""
_S, _G, _P, _I, _D = core.source.c, core.sighting.c, core.paper.c, core.interest.c, core.delivery.c


class Programmes(StrEnum):
    """The state of a conference's programmes."""

    COLLECTING = "collecting"  # the list is still growing
    ASKED = "asked"  # they are planned with the next tick
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Conference:
    """A conference.

    Attributes:
        papers: Row numbers of its papers that can be shown.
        newest: When the newest of them was listed; None without any.
        checked: When its source last answered; None if it never did.
        sent: How many subscribers have a programme.
    """

    name: str
    source: str
    state: Programmes
    papers: tuple[int, ...]
    newest: datetime | None
    checked: datetime | None
    sent: int

    @property
    def is_due(self) -> bool:
        """Return True if its programmes are to be planned: asked for, or its list was seen unchanged for a day."""
        if not self.papers or self.state is not Programmes.COLLECTING:
            return bool(self.papers) and self.state is Programmes.ASKED
        return bool(self.newest and self.checked and self.checked - self.newest >= STILL)


def names(session: Session) -> dict[str, str]:
    """Return the name of each conference by the spec of its source."""
    query = select(_S.spec, _S.conference).where(_S.conference.is_not(None)).order_by(_S.id)
    return {row.spec: row.conference for row in session.connection().execute(query)}


def name_of(session: Session, source: str) -> str | None:
    """Return the name of the conference that a source lists; None if it lists none."""
    return session.connection().execute(select(_S.conference).where(_S.spec == source)).scalar()


def is_any_open(session: Session) -> bool:
    """Return True if a conference has no programmes yet."""
    wanted = _S.conference.is_not(None), func.coalesce(_S.programmes, "") != Programmes.PLANNED
    return session.connection().execute(select(_S.id).where(*wanted).limit(1)).first() is not None


def listing(session: Session) -> list[Conference]:
    """Return the conferences in the order they were added."""
    return [find(session, name) for name in names(session).values()]


def find(session: Session, name: str) -> Conference:
    """Return a conference by its name. Raises NotFound."""
    row = session.connection().execute(select(core.source).where(_S.conference == name)).first()
    if row is None:
        raise NotFound(f"there is no conference {name[:80]!r}; `digestd conference list` shows all")
    listed = (
        select(_G.paper, func.min(_G.seen_us).label("since"))
        .join_from(core.sighting, core.paper, _P.id == _G.paper)
        .where(_G.source == row.spec, _P.withdrawn.is_(False), _P.revision_id.is_not(None))
        .group_by(_G.paper)
        .order_by(_G.paper)
    )
    found = session.connection().execute(listed).all()
    sent = select(func.count()).where(_D.kind == MailKind.PROGRAMME, _D.key == name)
    return Conference(
        name=name,
        source=row.spec,
        state=Programmes(row.programmes or Programmes.COLLECTING),
        papers=tuple(one.paper for one in found),
        newest=from_us(max(one.since for one in found)) if found else None,
        checked=sources.newest_success(session, row.spec),
        sent=session.connection().execute(sent).scalar_one(),
    )


def set_programmes(session: Session, name: str, state: Programmes) -> None:
    session.connection().execute(update(core.source).where(_S.conference == name).values(programmes=state))


def followed_venues(session: Session) -> list[str]:
    """Return the venues that subscribers follow, as they wrote them."""
    query = select(_I.value).where(_I.kind == Kind.VENUE, _I.stance == Stance.LIKED).distinct()
    return sorted(session.connection().execute(query).scalars())


def followers(session: Session, venues: Iterable[str], name: str) -> list[int]:
    """Return the subscribers who follow one of these venues and have no programme of a conference, by number."""
    query = select(_I.subscriber_id).where(_I.kind == Kind.VENUE, _I.stance == Stance.LIKED)
    found: set[int] = set()
    for some in chunks(set(venues)):
        found |= set(session.connection().execute(query.where(_I.value.in_(some))).scalars())
    return without_programme(session, sorted(found), name)


def without_programme(session: Session, subscribers: Iterable[int], name: str) -> list[int]:
    """Return those of some subscribers who have no programme of a conference, in order."""
    query = select(_D.subscriber_id).where(_D.kind == MailKind.PROGRAMME, _D.key == name)
    wanted, has = list(subscribers), set[int]()
    for some in chunks(wanted):
        has |= set(session.connection().execute(query.where(_D.subscriber_id.in_(some))).scalars())
    return [one for one in wanted if one not in has]


def set_sessions(session: Session, name: str, sessions: Mapping[str, list[str]]) -> None:
    session.connection().execute(update(core.source).where(_S.conference == name).values(sessions=dict(sessions)))


def sessions(session: Session, name: str, keys: Iterable[int]) -> dict[int, tuple[datetime, datetime, str]]:
    """Return start, end and room of those of some papers, by row number, whose sessions are known."""
    stored = session.connection().execute(select(_S.sessions).where(_S.conference == name)).scalar() or {}
    now_known_as, current = papers.merged_into(session, keys), papers.aliases(session, stored)
    by_key = {current[paper]: stored[paper] for paper in stored if paper in current}
    found = {key: by_key[now] for key in keys if (now := now_known_as.get(key, key)) in by_key}
    return {
        key: (datetime.fromisoformat(start), datetime.fromisoformat(end), room)
        for key, (start, end, room) in found.items()
    }
