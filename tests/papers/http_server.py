"""A real HTTP server on 127.0.0.1 that answers as each test scripts it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from time import monotonic

from digestd.domain.backoff import Backoff

AT_ONCE = Backoff((timedelta(milliseconds=10),))
"""For a fetcher that tries again: tests do not wait."""
Answerer = Callable[["ReceivedRequest", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as received."""

    path: str
    headers: Mapping[str, str]
    at: float
    method: str = "GET"
    body: bytes = b""


@dataclass
class HttpServer:
    """Answers by path, and the requests received."""

    port: int = 0
    paths: dict[str, Answerer] = field(default_factory=dict)
    requests: list[ReceivedRequest] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most_open: int = 0
    answering: int = 0
    most_answering: int = 0

    def log(self) -> str:
        """Return each request's time in seconds since the first, and since the one before."""
        times = [request.at for request in self.requests]
        before = [times[0], *times[:-1]] if times else []
        lines = [
            f"{at - times[0]:8.3f} s  +{at - last:6.3f} s  {request.method} {request.path}"
            for request, at, last in zip(self.requests, times, before, strict=True)
        ]
        ends = (
            f"{self.connections} connections, at most {self.most_open} open and {self.most_answering} answered at once"
        )
        return "\n".join([*lines, ends])

    def gaps(self) -> list[float]:
        """Return the seconds between consecutive requests."""
        return [later.at - sooner.at for sooner, later in pairwise(self.requests)]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            while first := await reader.read(1):
                if not first.isalpha():
                    writer.write(head(400))  # as plain servers do to whoever speaks TLS with them
                    return
                await self._answer(first + await reader.readline(), reader, writer)
        except (ConnectionError, ValueError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # whoever asked is gone, speaks no HTTP, or the test is over
        finally:
            self.open -= 1
            writer.close()

    async def _answer(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        headers: dict[str, str] = {}
        while (header := await reader.readline()) not in {b"\r\n", b""}:
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = line.decode().split()
        request = ReceivedRequest(path, headers, monotonic(), method, body)
        self.requests.append(request)
        self.answering += 1
        self.most_answering = max(self.most_answering, self.answering)
        try:
            answer = self.paths.get(path) or self.paths[path.partition("?")[0]]
            await _while_heard(answer(request, writer), reader)
            await writer.drain()
        finally:
            self.answering -= 1


async def _while_heard(answering: Awaitable[None], reader: asyncio.StreamReader) -> None:
    """Stop when the client is gone."""
    task = asyncio.ensure_future(answering)
    while not (await asyncio.wait({task}, timeout=0.05))[0]:
        if reader.at_eof():
            task.cancel()
            raise ConnectionAbortedError
    await task


@asynccontextmanager
async def serve_http(tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpServer]:
    """Run a server until the test is over."""
    served = HttpServer()
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()


def head(status: int, **headers: object) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def says(body: bytes = b"", status: int = 200, **headers: object) -> Answerer:
    """Return an answerer that always gives this answer."""

    async def answer(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, Content_Length=len(body), **headers) + body)

    return answer


def in_turn(*answers: Answerer) -> Answerer:
    """Return an answerer that gives each answer once, then repeats the last."""
    left = list(answers)

    async def answer(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, writer)

    return answer


def slowly(seconds: float, answer: Answerer) -> Answerer:
    """Return an answerer that gives the same answer later."""

    async def wait(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await answer(request, writer)

    return wait
