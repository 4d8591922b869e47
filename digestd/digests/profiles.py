"""Read the stored profiles of a shard and compile the missing ones.

A stored profile is valid while the subscriber's interests, the text model and the texts of the papers they name are
unchanged. A reference is read by its own text until a source reports the paper.
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
"""A row number that no subscriber has."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledProfiles:
    """The `profiles` of a shard; the known papers that each names.

    Newly compiled ones (`made`), to be stored.
    """

    profiles: Profiles
    named: Sequence[Sequence[NamedPaper]]
    made: Mapping[int, StoredProfile]


def read_shard_profiles(session: Session, day: PlanningDay, subscribers: Sequence[DueSubscriber]) -> CompiledProfiles:
    """Return the profiles of these subscribers against the day."""
    model = _compiled_by(day)
    usable = {due.key: due.profile for due in subscribers if due.profile and due.profile.model == model}
    own = references.of_interests(session, [due.key for due in subscribers])
    named_papers = find_seeds(session, day.seed_reader, {key: stored.papers for key, stored in usable.items()}, own)
    current = {key: stored for key, stored in usable.items() if _is_current(key, stored, named_papers)}
    fresh = [due for due in subscribers if due.key not in current]
    interests = for_ranking(session, [due.key for due in fresh]) if fresh else {}
    named_papers = named_papers.joined(
        find_seeds(session, day.seed_reader, {key: _names(each) for key, each in interests.items()}, own)
    )
    made = _compile(day, fresh, interests, named_papers)
    kept = [(due.key, current.get(due.key) or made[due.key]) for due in subscribers]
    named = [[found for name in one.papers if (found := named_papers.find(key, name))] for key, one in kept]
    profiles = read_profiles(
        [one.record for _, one in kept], [[one.seed for one in each] for each in named], day.candidates
    )
    return CompiledProfiles(profiles, named, made)


def _is_current(subscriber: int, stored: StoredProfile, named_papers: NamedPapers) -> bool:
    """Return True if the papers that a profile names have not changed."""
    return not stored.papers or [named_papers.revision(subscriber, name) for name in stored.papers] == list(
        stored.revisions
    )


def _compile(
    day: PlanningDay,
    subscribers: Sequence[DueSubscriber],
    interests: Mapping[int, tuple[Interest, ...]],
    named_papers: NamedPapers,
) -> dict[int, StoredProfile]:
    """Compile the profiles of these subscribers."""
    inputs = [_profile_input(due.key, interests.get(due.key, ()), named_papers) for due in subscribers]
    records = compile_records(inputs, day.candidates) if inputs else []
    return {
        due.key: _stored(day, (due.key, due.wants), profile_input, record, named_papers)
        for due, profile_input, record in zip(subscribers, inputs, records, strict=True)
    }


def compile_new(
    session: Session, day: PlanningDay, interests: tuple[Interest, ...]
) -> tuple[StoredProfile, tuple[PaperId, ...]]:
    """Return the profile for these interests without a subscriber, and the papers they name that are unknown."""
    named_papers = find_seeds(session, day.seed_reader, {NO_SUBSCRIBER: _names(interests)}, {})
    profile_input = _profile_input(NO_SUBSCRIBER, interests, named_papers)
    kept = _stored(
        day, (NO_SUBSCRIBER, 0), profile_input, compile_records([profile_input], day.candidates)[0], named_papers
    )
    return kept, tuple(name for name in _names(interests) if named_papers.find(NO_SUBSCRIBER, name) is None)


def _profile_input(subscriber: int, interests: tuple[Interest, ...], named_papers: NamedPapers) -> ProfileInput:
    found = {name: named_papers.find(subscriber, name) for name in _names(interests)}
    return ProfileInput(interests, {name: named.seed for name, named in found.items() if named})


def _stored(
    day: PlanningDay, whose: tuple[int, int], profile_input: ProfileInput, record: bytes, named_papers: NamedPapers
) -> StoredProfile:
    """Return a compiled profile to be stored.

    `whose`: the subscriber and the version of their interests.
    """
    subscriber, version = whose
    papers = list(dict.fromkeys([*profile_input.named(), *_names(profile_input.interests)]))
    return StoredProfile(
        _compiled_by(day), version, papers, [named_papers.revision(subscriber, name) for name in papers], record
    )


def _compiled_by(day: PlanningDay) -> str:
    return f"{FORM}:{day.candidates.model.version}"


def _names(interests: Iterable[Interest]) -> list[PaperId]:
    return [PaperId(interest.value) for interest in interests if interest.kind is Kind.PAPER]


def store_compiled(session: Session, day: PlanningDay, made: Mapping[int, StoredProfile]) -> None:
    """Store compiled profiles, and the term counts read for them."""
    profiles.upsert(session, made)
    encodings.upsert(session, day.candidates.model.version, day.seed_reader.new_terms)
    references.store_derived(session, day.seed_reader.new_references)
    day.seed_reader.new_terms.clear()
    day.seed_reader.new_references.clear()
