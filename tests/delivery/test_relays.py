"""Test several relays: shares, failover, and rate limits that persist."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import String, cast, select

from digestd.delivery.attempt_recorder import RunCounters
from digestd.delivery.relays import TURN_SLACK, RelayBalancer
from digestd.delivery.run import deliver
from digestd.delivery.transports import Route
from digestd.domain.delivery import State
from digestd.jobs.worker import tick
from digestd.store import core, rate_limits
from tests.delivery.conftest import READERS
from tests.support.install import Install
from tests.support.relay import Fault, Relay
from tests.support.smtp import SHORT_TIMEOUTS, transport


async def by(
    install: Install, routes: Sequence[Route], connections: int = 1, limits: dict[str, float] | None = None
) -> RunCounters:
    """Deliver once over these routes."""
    owner = install.app.new_owner()
    with install.app.owners.hold(owner):
        delivery = install.app.delivery(owner, tuple(routes))
        return await deliver(replace(delivery, connections=connections, limits=limits or {}))


def route(relay: Relay, name: str, weight: int = 1) -> Route:
    return Route(name, transport(relay.port), weight)


def relays_of(install: Install) -> Counter[str | None]:
    with install.db.read() as session:
        query = select(core.attempt.c.relay).where(core.attempt.c.outcome == "accepted")
        return Counter(session.connection().execute(query).scalars())


async def test_relays_share_mails_by_weight(on_file: Install) -> None:
    async with Relay().serving() as one, Relay().serving() as two:
        report = await by(on_file, [route(one, "one"), route(two, "two", 3)])
    assert (report.accepted, report.stopped) == (READERS, None)
    assert 0 < len(one.taken) <= len(two.taken) / 3 + TURN_SLACK
    assert two.taken
    assert relays_of(on_file) == {"one": len(one.taken), "two": len(two.taken)}
    assert on_file.sound(one.copies + two.copies)


def test_balancer_keeps_shares_over_many_mails() -> None:
    shares = RelayBalancer([Route(name, transport(1), weight) for name, weight in (("a", 1), ("b", 3), ("spare", 0))])
    taken: Counter[str] = Counter()
    for turn in range(4_000):
        for name in ("a", "spare", *(["b"] if turn % 2 else [])):
            if shares.may_take(name):
                shares.record_taken(name)
                taken[name] += 1
    assert taken["b"] == pytest.approx(3 * taken["a"], abs=TURN_SLACK * 4)
    assert taken["spare"] == 0


async def test_balancer_skips_a_slow_relay() -> None:
    shares = RelayBalancer([Route("a", transport(1)), Route("b", transport(1))])
    for _ in range(100):
        await shares.wait_for_turn("a")
        shares.record_taken("a")
    assert not shares.is_stopped("b")


async def test_mails_of_a_failed_relay_go_to_the_other(on_file: Install) -> None:
    async with Relay({"MAIL": Fault("554 5.7.1 no")}).serving() as one, Relay().serving() as two:
        report = await by(on_file, [route(one, "one"), route(two, "two")])
        assert report.stopped is not None
        on_file.clock.go(timedelta(minutes=10))  # what was refused over the one rests as any refused mail
        await by(on_file, [route(two, "two")])
    assert on_file.states == {State.ACCEPTED: READERS}
    assert on_file.sound(one.copies + two.copies)
    with on_file.db.read() as session:
        [resting] = rate_limits.paused_relays(session)
    assert (resting.relay, resting.failures) == ("one", 1)


async def test_spare_relay_takes_over(on_file: Install) -> None:
    async with Relay({"EHLO": Fault("close")}).serving() as one, Relay().serving() as spare:
        report = await by(on_file, [route(spare, "spare", 0), route(one, "one")])
    assert (report.accepted, len(spare.taken)) == (READERS, READERS)


async def test_silent_relay_does_not_delay_the_other(on_file: Install) -> None:
    async with Relay({"dot": Fault("silence", times=1)}).serving() as one, Relay().serving() as two:
        await by(on_file, [Route("one", transport(one.port, patience=SHORT_TIMEOUTS)), route(two, "two")])
    assert on_file.states == {State.ACCEPTED: READERS - 1, State.UNCERTAIN: 1}
    assert on_file.sound(one.copies + two.copies)


async def test_five_equal_refusals_stop_every_relay(on_file: Install) -> None:
    spam = Fault("554 5.7.1 looks like spam")
    async with Relay({"dot": spam}).serving() as one, Relay({"dot": spam}).serving() as two:
        report = await by(on_file, [route(one, "one"), route(two, "two")])
    assert report.stopped is not None
    assert "Check the template, DKIM" in report.stopped
    assert on_file.states == {State.READY: READERS}
    with on_file.db.read() as session:
        assert {resting.relay for resting in rate_limits.paused_relays(session)} == {"one", "two"}


async def test_busy_relay_is_slowed_down_across_runs(on_file: Install) -> None:
    async with Relay({"MAIL": Fault("421 4.7.0 slow down", times=1)}).serving() as one:
        assert (await by(on_file, [route(one, "one")], limits={"one": 100.0})).stopped is not None
    with on_file.db.read() as session:
        kept = rate_limits.throttle_states(session, ["one"])["one"]
    assert kept.throttle.lowered == 50
    assert kept.throttle.free > on_file.clock.now.timestamp()
    assert kept.backoff.failures == 1


@pytest.mark.parametrize(
    ("farewell", "offers"),
    [("421 4.7.0 too many messages in this session", ("PIPELINING",)), ("421 4.3.2 bye", ()), ("", ())],
)
async def test_session_of_few_mails_is_reopened(on_file: Install, farewell: str, offers: tuple[str, ...]) -> None:
    """Some relays end each session after some mails with 421, which asks for another session and not for a pause."""
    async with Relay(mails_a_session=3, farewell=farewell, offers=offers).serving() as one:
        report = await by(on_file, [route(one, "one")], limits={"one": 1_000.0})
    assert (report.accepted, report.deferred, report.stopped) == (READERS, 0, None)
    assert on_file.sound(one.copies)
    with on_file.db.read() as session:
        assert rate_limits.throttle_states(session, ["one"])["one"].throttle.lowered == 0


async def test_limited_domain_delays_nobody_else(on_file: Install) -> None:
    with on_file.db.write() as session:
        for key in (1, 2, 3):
            moved = core.subscriber.update().where(core.subscriber.c.id == key)
            session.connection().execute(moved.values(address=f"reader{key}@Slow.example"))
    async with Relay().serving() as one:
        report = await by(on_file, [route(one, "one")], limits={"@slow.example": 1.0})
    assert report.accepted == READERS
    domains = [taken.recipient.partition("@")[2].lower() for taken in one.taken]
    assert domains[-2:] == ["slow.example"] * 2  # the first may go at once, the others wait for their turn
    with on_file.db.read() as session:
        kept = rate_limits.throttle_states(session, ["@slow.example"])["@slow.example"]
    assert kept.throttle.free >= on_file.clock.now.timestamp() + 3


async def test_domain_limit_holds_across_runs(on_file: Install) -> None:
    with on_file.db.write() as session:
        moved = core.subscriber.update().where(core.subscriber.c.id <= 2)
        address = "reader" + cast(core.subscriber.c.id, String) + "@slow.example"
        session.connection().execute(moved.values(address=address))
    async with Relay().serving() as one:
        loop = asyncio.get_running_loop()
        owner = on_file.app.new_owner()
        with on_file.app.owners.hold(owner):
            run = on_file.app.delivery(owner, (route(one, "one"),))
            began = loop.time()
            await deliver(replace(run, connections=1, limits={"@slow.example": 1.0}), limit=1)
        await by(on_file, [route(one, "one")], limits={"@slow.example": 1.0})
    assert loop.time() - began >= 1.0
    assert on_file.states == {State.ACCEPTED: READERS}


async def test_worker_backs_off_from_a_failing_relay(on_file: Install) -> None:
    async with Relay({"EHLO": Fault("554 no")}).serving() as one:
        install = on_file.to(one.url)
        [name] = [each.name for each in install.app.routes]
        for failures, minutes in ((1, 1), (2, 2), (3, 5)):
            sessions = one.sessions
            await tick(install.app, asyncio.Event())
            assert one.sessions > sessions
            with install.db.read() as session:
                [resting] = rate_limits.paused_relays(session)
            assert (resting.relay, resting.failures) == (name, failures)
            assert resting.until == install.clock.now + timedelta(minutes=minutes)
            sessions = one.sessions
            await tick(install.app, asyncio.Event())
            assert one.sessions == sessions
            install.clock.go(timedelta(minutes=minutes))
    assert install.states == {State.READY: READERS}


async def test_balancer_releases_waiters_at_the_end() -> None:
    shares = RelayBalancer([Route("one", transport(1)), Route("spare", transport(1), 0)])
    waiting = asyncio.create_task(shares.wait_for_turn("spare"))
    await asyncio.sleep(0)
    assert not waiting.done()
    shares.end()
    await asyncio.wait_for(waiting, 60)


async def test_rate_limited_run_stops_at_once(on_file: Install) -> None:
    stop = asyncio.Event()
    async with Relay().serving() as one:
        owner = on_file.app.new_owner()
        with on_file.app.owners.hold(owner):
            run = replace(on_file.app.delivery(owner, (route(one, "one"),)), connections=2, limits={"one": 0.2})
            running = asyncio.create_task(deliver(run, stop=stop))
            while not one.taken:
                await asyncio.sleep(0.01)
            stop.set()
            await asyncio.wait_for(running, 60)
    assert set(on_file.states) == {State.ACCEPTED, State.READY}
    assert on_file.sound(one.copies)
