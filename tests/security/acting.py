"""Every route that may change something, found in the application itself, a path that reaches it, a quick way in."""

import re
from collections.abc import Iterator
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message

from digestd.app import App
from digestd.web import build

FORGED = "A" * 36


def routes(app: App) -> Iterator[APIRoute]:
    """All routes of the pages."""
    for included in build(app).routes:
        for route in getattr(included, "original_router", APIRouter()).routes:
            assert isinstance(route, APIRoute)
            yield route


def posting(app: App) -> list[str]:
    """The paths of the routes that take a POST, as they are written."""
    return sorted({route.path for route in routes(app) if "POST" in (route.methods or set())})


def filled(path: str, token: str = FORGED) -> str:
    """Such a path with something in each of its places."""
    known = {"token": token, "n": "1", "action": "more", "day": "2026-11-24"}
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda place: known.get(place[1], "x"), path)


async def posted(web: ASGIApp, path: str, form: dict[str, str], host: str) -> int:
    """The status that a form gets, sent from a host straight into the application: thousands go within seconds."""
    body = urlencode(form).encode()
    headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", b"%d" % len(body))]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "https",
        "query_string": b"",
        "headers": headers,
        "client": (host, 1),
        "server": ("papers.example.org", 443),
    }
    said: list[Message] = []
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        said.append(message)

    await web(scope, receive, send)
    return int(said[0]["status"])
