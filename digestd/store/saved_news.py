"""The revisions that subscribers know of the papers they saved, and those that are newer.

What a subscriber knows is the revision that was current when they saved the paper, or the one that a digest told of.
Revisions move with their paper when it is merged, so the paper is the one that the known revision belongs to now.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, exists, func, select, update
from sqlmodel import Session

from digestd.domain.interest import Verdict
from digestd.store import core

CHANGED_MAX = 50
"""Changed papers of one subscriber that are compared at a time, withdrawn ones first, then by newest change."""
_F, _P, _R, _C = core.feedback.c, core.paper.c, core.revision.c, core.chat_target.c


class ChangedPaper(NamedTuple):
    """A saved paper with a newer revision. `saved`: the number of the event; `known`, `current`: revisions."""

    subscriber: int
    saved: int
    known: int
    current: int


def changed(session: Session, subscribers: Sequence[int]) -> list[ChangedPaper]:
    """Return the saved papers of these subscribers that have changed since, in order of importance.

    Those whose digests go to a chat room have none, because others read along.
    """
    place = func.row_number().over(
        partition_by=_F.subscriber_id, order_by=(_P.withdrawn.desc(), _P.revision_id.desc(), _F.id)
    )
    found = (
        select(_F.subscriber_id, _F.id, _F.known_revision, _P.revision_id, place.label("place"))
        .join_from(core.feedback, core.revision, _R.id == _F.known_revision)
        .join(core.paper, _P.id == _R.paper)
        .where(_F.subscriber_id.in_(subscribers), _F.verdict == Verdict.SAVED, _F.undone_us.is_(None))
        .where(_P.revision_id != _F.known_revision)
        .where(~exists().where(_C.subscriber_id == _F.subscriber_id))
        .subquery()
    )
    query = select(found).where(found.c.place <= CHANGED_MAX).order_by(found.c.subscriber_id, found.c.place)
    return [ChangedPaper(*row[:-1]) for row in session.connection().execute(query)]


def set_known(session: Session, revisions: Mapping[int, int]) -> None:
    """Set the revision that a subscriber knows, by the number of the event."""
    rows = [{"row": saved, "revision": revision} for saved, revision in sorted(revisions.items())]
    core.execute_many(session, _SET_KNOWN, rows)


_SET_KNOWN = update(core.feedback).where(_F.id == bindparam("row")).values(known_revision=bindparam("revision"))
