"""A chat server on this machine that records what is posted and answers as told."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, NamedTuple

from tests.support.waiting import PATIENCE_SECONDS

HANG = -1


class Post(NamedTuple):
    """A request: method, path, headers with lower-case names, and the JSON body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


class Answer(NamedTuple):
    """An answer. A status of 0 closes the connection after the request instead, one of HANG never answers.

    `times`: the body is sent so often.
    """

    status: int = 200
    body: str = '{"ok": true, "event_id": "$1", "user_id": "@a:b", "device_id": "D", "room_id": "!room:example.org"}'
    location: str = ""
    times: int = 1


@dataclass
class ChatServer:
    """The requests so far, and the answers to the next ones; 200 when there are none left."""

    port: int = 0
    posts: list[Post] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    hanging: Event = field(default_factory=Event)
    closing: Event = field(default_factory=Event)


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """Run a server on 127.0.0.1."""
    state = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"] or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if self.path.endswith(("/whoami", "/join/%21room%3Aexample.org")):  # Matrix looks before it posts
                answer = Answer()
            else:
                state.posts.append(Post(self.command, self.path, headers, json.loads(raw)))
                answer = state.answers.pop(0) if state.answers else Answer()
            if answer.status == HANG:
                state.hanging.set()
                state.closing.wait(PATIENCE_SECONDS)
            if answer.status <= 0:
                self.close_connection = True
                return
            self.send_response(answer.status)
            if answer.location:
                self.send_header("Location", answer.location)
            self.send_header("Content-Length", str(len(answer.body) * answer.times))
            self.end_headers()
            with suppress(OSError):  # the client has read enough
                for _ in range(answer.times):
                    self.wfile.write(answer.body.encode())

        do_PUT = do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
