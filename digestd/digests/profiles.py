"""Profiles of a shard: stored ones that are still valid, and newly compiled ones.

A stored profile is valid while the subscriber's interests, the text model and the texts of the papers they name are
unchanged. A reference counts by its own text until a source reports the paper.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from digestd.digests.planning_day import PlanningDay
from digestd.digests.seed_reader import NamedPaper, NamedPapers, find_seeds
from digestd.domain.interest import Interest, Kind
from digestd.domain.paper import PaperId
from digestd.ranking.compiler import FORM, ProfileInput, compile_records
from digestd.ranking.profile import Profiles, read_profiles
from digestd.store import encodings, profiles, references
from digestd.store.due import DueSubscriber
from digestd.store.interests import for_ranking
from digestd.store.profiles import StoredProfile

NO_SUBSCRIBER = 0
"""A key that no subscriber has."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledProfiles:
    """The `profiles` of a shard; the known papers that each names; those `made` anew, to be stored."""

    profiles: Profiles
    named: Sequence[Sequence[NamedPaper]]
    made: Mapping[int, StoredProfile]


def read_shard_profiles(session: Session, day: PlanningDay, subscribers: Sequence[DueSubscriber]) -> CompiledProfiles:
    """Return the profiles of these subscribers against the day."""
    model = _made_by(day)
    usable = {due.key: due.profile for due in subscribers if due.profile and due.profile.model == model}
    own = references.of_interests(session, [due.key for due in subscribers])
    shelf = find_seeds(session, day.seed_reader, {key: kept.papers for key, kept in usable.items()}, own)
    holding = {key: kept for key, kept in usable.items() if _current(key, kept, shelf)}
    fresh = [due for due in subscribers if due.key not in holding]
    interests = for_ranking(session, [due.key for due in fresh]) if fresh else {}
    shelf = shelf.joined(
        find_seeds(session, day.seed_reader, {key: _names(each) for key, each in interests.items()}, own)
    )
    made = _made(day, fresh, interests, shelf)
    kept = [(due.key, holding.get(due.key) or made[due.key]) for due in subscribers]
    named = [[found for name in one.papers if (found := shelf.find(key, name))] for key, one in kept]
    profiles = read_profiles(
        [one.record for _, one in kept], [[one.seed for one in each] for each in named], day.candidates
    )
    return CompiledProfiles(profiles, named, made)


def _current(subscriber: int, kept: StoredProfile, shelf: NamedPapers) -> bool:
    """Return True if the papers are still read as they were."""
    return not kept.papers or [shelf.revision(subscriber, name) for name in kept.papers] == list(kept.revisions)


def _made(
    day: PlanningDay,
    subscribers: Sequence[DueSubscriber],
    interests: Mapping[int, tuple[Interest, ...]],
    shelf: NamedPapers,
) -> dict[int, StoredProfile]:
    """Compile the profiles of these subscribers."""
    inputs = [_wants(due.key, interests.get(due.key, ()), shelf) for due in subscribers]
    records = compile_records(inputs, day.candidates) if inputs else []
    return {
        due.key: _kept(day, (due.key, due.wants), profile_input, record, shelf)
        for due, profile_input, record in zip(subscribers, inputs, records, strict=True)
    }


def compile_new(
    session: Session, day: PlanningDay, interests: tuple[Interest, ...]
) -> tuple[StoredProfile, tuple[PaperId, ...]]:
    """Return the profile for these interests without a subscriber, and the papers they name that are unknown."""
    shelf = find_seeds(session, day.seed_reader, {NO_SUBSCRIBER: _names(interests)}, {})
    profile_input = _wants(NO_SUBSCRIBER, interests, shelf)
    kept = _kept(day, (NO_SUBSCRIBER, 0), profile_input, compile_records([profile_input], day.candidates)[0], shelf)
    return kept, tuple(name for name in _names(interests) if shelf.find(NO_SUBSCRIBER, name) is None)


def _wants(subscriber: int, interests: tuple[Interest, ...], shelf: NamedPapers) -> ProfileInput:
    found = {name: shelf.find(subscriber, name) for name in _names(interests)}
    return ProfileInput(interests, {name: named.seed for name, named in found.items() if named})


def _kept(
    day: PlanningDay, whose: tuple[int, int], profile_input: ProfileInput, record: bytes, shelf: NamedPapers
) -> StoredProfile:
    """Return a compiled profile to be kept; `whose`: the subscriber and the number of what they want."""
    subscriber, number = whose
    papers = list(dict.fromkeys([*profile_input.named(), *_names(profile_input.interests)]))
    return StoredProfile(_made_by(day), number, papers, [shelf.revision(subscriber, name) for name in papers], record)


def _made_by(day: PlanningDay) -> str:
    return f"{FORM}:{day.candidates.model.version}"


def _names(interests: Iterable[Interest]) -> list[PaperId]:
    return [PaperId(interest.value) for interest in interests if interest.kind is Kind.PAPER]


def store_compiled(session: Session, day: PlanningDay, made: Mapping[int, StoredProfile]) -> None:
    """Store profiles compiled for these subscribers, and the term counts read for them."""
    profiles.upsert(session, made)
    encodings.upsert(session, day.candidates.model.version, day.seed_reader.new_terms)
    references.store_derived(session, day.seed_reader.new_references)
    day.seed_reader.new_terms.clear()
    day.seed_reader.new_references.clear()
