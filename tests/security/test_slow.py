"""Test slow clients.

Each is disconnected in the end, and nobody else waits for them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from digestd.web.connection_limits import CONNECTIONS_MAX, HEAD_MAX, DeadlineProtocol, server_config
from digestd.web.middleware import LARGE, BodyLimit
from tests.delivery.test_service import service, terminate
from tests.support.install import install
from tests.support.waiting import PATIENCE_SECONDS, until

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
FORM = b"POST /subscribe HTTP/1.1\r\nHost: x\r\nContent-Length: 16000\r\n\r\n"
GOOD = HEAD + b"Connection: close\r\n\r\n"
SLOW, SILENT = 200, 300
PAUSE = 0.05
"""Seconds between two bytes of who drips."""
Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def says_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def never_ends_the_head(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _drip(writer, HEAD, b"X-More: and more\r\n")


async def drips_the_head(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _drip(writer, b"", *(bytes([byte]) for byte in HEAD + b"X: " + b"x" * 1_000))


async def drips_the_body(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _drip(writer, FORM, b"x")


async def drips_on_after_a_refusal(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _drip(writer, FORM.replace(b"16000", b"99999"), b"x")


async def asks_and_stays(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"\r\n")
    await reader.read()


async def drips_a_second_request(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _drip(writer, HEAD + b"\r\n", *(bytes([byte]) for byte in HEAD + b"X: " + b"x" * 1_000))


SLOW_CLIENTS: list[Client] = [
    says_nothing,
    never_ends_the_head,
    drips_the_head,
    drips_the_body,
    drips_on_after_a_refusal,
    asks_and_stays,
    drips_a_second_request,
]


async def _drip(writer: asyncio.StreamWriter, first: bytes, *then: bytes) -> None:
    """Send a beginning, then the rest piece by piece until the connection closes."""
    writer.write(first)
    for piece in islice(cycle(then), 2_000):
        await asyncio.sleep(PAUSE)
        writer.write(piece)
        await writer.drain()


async def _held(port: int, client: Client) -> None:
    """Run such a client until it is disconnected."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        await client(reader, writer)
    writer.close()


async def _answer(port: int, request: bytes = GOOD) -> bytes:
    """Return the status line that a normal client gets."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(PATIENCE_SECONDS):
        said = await reader.read()
    writer.close()
    return said.partition(b"\r\n")[0]


class Quick(DeadlineProtocol):
    deadline = 0.4


class Crowded(DeadlineProtocol):
    most = 5


@asynccontextmanager
async def listening(web: ASGIApp, state: ServerState, protocol: type[DeadlineProtocol] = Quick) -> AsyncIterator[int]:
    """Return the port of a server with short timeouts and few connections."""
    config = server_config(web, "127.0.0.1", 0)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def greet(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


def _refused(_scope: Scope, status: int) -> Response:
    return PlainTextResponse("no", status)


GUARDED = BodyLimit(greet, _refused, seconds=60)
"""A body is read whole before anything is answered; the server alone has no patience."""


@pytest.mark.parametrize("client", SLOW_CLIENTS, ids=lambda client: client.__name__)
async def test_slow_clients_are_disconnected(client: Client) -> None:
    async with listening(GUARDED, ServerState()) as port, asyncio.timeout(PATIENCE_SECONDS):
        await _held(port, client)


async def test_clients_that_do_not_read_are_disconnected() -> None:
    state = ServerState()

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("x" * 30_000_000)(scope, receive, send)

    async with listening(large, state) as port, asyncio.timeout(PATIENCE_SECONDS):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(HEAD + b"\r\n")
        while not state.total_requests:
            await asyncio.sleep(0.02)
        while state.connections:
            await asyncio.sleep(0.02)
        writer.close()


async def test_waiting_clients_are_not_disconnected() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(3 * Quick.deadline)
        await greet(scope, receive, send)

    async with listening(slow, ServerState()) as port:
        assert await _answer(port, HEAD + b"\r\n" + GOOD) == b"HTTP/1.1 200 OK"


async def test_large_body_has_time_for_each_mib() -> None:
    mib, guarded = 1024 * 1024, BodyLimit(greet, _refused, seconds=60, limit=lambda path: (6_000_000, path))
    async with listening(guarded, ServerState()) as port, asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(FORM.replace(b"16000", b"%d" % (5 * mib)).replace(b"Host", b"Connection: close\r\nHost"))
        for _ in range(5):
            await asyncio.sleep(Quick.deadline / 2)
            writer.write(b"x" * mib)
            await writer.drain()
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_large_head_or_body_is_refused() -> None:
    async with listening(GUARDED, ServerState()) as port:
        assert (await _answer(port, HEAD + b"X: " + b"x" * 2 * HEAD_MAX)).startswith(b"HTTP/1.1 400")
        large = FORM.replace(b"16000", b"99999").replace(b"Host", b"Connection: close\r\nHost") + b"x" * 99_999
        assert (await _answer(port, large)).startswith(b"HTTP/1.1 %d" % LARGE)


async def test_full_server_closes_longest_idle_connection() -> None:
    state = ServerState()
    async with listening(greet, state, Crowded) as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(Crowded.most)]
        while len(state.connections) < Crowded.most:
            await asyncio.sleep(0.01)
        assert await _answer(port) == b"HTTP/1.1 200 OK"
        assert await silent[0][0].read() == b""
        assert not any(reader.at_eof() for reader, _ in silent[1:])
        for _, writer in silent:
            writer.close()


async def test_service_answers_during_slow_attack(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = install(tmp_path / "run", sqlite_url, now)
    command = service(made, "up")
    port = int(command.environment["DIGESTD_WEB_PORT"])
    running = command.start()
    assert SLOW + SILENT > CONNECTIONS_MAX
    try:
        await asyncio.to_thread(
            until, lambda: "listening=" in running.output.read_text() if running.output.exists() else ""
        )
        slow = [asyncio.create_task(_held(port, client)) for client in islice(cycle(SLOW_CLIENTS), SLOW)]
        for _ in range(20):
            assert await _answer(port) == b"HTTP/1.1 200 OK"
            await asyncio.sleep(PAUSE)
        more = [asyncio.create_task(_held(port, says_nothing)) for _ in range(SILENT)]
        for page in (b"/", b"/papers", b"/healthz") * 5:
            assert await _answer(port, GOOD.replace(b"/healthz", page)) == b"HTTP/1.1 200 OK"
            await asyncio.sleep(PAUSE)
        gone = [client.done() for client in (*slow, *more)].count(True)
        assert gone >= SLOW + SILENT - CONNECTIONS_MAX, "there was no room for all of them"
        terminate(running)
        ended = await asyncio.to_thread(running.end)
        assert ended.code == 0, ended.output
        await asyncio.gather(*slow, *more)
    finally:
        running.process.kill()
