"""Test lookups of papers that subscribers named: private, fair, and remembered."""

from dataclasses import replace

import pytest

from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import PaperId
from digestd.domain.reference import SPACING, LookupState
from digestd.domain.subscriber import Cause, Status
from digestd.fetching.paper_lookup import RegistryReader
from digestd.papers.paper_import import import_papers
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.store import papers, personal_data, references, subscribers
from digestd.store.database import Database
from digestd.subscribers.named_papers import named_papers
from digestd.subscribers.paper_lookups import look_up_due
from digestd.subscribers.subscriber_record import parse
from tests.lookups.registry_server import LAKES, PONDS, RIVERS, TITLES, Registries
from tests.papers.fetching import Clock


@pytest.fixture
def ada(db: Database, keys: Keys, clock: Clock) -> int:
    return _add(db, keys, clock, "ada@example.org", LAKES)


def _add(db: Database, keys: Keys, clock: Clock, email: str, *likes: str) -> int:
    key = address_key(keys, email)
    record = parse({"email": email, "likes": list(likes)})
    with db.write() as session:
        return subscribers.insert_many(session, {key: record.as_new}, Cause.CLI, clock())[key]


def _like(db: Database, clock: Clock, subscriber: int, *names: str) -> None:
    with db.write() as session:
        known = subscribers.by_key(session, subscriber, lock=True)
        assert known
        wants = tuple(Interest(Kind.PAPER, name, Stance.LIKED) for name in names)
        subscribers.update_many(session, [replace(known, interests=wants)], clock())


def _states(db: Database, subscriber: int) -> dict[PaperId, LookupState]:
    with db.read() as session:
        return references.lookup_states(session, subscriber)


def _titles(db: Database, subscriber: int) -> dict[PaperId, str]:
    with db.read() as session:
        return {name: one.words.title for name, one in references.of(session, subscriber).items()}


async def test_named_paper_becomes_private_reference(reader: RegistryReader, ada: int) -> None:
    assert _states(reader.db, ada) == {LAKES: LookupState.OPEN}
    assert await look_up_due(reader) == 1
    assert _titles(reader.db, ada) == {LAKES: TITLES[LAKES]}
    assert _states(reader.db, ada) == {}
    with reader.db.read() as session:
        assert papers.count(session) == 0
        assert papers.find(session, PaperId(LAKES)) is None


async def test_same_paper_is_asked_once_for_all(
    reader: RegistryReader, registries: Registries, ada: int, keys: Keys, clock: Clock
) -> None:
    bea = _add(reader.db, keys, clock, "bea@example.org", LAKES)
    await look_up_due(reader)
    assert len(registries.asked) == 1
    assert _titles(reader.db, ada) == _titles(reader.db, bea)


async def test_unknown_paper_is_asked_again_three_times(
    reader: RegistryReader, registries: Registries, ada: int, clock: Clock
) -> None:
    registries.has.clear()
    await look_up_due(reader)
    assert _states(reader.db, ada) == {LAKES: LookupState.UNKNOWN}
    tries = 1
    for _ in range(60):
        clock.forward(days=1)
        tries += await look_up_due(reader)
    assert tries == 4


async def test_silent_registry_is_asked_again_later(
    reader: RegistryReader, registries: Registries, ada: int, clock: Clock
) -> None:
    registries.down = 503
    await look_up_due(reader)
    assert _states(reader.db, ada) == {LAKES: LookupState.FAILED}
    assert await look_up_due(reader) == 0
    registries.down = 0
    clock.forward(hours=1)
    await look_up_due(reader)
    assert _titles(reader.db, ada) == {LAKES: TITLES[LAKES]}


async def test_long_list_does_not_keep_others_waiting(
    reader: RegistryReader, ada: int, keys: Keys, clock: Clock
) -> None:
    """Nor does a list whose entries are exchanged again and again."""
    db = reader.db
    _like(db, clock, ada, *(f"arxiv:2611.{n:05}" for n in range(100, 300)))
    _like(db, clock, ada, *(f"arxiv:2611.{n:05}" for n in range(300, 500)))
    _add(db, keys, clock, "bea@example.org", PONDS)
    with db.write() as session:
        claimed = references.claim_lookups(session, 1_000, clock() + SPACING)
    assert [one.name for one in claimed] == [PONDS]


async def test_known_papers_are_not_looked_up(reader: RegistryReader, keys: Keys, clock: Clock) -> None:
    db = reader.db
    import_papers(db, [f'{{"id": "{RIVERS}", "title": "Rivers flow"}}'.encode()], clock())
    cyd = _add(db, keys, clock, "cyd@example.org", RIVERS, "feed:0123456789abcdef")
    assert _states(db, cyd) == {}


async def test_paper_reported_meanwhile_is_not_looked_up(
    reader: RegistryReader, registries: Registries, ada: int, clock: Clock
) -> None:
    import_papers(reader.db, [f'{{"id": "{LAKES}", "title": "Lakes freeze"}}'.encode()], clock())
    await look_up_due(reader)
    assert (registries.asked, _states(reader.db, ada), _titles(reader.db, ada)) == ([], {}, {})


async def test_removed_interest_ends_its_lookup(reader: RegistryReader, ada: int, clock: Clock) -> None:
    _like(reader.db, clock, ada)
    assert await look_up_due(reader) == 0
    clock.forward(days=2)
    _like(reader.db, clock, ada, PONDS)
    assert _states(reader.db, ada) == {PONDS: LookupState.OPEN}


async def test_erasure_removes_lookups(reader: RegistryReader, ada: int, clock: Clock) -> None:
    with reader.db.write() as session:
        personal_data.erase(session, ada, clock())
    assert _states(reader.db, ada) == {}


async def test_unsubscribed_readers_papers_wait(
    reader: RegistryReader, registries: Registries, ada: int, clock: Clock
) -> None:
    with reader.db.write() as session:
        subscribers.change_status(session, ada, Status.UNSUBSCRIBED, Cause.WEB, clock())
    assert await look_up_due(reader) == 0
    assert registries.asked == []


async def test_states_say_what_counts(reader: RegistryReader, registries: Registries, ada: int, clock: Clock) -> None:
    registries.has -= {RIVERS}
    _like(reader.db, clock, ada, LAKES, RIVERS, "feed:0123456789abcdef")
    clock.forward(minutes=1)
    await look_up_due(reader)
    _like(reader.db, clock, ada, LAKES, RIVERS, PONDS, "feed:0123456789abcdef")
    with reader.db.read() as session:
        names = [PaperId(name) for name in (LAKES, RIVERS, PONDS, "feed:0123456789abcdef")]
        found = named_papers(session, ada, names)
    assert [(one.title, one.state, one.registries[:1]) for one in found] == [
        (TITLES[LAKES], None, ("arXiv",)),
        ("", LookupState.UNKNOWN, ("arXiv",)),
        ("", LookupState.OPEN, ("Crossref",)),
        ("", None, ()),
    ]
