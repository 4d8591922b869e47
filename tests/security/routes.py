"""Find every route that accepts a POST in the application.

Fill its path, and post to it directly.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message

from digestd.app import App
from digestd.security.tokens import Purpose, issue_second
from digestd.subscribers.address_change import request_address_change
from digestd.web import build
from tests.web.conftest import PATHS, Backend

FORGED = "A" * 40
_OF = {path: purpose for purpose, path in PATHS.items()}


def routes(app: App) -> Iterator[APIRoute]:
    """All routes of the pages."""
    return (route for route in build(app).routes if isinstance(route, APIRoute))


def posting(app: App) -> list[str]:
    return sorted({route.path for route in routes(app) if "POST" in (route.methods or set())})


def filled(path: str, token: str = FORGED) -> str:
    """Return a path with every parameter filled."""
    known = {"token": token, "n": "1", "action": "more", "day": "2026-11-24", "name": "saved.bib", "ending": "bib"}
    known["period"] = known["day"]
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda place: known.get(place[1], "x"), path)


def opening(backend: Backend, path: str, reader: int, **said: object) -> Mapping[str, str]:
    """Return parameters with which a path opens something, for a new subscriber."""
    if "{token}" not in path:
        return {}
    purpose, address = _OF[path.split("/")[1]], f"reader{reader}@example.org"
    joined = backend.join(address, hour=0, status="pending" if purpose is Purpose.CONFIRM else "active", **said)
    number, version = joined.key, 0
    if purpose is Purpose.CONFIRM:
        version = joined.version
    elif purpose in {Purpose.VIEW, Purpose.FEEDBACK}:
        number, version = backend.plan(), 1
    elif purpose in {Purpose.ERASE, Purpose.RENEW}:
        version = joined.version
    elif purpose is Purpose.ADDRESS_CHANGE_NEW:
        version = issue_second(backend.clock())
    if "{period}" in path:
        backend.plan()
    _request(backend, purpose, joined.key, address)
    token = backend.link(purpose, number, version).rpartition("/")[2]
    places = {"token": token, "n": "1", "action": "more", "name": "saved.bib", "ending": "bib", "period": "2026-11-24"}
    return {name: value for name, value in places.items() if f"{{{name}}}" in path.replace(":int", "")}


def _request(backend: Backend, purpose: Purpose, key: int, address: str) -> None:
    """Ask for what a link of this purpose confirms."""
    app, now = backend.app, backend.clock()
    if purpose is Purpose.ADDRESS_CHANGE_NEW:
        request_address_change(app.db, app.notices, key, f"new.{address}", now)


async def posted(web: ASGIApp, path: str, form: dict[str, str], host: str) -> int:
    """Post a form directly to the application, which is fast, and return the status."""
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
