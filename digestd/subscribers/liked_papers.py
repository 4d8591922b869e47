"""Like the papers of somebody's own references."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import PaperId
from digestd.domain.reference import Reference
from digestd.errors import NotFound
from digestd.store import references, subscribers
from digestd.store.database import Database
from digestd.subscribers.subscriber_record import ITEMS_MAX


@dataclass(frozen=True, slots=True)
class LikeReport:
    """References by outcome: now liked; liked or disliked before and left so; beyond what one list holds."""

    added: tuple[PaperId, ...]
    unchanged: tuple[PaperId, ...]
    beyond: tuple[Reference, ...]


def add_likes(db: Database, subscriber: int, brought: Sequence[Reference], now: datetime) -> LikeReport:
    """Add liked papers, the first of `brought` first, until the list is full. Raises NotFound.

    The like is of the public paper where a source has reported an identifier of it; else the words of the reference are
    kept with the subscriber, and with nobody else.
    """
    with db.write() as session:
        known = subscribers.by_key(session, subscriber, lock=True)
        if known is None:
            raise NotFound(f"there is no subscriber number {subscriber}")
        own = {PaperId(i.value): i.stance for i in known.interests if i.kind is Kind.PAPER}
        public = references.public_names(session, brought)
        named = _by_name(brought, public, own)
        fresh = [name for name in named if name not in own]
        room = max(0, ITEMS_MAX[Kind.PAPER] - sum(wish is Stance.LIKED for wish in own.values()))
        added, beyond = tuple(fresh[:room]), fresh[room:]
        counting = own.keys() | set(added)
        kept = [replace(one, name=name) for name, one in named.items() if name in counting and one.name not in public]
        references.store(session, subscriber, kept, now)
        if added:
            likes = tuple(Interest(Kind.PAPER, name, Stance.LIKED) for name in added)
            subscribers.update_many(session, [replace(known, interests=(*known.interests, *likes))], now)
    return LikeReport(added, tuple(name for name in named if name in own), tuple(named[name] for name in beyond))


def _by_name(
    brought: Sequence[Reference], public: Mapping[PaperId, PaperId], own: Collection[PaperId]
) -> dict[PaperId, Reference]:
    """Return the references by the name of their like, each once, in the order given.

    That is the name of a like there is, else the public paper's, else the reference's.
    """
    found: dict[PaperId, Reference] = {}
    for reference in brought:
        name = public.get(reference.name, reference.name)
        found.setdefault(next((one for one in (name, *reference.ids) if one in own), name), reference)
    return found
