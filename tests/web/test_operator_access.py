"""Test the endpoints for an operator's machines."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from threading import Event

import pytest
from anyio.to_thread import current_default_thread_limiter
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.testclient import TestClient

from digestd.app import App
from digestd.delivery import disk_space
from digestd.domain.backoff import BackoffState
from digestd.domain.coverage import Coverage, CoverageState
from digestd.domain.delivery import State
from digestd.domain.paper import Paper
from digestd.domain.subscriber import Status
from digestd.domain.throttle import Throttle
from digestd.security.tokens import Scope
from digestd.store import rate_limits
from digestd.store.database import open_database
from digestd.store.papers import sources
from digestd.store.papers.sources import FetchRecord
from digestd.store.rate_limits import ThrottleState
from digestd.web import build
from digestd.web.access import is_local
from tests.support.waiting import PATIENCE_SECONDS
from tests.web.conftest import HOME, PAPER, Backend, browsing, local_client
from tests.web.html import heading
from tests.web.test_api import token


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    with local_client(app) as client:
        yield client


def _metrics(client: TestClient) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_healthz_waits_where_pages_do(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, go_on = Event(), Event()

    def trending(*_args: object) -> list[Paper]:
        stuck.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return []

    def one_thread() -> None:
        current_default_thread_limiter().total_tokens = 1

    monkeypatch.setattr("digestd.store.papers.trending", trending)
    with ThreadPoolExecutor(2) as pool:
        assert client.portal is not None
        client.portal.call(one_thread)
        page = pool.submit(client.get, "/papers")
        assert stuck.wait(PATIENCE_SECONDS)
        health = pool.submit(client.get, "/healthz")
        with pytest.raises(TimeoutError):
            health.result(0.2)
        go_on.set()
        assert (page.result().status_code, health.result().text) == (200, "ok")


def test_healthz_is_ok(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok"


def test_readyz_needs_database_and_scheduler(app: App, now: datetime) -> None:
    ticks = [now - timedelta(minutes=1), None, now - timedelta(minutes=11)]
    answers = []
    for tick in ticks:
        with local_client(app, lambda tick=tick: tick) as client:  # type: ignore[misc]  # binds the loop's value
            answers.append(client.get("/readyz"))
    assert [answer.status_code for answer in answers] == [200, 503, 503]
    assert answers[0].json() == {
        "ready": True,
        "reasons": [],
        "last_ingest_seconds": None,
        "last_tick_seconds": 60.0,
        "relays_stopped": {},
        "uncertain_for_a_day": 0,
        "poisoned": 0,
        "refused_waiting": 0,
        "bounces_held": 0,
        "sender_refused": 0,
        "disk": None,
        "coverage": {},
        "sources_missing": [],
    }
    assert answers[2].json()["reasons"] == ["the scheduler does not tick"]


def test_readyz_reports_relay_backoff_but_stays_ready(app: App, client: TestClient, now: datetime) -> None:
    until = now + timedelta(minutes=5)
    rest = ThrottleState(Throttle(), BackoffState(3, until.timestamp(), "the relay refuses to serve us"))
    with app.db.write() as session:
        rate_limits.change_throttles(
            session, {"relay.example.org:587": lambda _: rest, "fine.example.org:587": lambda kept: kept}
        )
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["relays_stopped"] == {
        "relay.example.org:587": {
            "why": "the relay refuses to serve us",
            "failures": 3,
            "tried_again": until.isoformat(timespec="seconds"),
        }
    }
    assert _metrics(client)["digestd_relay_stopped", "relay.example.org:587"] == 3


def test_readyz_reports_full_disk_but_stays_ready(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "MIN_FREE_BYTES", 1 << 60)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["disk"] == "it is nearly full; nothing is sent until there is room"


def test_readyz_fails_without_database(app: App, tmp_path: Path) -> None:
    folder = tmp_path / "folder.db"
    folder.mkdir()
    for database, reason in (
        (
            f"sqlite:///{tmp_path / 'empty.db'}",
            "the database has another schema than this version needs; run `digestd init`",
        ),
        (f"sqlite:///{folder}", "the database does not answer"),
    ):
        db = open_database(database)
        with local_client(replace(app, db=db)) as client:
            answer = client.get("/readyz")
            assert answer.status_code == 503
            assert answer.json()["reasons"] == [reason]
            assert str(tmp_path) not in answer.text
            assert client.get("/healthz").status_code == 200
        db.close()


def test_metrics_count_rows(client: TestClient, backend: Backend) -> None:
    empty = _metrics(client)
    assert {name for name, *label in empty if name == "digestd_deliveries" and label} == {"digestd_deliveries"}
    assert len([key for key in empty if key[0] == "digestd_deliveries"]) == len(State)
    assert not any(empty.values())
    backend.import_papers(PAPER)
    backend.join("ada@example.org", hour=0)
    backend.join("bob@example.org", status="pending")
    backend.plan()
    backend.clock.advance(seconds=20)
    full = _metrics(client)
    assert full["digestd_deliveries", State.READY] == 2
    assert full["digestd_subscribers", Status.ACTIVE] == 1
    assert full["digestd_subscribers", Status.PENDING] == 1
    assert full["digestd_papers",] == 1
    assert "@" not in client.get("/metrics").text


ARXIV = "arxiv-rss:cs.AI+cs.CL"


@pytest.fixture
def noted(app: App, now: datetime) -> None:
    """Record three sources: one late, one complete yesterday, one no longer used."""
    days = [
        Coverage("hf-daily", now.date(), CoverageState.LATE),
        Coverage("hf-daily", now.date() - timedelta(days=1), CoverageState.FRESH, 40),
        Coverage(ARXIV, now.date() - timedelta(days=1), CoverageState.FRESH, 412),
        Coverage(ARXIV, now.date() + timedelta(days=1), CoverageState.BROKEN),
        Coverage("jsonl:old", now.date() - timedelta(days=9), CoverageState.BROKEN),
    ]
    answers = [
        FetchRecord(ARXIV, "https://example.org/1", now - timedelta(hours=1)),
        FetchRecord(ARXIV, "https://example.org/2", now - timedelta(hours=2)),
        FetchRecord("hf-daily", "https://example.org/3", now, error="HTTP 503"),
    ]
    with app.db.write() as session:
        sources.store_coverage(session, days, now)
        sources.record_fetches(session, answers)


@pytest.mark.usefixtures("noted")
def test_readyz_names_silent_source_but_stays_ready(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["ready"]
    assert answer.json()["coverage"] == {
        ARXIV: {"day": "2026-11-23", "state": "fresh", "items": 412},
        "hf-daily": {"day": "2026-11-24", "state": "late", "items": 0},
    }
    assert answer.json()["sources_missing"] == ["hf-daily"]


@pytest.mark.usefixtures("noted")
def test_metrics_cover_sources(client: TestClient, now: datetime) -> None:
    counted = _metrics(client)
    states = {key[1:]: value for key, value in counted.items() if key[0] == "digestd_source_state"}
    assert states.keys() == set(product((ARXIV, "hf-daily"), CoverageState))
    assert {key for key, value in states.items() if value} == {(ARXIV, "fresh"), ("hf-daily", "late")}
    assert counted["digestd_source_items", ARXIV] == 412
    assert counted["digestd_source_items", "hf-daily"] == 0
    answered = {key[1]: value for key, value in counted.items() if key[0].startswith("digestd_source_last_answer")}
    assert answered == {ARXIV: (now - timedelta(hours=1)).timestamp()}


def test_metrics_show_open_circuit_breakers(client: TestClient, app: App, now: datetime) -> None:
    with app.db.write() as session:
        rate_limits.reserve_request(session, "good.example.org", now, 3)
        for _ in range(3):
            rate_limits.record_host_failure(session, "bad.example.org", now, "HTTP 503")
    counted = _metrics(client)
    names = ("digestd_host_failures", "digestd_host_left_alone")
    assert [counted[name, "good.example.org"] for name in names] == [0, 0]
    assert [counted[name, "bad.example.org"] for name in names] == [3, 1]


def test_metrics_show_last_scheduler_run(app: App, now: datetime) -> None:
    with local_client(app, lambda: now) as client:
        assert _metrics(client)["digestd_last_tick_timestamp_seconds",] == now.timestamp()


def test_metrics_are_cached(client: TestClient, backend: Backend) -> None:
    assert _metrics(client)["digestd_papers",] == 0
    backend.import_papers(PAPER)
    assert _metrics(client)["digestd_papers",] == 0
    backend.clock.advance(seconds=16)
    assert _metrics(client)["digestd_papers",] == 1


PRIVATE = ("/readyz", "/metrics")
"""What is for operators only."""


PROXIED: list[dict[str, str]] = [
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Host": "127.0.0.1:8080"},
    {"X-Real-IP": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 proxy"},
    {"CF-Connecting-IP": "127.0.0.1"},
    {"Host": "papers.example.org"},
    {"Host": "127.0.0.1.example.org"},
    {"Host": "127.0.0.1:80@example.org"},
    {"Host": ""},
]
STRANGERS = ["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "2001:db8::1", "testclient", ""]


def test_operator_pages_refuse_proxied_requests(client: TestClient) -> None:
    for path in PRIVATE:
        assert client.get(path).status_code == 200
        for headers in PROXIED:
            answer = client.get(path, headers=headers)
            assert (answer.status_code, heading(answer.text)) == (404, "Page not found"), headers
            assert client.get("/healthz", headers=headers).text == "ok"


def test_operator_pages_require_known_machines(client: TestClient) -> None:
    for peer in STRANGERS:
        far = TestClient(client.app, base_url="http://127.0.0.1:8080", client=(peer, 50_000))
        assert [far.get(path).status_code for path in PRIVATE] == [404, 404], peer


def test_operator_pages_answer_local_requests(client: TestClient) -> None:
    for peer in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        for name in ("http://127.0.0.1:8080", "http://localhost", "http://[::1]:8080"):
            near = TestClient(client.app, base_url=name, client=(peer, 50_000))
            assert [near.get(path).status_code for path in PRIVATE] == [200, 200], (peer, name)


async def test_operator_pages_refuse_http_1_0_and_no_peer(app: App) -> None:
    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": [(b"host", b"127.0.0.1")]}
    local = {**scope, "client": ("127.0.0.1", 1), "http_version": "1.1"}
    assert is_local(Request(local))
    assert not is_local(Request({**local, "http_version": "1.0"}))
    assert not is_local(Request({**local, "client": None}))
    assert not is_local(Request({**local, "headers": []}))


def test_operator_pages_accept_token_with_scope(app: App, backend: Backend) -> None:
    others = [scope for scope in Scope if scope is not Scope.METRICS]
    reader, other = token(backend, Scope.METRICS), token(backend, *others)
    with browsing(app) as client:
        for path in PRIVATE:
            assert client.get(path, headers=reader).status_code == 200
            assert client.get(path, headers=other).status_code == 404
            assert client.get(path).status_code == 404


def test_operator_pages_can_be_public(app: App) -> None:
    settings = app.settings.model_copy(update={"metrics_public": True})
    with browsing(replace(app, settings=settings)) as client:
        assert [client.get(path).status_code for path in PRIVATE] == [200, 200]


def test_robots_txt_excludes_token_pages(client: TestClient) -> None:
    first, *lines = client.get("/robots.txt").text.splitlines()
    assert first == "User-agent: *"
    assert {line.removeprefix("Disallow: ") for line in lines} >= {
        f"/{page}/" for page in ("confirm", "u", "d", "p", "f", "s", "move")
    }


def test_links_stay_below_public_path(app: App) -> None:
    settings = app.settings.model_copy(update={"public_url": f"{HOME}/digest"})
    with TestClient(build(replace(app, settings=settings)), base_url=HOME) as client:
        page = client.get("/").text
    assert 'action="/digest/subscribe"' in page
    assert 'href="/digest/static/style.css' in page
    assert 'href="/' not in page.replace('href="/digest/', "")
