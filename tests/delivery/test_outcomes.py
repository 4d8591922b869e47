"""Test the outcome of a mail for each behaviour of the relay.

From socket to ledger.
"""

import hashlib
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from digestd.domain.delivery import State
from digestd.security.addresses import read_envelope_from
from digestd.store import core
from digestd.store.ledger.packing import pack_picks, pack_seen
from digestd.store.ledger.queries import picks
from tests.delivery.conftest import READERS, planned
from tests.support.install import Install
from tests.support.relay import Fault, Relay
from tests.support.smtp import timeouts_for, transport

VICTIM = "reader3@example.net"


async def test_run_sends_exactly_one_mail_each(waiting: Install) -> None:
    async with Relay().serving() as relay:
        report = await waiting.to(relay.url).deliver()
        assert (report.accepted, report.stopped) == (READERS, None)
        assert (await waiting.to(relay.url).deliver()).accepted == 0
    assert Counter(mail.recipient for mail in relay.taken) == Counter(f"reader{n}@example.net" for n in range(READERS))
    assert waiting.sound(relay.copies)


async def test_ledger_records_hash_and_return_path(waiting: Install) -> None:
    async with Relay().serving() as relay:
        await waiting.to(relay.url).deliver()
    table = core.delivery.c
    with waiting.db.read() as session:
        rows = session.connection().execute(select(table.id, table.message_id, table.sha256, table.relay_qid))
        kept = {row.message_id: row for row in rows}
    for mail in relay.taken:
        row = kept[mail.message_id]
        assert hashlib.sha256(mail.message).digest() == row.sha256
        assert read_envelope_from(waiting.app.keys, mail.sender) == (row.id, 1)
        assert row.relay_qid


async def test_late_mail_expires(on_file: Install) -> None:
    on_file.run_on(timedelta(hours=18, minutes=1))
    async with Relay().serving() as relay:
        report = await on_file.deliver(transport(relay.port))
    assert (report.accepted, report.expired, on_file.states) == (0, READERS, {State.EXPIRED: READERS})
    assert on_file.sound(relay.copies)


@pytest.mark.parametrize(
    ("stage", "act", "state", "stops"),
    [
        ("RCPT", "452 4.2.2 mailbox full", State.READY, False),
        ("RCPT", "421 4.3.2 bye", State.READY, False),
        ("RCPT", "550 5.1.1 unbekannt: \udce4\x00", State.REJECTED, False),
        ("RCPT", "close", State.READY, False),
        ("RCPT", "garbage", State.ACCEPTED, False),  # asked once more, command by command
        ("dot", "450 4.3.0 later", State.READY, False),
        ("dot", "421 4.3.2 bye", State.READY, True),
        ("dot", "554 5.6.0 no", State.REJECTED, False),
        *(("dot", act, State.UNCERTAIN, False) for act in ("close", "silence", "xyz", "354 what")),
    ],
)
async def test_fault_of_one_mail_ends_as_classified(
    on_file: Install, stage: str, act: str, state: State, stops: bool
) -> None:
    fault = Fault(act, times=1, to=VICTIM, stored=act in {"close", "silence"})
    async with Relay({stage: fault}).serving() as relay:
        first = await on_file.deliver(transport(relay.port, patience=timeouts_for(act)))
        assert (first.stopped is not None) == stops
        assert await _state_of(on_file, VICTIM) == state
        assert on_file.sound(relay.copies)
        on_file.clock.go(timedelta(minutes=4))  # the others are at the same domain, which may have been slowed down
        await on_file.deliver(transport(relay.port, patience=timeouts_for(act)))
        assert on_file.states[State.ACCEPTED] >= READERS - 1  # the victim may have gone out as well
        on_file.clock.go(timedelta(hours=1))
        await on_file.deliver(transport(relay.port, patience=timeouts_for(act)))
    final = State.ACCEPTED if state is State.READY else state
    assert await _state_of(on_file, VICTIM) == final
    assert sum(on_file.states.values()) == READERS
    assert on_file.sound(relay.copies)


