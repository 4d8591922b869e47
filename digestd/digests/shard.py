"""Rank a shard: a few hundred subscribers together, for one day.

Their stored profiles are read and the missing ones compiled. A stored profile is valid while the subscriber's
interests, the text model and the texts of the papers they name are unchanged. A reference is read by its own text until
a source reports the paper.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import numpy as np
from sqlmodel import Session

from digestd.digests.planning_day import WEEKLY_SLACK, PlanningDay
from digestd.digests.saved_news import ShardNews, read_news
from digestd.digests.seed_reader import NamedPapers, SeedPaper, find_seeds
from digestd.digests.selection import RankedCandidates
from digestd.domain.digest import WINDOW
from digestd.domain.interest import Interest, Kind
from digestd.domain.paper import PaperId
from digestd.domain.subscriber import MinScore
from digestd.ranking.arrays import Bools, Floats
from digestd.ranking.calibration import MIN_SCORES, log_odds_of
from digestd.ranking.compiler import RECORD_FORMAT, ProfileInput, compile_records
from digestd.ranking.dense import Encoder
from digestd.ranking.fusion import score
from digestd.ranking.profile import Profiles, read_profiles
from digestd.store import groups, references
from digestd.store.due import DueSubscriber
from digestd.store.groups import SharedInterest
from digestd.store.interests import for_ranking
from digestd.store.ledger import queries
from digestd.store.ranking import text_models
from digestd.store.ranking.profiles import CompiledBy, StoredProfile, store_profiles, stored_profiles
from digestd.store.references import StoredReference

MAX_REFERENCES = 10_000
"""References of a shard held in memory, up to 10 kB each; a single subscriber may have more."""
NO_SUBSCRIBER = 0
"""A row number that no subscriber has."""
OwnReferences = Mapping[int, Mapping[PaperId, StoredReference]]
"""References by subscriber and name."""


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """n subscribers × m papers; all arrays are (n, m).

    Attributes:
        open: In the window.
        unseen: Not in an earlier digest.
        own: Named by the subscriber, so they know it already.
        eligible: Papers over which z-scores are computed.
        allowed: Not muted.
        in_categories: In a chosen category, for subscribers who want no other.
        compiled: Newly compiled profiles, by subscriber.
        shared: The interests that subscribers have by their groups.
        recommended: Row numbers of papers that their colleagues liked or saved.
        unanswered: Those whose newest digest is empty because no source answered.
        news: Of the papers that they saved.
    """

    subscribers: Sequence[DueSubscriber]
    ranked: RankedCandidates
    open: Bools
    unseen: Bools
    own: Bools
    eligible: Bools
    allowed: Bools
    in_categories: Bools
    compiled: Mapping[int, StoredProfile]
    shared: Mapping[int, Sequence[SharedInterest]] = field(default_factory=dict)
    recommended: Mapping[int, Set[int]] = field(default_factory=dict)
    unanswered: Set[int] = frozenset()
    news: ShardNews = ShardNews()  # noqa: RUF009  # immutable


def rank_shard(session: Session, day: PlanningDay, subscribers: Sequence[DueSubscriber]) -> Shard:
    """Score the day's papers for each subscriber of a shard."""
    keys = [due.key for due in subscribers]
    recommended = groups.recommended(session, keys, day.now - WINDOW - WEEKLY_SLACK, day.now)
    shard = _rank(day, subscribers, read_shard_profiles(session, day, subscribers), recommended)
    waiting = [due.key for due in subscribers if due.was_empty]
    return replace(
        shard,
        shared=groups.interests(session, keys),
        unanswered=queries.unanswered(session, waiting),
        news=read_news(session, keys),
    )


def rank_alone(
    session: Session,
    day: PlanningDay,
    due: DueSubscriber,
    interests: tuple[Interest, ...],
    own: Mapping[PaperId, StoredReference],
) -> tuple[Shard, tuple[PaperId, ...]]:
    """Score the day's papers for these interests instead of those of a subscriber, without groups.

    The database is asked only for the papers that they name; those that are unknown are returned too.

    `own`: references that the interests name.
    """
    key, names = due.key, _names(interests)
    named_papers = find_seeds(session, day.seed_reader, {key: names}, {key: own})
    profile_input = _profile_input(key, interests, named_papers)
    known = [named_papers.find(key, name) for name in dict.fromkeys([*profile_input.named(), *names])]
    named = [paper for paper in known if paper]
    profiles = read_profiles(
        compile_records([profile_input], day.candidates), [[paper.seed for paper in named]], day.candidates
    )
    unknown = tuple(name for name in names if named_papers.find(key, name) is None)
    return _rank(day, [due], CompiledProfiles(profiles, [named], {}), {}), unknown


def _rank(
    day: PlanningDay,
    subscribers: Sequence[DueSubscriber],
    shard_profiles: "CompiledProfiles",
    recommended: Mapping[int, Set[int]],
) -> Shard:
    is_open, fresh = day.windows(subscribers)
    unseen = day.unseen([due.had for due in subscribers])
    own = day.among([[named.key for named in each] for each in shard_profiles.named])
    eligible = is_open & unseen & ~own
    scores = score(day.candidates, shard_profiles.profiles, eligible)
    liked = [recommended.get(due.key, ()) for due in subscribers]
    fresh = _raise_recommended(day, liked, scores.relevance, fresh)
    in_categories = _in_categories(
        shard_profiles.profiles, [due.preferences.only_categories for due in subscribers], len(day.candidates)
    )
    return Shard(
        subscribers=subscribers,
        ranked=RankedCandidates(
            profiles=shard_profiles.profiles,
            total=scores.total,
            relevance=scores.relevance,
            fresh=fresh,
            open=eligible & scores.allowed & in_categories,
            log_odds=log_odds_of(scores.relevance),
        ),
        open=is_open,
        unseen=unseen,
        own=own,
        eligible=eligible,
        allowed=scores.allowed,
        in_categories=in_categories,
        compiled=shard_profiles.new,
        recommended=recommended,
    )


