"""An SMTP server that accepts and discards every mail, and may answer late.

    python -m tests.bench.sink_server PORT [--latency MS] [--connections N] [--no-pipelining]

Every answer comes `latency` after its command, as over a long line: the answers to pipelined commands come together.
Further connections than N are refused with 421. It prints the number of mails after each, and when that was; and when
each connection was opened.
"""

import argparse
import asyncio
from functools import partial

END_OF_MAIL = b"\r\n.\r\n"
_REPLIES = {b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}


class SinkServer(asyncio.Protocol):
    """One session with a client.

    Args:
        latency: Seconds between a command and its answer.
        extensions: What EHLO offers.
    """

    taken = 0

    def __init__(self, latency: float, connections: int, extensions: bytes, sessions: "set[SinkServer]") -> None:
        self._latency = latency
        self._connections = connections
        self._extensions = extensions
        self._sessions = sessions
        self._rest = b""
        self._in_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or refuse if there are too many sessions."""
        assert isinstance(transport, asyncio.Transport)  # asyncio passes one to stream protocols
        self._transport = transport
        if len(self._sessions) >= self._connections:
            transport.write(b"421 4.7.0 too many connections\r\n")
            transport.close()
            return
        self._sessions.add(self)
        print(f"connection at={asyncio.get_running_loop().time()}")
        self._answer(b"220 sink ESMTP\r\n")

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the session."""
        del error
        self._sessions.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer every complete command and mail."""
        data, answers = self._rest + data, b""
        while data:
            end = data.find(END_OF_MAIL) if self._in_mail else data.find(b"\r\n")
            if end < 0:
                break
            if self._in_mail:
                data, self._in_mail = data[end + len(END_OF_MAIL) :], False
                answers += b"250 ok\r\n"
                SinkServer.taken += 1
                # read by `Sink`
                print(f"mesg={SinkServer.taken} at={asyncio.get_running_loop().time()}", flush=True)
                continue
            verb, data = data[:4].upper(), data[end + 2 :]
            answers += self._extensions if verb == b"EHLO" else _REPLIES.get(verb, b"250 ok\r\n")
            self._in_mail = verb == b"DATA"
        # of an incomplete mail, only what may be part of its end
        self._rest = data[1 - len(END_OF_MAIL) :] if self._in_mail else data
        if answers:
            self._answer(answers)

    def _answer(self, answers: bytes) -> None:
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, answers)
        else:
            self._transport.write(answers)


async def serve(port: int, latency: float, connections: int, *, pipelining: bool) -> None:
    """Listen on a port of 127.0.0.1 until cancelled; `latency` is in seconds."""
    extensions = b"250-sink\r\n250 PIPELINING\r\n" if pipelining else b"250 sink\r\n"
    session = partial(SinkServer, latency, connections, extensions, set())
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", port, backlog=1_000)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds")
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--no-pipelining", action="store_true")
    given = parser.parse_args()
    asyncio.run(serve(given.port, given.latency / 1_000, given.connections, pipelining=not given.no_pipelining))


if __name__ == "__main__":
    main()
