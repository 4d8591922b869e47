"""The profiles of a shard: those kept that still hold, and the others compiled anew.

A kept profile holds while the subscriber's wants, the text model, and the texts of the papers they name are what
they were; the number of the wants is compared where it is read. A reference of theirs counts by its own words until a
source brings the paper.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from digestd.domain.interest import Interest, Kind
from digestd.domain.paper import PaperId
from digestd.plan.day import Day
from digestd.plan.seeds import Named, Shelf, shelf_of
from digestd.ranking.compiler import FORM, Wants, compile_records
from digestd.ranking.profile import Profiles, read_profiles
from digestd.store import encodings, profiles, references
from digestd.store.due import DueSubscriber
from digestd.store.interests import for_ranking
from digestd.store.profiles import StoredProfile

NOBODY = 0
"""No subscriber has this key."""


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """The `profiles` of a shard; of each, the papers named that are known; those `made` anew, to be kept."""

    profiles: Profiles
    named: Sequence[Sequence[Named]]
    made: Mapping[int, StoredProfile]


def compiled(session: Session, day: Day, subscribers: Sequence[DueSubscriber]) -> Compiled:
    """The profiles of these subscribers before the day."""
    model = _made_by(day)
    usable = {due.key: due.profile for due in subscribers if due.profile and due.profile.model == model}
    own = references.of_interests(session, [due.key for due in subscribers])
    shelf = shelf_of(session, day.readings, {key: kept.papers for key, kept in usable.items()}, own)
    holding = {key: kept for key, kept in usable.items() if _current(key, kept, shelf)}
    fresh = [due for due in subscribers if due.key not in holding]
    interests = for_ranking(session, [due.key for due in fresh]) if fresh else {}
    shelf = shelf.joined(shelf_of(session, day.readings, {key: _names(each) for key, each in interests.items()}, own))
    made = _made(day, fresh, interests, shelf)
    kept = [(due.key, holding.get(due.key) or made[due.key]) for due in subscribers]
    named = [[found for name in one.papers if (found := shelf.find(key, name))] for key, one in kept]
    profiles = read_profiles([one.record for _, one in kept], [[one.seed for one in each] for each in named], day.pool)
    return Compiled(profiles, named, made)


def _current(subscriber: int, kept: StoredProfile, shelf: Shelf) -> bool:
    """Return True if the papers are still read as they were."""
    return not kept.papers or [shelf.revision(subscriber, name) for name in kept.papers] == list(kept.revisions)


def _made(
    day: Day, subscribers: Sequence[DueSubscriber], interests: Mapping[int, tuple[Interest, ...]], shelf: Shelf
) -> dict[int, StoredProfile]:
    """Compile the profiles of these subscribers."""
    wants = [_wants(due.key, interests.get(due.key, ()), shelf) for due in subscribers]
    records = compile_records(wants, day.pool) if wants else []
    return {
        due.key: _kept(day, (due.key, due.wants), want, record, shelf)
        for due, want, record in zip(subscribers, wants, records, strict=True)
    }


def compile_new(
    session: Session, day: Day, interests: tuple[Interest, ...]
) -> tuple[StoredProfile, tuple[PaperId, ...]]:
    """The profile of somebody who wants this and is no subscriber, and the papers they name that are not known."""
    shelf = shelf_of(session, day.readings, {NOBODY: _names(interests)}, {})
    want = _wants(NOBODY, interests, shelf)
    kept = _kept(day, (NOBODY, 0), want, compile_records([want], day.pool)[0], shelf)
    return kept, tuple(name for name in _names(interests) if shelf.find(NOBODY, name) is None)


def _wants(subscriber: int, interests: tuple[Interest, ...], shelf: Shelf) -> Wants:
    found = {name: shelf.find(subscriber, name) for name in _names(interests)}
    return Wants(interests, {name: named.seed for name, named in found.items() if named})


def _kept(day: Day, whose: tuple[int, int], want: Wants, record: bytes, shelf: Shelf) -> StoredProfile:
    """Return a compiled profile to be kept; `whose`: the subscriber and the number of what they want."""
    subscriber, number = whose
    papers = list(dict.fromkeys([*want.named(), *_names(want.interests)]))
    return StoredProfile(_made_by(day), number, papers, [shelf.revision(subscriber, name) for name in papers], record)


def _made_by(day: Day) -> str:
    return f"{FORM}:{day.pool.model.version}"


def _names(interests: Iterable[Interest]) -> list[PaperId]:
    return [PaperId(interest.value) for interest in interests if interest.kind is Kind.PAPER]


def keep_compiled(session: Session, day: Day, made: Mapping[int, StoredProfile]) -> None:
    """Keep what was compiled for these subscribers, and what has been read for it so far."""
    profiles.upsert(session, made)
    encodings.upsert(session, day.pool.model.version, day.readings.made)
    references.store_derived(session, day.readings.made_private)
    day.readings.made.clear()
    day.readings.made_private.clear()