async def test_greylisted_mail_is_retried_after_five_minutes(on_file: Install) -> None:
    async with Relay({"dot": Fault("450 4.2.0 greylisted", times=READERS, stored=True)}).serving() as relay:
        assert (await on_file.deliver(transport(relay.port))).deferred == READERS
        on_file.clock.go(timedelta(minutes=4, seconds=59))
        assert (await on_file.deliver(transport(relay.port))).accepted == 0
        on_file.clock.go(timedelta(minutes=2))
        assert (await on_file.deliver(transport(relay.port))).accepted == READERS
    tried, taken = relay.taken[:READERS], relay.taken[READERS:]
    assert sorted(mail.wire for mail in tried) == sorted(mail.wire for mail in taken)
    attempts = {read_envelope_from(on_file.app.keys, mail.sender)[1] for mail in taken}
    assert attempts == {2}
    assert on_file.broken == {}


async def test_relay_that_refuses_every_recipient_is_stopped(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    many = planned(tmp_path / "many", sqlite_url, now, 60)
    async with Relay({"RCPT": Fault("550 5.1.1 unknown here")}).serving() as relay:
        report = await many.deliver(transport(relay.port))
    assert report.stopped is not None
    assert "recipients in a row for the same reason" in report.stopped
    assert 25 <= report.deferred <= 25 + 16  # what the other connections had under way
    assert many.states == {State.READY: 60}
    many.db.close()


async def test_mail_that_breaks_the_session_blocks_no_other(on_file: Install) -> None:
    on_file = on_file.to("smtp://127.0.0.1", connections=1)
    async with Relay({"DATA": Fault("close", to=VICTIM)}).serving() as relay:
        for _ in range(2):
            await on_file.deliver(transport(relay.port))
            on_file.clock.go(timedelta(minutes=2))
        assert on_file.states == {State.ACCEPTED: READERS - 1, State.READY: 1}
        for _ in range(5):
            on_file.clock.go(timedelta(hours=1))
            await on_file.deliver(transport(relay.port))
    assert on_file.states == {State.ACCEPTED: READERS - 1, State.READY: 1}
    assert on_file.sound(relay.copies)


async def test_mail_is_poisoned_after_three_failures(waiting: Install) -> None:
    spoil(waiting, 1)
    async with Relay().serving() as relay:
        reports = []
        for _ in range(4):
            reports.append(await waiting.deliver(transport(relay.port)))
            waiting.clock.go(timedelta(minutes=11))
    assert [(r.accepted, r.deferred, r.poisoned) for r in reports] == [
        (READERS - 1, 1, 0),
        (0, 1, 0),
        (0, 0, 1),
        (0, 0, 0),
    ]
    assert waiting.sound(relay.copies)


async def test_run_respects_its_limit(on_file: Install) -> None:
    async with Relay().serving() as relay:
        assert (await on_file.deliver(transport(relay.port), limit=3)).accepted == 3
    assert on_file.states == {State.ACCEPTED: 3, State.READY: READERS - 3}
    assert on_file.sound(relay.copies)


async def _state_of(install: Install, address: str) -> State:
    query = (
        select(core.delivery.c.state)
        .join_from(core.delivery, core.subscriber, core.subscriber.c.id == core.delivery.c.subscriber_id)
        .where(core.subscriber.c.address == address)
    )
    with install.db.read() as session:
        return State(session.connection().execute(query).scalar_one())


def spoil(install: Install, delivery: int) -> None:
    """Make a digest refer to a revision that does not exist."""
    with install.db.write() as session:
        [first, *_] = picks(session, delivery)
        values = {"picks": pack_picks([first._replace(revision=999_999)])}
        session.connection().execute(core.delivery.update().where(core.delivery.c.id == delivery).values(values))
        seen = {"papers": pack_seen([first.paper])}
        session.connection().execute(
            core.seen_papers.update().where(core.seen_papers.c.subscriber_id == delivery).values(seen)
        )
