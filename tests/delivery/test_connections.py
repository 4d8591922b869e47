"""Test delivery to relays that accept few connections, and the sink that plays them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

from digestd.domain.delivery import State
from tests.bench.sink_server import SinkServer
from tests.delivery.conftest import READERS
from tests.support.install import Install
from tests.support.relay import Fault, Relay


@contextlib.asynccontextmanager
async def sink(connections: int, extensions: bytes = b"250 PIPELINING\r\n") -> AsyncIterator[str]:
    """Serve a sink that refuses further connections; yield its transport URL."""
    session = partial(SinkServer, 0.001, connections, extensions, set())
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    async with server:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_all_mails_leave_over_the_connections_that_the_relay_bears(waiting: Install) -> None:
    taken = SinkServer.taken
    async with sink(connections=1) as url:
        report = await waiting.to(url, connections=10).deliver()
    assert (report.accepted, report.deferred, report.stopped) == (READERS, 0, None)
    assert SinkServer.taken == taken + READERS
    assert waiting.states == {State.ACCEPTED: READERS}
    assert waiting.broken == {}


async def test_relay_that_accepts_no_connection_is_stopped(waiting: Install) -> None:
    async with sink(connections=0) as url:
        report = await waiting.to(url, connections=10).deliver()
    assert report.stopped is not None
    assert "too many connections" in report.stopped
    assert waiting.states == {State.READY: READERS}


async def test_connection_that_breaks_is_replaced_while_the_relay_works(waiting: Install) -> None:
    victim = "reader3@example.net"
    async with Relay({"DATA": Fault("close", to=victim)}).serving() as relay:
        report = await waiting.to(relay.url, connections=1).deliver()
    assert (report.accepted, report.stopped) == (READERS - 1, None)
    assert waiting.by_address[victim] is State.READY
    assert waiting.sound(relay.copies)