@dataclass(frozen=True, slots=True, eq=False)
class CompiledProfiles:
    """The profiles of a shard.

    Attributes:
        named: The known papers that each profile names.
        new: Newly compiled profiles by subscriber, to be stored.
    """

    profiles: Profiles
    named: Sequence[Sequence[SeedPaper]]
    new: Mapping[int, StoredProfile]


def read_shard_profiles(session: Session, day: PlanningDay, subscribers: Sequence[DueSubscriber]) -> CompiledProfiles:
    """Return the profiles of these subscribers against the day."""
    wants = {due.key: due.wants for due in subscribers}
    usable = stored_profiles(session, _compiled_by(day), wants)
    own = _references(session, day, wants)
    named_papers = find_seeds(session, day.seed_reader, {key: stored.papers for key, stored in usable.items()}, own)
    current = {key: stored for key, stored in usable.items() if _is_current(key, stored, named_papers)}
    compiled, newly_named = _compile(
        session, day, {key: version for key, version in wants.items() if key not in current}, own
    )
    named_papers = named_papers.joined(newly_named)
    in_order = [(due.key, current.get(due.key) or compiled[due.key]) for due in subscribers]
    named = [[found for name in one.papers if (found := named_papers.find(key, name))] for key, one in in_order]
    read = read_profiles(
        [one.record for _, one in in_order], [[one.seed for one in each] for each in named], day.candidates
    )
    return CompiledProfiles(read, named, compiled)


def compile_stored_profiles(session: Session, day: PlanningDay, wants: Mapping[int, int]) -> dict[int, StoredProfile]:
    """Return the profiles of subscribers, given with the versions of their interests. The day needs no papers."""
    return _compile(session, day, wants, _references(session, day, wants))[0]


def store_compiled(session: Session, day: PlanningDay, compiled: Mapping[int, StoredProfile]) -> None:
    """Store compiled profiles, and the term counts read for them."""
    store_profiles(session, compiled)
    text_models.store_encodings(session, day.candidates.model.version, day.seed_reader.new_terms)
    references.store_derived(session, day.seed_reader.new_references)
    day.seed_reader.new_terms.clear()
    day.seed_reader.new_references.clear()


def _is_current(subscriber: int, stored: StoredProfile, named_papers: NamedPapers) -> bool:
    return not stored.papers or [named_papers.revision(subscriber, name) for name in stored.papers] == list(
        stored.revisions
    )


def _references(session: Session, day: PlanningDay, subscribers: Iterable[int]) -> OwnReferences:
    return references.of_interests(session, list(subscribers), day.candidates.model.version)


def _compile(
    session: Session, day: PlanningDay, wants: Mapping[int, int], own: OwnReferences
) -> tuple[dict[int, StoredProfile], NamedPapers]:
    """Compile the profiles of these subscribers; also return the papers that they name."""
    interests = for_ranking(session, list(wants)) if wants else {}
    named_papers = find_seeds(session, day.seed_reader, {key: _names(each) for key, each in interests.items()}, own)
    inputs = [_profile_input(key, interests.get(key, ()), named_papers) for key in wants]
    records = compile_records(inputs, day.candidates) if inputs else []
    compiled = {
        key: _stored(day, (key, version), profile_input, record, named_papers)
        for (key, version), profile_input, record in zip(wants.items(), inputs, records, strict=True)
    }
    return compiled, named_papers


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


def _compiled_by(day: PlanningDay) -> CompiledBy:
    return compiled_by(day.candidates.model.version, day.candidates.space.encoder)


def compiled_by(model: str, encoder: Encoder) -> CompiledBy:
    """Return what a record depends on besides the subscriber: text model, record format and dense model."""
    return CompiledBy(model, f"{RECORD_FORMAT}:{encoder.version}")


def _names(interests: Iterable[Interest]) -> list[PaperId]:
    return [PaperId(interest.value) for interest in interests if interest.kind is Kind.PAPER]


def _in_categories(profiles: Profiles, only: Sequence[bool], papers: int) -> Bools:
    """Return the papers in chosen collections or by followed authors, for subscribers who want no others."""
    restricted = np.array(only, dtype=np.bool_)
    found = np.repeat(~restricted[:, None], papers, axis=1)
    if restricted.any():
        for named in (profiles.collections, profiles.authors):
            found[named.cells.rows, named.cells.columns] = True
    return found


def _raise_recommended(day: PlanningDay, papers: Sequence[Iterable[int]], relevance: Floats, fresh: Bools) -> Bools:
    """Make papers relevant that colleagues recommend to n subscribers, and return them as new (n, m).

    Their scores stay, so they displace no paper that matches better. `relevance` (n, m) is changed.
    """
    cells = [(i, day.places[key]) for i, keys in enumerate(papers) for key in keys if key in day.places]
    if not cells:
        return fresh
    rows, columns = np.array(cells, dtype=np.intp).T
    relevance[rows, columns] = np.maximum(relevance[rows, columns], np.float32(MIN_SCORES[MinScore.HIGH]))
    fresh = fresh.copy()
    fresh[rows, columns] = True
    return fresh
