"""Test that a recipient domain that asks for fewer mails slows down itself only."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from digestd.delivery import relays
from digestd.delivery.relays import RateLimiter
from digestd.domain.delivery import State
from digestd.jobs.worker import delete_expired, tick
from digestd.store import core, rate_limits
from tests.support import sample_data
from tests.support.install import Install, install
from tests.support.relay import Fault, Relay
from tests.support.smtp import transport

GREY = frozenset(f"reader{number}@grey.example" for number in range(0, 100, 10))


@contextmanager
def readers(folder: Path, url: str, now: datetime, addresses: list[str]) -> Iterator[Install]:
    """Yield an install with a planned digest for each of these addresses."""
    made = install(folder / "run", url, now)
    with closing(made.db):
        made.papers(sample_data.papers(20))
        people = sample_data.people(len(addresses))
        made.people([{**one, "email": address} for one, address in zip(people, addresses, strict=True)])
        assert made.plan().planned == len(addresses)
        yield made


async def test_greylisting_domain_delays_nobody_else(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    addresses = [f"reader{n}@{'example.net' if n % 10 else 'grey.example'}" for n in range(100)]
    with readers(tmp_path, sqlite_url, now, addresses) as made:
        async with Relay({"RCPT": Fault("451 4.7.1 greylisted, try again in 300 seconds", to=GREY)}).serving() as relay:
            began = asyncio.get_running_loop().time()
            report = await made.deliver(transport(relay.port))
            assert asyncio.get_running_loop().time() - began < 60
            assert (report.accepted, report.deferred, report.stopped) == (90, 10, None)
            assert made.states == {State.ACCEPTED: 90, State.READY: 10}
            with made.db.read() as session:
                assert rate_limits.paused_relays(session) == []
                kept = rate_limits.throttle_states(session, ["relay", "@grey.example"])
            assert kept["relay"].throttle.lowered == 0 < kept["@grey.example"].throttle.lowered
            relay.faults = {}
            for _ in range(8):
                made.clock.go(timedelta(minutes=10))
                await made.deliver(transport(relay.port))
        assert made.states == {State.ACCEPTED: 100}
        assert made.sound(relay.copies)


async def test_several_domains_in_a_row_slow_the_relay(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    with readers(tmp_path, sqlite_url, now, [f"reader@domain{n}.example" for n in range(60)]) as made:
        async with Relay({"RCPT": Fault("451 4.7.1 slow down")}).serving() as relay:
            report = await made.deliver(transport(relay.port))
        assert "domains in a row ask for fewer mails" in (report.stopped or "")
        assert relay.commands["RCPT"] < 60
        assert made.states == {State.READY: 60}


async def test_hostile_domains_keep_back_no_mail_for_long(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    hostile = [f"reader@hostile{n}.example" for n in range(80)]
    with readers(tmp_path, sqlite_url, now, [*hostile, *(f"reader{n}@example.net" for n in range(10))]) as made:
        async with Relay({"RCPT": Fault("451 4.7.1 later", to=frozenset(hostile))}).serving() as relay:
            minutes = 0
            while State.ACCEPTED not in made.states:
                minutes += 1
                made.clock.go(timedelta(seconds=61))
                await tick(made.to(relay.url).app, asyncio.Event())
        assert minutes <= 5
        assert made.sound(relay.copies)


async def test_subdomains_of_one_domain_never_slow_the_relay(
    tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "DOMAINS_MAX", 20)
    hostile = [f"reader@h{n}.hostile.example" for n in range(50)]
    with readers(tmp_path, sqlite_url, now, [*hostile, *(f"reader{n}@example.net" for n in range(10))]) as made:
        async with Relay({"RCPT": Fault("421 4.7.0 go away", to=frozenset(hostile))}).serving() as relay:
            report = await made.deliver(transport(relay.port))
        assert (report.accepted, report.stopped) == (10, None)
        assert _stored_domains(made) <= 20
        delete_expired(made.app, made.clock.now + timedelta(hours=3))
        assert _stored_domains(made) == 0
        assert made.sound(relay.copies)


def test_slowed_domain_waits_longer_each_time() -> None:
    time = 1_000_000.0
    limiter = RateLimiter({}, lambda: time)
    waits = []
    for _ in range(10):
        limiter.slow_domain("ada@Grey.example")
        limiter.take("@grey.example")
        waits.append(limiter.wait("@grey.example"))
        time += waits[-1]
    assert waits[:4] == pytest.approx([1, 2, 4, 8], rel=0.1)
    assert 50 < max(waits) <= 60
    assert limiter.limited_domain("eve@example.net") is None
    while limiter.rate("@grey.example"):
        limiter.record_accepted("ada@grey.example")
    assert limiter.limited_domain("ada@grey.example") is None


def _stored_domains(made: Install) -> int:
    query = select(func.count()).select_from(core.throttle).where(core.throttle.c.name.like("@%"))
    with made.db.read() as session:
        return int(session.connection().execute(query).scalar_one())
