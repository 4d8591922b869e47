"""Test the operators' page."""

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from html5lib import HTMLParser
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.bounce import Bounce, BounceKind
from digestd.domain.coverage import Coverage, CoverageState
from digestd.domain.interest import Verdict
from digestd.security.tokens import Scope
from digestd.store import bounces, feedback
from digestd.store.papers import sources
from digestd.web import build
from digestd.web.admin import HEIGHT, WIDTH, evenly, line_points, round_up, stacked_bars
from tests.web.conftest import PAPER, Backend, local_client
from tests.web.html import heading
from tests.web.test_api import SECRET, token

LOCAL = "http://127.0.0.1:8080"


def basic(backend: Backend, *scopes: Scope) -> dict[str, str]:
    """Return the header that a browser sends for a new token."""
    word = token(backend, *scopes)["Authorization"].removeprefix("Bearer ")
    return {"Authorization": f"Basic {base64.b64encode(f'anybody:{word}'.encode()).decode()}"}


@pytest.fixture
def home(app: App) -> App:
    """Return the installation with a public URL that is this machine."""
    return replace(app, settings=app.settings.model_copy(update={"public_url": LOCAL}))


def test_page_needs_token_where_strangers_may_come(app: App, backend: Backend, client: TestClient) -> None:
    with local_client(app) as near:  # what a stranger looks like behind a proxy that hides itself
        for visitor in (client, near):
            refused = visitor.get("/admin")
            assert (refused.status_code, heading(refused.text)) == (401, "Page not found")
            assert refused.headers["www-authenticate"].startswith("Basic ")
    for wrong in (
        token(backend, *(set(Scope) - {Scope.ADMIN})),
        {"Authorization": f"Bearer digestd_1_{'x' * 43}"},
        {"Authorization": "Basic !"},
        {"Authorization": f"Basic {base64.b64encode(SECRET.encode()).decode()}"},
    ):
        assert client.get("/admin", headers=wrong).status_code == 401
    for right in (token(backend, Scope.ADMIN), basic(backend, Scope.ADMIN)):
        assert client.get("/admin", headers=right).status_code == 200
        assert client.post("/admin", headers=right).status_code == 405
        assert client.get("/metrics", headers=right).status_code == 404


@pytest.mark.parametrize("proxied", [{"X-Forwarded-For": "192.0.2.1"}, {"Host": "papers.example.org"}])
def test_own_machine_needs_no_token_but_its_proxy_does(home: App, proxied: Mapping[str, str]) -> None:
    with local_client(home) as client:
        assert client.get("/admin").status_code == 200
        assert client.get("/admin", headers=dict(proxied)).status_code == 401
    with TestClient(build(home), base_url=LOCAL, client=("192.0.2.1", 1)) as client:
        assert client.get("/admin").status_code == 401


def test_page_names_no_person(home: App, backend: Backend) -> None:
    fill(backend)
    with local_client(home) as client:
        page = client.get("/admin").text
    assert "@" not in page
    assert "Sorting keys" not in page


def fill(backend: Backend) -> None:
    """Store a bit of everything that the page shows."""
    backend.import_papers(PAPER)
    ada, now = backend.join("ada@example.org", hour=0), backend.clock()
    backend.plan()
    with backend.app.db.write() as session:
        key = bytes(32)
        bounces.insert(session, Bounce(key, key, BounceKind.HARD, "dsn", "5.1.1", None, None, now))
        sources.store_coverage(session, [Coverage("hf-daily", now.date(), CoverageState.LATE, 3, 9, "not yet")], now)
        feedback.add(session, ada.key, 1, Verdict.MORE, now)


def test_page_shows_state_and_plots(home: App, backend: Backend) -> None:
    fill(backend)
    with local_client(home) as client:
        page = client.get("/admin").text
    HTMLParser(strict=True).parse(page)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Last 24 hours 1 digest planned" in text
    assert "1 bounce in 30 days" in text
    assert "100 % of 1 verdict in 12 weeks" in text
    assert "1 now, +1 in 90 days" in text
    assert 'class="is-late" title="Tue 24 Nov: late, 3 papers; not yet"' in page
    assert "<script" not in page
    assert " style=" not in page


def test_page_is_linked_nowhere(client: TestClient, pages: list[str]) -> None:
    shown = [client.get(address).text for address in pages if address != "/admin"]
    assert not [text for text in shown if re.search(r"/admin\b(?!\.css)", text)]


def test_reload_shares_one_count(home: App, backend: Backend) -> None:
    with local_client(home) as client:
        backend.join("ada@example.org")
        first = client.get("/admin").text
        backend.join("bob@example.org")
        assert client.get("/admin").text == first
        backend.clock.now += timedelta(seconds=20)
        assert "2 active" in client.get("/admin").text


def test_bars_stack_inside_the_plot() -> None:
    bars = stacked_bars([[("a", 3, "x"), ("b", 7, "y")], [("a", 0, "z")], [("a", 10, "w")]], 10)
    assert [bar.title for bar in bars] == ["x", "y", "w"]
    assert bars[0].y + bars[0].height == HEIGHT
    assert bars[1].y == 0
    assert bars[1].y + bars[1].height == bars[0].y
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH for bar in bars)


def test_line_spans_the_plot() -> None:
    points = [tuple(map(float, point.split(","))) for point in line_points([0, 5, 10], 10).split()]
    assert points == [(0, 100), (500, 50), (1000, 0)]


def test_plots_end_at_round_numbers() -> None:
    assert [round_up(value) for value in (0, 1, 7, 11, 218, 1283)] == [1, 1, 8, 15, 300, 1500]
    labels = [str(n) for n in range(48)]
    few = evenly(labels, 4)
    assert (few[0], few[-1], len(few)) == ("0", "47", 4)
    gaps = [int(after) - int(before) for before, after in pairwise(few)]
    assert max(gaps) - min(gaps) <= 1
    assert evenly(["a", "b"], 4) == ["a", "b"]
