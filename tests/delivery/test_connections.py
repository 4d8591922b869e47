"""Test delivery to relays that accept few connections, and the sink that plays them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

from digestd.domain.delivery import State
from tests.bench.sink_server import SinkServer
from tests.delivery.conftest import READERS
from tests.support.install import Install


@contextlib.asynccontextmanager
async def sink(connections: int, extensions: bytes = b"250 PIPELINING\r\n") -> AsyncIterator[str]:
    """Serve a sink that refuses further connections; yield its transport URL."""
    session = partial(SinkServer, 0.001, connections, extensions, set())
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    async with server:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_all_mails_leave_over_the_connections_that_the_relay_bears(on_file: Install) -> None:
    taken = SinkServer.taken
    async with sink(connections=1) as url:
        report = await on_file.to(url, connections=10).deliver()
    assert (report.accepted, report.deferred, report.stopped) == (READERS, 0, None)
    assert SinkServer.taken == taken + READERS
    assert on_file.states == {State.ACCEPTED: READERS}
    assert on_file.broken == {}


async def test_relay_that_accepts_no_connection_is_stopped(on_file: Install) -> None:
    async with sink(connections=0) as url:
        report = await on_file.to(url, connections=10).deliver()
    assert report.stopped is not None
    assert "too many connections" in report.stopped
    assert on_file.states == {State.READY: READERS}
