"""The part that all documented services share: parse the query, answer in turn, ask for pauses."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic
from urllib.parse import parse_qs, urlsplit

from digestd.sources.source import Request
from tests.papers.http_server import Answerer, HttpServer, ReceivedRequest, head
from tests.papers.ingester import LocalSource

Query = Mapping[str, list[str]]
Record = dict[str, object]


@dataclass(frozen=True)
class Reply:
    """An answer: its JSON, status and further headers."""

    content: object
    status: int = 200
    headers: Mapping[str, object] = field(default_factory=dict)


class RefusedError(Exception):
    """The service answers a request with an error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply.content))
        self.reply = reply


@dataclass
class RunningClock:
    """A clock that runs, and can be moved on."""

    now: datetime
    began: float = field(default_factory=monotonic)

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.now.timestamp() + monotonic() - self.began, self.now.tzinfo)


@dataclass
class DocumentedService:
    """A service at a local address.

    Attributes:
        instead: answers that are given first, one for each request.
        between: called once each after an answer, to change the service between two pages.
        asked: the queries that were answered, or refused.
    """

    site: HttpServer
    clock: Callable[[], datetime]
    instead: list[Answerer] = field(default_factory=list)
    between: list[Callable[[], None]] = field(default_factory=list)
    asked: list[Query] = field(default_factory=list)

    def serve(self, path: str, answer: Callable[[Query], Reply]) -> None:
        """Serve a path; what `answer` refuses becomes an error."""

        async def say(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            if self.instead:
                await self.instead.pop(0)(request, writer)
                return
            query = parse_qs(urlsplit(request.path).query, keep_blank_values=True, strict_parsing=True)
            self.asked.append(query)
            try:
                reply = answer(query)
            except RefusedError as refused:
                reply = refused.reply
            body = json.dumps(reply.content, ensure_ascii=False).encode()
            headers = {"Content_Type": "application/json; charset=utf-8", "Content_Length": len(body), **reply.headers}
            writer.write(head(reply.status, **headers) + body)
            if self.between:
                self.between.pop(0)()

        self.site.paths[path] = say


@dataclass(frozen=True)
class MisspeltSource(LocalSource):
    """A source at a local server whose requests hold an error: `wrong` is what is replaced, and by what."""

    wrong: tuple[str, str] = ("", "")

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        request = super().requests(since, cursor)
        assert request is not None
        assert self.wrong[0] in request.url
        return replace(request, url=request.url.replace(*self.wrong))


def names(text: str) -> frozenset[str]:
    """Return the words of a text as a set of names."""
    return frozenset(text.split())


def single(query: Query, name: str, default: str = "") -> str:
    """Return a parameter that may be given once; the last one counts."""
    return query.get(name, [default])[-1]
