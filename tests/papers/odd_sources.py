"""Sources whose parsers misbehave, importable by the parser process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from digestd.domain.paper import PaperId, Sighting, Words
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.source import Page, RateLimit, Reject, Request

FULL = Page(
    (
        Sighting(
            ids=(PaperId("arxiv:2611.00001"), PaperId("doi:10.5555/1")),
            words=Words("Ein Titel, ein „Titel“ \U0001f9ca", "a b", ("Zoë Ångström",), ("cs.LG",)),
            published=datetime(2026, 11, 20, 1, 2, 3, 4, tzinfo=UTC),
            version=3,
            announced="cross",
            url="https://example.org/1",
            links={"code": "https://example.org/code"},
            signals={"upvotes": 2.5},
            day=date(2026, 11, 23),
            withdrawn=True,
            venue="Journal of Ice",
            affiliations=("Universität Zürich", "ETH"),
            summary="A summary of ice.",
        ),
        Sighting(ids=(PaperId("feed:1"),), words=Words("")),
    ),
    "a cursor",
    (Reject("record 3", "title", "is missing"),),
    7,
    date(2026, 11, 24),
)
"""A page in which every field has a value of its own."""


def spin() -> None:
    while True:
        pass


def sleep() -> None:
    time.sleep(600)


def hog() -> None:
    kept = []
    while True:
        kept.append(bytearray(10_000_000))


def crash() -> None:
    signal.raise_signal(signal.SIGSEGV)


def leave() -> None:
    os._exit(3)


def dig() -> None:
    dig()


def fail() -> None:
    raise SourceFailed("the shop is closed; come again")


def refuse() -> None:
    raise BadRecord("title", "is odd")


def stumble() -> None:
    raise KeyError("colour")


def connect() -> None:
    socket.create_connection(("127.0.0.1", 9))


def start() -> None:
    subprocess.run(["/bin/true"], check=True)


def fork() -> None:
    os.fork()


def open_file() -> None:
    os.open("/dev/null", os.O_RDONLY)


def write() -> None:
    Path("/tmp/digestd-must-not-be-written").write_bytes(b"x" * 100)


def tell_secrets() -> None:
    raise ValueError(",".join(sorted(os.environ)))


def lie() -> None:
    sys.stdout.buffer.write((5).to_bytes(8, "big") + b"[1,2]" + (0).to_bytes(8, "big"))
    sys.stdout.buffer.flush()


def boast() -> None:
    sys.stdout.buffer.write((1 << 60).to_bytes(8, "big"))
    sys.stdout.buffer.flush()


@dataclass(frozen=True)
class Odd:
    """A source that misbehaves, then returns a complete page."""

    act: Callable[[], None] | None = None
    name: str = "odd"

    @property
    def rate_limit(self) -> RateLimit:
        return RateLimit("odd.example.org", 0)

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        del since, cursor
        return None

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        del body, cursor
        if self.act:
            self.act()
        return FULL
