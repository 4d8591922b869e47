"""The consent history: complete, unchangeable, and proof of the double opt-in."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from digestd.domain.subscriber import Cause, ConsentAction, Status
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.security.tokens import Purpose, make_token
from digestd.store import consent, core, subscribers
from digestd.store.database import Database
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.personal_data import erase
from digestd.subscribers.signup import confirm, request_signup
from digestd.subscribers.status_changes import unsubscribe
from digestd.subscribers.subscriber_record import parse

ADA = "ada@example.org"
ASKED = ConsentAction(Cause.WEB, b"a" * 32, "We first send you a link.\nSubscribe")
CONFIRMED = ConsentAction(Cause.CONFIRM, b"b" * 32, "Press the button.\nConfirm")


@pytest.fixture
def ada(db: Database, keys: Keys, now: datetime) -> int:
    """Return a subscriber who signed up, and confirmed a minute later."""
    request_signup(db, NoticeContext(keys, "example.org"), parse({"email": ADA}), now, ASKED)
    with db.read() as session:
        known = subscribers.by_address_key(session, address_key(keys, ADA))
    assert known is not None
    confirm(db, keys, make_token(keys, Purpose.CONFIRM, known.key, now, 1), now + timedelta(minutes=1), CONFIRMED)
    return known.key


def test_consent_history_proves_the_double_opt_in(db: Database, ada: int, now: datetime) -> None:
    with db.read() as session:
        asked, confirmed = consent.history(session, ada)
    assert (asked.status, asked.cause, asked.at) == (Status.PENDING, Cause.WEB, now)
    assert (confirmed.status, confirmed.cause, confirmed.at - asked.at) == (
        *(Status.ACTIVE, Cause.CONFIRM), timedelta(minutes=1),
    )  # fmt: skip
    assert [(event.network, event.wording) for event in (asked, confirmed)] == [
        (act.network, act.wording) for act in (ASKED, CONFIRMED)
    ]


@pytest.mark.parametrize("column", ["at_us", "status", "cause", "version", "subscriber_id", "wording", "network"])
def test_consent_events_cannot_be_updated(db: Database, ada: int, column: str) -> None:
    changed = {"wording": "x", "network": b"x", "status": "paused", "cause": "cli"}.get(column, 77)
    event = core.consent_event.c.subscriber_id == ada
    with pytest.raises(DBAPIError, match="append-only"), db.write() as session:
        session.connection().execute(update(core.consent_event).where(event).values({column: changed}))


@pytest.mark.parametrize("table", ["consent_event", "consent_wording"])
def test_consent_events_cannot_be_deleted(db: Database, ada: int, table: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), db.write() as session:
        session.connection().execute(delete(getattr(core, table)))
    with db.read() as session:
        assert len(consent.history(session, ada)) == 2
    if not db.is_sqlite:
        with pytest.raises(DBAPIError, match="append-only"), db.write() as session:
            session.connection().execute(text(f"TRUNCATE {table} CASCADE"))


def test_consent_wordings_cannot_be_changed(db: Database, ada: int) -> None:
    assert ada
    with pytest.raises(DBAPIError, match="append-only"), db.write() as session:
        session.connection().execute(update(core.consent_wording).values(text="something else"))


def test_consent_wordings_are_stored_once(db: Database, ada: int, now: datetime) -> None:
    with db.write() as session:
        subscribers.change_status(session, ada, Status.PAUSED, CONFIRMED, now)
        hashes = session.connection().execute(text("SELECT count(*) FROM consent_wording")).scalar()
    assert hashes == 2


def test_erasure_deletes_the_network_and_keeps_the_proof(db: Database, keys: Keys, ada: int, now: datetime) -> None:
    unsubscribe(db, ada, ConsentAction(Cause.ONE_CLICK, b"c" * 32), now)
    erase(db, keys, ADA, now)
    with db.read() as session:
        events = consent.history(session, ada)
    assert [event.status for event in events] == [
        Status.PENDING, Status.ACTIVE, Status.UNSUBSCRIBED, Status.ERASED,
    ]  # fmt: skip
    assert {event.network for event in events} == {None}
    assert events[1].wording == CONFIRMED.wording
