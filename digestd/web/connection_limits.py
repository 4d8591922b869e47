"""Protect the server against slow and idle connections (Slowloris).

A client has DEADLINE seconds to send its request, or each MiB of it, and again to read the answer, however slowly
bytes arrive; middleware refuses slow bodies earlier, with an error page. Above CONNECTIONS_MAX, the connection that has
waited for its client the longest is closed, so that new requests are still answered. uvicorn's `limit_concurrency`
would refuse the newest connection instead, and it does not limit the time for headers.
"""

import asyncio
from email.utils import formatdate
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

DEADLINE = 20.0
"""Seconds, also for each MiB of a body. Longer than middleware waits, which answers with an error page."""
_MIB = 1024 * 1024
IDLE = 5
"""Seconds that an idle connection stays open."""
CONNECTIONS_MAX = 400
"""Below the usual limit of 1,024 open files, with room for databases and relays."""
HEAD_MAX = 16 * 1024
"""Maximum bytes of a request's headers."""
STOP_SECONDS = 5


def server_config(web: Any, host: str, port: int) -> uvicorn.Config:
    """Return the uvicorn configuration for an ASGI application."""
    return uvicorn.Config(
        web,
        host=host,
        port=port,
        http=DeadlineProtocol,
        ws="none",
        h11_max_incomplete_event_size=HEAD_MAX,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=STOP_SECONDS,
        proxy_headers=False,  # the application trusts DIGESTD_TRUSTED_PROXIES only
        log_config=None,
        access_log=False,
        server_header=False,
    )


class DeadlineProtocol(H11Protocol):
    """HTTP/1.1 protocol that closes connections whose client is too slow.

    It also renews the Date header of answers, so that the server needs no clock that ticks while nobody asks.
    """

    deadline = DEADLINE
    most = CONNECTIONS_MAX
    _end: asyncio.TimerHandle | None = None
    _unpaid = 0

    @property
    def owed_until(self) -> float | None:
        """Return the deadline in event loop time, or None while the server is working."""
        return self._end.when() if self._end is not None else None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base
        """Start the deadline, and close another connection if there are too many."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > self.most:
            rest = [one for one in self.connections if isinstance(one, DeadlineProtocol) and one.owed_until is not None]
            min(rest, key=lambda one: one.owed_until or 0.0).give_way()

    def data_received(self, data: bytes) -> None:
        """Process data, and stop the deadline once the request is complete."""
        self.server_state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        super().data_received(data)
        self._unpaid += len(data)
        if not self._owes():
            self._stop_waiting()
        elif self._unpaid >= _MIB:
            self._wait()

    def pause_writing(self) -> None:
        """Start the deadline when the client reads the answer too slowly."""
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self._owes():
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Restart the deadline, for unread data or for the next request."""
        self._wait()
        super().on_response_complete()
        if not self._owes():
            self._stop_waiting()  # the next request has already arrived

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def give_way(self) -> None:
        self._stop_waiting()
        self.connections.discard(self)
        self.transport.abort()

    def _owes(self) -> bool:
        is_answering = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        return not is_answering or self.flow.write_paused

    def _wait(self) -> None:
        self._stop_waiting()
        self._unpaid = 0
        self._end = self.loop.call_later(self.deadline, self.give_way)

    def _stop_waiting(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None
