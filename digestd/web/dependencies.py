"""Provide what routes use: a route names it as a parameter.

    @router.post("/p/{token}/leave")
    def leave(settings: Settings, db: Db, network: NetworkKey, now: Now) -> Response: ...

Routes that share some steps have them in a class, whose fields are such parameters (`made`). What is kept between
requests, such as the counters of a rate limit, is a `part`: made once for each web application.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from inspect import signature
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Request
from fastapi.params import Depends as DependsType

from digestd.app import App
from digestd.security.keys import Keys
from digestd.security.urls import Urls
from digestd.store.database import Database
from digestd.subscribers.notices import NoticeContext
from digestd.web.guards import network_of
from digestd.web.pages import Pages

if TYPE_CHECKING:
    from digestd.ranking.dense import Encoder

T = TypeVar("T")
LastTick = Callable[[], datetime | None] | None


def provide(web: FastAPI, app: App, last_tick: LastTick = None) -> None:
    """Let the routes of a web application use the parts of an installation."""
    web.state.installation, web.state.last_tick, web.state.parts = app, last_tick, {}


def part_of(web: Any, make: Callable[[App], T]) -> T:
    """Return a part of a web application, made by `make` when it is first asked for."""
    parts: dict[Callable[[App], T], T] = web.state.parts
    if make not in parts:
        parts[make] = make(web.state.installation)
    return parts[make]


def part(make: Callable[[App], T]) -> Callable[[Request], Awaitable[T]]:
    """Return a dependency on such a part. It is asynchronous, as FastAPI runs others in a thread each."""

    async def get(request: Request) -> T:
        return part_of(request.app, make)

    return get


def made(kind: type) -> Any:
    """Return a dependency on an object that is made for each request.

    Each of its fields is such a dependency itself, or a parameter of the path. They are read here, because FastAPI
    takes 10 µs for each.
    """
    getters = {name: _getter(name, field.annotation) for name, field in signature(kind).parameters.items()}

    async def make(request: Request) -> object:
        return kind(**{name: await get(request) for name, get in getters.items()})

    return Depends(make)


def _getter(name: str, annotation: Any) -> Callable[[Request], Awaitable[object]]:
    async def from_request(request: Request) -> object:
        return request if annotation is Request else request.path_params[name]

    given: Any = (one.dependency for one in getattr(annotation, "__metadata__", ()) if isinstance(one, DependsType))
    getter: Callable[[Request], Awaitable[object]] = next(given, from_request)
    return getter


def visitor_pages(request: Request) -> Pages:
    return part_of(request.app, Pages.of).to(request)


async def _visitor_pages(request: Request) -> Pages:
    return visitor_pages(request)


async def _now(request: Request) -> datetime:
    if not hasattr(request.state, "now"):
        request.state.now = request.app.state.installation.clock()
    now: datetime = request.state.now
    return now


async def _last_tick(request: Request) -> LastTick:
    last_tick: LastTick = request.app.state.last_tick
    return last_tick


async def _network(request: Request) -> str:
    return network_of(request)


async def _network_key(request: Request) -> bytes:
    keys: Keys = request.app.state.installation.keys
    return keys.original.mac("network", network_of(request).encode())


Installation = Annotated[App, Depends(part(lambda app: app))]
"""For operators' pages, which report on all of it."""
Db = Annotated[Database, Depends(part(lambda app: app.db))]
SigningKeys = Annotated[Keys, Depends(part(lambda app: app.keys))]
Links = Annotated[Urls, Depends(part(lambda app: app.urls))]
Notices = Annotated[NoticeContext, Depends(part(lambda app: app.notices))]
PublicUrl = Annotated[str, Depends(part(lambda app: app.settings.public_url))]
OpenEncoder = Annotated["Callable[[], Encoder]", Depends(part(lambda app: lambda: app.encoder))]
"""Opens the sentence encoder, which takes a while."""
IsLookedUp = Annotated[bool, Depends(part(lambda app: app.registry_reader is not None))]
"""Papers that no source has reported are looked up in registries."""
SitePages = Annotated[Pages, Depends(part(Pages.of))]
"""Pages for a known subscriber: in English, unless their language is given."""
VisitorPages = Annotated[Pages, Depends(_visitor_pages)]
"""Pages in the language of the visitor."""
Now = Annotated[datetime, Depends(_now)]
Ticked = Annotated[LastTick, Depends(_last_tick)]
"""Returns when the scheduler of this process last ticked; None without a scheduler."""
Network = Annotated[str, Depends(_network)]
"""The client's network. The client is the peer, or the address that trusted proxies report."""
NetworkKey = Annotated[bytes, Depends(_network_key)]
"""What is stored of the network."""


@dataclass(frozen=True, slots=True)
class LinkedPage:
    """What the pages behind a link use, in the language of its subscriber."""

    token: str
    db: Db
    keys: SigningKeys
    pages: SitePages
    now: Now


Linked = Annotated[LinkedPage, made(LinkedPage)]
