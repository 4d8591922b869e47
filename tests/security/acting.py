"""Every route that may change something, found in the application itself, and a path that reaches it."""

import re
from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.routing import APIRoute

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
