"""Test surges of refusals and bounces: nobody is suppressed, and the mails wait."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import String, cast, select

from digestd.delivery.attempt_recorder import RunCounters
from digestd.delivery.bounces import record as record_bounce
from digestd.delivery.run import deliver
from digestd.delivery.transports import Route
from digestd.domain.bounce import Bounce, BounceKind
from digestd.domain.delivery import State
from digestd.domain.subscriber import Cause, Status
from digestd.jobs.worker import alert_operator
from digestd.security.addresses import address_key
from digestd.store import bounces, core, ledger, subscribers, suppressions
from digestd.subscribers.suppression import suppress_held
from tests.delivery.conftest import READERS
from tests.delivery.test_alert import chat_room
from tests.support.install import Install
from tests.support.relay import Fault, Relay
from tests.support.smtp import SHORT_TIMEOUTS, transport
from tests.web.conftest import local_client

GONE = "550 5.1.1 no such user in local recipient table"
SPAM = "554 5.7.1 message content rejected"


def status_of(install: Install) -> list[Status]:
    with install.db.read() as session:
        return [one.status for one in subscribers.stream(session)]


def suppressed(install: Install) -> int:
    with install.db.read() as session:
        return sum(suppressions.count(session).values())


def held_bounces(install: Install) -> int:
    with install.db.read() as session:
        return len(bounces.held_addresses(session, install.clock.now))


async def until_all_is_tried(install: Install, relay: Relay, runs: int = 3) -> None:
    """Runs an hour apart."""
    for _ in range(runs):
        await install.deliver(transport(relay.port))
        install.clock.go(timedelta(minutes=75))


async def test_surge_of_refusals_suppresses_nobody(on_file: Install) -> None:
    """Six of eight readers are refused as unknown, as by a relay with a broken map."""
    wrong = frozenset(f"reader{n}@example.net" for n in range(READERS)) - {"reader3@example.net", "reader5@example.net"}
    async with Relay({"RCPT": Fault(GONE, to=wrong)}).serving() as relay:
        await until_all_is_tried(on_file, relay)
        assert on_file.states == {State.ACCEPTED: 2, State.READY: 6}
    assert (suppressed(on_file), held_bounces(on_file)) == (0, 6)
    assert set(status_of(on_file)) == {Status.ACTIVE}
    async with Relay().serving() as relay:
        await on_file.deliver(transport(relay.port))
        assert on_file.states == {State.ACCEPTED: READERS}
        assert len(relay.taken) == 6
    assert (suppressed(on_file), held_bounces(on_file)) == (0, 0)
    assert on_file.broken == {}


@pytest.mark.parametrize("stage", ["dot", "RCPT"])
async def test_refusal_of_every_mail_suppresses_nobody(on_file: Install, stage: str) -> None:
    async with Relay({stage: Fault(SPAM if stage == "dot" else GONE)}).serving() as relay:
        await until_all_is_tried(on_file, relay)
        assert on_file.states == {State.READY: READERS}
    assert suppressed(on_file) == 0
    async with Relay().serving() as relay:
        assert (await on_file.deliver(transport(relay.port))).accepted == READERS
        assert on_file.sound(relay.copies)


async def test_one_refused_mail_among_many_is_rejected(on_file: Install) -> None:
    async with Relay({"dot": Fault(SPAM, to="reader3@example.net")}).serving() as relay:
        report = await on_file.deliver(transport(relay.port))
    assert (report.accepted, report.rejected, report.deferred) == (READERS - 1, 1, 0)
    assert on_file.states == {State.ACCEPTED: READERS - 1, State.REJECTED: 1}
    assert (suppressed(on_file), held_bounces(on_file)) == (0, 0)
    assert on_file.broken == {}


async def test_one_unknown_mailbox_among_many_is_suppressed(waiting: Install) -> None:
    async with Relay({"RCPT": Fault(GONE, to="reader3@example.net")}).serving() as relay:
        await waiting.deliver(transport(relay.port))
    assert waiting.states == {State.ACCEPTED: READERS - 1, State.REJECTED: 1}
    assert (suppressed(waiting), held_bounces(waiting)) == (1, 0)
    assert waiting.broken == {}


async def test_single_refusal_waits_for_other_mails(on_file: Install) -> None:
    """Nobody can tell yet whether the relay would take another."""
    async with Relay({"dot": Fault(SPAM, times=1)}).serving() as relay:
        report = await on_file.deliver(transport(relay.port), limit=1)
        assert (report.deferred, report.rejected) == (1, 0)
        with on_file.db.read() as session:
            assert ledger.count_waiting(session) == 1
        on_file.clock.go(timedelta(minutes=10))
        assert (await on_file.deliver(transport(relay.port))).accepted == READERS
        assert on_file.sound(relay.copies)


async def test_surge_lifts_earlier_suppressions(waiting: Install) -> None:
    """The first two are suppressed before the surge can be detected."""
    async with Relay({"RCPT": Fault(GONE)}).serving() as relay:
        for _ in range(2):
            await waiting.deliver(transport(relay.port), limit=1)
        assert suppressed(waiting) == 2
        await waiting.deliver(transport(relay.port))
    assert suppressed(waiting) == 0
    assert set(status_of(waiting)) == {Status.ACTIVE}
    assert waiting.states == {State.REJECTED: 2, State.READY: READERS - 2}
    assert held_bounces(waiting) == READERS
    assert waiting.broken == {}


async def test_operator_confirms_held_bounces(on_file: Install) -> None:
    async with Relay({"RCPT": Fault(GONE)}).serving() as relay:
        await on_file.deliver(transport(relay.port))
        assert suppress_held(on_file.db, None, on_file.clock.now, dry_run=True) == held_bounces(on_file) > 3
        assert suppressed(on_file) == 0
        count = suppress_held(on_file.db, None, on_file.clock.now)
        assert (suppressed(on_file), held_bounces(on_file)) == (count, 0)
        on_file.clock.go(timedelta(hours=1))
        await on_file.deliver(transport(relay.port))
    assert on_file.states[State.SKIPPED] == count
    assert on_file.broken == {}


async def test_kill_before_the_judgement_loses_no_mail(on_file: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    async def killed(_self: object) -> None:
        raise SystemExit

    async with Relay({"dot": Fault(SPAM, to="reader3@example.net", times=1)}).serving() as relay:
        with monkeypatch.context() as patched:
            patched.setattr("digestd.delivery.attempt_recorder.PendingRefusals.judge", killed)
            with pytest.raises(SystemExit):
                await on_file.deliver(transport(relay.port))
        assert on_file.states == {State.ACCEPTED: READERS - 1, State.READY: 1}
        on_file.clock.go(timedelta(minutes=10))
        assert (await on_file.deliver(transport(relay.port))).accepted == 1
        assert on_file.sound(relay.copies)


async def test_refusals_are_judged_during_the_run(on_file: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digestd.delivery.attempt_recorder.JUDGE_SECONDS", 0.01)
    tally, owner = RunCounters(), on_file.app.new_owner()
    async with Relay(
        {"RCPT": Fault(GONE, to="reader0@example.net"), "dot": Fault("silence", times=1)}
    ).serving() as relay:
        with on_file.app.owners.hold(owner):
            delivery = on_file.app.delivery(owner, (Route("relay", transport(relay.port, patience=SHORT_TIMEOUTS)),))
            run = asyncio.create_task(deliver(delivery, counters=tally))
            while not tally.rejected and not run.done():
                await asyncio.sleep(0.01)
            assert not run.done()
            assert (tally.rejected, tally.deferred) == (1, 0)
            await run


async def test_surge_ignores_unconfirmed_addresses(on_file: Install) -> None:
    """Strangers can sign up invalid addresses.

    That must not delay the mails of subscribers.
    """
    with on_file.db.write() as session:
        notices = core.delivery.update().where(core.delivery.c.id > 2)
        session.connection().execute(notices.values(kind="confirm", key="1", picks=b""))
        session.connection().execute(
            core.subscriber.update().where(core.subscriber.c.id > 2).values(status=Status.PENDING)
        )
    gone = frozenset(f"reader{n}@example.net" for n in range(2, READERS))
    async with Relay({"RCPT": Fault(GONE, to=gone)}).serving() as relay:
        report = await on_file.to("smtp://127.0.0.1", connections=1).deliver(transport(relay.port))
    assert (report.accepted, report.stopped) == (2, None)
    with on_file.db.read() as session:
        share = bounces.failures_at_relay(session, "relay", 1, int(on_file.clock.now.timestamp() * 1e6))
    assert (share.tried, share.failed) == (2, 0)


async def test_operator_is_alerted_once(on_file: Install) -> None:
    async with chat_room() as (url, told), Relay({"RCPT": Fault(GONE)}).serving() as relay:
        install = on_file.to(relay.url, alert_url=url)
        await install.deliver()
        for _ in range(2):
            await alert_operator(install.app)
        with local_client(install.app) as client:
            ready, metrics = client.get("/readyz").json(), client.get("/metrics").text
    assert [each["event"] for each in told] == ["suppression held"]
    assert "suppress --held" in told[0]["why"]
    assert (ready["refused_waiting"], ready["bounces_held"]) == (READERS, READERS)
    assert f"digestd_refused_waiting {READERS}.0" in metrics
    assert f"digestd_bounces_held {READERS}.0" in metrics


# Waves that come back by mail


Returning = Callable[[int], None]


@pytest.fixture
async def came_back(waiting: Install) -> Returning:
    """Accept all digests, then record hard bounces one after the other."""
    async with Relay().serving() as relay:
        await waiting.deliver(transport(relay.port))

    def take(delivery: int) -> None:
        waiting.clock.go(timedelta(minutes=1))
        with waiting.db.write() as session:
            known = bounces.addressee_of_delivery(session, delivery)
            assert known is not None
            record_bounce(session, _hard(known.address_key, delivery, waiting), waiting.clock.now)

    return take


def _hard(key: bytes, delivery: int, install: Install) -> Bounce:
    return Bounce(
        key=bounces.key_of("test", delivery),
        address_key=key,
        kind=BounceKind.HARD,
        via="dsn",
        status="5.1.1",
        delivery=delivery,
        attempt=1,
        at=install.clock.now,
    )


async def test_surge_of_bounces_suppresses_nobody(waiting: Install, came_back: Returning) -> None:
    """Two of eight may be their own fault; seven are not."""
    for delivery in (1, 2):
        came_back(delivery)
    assert (suppressed(waiting), held_bounces(waiting)) == (2, 0)
    for delivery in range(3, READERS):
        came_back(delivery)
    assert set(status_of(waiting)) == {Status.ACTIVE}
    assert (suppressed(waiting), held_bounces(waiting)) == (0, READERS - 1)
    assert waiting.broken == {}


async def test_bounces_of_one_subscriber_hold_nothing(waiting: Install, came_back: Returning) -> None:
    """Forged bounces of one's own mails must not prevent the suppression of others."""
    with waiting.db.write() as session:
        theirs = core.delivery.update().where(core.delivery.c.id > 2)
        session.connection().execute(
            theirs.values(subscriber_id=3, kind="reply", key=cast(core.delivery.c.id, String), picks=b"")
        )
    for delivery in range(2, READERS + 1):
        came_back(delivery)
    assert (suppressed(waiting), held_bounces(waiting)) == (2, 0)


