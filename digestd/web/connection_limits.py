"""How the pages are served: nobody holds a connection for long without doing their part, and nobody holds them all.

A client owes its request, head and body, and the taking of the answer. For either it has DEADLINE from its last answer
on, however it drips; intake refuses a slow body earlier, and in words. Of too many connections the one whose client
has owed something for longest gives way to the newest, so that who asks at once is answered however many only hold
on. (uvicorn's own `limit_concurrency` would turn away the newest, whoever that is, and it has no limit on a head.)
"""

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

DEADLINE = 20.0
"""Seconds; more than intake takes before it answers that a body is too slow."""
IDLE = 5
"""Seconds that a connection may wait for the next request."""
CONNECTIONS_MAX = 400
"""Below the 1,024 files that a process may usually have open, with room for databases and relays."""
HEAD_MAX = 16 * 1024
"""Bytes of a request's head."""
STOP_SECONDS = 5


def server_config(web: Any, host: str, port: int) -> uvicorn.Config:
    """The settings of uvicorn for an application (ASGI)."""
    return uvicorn.Config(
        web,
        host=host,
        port=port,
        http=DeadlineProtocol,
        ws="none",
        h11_max_incomplete_event_size=HEAD_MAX,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=STOP_SECONDS,
        proxy_headers=False,  # the application reads them itself, from DIGESTD_TRUSTED_PROXIES alone
        log_config=None,
        access_log=False,
        server_header=False,
    )


class DeadlineProtocol(H11Protocol):
    """HTTP/1.1 that ends a connection whose client owes something for too long."""

    deadline = DEADLINE
    most = CONNECTIONS_MAX
    _end: asyncio.TimerHandle | None = None

    @property
    def owed_until(self) -> float | None:
        """When patience ends, by the loop's clock; None while it is not the client who is waited for."""
        return self._end.when() if self._end is not None else None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base
        """Wait for a request, and make room for it."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > self.most:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take what came; once a request is whole, the turn is ours."""
        super().data_received(data)
        if not self._owes():
            self._stop_waiting()

    def pause_writing(self) -> None:
        """The answer is not taken as fast as it is given."""
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        """It is."""
        super().resume_writing()
        if not self._owes():
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait anew: for the answer to be taken, the rest of a body that was refused, the next request."""
        self._wait()
        super().on_response_complete()
        if not self._owes():
            self._stop_waiting()  # the next request was there already

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop_waiting()
        super().connection_lost(exc)

    def give_way(self) -> None:
        """End the connection at once, whatever is under way."""
        self._stop_waiting()
        self.connections.discard(self)
        self.transport.abort()

    def _owes(self) -> bool:
        """Whether the client is to send or take something."""
        asked = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        return not asked or self.flow.write_paused

    def _wait(self) -> None:
        self._stop_waiting()
        self._end = self.loop.call_later(self.deadline, self.give_way)

    def _stop_waiting(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _make_room(self) -> None:
        owing = [one for one in self.connections if isinstance(one, DeadlineProtocol) and one.owed_until is not None]
        min(owing, key=lambda one: one.owed_until or 0.0).give_way()
