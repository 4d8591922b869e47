"""A webhook tells the operator at once that a lane has stopped, and that it goes on."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from digestd.deliver import alert, webhook
from digestd.domain.delivery import Actor, Evidence, Settlement, State
from digestd.store import ledger
from digestd.store.ledger import SettlementProof, queries
from digestd.worker import tell_of_uncertain, tick
from tests.deliver.conftest import READERS
from tests.parts.install import Install
from tests.parts.relay import Fault, Relay
from tests.web.conftest import local_client


@asynccontextmanager
async def chat_room(status: str = "204 No Content") -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """A webhook on 127.0.0.1, and what it was told."""
    told: list[dict[str, str]] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].split("\r\n")[0])
        told.append(json.loads(await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", told


async def test_a_stopped_lane_is_told_within_its_tick_once_and_so_is_its_return(on_file: Install) -> None:
    async with chat_room() as (url, told), Relay({"EHLO": Fault("554 no", times=3)}).serving() as relay:
        install = on_file.to(relay.url, connections=1, alert_url=url)
        for _ in range(3):
            await tick(install.app, asyncio.Event())
            assert [each["event"] for each in told] == ["lane stopped"]
            install.clock.go(timedelta(hours=1))
        assert told[0]["relay"] == install.app.routes[0].name
        assert "tried again later" in told[0]["why"]
        assert told[0]["text"].startswith(f"digestd: lane stopped: {told[0]['relay']} (")
        await tick(install.app, asyncio.Event())
    assert [each["event"] for each in told] == ["lane stopped", "lane goes on"]
    assert install.states == {State.ACCEPTED: READERS}


async def test_a_webhook_that_fails_stops_nothing(on_file: Install, capsys: pytest.CaptureFixture[str]) -> None:
    async with chat_room("500 Oh no") as (url, told), Relay({"EHLO": Fault("554 no", times=1)}).serving() as relay:
        install = on_file.to(relay.url, connections=1, alert_url=url)
        await tick(install.app, asyncio.Event())
        install.clock.go(timedelta(minutes=2))
        await tick(install.app, asyncio.Event())
    assert len(told) == 2
    assert install.states == {State.ACCEPTED: READERS}
    await webhook(url)("lane stopped", "relay", "nobody listens any more")
    assert "the webhook was not reached" in capsys.readouterr().out


async def test_a_webhook_that_never_ends_its_answer_holds_up_neither_mails_nor_the_end(
    on_file: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert, "SECONDS", 1.0)
    faulty, good = Relay({"EHLO": Fault("554 no")}), Relay()
    async with dripping() as url, faulty.serving(), good.serving():
        install = on_file.to(f"{faulty.url} {good.url}", connections=1, alert_url=url)
        began = asyncio.get_running_loop().time()
        run = asyncio.create_task(tick(install.app, asyncio.Event()))
        while len(good.taken) < READERS:
            await asyncio.sleep(0.01)
        assert not run.done(), "it is still telling"
        await run
    assert 1.0 <= asyncio.get_running_loop().time() - began < 3.0
    assert install.states == {State.ACCEPTED: READERS}


async def test_mails_uncertain_for_a_day_are_told_by_one_of_all_workers_and_again_when_there_are_more(
    waiting: Install,
) -> None:
    async with chat_room() as (url, told), Relay({"dot": Fault("close", times=4)}).serving() as relay:
        install = waiting.to(relay.url, connections=1, alert_url=url)
        await install.deliver(limit=2)
        assert install.states[State.UNCERTAIN] == 2
        await by_workers(install)
        assert told == []
        install.clock.go(timedelta(days=1, minutes=1))
        for _ in range(2):
            await by_workers(install)
            assert [each["event"] for each in told] == ["mails uncertain"]
        with local_client(install.app) as client:
            assert client.get("/readyz").json()["uncertain_for_a_day"] == 2
        with install.db.write() as session:
            proof = SettlementProof(Evidence.OPERATOR, Actor.OPERATOR, "it is here")
            lost = [entry.key for entry in queries.entries(session, 9, queries.DeliveryFilter(State.UNCERTAIN))]
            assert ledger.settle(session, lost[0], Settlement.ACCEPTED, proof, install.clock.now)
        await by_workers(install)
        assert len(told) == 1
        install.next_day()
        install.plan()
        await install.deliver(limit=2)
        install.clock.go(timedelta(days=1, minutes=1))
        await by_workers(install)
    assert [each["text"].partition(" for ")[0] for each in told] == [
        "digestd: mails uncertain (2",
        "digestd: mails uncertain (3",
    ]


async def by_workers(install: Install) -> None:
    """Each of four, at once and newly started."""
    await asyncio.gather(*(tell_of_uncertain(install.app) for _ in range(4)))


@asynccontextmanager
async def dripping() -> AsyncIterator[str]:
    """A webhook whose answer comes letter by letter."""

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()
