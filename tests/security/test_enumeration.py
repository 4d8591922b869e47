"""Test that forms disclose nothing about an address: same bytes, same time.

Each form does its work and then waits until a quarter of a second has passed. A clock that counts statements shows
that
the wait covers every difference, and the number of statements that it is long enough. Thousands of answers over HTTP
show that they are indistinguishable from outside (`tests/run --long`).
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection
from random import Random
from statistics import median
from threading import Lock
from urllib.parse import urlencode, urlsplit

import pytest
from scipy.stats import ks_2samp
from sqlalchemy import event
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.delivery import SuppressionReason
from digestd.domain.subscriber import Cause
from digestd.subscribers.personal_data import erase
from digestd.subscribers.status_changes import pause, unsubscribe
from digestd.subscribers.suppression import suppress
from digestd.web.guards import FLOOR_SECONDS
from tests.web.conftest import FORMS, Backend, Clock, stamp_for
from tests.web.html import heading
from tests.web.test_browser import served

REQUESTS = 1_000
ROUNDS, CHANCE = 3, 0.001
STATEMENTS_MAX = 40
AT_ONCE = 8
"""Fewer than one network may ask without being slowed down, which is tried elsewhere."""
STANDINGS = ("unknown", "pending", "active", "paused", "unsubscribed", "suppressed", "erased")


@pytest.fixture
def known(app: App, backend: Backend) -> dict[str, str]:
    """Return an address of each status. Created two days ago so that each may get a mail."""
    found = {standing: f"{standing}@example.org" for standing in STANDINGS}
    now = backend.clock()
    backend.join(found["pending"], status="pending")
    people = {standing: backend.join(found[standing]).key for standing in STANDINGS[2:]}
    pause(app.db, people["paused"], Cause.WEB, now)
    unsubscribe(app.db, people["unsubscribed"], Cause.WEB, now)
    suppress(app.db, app.keys, found["suppressed"], SuppressionReason.COMPLAINT, now)
    erase(app.db, app.keys, found["erased"], now)
    backend.clock.advance(days=2)
    return found


class Counting:
    """A clock that advances by a millisecond per statement and records sleeps."""

    def __init__(self, app: App) -> None:
        self.statements, self.slept = 0, 0.0
        event.listen(app.db.engine, "before_cursor_execute", self._count)

    def _count(self, *_told: object) -> None:
        self.statements += 1

    def monotonic(self) -> float:
        return self.statements / 1000

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds


@pytest.mark.parametrize("form", sorted(FORMS))
def test_answer_and_time_are_same_for_every_status(
    client: TestClient, app: App, backend: Backend, known: dict[str, str], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Counting(app)
    monkeypatch.setattr("digestd.web.guards.time", clock)
    monkeypatch.setattr("digestd.web.guards.sleep", clock.sleep)
    answers, work = set(), set()
    for address in known.values():
        clock.statements, clock.slept = 0, 0.0
        answer = client.post(form, data={"email": address})
        answers.add((answer.status_code, answer.content, tuple(sorted(answer.headers.items()))))
        work.add(clock.statements)
        assert clock.slept + clock.statements / 1000 == pytest.approx(FLOOR_SECONDS)
    assert len(answers) == 1
    assert len(work) > 1, "there is something to make up for"
    assert max(work) < STATEMENTS_MAX, "so few take a few milliseconds, which the wait covers"


@pytest.fixture
def on_sqlite(database_url: str) -> None:
    """Use SQLite alone: once is enough."""
    if not database_url.startswith("sqlite"):
        pytest.skip("tried on SQLite, whose writers wait for each other")


@pytest.mark.long
@pytest.mark.parametrize("form", sorted(FORMS))
def test_answers_over_http_are_indistinguishable(
    app: App, backend: Backend, clock: Clock, on_sqlite: None, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both kinds alternate, so other load slows both. A real difference shows in every round."""
    monkeypatch.setattr("digestd.web.guards.sleep", asyncio.sleep)
    for n in range(200):
        backend.join(f"known{n}@example.org")
    clock.advance(days=2)
    found = []
    for number in range(ROUNDS):
        kinds = (("known", 200), ("new", REQUESTS * ROUNDS))
        asked = [f"{kind}{(number * REQUESTS + n) % most}@example.org" for kind, most in kinds for n in range(REQUESTS)]
        Random(number).shuffle(asked)
        found.append(_likeness(app, clock, form, asked))
        if found[-1] > CHANCE:
            return
    raise AssertionError(f"{form}: the answers differ in {ROUNDS} rounds of {ROUNDS}: {found}")


def _likeness(app: App, clock: Clock, form: str, asked: list[str]) -> float:
    """Return the p-value that answers to known and to new addresses take equally long."""
    with served(app) as home:
        place, turn = urlsplit(home).netloc, Lock()

        def ask(address: str) -> tuple[str, float, bytes]:
            with turn:
                clock.advance(hours=1)
                stamp = stamp_for(app, "127.0.0.1", clock() - timedelta(minutes=1))
            body = urlencode({"email": address, "stamp": stamp})
            connection = HTTPConnection(place, timeout=60)
            begun = time.perf_counter()
            connection.request("POST", form, body, {"Content-Type": "application/x-www-form-urlencoded"})
            with connection.getresponse() as answer:
                said = answer.read()
            span = time.perf_counter() - begun
            connection.close()
            return address[:3], span, said

        with ThreadPoolExecutor(AT_ONCE) as visitors:
            told = list(visitors.map(ask, asked))
    assert {said for _, _, said in told} == {told[0][2]}
    assert heading(told[0][2].decode()) == "Check your inbox"
    spans = {who: [span for whose, span, _ in told if whose == who] for who in ("kno", "new")}
    found = ks_2samp(spans["kno"], spans["new"])
    print(form, median(spans["kno"]), median(spans["new"]), found)
    return float(found.pvalue)
