"""The papers of somebody's own references, as papers they like."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from digestd.domain.interest import Interest, Kind, Wish
from digestd.domain.paper import PaperId
from digestd.errors import NotFound
from digestd.store import subscribers
from digestd.store.database import Database
from digestd.subscribe.record import ITEMS_MAX


@dataclass(frozen=True, slots=True)
class Liked:
    """What became of the papers: now liked; liked or disliked before, and left so; beyond what one list holds."""

    added: tuple[PaperId, ...]
    unchanged: tuple[PaperId, ...]
    beyond: tuple[PaperId, ...]


def like(db: Database, subscriber: int, names: Sequence[PaperId], now: datetime) -> Liked:
    """Add liked papers, the first of `names` first, until the list is full. Raises NotFound."""
    with db.write() as session:
        known = subscribers.by_key(session, subscriber, lock=True)
        if known is None:
            raise NotFound(f"there is no subscriber number {subscriber}")
        own = {i.value: i.wish for i in known.interests if i.kind is Kind.PAPER}
        fresh = [name for name in dict.fromkeys(names) if name not in own]
        room = max(0, ITEMS_MAX[Kind.PAPER] - sum(wish is Wish.LIKED for wish in own.values()))
        added = tuple(fresh[:room])
        if added:
            likes = tuple(Interest(Kind.PAPER, name, Wish.LIKED) for name in added)
            subscribers.update_many(session, [replace(known, interests=(*known.interests, *likes))], now)
    return Liked(added, tuple(name for name in dict.fromkeys(names) if name in own), tuple(fresh[room:]))
