"""The profiles of a shard: those kept that still hold, and the others compiled anew.

A kept profile holds while the subscriber's wants, the text model, and the texts of the papers they name are what
they were; the number of the wants is compared where it is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from digestd.domain.interest import Interest, Kind
from digestd.domain.paper import PaperId
from digestd.plan.day import Day
from digestd.plan.seeds import Named
from digestd.ranking.compiler import FORM, Wants, compile_records
from digestd.ranking.profile import Profiles, read_profiles
from digestd.store import encodings, profiles
from digestd.store.due import Due, wants_of
from digestd.store.profiles import Kept


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """The `profiles` of a shard; of each, the papers named that are known; those `made` anew, to be kept."""

    profiles: Profiles
    named: Sequence[Sequence[Named]]
    made: Mapping[int, Kept]


def compiled(session: Session, day: Day, subscribers: Sequence[Due]) -> Compiled:
    """The profiles of these subscribers before the day."""
    model = _made_by(day)
    usable = {due.key: due.profile for due in subscribers if due.profile and due.profile.model == model}
    known = day.readings.of(session, (name for kept in usable.values() for name in kept.papers))
    holding = {key: kept for key, kept in usable.items() if _current(kept, known)}
    made = _made(session, day, [due for due in subscribers if due.key not in holding], known)
    kept = [holding.get(due.key) or made[due.key] for due in subscribers]
    named = [[known[name] for name in one.papers if name in known] for one in kept]
    profiles = read_profiles([one.record for one in kept], [[one.seed for one in each] for each in named], day.pool)
    return Compiled(profiles, named, made)


def _current(kept: Kept, known: Mapping[PaperId, Named]) -> bool:
    """Whether the papers are still read as they were."""
    return not kept.papers or [_revision(name, known) for name in kept.papers] == list(kept.revisions)


def _revision(name: PaperId, known: Mapping[PaperId, Named]) -> int:
    found = known.get(name)
    return found.revision if found else 0


def _made(session: Session, day: Day, subscribers: Sequence[Due], known: dict[PaperId, Named]) -> dict[int, Kept]:
    """Compile the profiles of these; the papers they name are added to those known."""
    if not subscribers:
        return {}
    interests = wants_of(session, [due.key for due in subscribers])
    asked = [interests.get(due.key, ()) for due in subscribers]
    known |= day.readings.of(session, (name for each in asked for name in _names(each)))
    wants = [_wants(each, known) for each in asked]
    records = compile_records(wants, day.pool)
    return {
        due.key: _kept(day, due.wants, want, record, known)
        for due, want, record in zip(subscribers, wants, records, strict=True)
    }


def compile_new(session: Session, day: Day, interests: tuple[Interest, ...]) -> tuple[Kept, tuple[PaperId, ...]]:
    """The profile of somebody who wants this and is no subscriber, and the papers they name that are not known."""
    known = day.readings.of(session, _names(interests))
    want = _wants(interests, known)
    kept = _kept(day, 0, want, compile_records([want], day.pool)[0], known)
    return kept, tuple(name for name in _names(interests) if name not in known)


def _wants(interests: tuple[Interest, ...], known: Mapping[PaperId, Named]) -> Wants:
    return Wants(interests, {name: known[name].seed for name in _names(interests) if name in known})


def _kept(day: Day, number: int, want: Wants, record: bytes, known: Mapping[PaperId, Named]) -> Kept:
    papers = list(dict.fromkeys([*want.named(), *_names(want.interests)]))
    return Kept(_made_by(day), number, papers, [_revision(name, known) for name in papers], record)


def _made_by(day: Day) -> str:
    return f"{FORM}:{day.pool.model.version}"


def _names(interests: Iterable[Interest]) -> list[PaperId]:
    return [PaperId(interest.value) for interest in interests if interest.kind is Kind.PAPER]


def keep_compiled(session: Session, day: Day, made: Mapping[int, Kept]) -> None:
    """Keep what was compiled for these subscribers, and what has been read for it so far."""
    profiles.keep(session, made)
    encodings.keep(session, day.pool.model.version, day.readings.made)
    day.readings.made.clear()
