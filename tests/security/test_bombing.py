"""Whatever is posted wherever, nobody who did not ask gets more than one mail a day."""

import os
from collections import Counter
from types import SimpleNamespace

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from digestd.app import App
from digestd.links import Purpose, issued
from digestd.store import core
from digestd.web import build
from tests.security.acting import filled, posting
from tests.web.conftest import HOME, PATHS, Clock, House

VICTIMS = [f"victim{n}@example.net" for n in range(100)]
POSTS = 10_000 if os.environ.get("DIGESTD_TEST_LONG") else 600
SECONDS = 1
"""Between two posts: slow enough for the limit on everyone together, all within a day."""


def test_no_address_gets_two_mails_by_any_route(
    app: App, house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digestd.web.evenly.time", SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda _: None))
    house.join("mallory@example.org")
    before = _mails(app)
    paths = [_reached(house, path) for path in posting(app)]
    assert {"/subscribe", "/resend", "/settings"} <= set(paths)
    answers: Counter[int] = Counter()
    with TestClient(_everywhere(app), base_url=HOME, follow_redirects=False) as client:
        for n in range(POSTS):
            path = paths[n % len(paths)]
            address = VICTIMS[n // len(paths) % len(VICTIMS)]
            answers[client.post(path, data=_form(address)).status_code] += 1
            clock.advance(seconds=SECONDS)
    mails = _mails(app) - before
    assert answers[200] > POSTS // 10, answers
    assert answers.keys().isdisjoint({500, 503}), answers
    assert mails.total() >= min(len(VICTIMS), POSTS // len(paths)) // 2, "the attack did reach the part that mails"
    assert [mail for mail, count in mails.items() if count > 1] == []


def _form(address: str) -> dict[str, str]:
    return {"email": address, "address": address, "to": address, "topics": "cheap pills https://evil.example"}


def _reached(house: House, path: str) -> str:
    """The path with a token that is Mallory's own, as whoever attacks may well be a subscriber."""
    key, now = house.subscriber("mallory@example.org").key, issued(house.clock())
    purpose = next((purpose for purpose, start in PATHS.items() if path.startswith(f"/{start}/")), None)
    if purpose is None:
        return filled(path)
    version = now if purpose in {Purpose.PREFERENCES, Purpose.MOVE_FROM, Purpose.MOVE_TO} else 0
    return filled(path, house.link(purpose, key, version).split("/")[2])


def _everywhere(app: App) -> ASGIApp:
    """The pages, asked from another network each time."""
    inner, asked = build(app), iter(range(10**9))

    async def from_anywhere(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            n = next(asked)
            scope["client"] = (f"10.{n // 65_536}.{n // 256 % 256}.{n % 256}", 1)
        await inner(scope, receive, send)

    return from_anywhere


def _mails(app: App) -> Counter[tuple[int, str]]:
    """How many notices of a kind each subscriber is to get."""
    query = select(core.delivery.c.subscriber_id, core.delivery.c.kind)
    with app.db.read() as session:
        return Counter((int(who), str(kind)) for who, kind in session.connection().execute(query))
