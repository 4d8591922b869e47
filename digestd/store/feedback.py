"""Verdicts and mutings from papers: events, appended and taken back, never changed; and what is read from them.

Saved papers may have tags and a note. They are private to the reader, and nothing that ranks reads them.

The likes of all subscribers, as ranking uses them for others, are only verdicts on papers of this installation. Papers
that a subscriber brought along (imported, pasted, linked) are private to them and are not read here. The saved list has
saved papers and recent picks, behind a secret link with a version.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, func, insert, or_, select, true, update
from sqlmodel import Session

from digestd.domain.delivery import PICKED
from digestd.domain.digest import Pick
from digestd.domain.interest import POSITIVE_VERDICTS, Feedback, Interest, Kind, Muting, Stance, Verdict, as_interest
from digestd.domain.paper import Paper, PaperId
from digestd.domain.subscriber import Status
from digestd.store import core, libraries
from digestd.store.bulk import KeyLookup, readable
from digestd.store.ledger import seen_papers
from digestd.store.ledger.packing import planned_us, readable_picks
from digestd.store.ledger.sent_digests import SENT
from digestd.store.papers import by_keys, merged_into
from digestd.store.ranking import profiles
from digestd.store.timestamps import from_us, to_us

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_F, _P = core.feedback.c, core.paper.c
FEEDBACK_MAX = 500
"""So many papers of one subscriber count, the newest: older tastes have drifted."""


def add(session: Session, subscriber: int, paper: int, verdict: Verdict, now: datetime) -> int:
    """Store a verdict on a paper (row number) and return the number of the event."""
    row = {"subscriber_id": subscriber, "paper": paper, "verdict": verdict, "at_us": to_us(now)}
    profiles.invalidate_profiles(session, [subscriber])
    new = insert(core.feedback).values(row)
    if verdict is Verdict.SAVED:
        libraries.due_to_save(session, subscriber, now)
        new = new.values(known_revision=select(_P.revision_id).where(_P.id == paper).scalar_subquery())
    return int(session.connection().execute(new.returning(_F.id)).scalar_one())


def undo(session: Session, subscriber: int, paper: int, now: datetime) -> Verdict | None:
    """Take back the newest active verdict on a paper; return None if there is none."""
    query = (
        select(_F.id, _F.verdict)
        .where(_F.subscriber_id == subscriber, _F.paper == paper, _F.undone_us.is_(None))
        .order_by(_F.id.desc())
        .limit(1)
    )
    found = session.connection().execute(query.where(_F.verdict.in_(Verdict))).first()
    if found is None:
        return None
    profiles.invalidate_profiles(session, [subscriber])
    session.connection().execute(update(core.feedback).where(_F.id == found.id).values(undone_us=to_us(now), **_PLAIN))
    return Verdict(found.verdict)


def active_verdicts(session: Session, subscriber: int, papers: Collection[int]) -> tuple[Verdict, ...]:
    """Return the verdicts on a paper, under all its row numbers, that were not taken back, oldest first."""
    rows = session.connection().execute(_ON_PAPERS, {"who": subscriber, "papers": papers})
    return tuple(readable(rows, lambda row: Verdict(row.verdict)))


_ON_PAPERS = (
    select(_F.verdict)
    .where(_F.subscriber_id == bindparam("who"), _F.paper.in_(bindparam("papers", expanding=True)))
    .where(_F.undone_us.is_(None))
    .order_by(_F.id)
)


def withdraw(session: Session, subscriber: int, papers: Collection[int], verdict: Verdict, now: datetime) -> None:
    """Take back one kind of verdict on a paper; other verdicts stay."""
    theirs = _F.subscriber_id == subscriber, _F.paper.in_(papers), _F.verdict == verdict, _F.undone_us.is_(None)
    profiles.invalidate_profiles(session, [subscriber])
    session.connection().execute(update(core.feedback).where(*theirs).values(undone_us=to_us(now), **_PLAIN))


_PLAIN: Mapping[str, None] = {"tags": None, "note": None}
"""Tags and note of a paper that is saved no more."""


def count(session: Session) -> int:
    query = select(func.count()).select_from(core.feedback).where(_F.undone_us.is_(None))
    return int(session.connection().execute(query).scalar_one())


def history(session: Session, subscriber: int) -> list[Feedback]:
    """Return every event of a subscriber, oldest first."""
    query = (
        select(core.feedback, _P.paper_id)
        .join_from(core.feedback, core.paper, _P.id == _F.paper)
        .where(_F.subscriber_id == subscriber)
        .order_by(_F.id)
    )
    return list(readable(session.connection().execute(query), _feedback))


def _feedback(row: core.Record) -> Feedback:
    return Feedback(
        key=row.id,
        paper=PaperId(row.paper_id),
        verdict=Verdict(row.verdict),
        at=from_us(row.at_us),
        undone=None if row.undone_us is None else from_us(row.undone_us),
    )


def rated(row: core.Record) -> tuple[int, Interest]:
    return row.subscriber_id, as_interest(PaperId(row.paper_id), Verdict(row.verdict), from_us(row.at_us))


def interests(session: Session, subscribers: Sequence[int]) -> dict[int, tuple[Interest, ...]]:
    """Return the newest active verdict on each paper as an interest, newest first."""
    newest: dict[tuple[int, str], core.Record] = {}
    for row in _VERDICTS.rows(session, list(subscribers)):
        newest.setdefault((row.subscriber_id, row.paper_id), row)
    found: dict[int, list[Interest]] = {}
    for subscriber, interest in readable(newest.values(), rated):
        theirs = found.setdefault(subscriber, [])
        if len(theirs) < FEEDBACK_MAX:
            theirs.append(interest)
    return {key: tuple(interests) for key, interests in found.items()}


_VERDICTS = KeyLookup(
    select(_F.subscriber_id, _F.verdict, _F.at_us, _P.paper_id)
    .join_from(core.feedback, core.paper, _P.id == _F.paper)
    .where(_F.undone_us.is_(None))
    .order_by(_F.subscriber_id, _F.id.desc()),
    _F.subscriber_id,
)
_M = core.muting.c


def add_muting(session: Session, subscriber: int, paper: int, kind: Kind, value: str, now: datetime) -> int:
    """Store a muting from a paper (row number) and return the number of the event."""
    row = {"subscriber_id": subscriber, "paper": paper, "kind": kind, "value": value, "at_us": to_us(now)}
    profiles.invalidate_profiles(session, [subscriber])
    return int(session.connection().execute(insert(core.muting).values(row).returning(_M.id)).scalar_one())


def undo_muting(session: Session, subscriber: int, paper: int, now: datetime) -> Interest | None:
    """Take back the newest active muting from a paper; return None if there is none."""
    query = (
        select(_M.id, _M.kind, _M.value, _M.at_us)
        .where(_M.subscriber_id == subscriber, _M.paper == paper, _M.undone_us.is_(None))
        .order_by(_M.id.desc())
        .limit(1)
    )
    found = session.connection().execute(query.where(_M.kind.in_(Kind))).first()
    if found is None:
        return None
    profiles.invalidate_profiles(session, [subscriber])
    session.connection().execute(update(core.muting).where(_M.id == found.id).values(undone_us=to_us(now)))
    return _muted(found)


def undo_all_mutings(session: Session, subscriber: int, what: Interest, now: datetime) -> None:
    mine = (_M.subscriber_id == subscriber, _M.kind == what.kind, _M.value == what.value, _M.undone_us.is_(None))
    if session.connection().execute(update(core.muting).where(*mine).values(undone_us=to_us(now))).rowcount:
        profiles.invalidate_profiles(session, [subscriber])


def muting_history(session: Session, subscriber: int) -> list[Muting]:
    """Return every muting of a subscriber, oldest first."""
    query = (
        select(core.muting, _P.paper_id)
        .join_from(core.muting, core.paper, _P.id == _M.paper)
        .where(_M.subscriber_id == subscriber)
        .order_by(_M.id)
    )
    return list(readable(session.connection().execute(query), _muting))


def _muting(row: core.Record) -> Muting:
    return Muting(
        key=row.id,
        paper=PaperId(row.paper_id),
        interest=_muted(row),
        at=from_us(row.at_us),
        undone=None if row.undone_us is None else from_us(row.undone_us),
    )


def active_mutings(session: Session, subscribers: Sequence[int]) -> dict[int, tuple[Interest, ...]]:
    """Return what each subscriber mutes, oldest first; absent if nothing."""
    found: dict[int, dict[Interest, None]] = {}
    rows = _MUTINGS.rows(session, list(subscribers))
    for subscriber, interest in readable(rows, lambda row: (row.subscriber_id, _muted(row))):
        found.setdefault(subscriber, {})[interest] = None
    return {key: tuple(muted) for key, muted in found.items()}


_MUTINGS = KeyLookup(
    select(_M.subscriber_id, _M.kind, _M.value, _M.at_us).where(_M.undone_us.is_(None)).order_by(_M.id),
    _M.subscriber_id,
)


def mutings_of_papers(session: Session, subscriber: int, papers: Collection[int]) -> tuple[Interest, ...]:
    """Return what was muted from a paper (all its row numbers), oldest first."""
    rows = session.connection().execute(_MUTED_ON_PAPERS, {"who": subscriber, "papers": papers})
    return tuple(dict.fromkeys(readable(rows, _muted)))


_MUTED_ON_PAPERS = (
    select(_M.kind, _M.value, _M.at_us)
    .where(_M.subscriber_id == bindparam("who"), _M.paper.in_(bindparam("papers", expanding=True)))
    .where(_M.undone_us.is_(None))
    .order_by(_M.id)
)


def withdraw_muting(session: Session, subscriber: int, papers: Collection[int], what: Interest, now: datetime) -> None:
    """Undo one muting from a paper, including repetitions."""
    theirs = _M.subscriber_id == subscriber, _M.paper.in_(papers), _M.undone_us.is_(None)
    same = _M.kind == what.kind, _M.value == what.value
    profiles.invalidate_profiles(session, [subscriber])
    session.connection().execute(update(core.muting).where(*theirs, *same).values(undone_us=to_us(now)))


def mutings_at(session: Session, subscriber: int, moment: datetime) -> tuple[Interest, ...]:
    """Return what one subscriber muted at a moment in the past."""
    active_mutings = [
        m for m in muting_history(session, subscriber) if m.at <= moment and (m.undone is None or m.undone > moment)
    ]
    return tuple(dict.fromkeys(m.interest for m in active_mutings))


def _muted(row: core.Record) -> Interest:
    if not isinstance(row.value, str):
        raise TypeError("what is muted must be text")
    return Interest(Kind(row.kind), row.value, Stance.MUTED, from_us(row.at_us))


_S = core.subscriber.c
VERDICTS_MAX = 500_000
"""Newest verdicts read, in 1 s."""
BATCH = 10_000
"""Rows fetched at a time."""


class CommunityVerdicts(NamedTuple):
    """n verdicts, newest first.

    Attributes:
        people, papers: row numbers.
        positive, established: 1 if the verdict is positive, and if the subscriber is old enough.
    """

    people: NDArray[np.intp]
    papers: NDArray[np.intp]
    positive: NDArray[np.intp]
    established: NDArray[np.intp]


def verdicts_of_community(
    session: Session, at: datetime, *, trusted: timedelta, established: timedelta
) -> CommunityVerdicts:
    """Return the verdicts that stood at a time, of subscribers who are active now and were old enough then.

    Args:
        trusted: age from which a subscriber is read.
        established: age from which one is marked as established.
    """
    import numpy as np

    verdicts = (
        select(
            *(_F.subscriber_id, _F.paper, _F.verdict.in_(sorted(POSITIVE_VERDICTS))),
            _S.created_us <= to_us(at - established),
        )
        .join_from(core.feedback, core.subscriber, _S.id == _F.subscriber_id)
        .where(_S.status == Status.ACTIVE, _S.created_us <= to_us(at - trusted))
        .where(_F.at_us <= to_us(at), or_(_F.undone_us.is_(None), _F.undone_us > to_us(at)))
        .order_by(_F.id.desc())
        .limit(VERDICTS_MAX)
    )
    rows = session.connection().execute(verdicts.execution_options(yield_per=BATCH))
    people, papers, positive, is_established = np.fromiter(map(tuple, rows), dtype=np.dtype((np.intp, 4))).T
    return CommunityVerdicts(people, _merged(session, papers), positive, is_established)


def _merged(session: Session, papers: NDArray[np.intp]) -> NDArray[np.intp]:
    """Replace the row numbers of merged papers by those of the papers they became."""
    import numpy as np

    names, where = np.unique(papers, return_inverse=True)
    became = merged_into(session, names.tolist())
    current: NDArray[np.intp] = np.array([became.get(key, key) for key in names.tolist()], dtype=np.intp)[where]
    return current


SAVED_MAX = 2_000
DIGESTS_MAX = 30
OWN_MAX = 10_000
"""Papers of one reader that are searched."""
_D, _E = core.delivery.c, core.saved_list_link.c


@dataclass(frozen=True, slots=True)
class ReaderPaper:
    """A paper of a reader. `saved`: when they saved it, None if it was only sent; `tags`, `note`: private to them."""

    paper: Paper
    saved: datetime | None = None
    tags: tuple[str, ...] = ()
    note: str = ""

    @property
    def notes(self) -> str:
        """Return what a search by words reads besides the paper."""
        return "\n".join((*self.tags, self.note))


def saved_papers(
    session: Session, subscriber: int, limit: int = SAVED_MAX, among: Collection[int] | None = None
) -> list[ReaderPaper]:
    """Return the newest saved papers, or those of these row numbers, newest first, each once.

    A paper that was saved as several records, which were merged since, has the tags and notes of all.
    """
    query = (
        select(_F.paper, _F.at_us, _F.tags, _F.note)
        .where(*_saved_by(subscriber), true() if among is None else _F.paper.in_(among))
        .order_by(_F.id.desc())
        .limit(limit)
    )
    rows = list(readable(session.connection().execute(query), _saved))
    papers = by_keys(session, {key for key, *_ in rows})
    found: dict[int, ReaderPaper] = {}
    for key, at, tags, note in rows:
        if paper := papers.get(key):
            before = found.get(paper.key) or ReaderPaper(paper, at)
            notes = (before.note, note) if note not in before.note else (before.note,)
            found[paper.key] = replace(
                before, tags=tuple(dict.fromkeys((*before.tags, *tags))), note="\n".join(filter(None, notes))
            )
    return list(found.values())


def _saved(row: core.Record) -> tuple[int, datetime, tuple[str, ...], str]:
    return row.paper, from_us(row.at_us), tuple(map(str, row.tags or ())), row.note or ""


def annotate(session: Session, subscriber: int, papers: Collection[int], tags: Sequence[str], note: str) -> bool:
    """Replace tags and note of a saved paper, under all its row numbers; return False if it is not saved."""
    change = update(core.feedback).where(*_saved_by(subscriber), _F.paper.in_(papers))
    return session.connection().execute(change.values(tags=list(tags) or None, note=note or None)).rowcount > 0


def papers_of_reader(session: Session, subscriber: int) -> set[int]:
    """Return the papers that a subscriber was sent or has saved, by row number; the newest OWN_MAX."""
    keys = set(session.connection().execute(select(_F.paper).where(*_saved_by(subscriber))).scalars())
    for sent in seen_papers.of(session, [subscriber]).values():
        keys.update(sent.tolist())
    newest = sorted(keys, reverse=True)[:OWN_MAX]
    became = merged_into(session, newest)
    return {became.get(key, key) for key in newest}


def saved_after(session: Session, subscriber: int, number: int, limit: int) -> list[tuple[int, Paper]]:
    """Return the papers saved after an event, with the numbers of the events, oldest first."""
    query = select(_F.id, _F.paper).where(*_saved_by(subscriber), _F.id > number).order_by(_F.id).limit(limit)
    rows = list(session.connection().execute(query))
    papers = by_keys(session, {row.paper for row in rows})
    return [(row.id, papers[row.paper]) for row in rows if row.paper in papers]


def _saved_by(subscriber: int) -> tuple[core.Condition, ...]:
    return _F.subscriber_id == subscriber, _F.verdict == Verdict.SAVED, _F.undone_us.is_(None)


def newest_event(session: Session, subscriber: int) -> int:
    """Return the number of the newest verdict of a subscriber; 0 without any."""
    query = select(func.max(_F.id)).where(_F.subscriber_id == subscriber)
    return session.connection().execute(query).scalar() or 0


def recent_picks(session: Session, subscriber: int) -> list[tuple[Paper, Pick, datetime]]:
    """Return the picks of the newest sent digests and programmes with the time of planning."""
    query = (
        select(_D.picks, _D.history)
        .where(_D.subscriber_id == subscriber, _D.kind.in_(sorted(PICKED)), _D.state.in_(SENT))
        .order_by(_D.id.desc())
        .limit(DIGESTS_MAX)
    )
    digests = [
        (readable_picks(row.picks), from_us(planned_us(row.history))) for row in session.connection().execute(query)
    ]
    papers = by_keys(session, {pick.paper for picks, _ in digests for pick in picks})
    return [(papers[pick.paper], pick, at) for picks, at in digests for pick in picks if pick.paper in papers]


def saved_link_version(session: Session, subscriber: int) -> int:
    return int(session.connection().execute(_LINK_VERSION, {"who": subscriber}).scalar() or 0)


_LINK_VERSION = select(_E.version).where(_E.subscriber_id == bindparam("who"))


def renew_saved_link(session: Session, subscriber: int) -> int:
    """Invalidate all secret links so far and return the new version."""
    session.connection().execute(
        select(core.subscriber.c.id).where(core.subscriber.c.id == subscriber).with_for_update()
    )
    now = saved_link_version(session, subscriber) + 1
    row = {"subscriber_id": subscriber, "version": now}
    if now == 1:
        session.connection().execute(insert(core.saved_list_link).values(row))
    else:
        session.connection().execute(update(core.saved_list_link).where(_E.subscriber_id == subscriber).values(row))
    return now