async def test_lifting_pauses_a_paused_subscriber_again(waiting: Install, came_back: Returning) -> None:
    with waiting.db.write() as session:
        subscribers.change_status(session, 1, Status.PAUSED, Cause.WEB, waiting.clock.now)
    for delivery in range(1, READERS):
        came_back(delivery)
    assert sorted(status_of(waiting)) == [Status.ACTIVE] * (READERS - 1) + [Status.PAUSED]


async def test_surge_at_one_domain_holds_only_that_domain(waiting: Install, came_back: Returning) -> None:
    """Three of eight are few for the relay, but everyone at their domain."""
    with waiting.db.write() as session:
        for number in (1, 2, 3):
            address = f"reader{number}@university.example"
            key = address_key(waiting.app.keys, address)
            moved = core.subscriber.update().where(core.subscriber.c.id == number)
            session.connection().execute(moved.values(address=address, address_key=key))
    for number in (1, 2, 3):
        came_back(_delivery_to(waiting, number))
    assert (suppressed(waiting), held_bounces(waiting)) == (0, 3)
    came_back(_delivery_to(waiting, 5))
    assert (suppressed(waiting), held_bounces(waiting)) == (1, 3)


async def test_suppression_by_the_operator_is_not_lifted(waiting: Install, came_back: Returning) -> None:
    """The operator has confirmed that the mailboxes are gone.

    A further bounce must not undo that.
    """
    for delivery in range(1, READERS):
        came_back(delivery)
    waiting.clock.go(timedelta(minutes=1))
    assert suppress_held(waiting.db, None, waiting.clock.now) == READERS - 1
    came_back(READERS)
    assert (suppressed(waiting), held_bounces(waiting)) == (READERS - 1, 1)
    assert waiting.broken == {}


def _delivery_to(install: Install, subscriber: int) -> int:
    query = select(core.delivery.c.id).where(core.delivery.c.subscriber_id == subscriber)
    with install.db.read() as session:
        return int(session.connection().execute(query).scalar_one())


async def test_held_address_is_released_when_reached(waiting: Install, came_back: Returning) -> None:
    for delivery in range(1, READERS):
        came_back(delivery)
    waiting.next_day()
    assert waiting.plan().planned == READERS
    async with Relay().serving() as relay:
        await waiting.deliver(transport(relay.port))
    assert (suppressed(waiting), held_bounces(waiting)) == (0, 0)
