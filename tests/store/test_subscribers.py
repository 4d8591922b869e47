"""The store of subscribers.

Consent and settings change separately, and atomically.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from string import ascii_letters

import pytest
from sqlalchemy import insert, select, update
from sqlmodel import Session

from digestd.domain.delivery import SuppressionReason
from digestd.domain.interest import Interest, Kind, Stance, values
from digestd.domain.subscriber import Cadence, Cause, Preferences, Status, Subscriber
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.store import consent, core, due, subscribers, suppressions
from digestd.store.database import Database
from digestd.store.timestamps import from_us, to_us
from digestd.subscribers.subscriber_record import BYTES_MAX, TOPIC_MAX

INTERESTS = (
    Interest(Kind.TOPIC, "protein folding"),
    Interest(Kind.AUTHOR, "Žofia Nováková"),
    Interest(Kind.PHRASE, "quantum annealing", Stance.MUTED),
)
PREFERENCES = Preferences(name="Ada", timezone="Europe/Berlin", hour=18, size=7)


def ada(keys: Keys, address: str = "ada@example.org", status: Status = Status.ACTIVE) -> dict[bytes, Subscriber]:
    return {address_key(keys, address): Subscriber(0, address, status, 1, PREFERENCES, INTERESTS)}


def stored(db: Database, keys: Keys, now: datetime, status: Status = Status.ACTIVE) -> int:
    with db.write() as session:
        return next(iter(subscribers.insert_many(session, ada(keys, status=status), Cause.CLI, now).values()))


def next_due(session: Session, key: int) -> datetime:
    query = select(core.subscriber.c.next_due_us).where(core.subscriber.c.id == key)
    return from_us(session.connection().execute(query).scalar_one())


@pytest.mark.parametrize(("column", "is_timed"), [("min_score", True), ("cadence", False)])
def test_due_later_reads_the_timing_beside_damage(
    db: Database, keys: Keys, now: datetime, column: str, is_timed: bool
) -> None:
    if not db.is_sqlite:
        pytest.skip("PostgreSQL checks values")
    key = stored(db, keys, now)
    with db.write() as session:
        session.connection().exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        session.connection().execute(update(core.subscriber).values({column: "odd"}))
        [found] = due.due_later(session, 0, 10, now)
    assert (found.key, found.timing) == (key, PREFERENCES.timing if is_timed else None)


def test_subscriber_reads_back_as_stored(db: Database, keys: Keys, now: datetime) -> None:
    key = stored(db, keys, now)
    with db.read() as session:
        found = subscribers.by_key(session, key)
        assert found == subscribers.by_address_key(session, address_key(keys, "ADA@Example.org"))
        assert subscribers.by_address_keys(session, [address_key(keys, "ada@example.org"), b"none"]) == {
            address_key(keys, "ada@example.org"): found
        }
    assert found is not None
    assert (found.address, found.status, found.version, found.preferences) == (
        "ada@example.org", Status.ACTIVE, 1, PREFERENCES,
    )  # fmt: skip
    assert found.interests == INTERESTS


def test_insert_keeps_the_first_subscriber(db: Database, keys: Keys, now: datetime) -> None:
    key = stored(db, keys, now)
    mallory = {key: replace(one, preferences=Preferences(name="Mallory")) for key, one in ada(keys).items()}
    with db.write() as session:
        new = subscribers.insert_many(session, mallory | ada(keys, "bo@example.org"), Cause.IMPORT, now)
        assert list(new) == [address_key(keys, "bo@example.org")]
        found = subscribers.by_key(session, key)
        assert found is not None
        assert (found.preferences.name, found.interests) == ("Ada", INTERESTS)
        assert len(consent.history(session, key)) == 1


def test_update_changes_settings_without_consent(db: Database, keys: Keys, now: datetime) -> None:
    key = stored(db, keys, now)
    with db.write() as session:
        before = subscribers.by_key(session, key, lock=True)
        assert before is not None
        assert next_due(session, key) == now.replace(hour=17)
        later = PREFERENCES.model_copy(update={"hour": 20, "name": ""})
        wanted = replace(before, preferences=later, interests=(INTERESTS[1], INTERESTS[0]))
        subscribers.update_many(session, [wanted], now)
        assert subscribers.by_key(session, key) == wanted
        assert next_due(session, key) == now.replace(hour=19)
        assert len(consent.history(session, key)) == 1


def test_late_weekly_digest_stays_due_after_an_edit(db: Database, keys: Keys, now: datetime) -> None:
    key = stored(db, keys, now)
    with db.write() as session:
        known = subscribers.by_key(session, key)
        assert known is not None
        monday = replace(known, preferences=Preferences(cadence=Cadence.WEEKLY))  # it is Tuesday
        subscribers.update_many(session, [monday], now)
        assert next_due(session, key) == now + timedelta(days=6)
        late = update(core.subscriber).values(next_due_us=to_us(now - timedelta(days=1)))
        session.connection().execute(late)
        subscribers.update_many(session, [replace(monday, interests=())], now)
        assert next_due(session, key) == now


def test_change_status_updates_version_event_and_due_time(db: Database, keys: Keys, now: datetime) -> None:
    key = stored(db, keys, now, Status.PENDING)
    later = now + timedelta(hours=11)
    with db.write() as session:
        active = subscribers.change_status(session, key, Status.ACTIVE, Cause.CONFIRM, later)
        assert (active.status, active.version) == (Status.ACTIVE, 2)
        assert next_due(session, key) <= later
        assert subscribers.change_status(session, key, Status.ACTIVE, Cause.WEB, later) == active
        assert consent.event(session, key, 2) == consent.ConsentEvent(2, Status.ACTIVE, Cause.CONFIRM, later)
        assert [e.status for e in consent.history(session, key)] == [Status.PENDING, Status.ACTIVE]


def test_repeated_request_is_a_new_event(db: Database, keys: Keys, now: datetime) -> None:
    key = stored(db, keys, now, Status.PENDING)
    with db.write() as session:
        again = subscribers.change_status(session, key, Status.PENDING, Cause.WEB, now + timedelta(days=2))
        assert again.version == 2
        assert [event.version for event in consent.history(session, key)] == [1, 2]


@pytest.mark.parametrize("is_last", [True, False])
def test_event_time_is_never_before_the_commit_point(db: Database, keys: Keys, now: datetime, *, is_last: bool) -> None:
    key = stored(db, keys, now)
    dot = now + timedelta(seconds=5)
    with db.write() as session:
        delivery(session, key, now)
        attempt = {"owner": "w", "opened_us": 1, "final_dot_us": to_us(dot)}
        if is_last:
            session.connection().execute(update(core.delivery).values(attempt | {"attempts": 1}))
        else:
            earlier = {"delivery_id": 1, "n": 1, "outcome": "temp", "closed_us": to_us(dot)} | attempt
            session.connection().execute(insert(core.earlier_attempt).values(earlier))
        subscribers.change_status(session, key, Status.UNSUBSCRIBED, Cause.WEB, now)
        left = consent.event(session, key, 2)
        assert left is not None
        assert left.at == dot


def test_stream_reads_in_blocks(db: Database, keys: Keys, now: datetime) -> None:
    many = {key: one for n in range(subscribers.BLOCK + 7) for key, one in ada(keys, f"s{n}@example.org").items()}
    with db.write() as session:
        subscribers.insert_many(session, many, Cause.IMPORT, now)
        subscribers.change_status(session, 1, Status.PAUSED, Cause.CLI, now)
        assert [s.key for s in subscribers.stream(session)] == list(range(1, len(many) + 1))
        assert len(list(subscribers.stream(session, Status.ACTIVE))) == len(many) - 1
        assert [s.key for s in subscribers.listing(session, 3, 2)] == [4, 5]
        assert subscribers.count(session) == {Status.ACTIVE: len(many) - 1, Status.PAUSED: 1}


def test_suppression_keeps_the_stronger_reason(db: Database, keys: Keys, now: datetime) -> None:
    hashed = address_key(keys, "nobody@example.org")
    with db.write() as session:
        for reason, standing in (
            (SuppressionReason.SOFT_BOUNCE, SuppressionReason.SOFT_BOUNCE),
            (SuppressionReason.HARD_BOUNCE, SuppressionReason.HARD_BOUNCE),
            (SuppressionReason.SOFT_BOUNCE, SuppressionReason.HARD_BOUNCE),
            (SuppressionReason.ERASED, SuppressionReason.ERASED),
            (SuppressionReason.HARD_BOUNCE, SuppressionReason.ERASED),
            (SuppressionReason.REQUEST, SuppressionReason.REQUEST),
            (SuppressionReason.ERASED, SuppressionReason.REQUEST),
            (SuppressionReason.COMPLAINT, SuppressionReason.COMPLAINT),
            (SuppressionReason.REQUEST, SuppressionReason.COMPLAINT),
            (SuppressionReason.ERASED, SuppressionReason.COMPLAINT),
        ):
            suppressions.suppress(session, hashed, reason, now)
            assert suppressions.reason_for(session, hashed) is standing


def delivery(session: Session, subscriber: int, now: datetime) -> None:
    """Return a digest in the ledger, ready to send."""
    session.connection().execute(
        insert(core.delivery).values(
            id=1, subscriber_id=subscriber, kind="digest", key="2026-11-24", covers_from="2026-11-24",
            consent_version=1, state="ready", message_id="<m@example.org>", picks=b"picks", considered=1,
            template_hash="h", history="", due_us=to_us(now), expires_us=to_us(now) + 1, not_before_us=0,
            attempts=0, failures=0, coverage={},
        )
    )  # fmt: skip


def test_longest_topics_are_stored(db: Database, keys: Keys, now: datetime) -> None:
    """They are part of a key, whose length PostgreSQL limits."""
    rng = Random(7)
    han = "".join(chr(rng.randint(0x4E00, 0x9FFF)) for _ in range(BYTES_MAX // 3))
    topics = "".join(rng.choices(ascii_letters, k=TOPIC_MAX)), han
    interests = tuple(Interest(Kind.TOPIC, topic) for topic in topics)
    [(key, known)] = ada(keys).items()
    with db.write() as session:
        subscribers.insert_many(session, {key: replace(known, interests=interests)}, Cause.CLI, now)
        [stored] = subscribers.by_address_keys(session, [key]).values()
    assert values(stored.interests, Kind.TOPIC) == topics
