"""Test what holds for every page."""

import asyncio
import logging
import re
from dataclasses import replace
from datetime import datetime

import pytest
import structlog
from sqlalchemy import event
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from digestd.app import App
from digestd.domain.subscriber import Status
from digestd.security.tokens import Purpose
from digestd.store.database import open_database
from digestd.web.middleware import BODY_MAX, LARGE_AT_ONCE, BodyLimit
from tests.security.routes import routes as every
from tests.web.conftest import HOME, Backend, browsing
from tests.web.html import heading

PUBLIC = ("/", "/papers", "/papers/2026-11-24", "/papers.atom")
"""What anybody may find, and keep for a while."""


def test_get_changes_nothing(client: TestClient, backend: Backend, pages: list[str]) -> None:
    before = backend.contents()
    for address in pages:
        for method in ("GET", "HEAD", "OPTIONS"):
            client.request(method, address, headers={"Purpose": "prefetch"})
    assert backend.contents() == before


def test_pages_fixture_covers_all_routes(app: App, pages: list[str]) -> None:
    routes = list(every(app))
    shown = {route.path for route in routes}
    assert len(shown) > 15
    patterns = [re.compile(re.sub(r"\{\w+(:int|:path)?\}", "[^/]+", path) + "$") for path in shown]
    assert [p.pattern for p in patterns if not any(p.match(a) for a in pages)] == []
    acting = {route.path for route in routes if (route.methods or set()) - {"GET", "HEAD"}}
    below_p = (
        *("", "/mute", "/drop", "/pause", "/resume", "/leave", "/back", "/move", "/renew", "/import", "/erase"),
        *("/preview", "/preview/picks"),
    )
    of_libraries = ("zotero", "read", "stop", "unlink")
    assert acting == {
        *("/p/{token}/mute/{period}/{n:int}", "/erase/{token}", "/renew/{token}"),
        *(f"/p/{{token}}/saved/{act}" for act in ("add", "note", "remove")),
        *(
            "/subscribe",
            "/resend",
            "/preview",
            "/preview/picks",
            "/settings",
            "/confirm/{token}",
            "/confirm/{token}/decline",
            "/f/{token}/{action}",
        ),
        *(f"/u/{{token}}{act}" for act in ("", "/weekly", "/fewer", "/pause", "/back")),
        *(f"/p/{{token}}{act}" for act in below_p),
        *(f"/p/{{token}}/libraries/{act}" for act in of_libraries),
        *(f"/p/{{token}}/groups/{act}" for act in ("share", "leave")),
        *(f"/move/{{token}}{act}" for act in ("", "/stop")),
    }


def test_answers_have_security_headers_and_no_cookie(client: TestClient, pages: list[str]) -> None:
    for address in pages:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "BREW"):
            answer = client.request(method, address)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
            is_digest = address.startswith("/d/") and not address.endswith(".md")
            assert ("unsafe" in policy) == (is_digest and answer.status_code == 200)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert "camera=(), " in answer.headers["permissions-policy"]
            assert "*" not in answer.headers["permissions-policy"]
            assert "set-cookie" not in answer.headers
            is_open = (address in PUBLIC or address.startswith("/paper/")) and method in {"GET", "HEAD"}
            is_found = is_open and not address.endswith(".atom")
            assert ("noindex" in answer.headers["x-robots-tag"]) != is_found
            is_lasting = address.startswith(("/static", "/robots")) or address.endswith(".atom")
            is_kept = is_open or (is_lasting and answer.status_code == 200)
            assert ("no-store" in answer.headers["cache-control"]) != is_kept


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080", ""])
def test_http_url_sends_no_hsts(app: App, address: str) -> None:
    settings = app.settings.model_copy(update={"public_url": address})
    with browsing(replace(app, settings=settings)) as client:
        assert "strict-transport-security" not in client.get("/healthz").headers


def test_head_equals_get_without_body(client: TestClient, pages: list[str]) -> None:
    for address in pages:
        got, asked = client.get(address), client.head(address)
        assert (asked.status_code, asked.content) == (got.status_code, b"")


def test_unknown_page_is_friendly_404(client: TestClient) -> None:
    for address in ("/nowhere", "/d/forged", "/u/" + "A" * 36, "/confirm/%00", "/static/../secret"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert heading(answer.text) == "Page not found"
    assert client.delete("/").status_code == 405


def test_body_over_16_kb_is_refused(client: TestClient, backend: Backend) -> None:
    ada = backend.join("ada@example.org")
    leave = backend.link(Purpose.UNSUBSCRIBE, ada.key)
    large = b"x" * (BODY_MAX + 1)
    for body in (large, iter([large[:9000], large[9000:]])):
        answer = client.post(leave, content=body)
        assert answer.status_code == 413
        assert heading(answer.text) == "That’s too much"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.post("/subscribe", content=b"", headers={"Content-Length": "1e9"}).status_code == 413
    assert backend.subscriber("ada@example.org").status is Status.ACTIVE
    assert client.post(leave, content=large[:BODY_MAX]).status_code == 200


def test_large_body_needs_a_genuine_link(client: TestClient, backend: Backend) -> None:
    settings = backend.settings(backend.join("ada@example.org").address or "")
    forged = f"/p/{'A' * 40}"
    large = b"topics=" + b"%0A" * BODY_MAX
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("", "/import"):
        assert client.post(settings + path, content=large, headers=form).status_code == 422
        assert client.post(forged + path, content=large, headers=form).status_code == 413
        assert client.post(forged + path, content=large[:BODY_MAX], headers=form).status_code == 404


async def test_large_bodies_are_few_and_one_of_an_owner() -> None:
    holding, received, said = asyncio.Event(), list[int](), dict[str, int]()

    async def inner(_scope: Scope, receive: Receive, send: Send) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message["body"]), message["more_body"]
        received.append(size)
        await holding.wait()
        await PlainTextResponse("done")(_scope, receive, send)

    async def post(path: str, size: int) -> None:
        async def body() -> Message:
            return {"type": "http.request", "body": b"x" * size, "more_body": False}

        async def hear(message: Message) -> None:
            said.setdefault(path, message.get("status", 0))

        await guard({"type": "http", "method": "POST", "path": path.partition(" ")[0], "headers": []}, body, hear)

    guard = BodyLimit(
        inner, lambda _, status: PlainTextResponse("refused", status), limit=lambda path: (3_000_000, path)
    )
    paths = [f"/{place}" for place in range(LARGE_AT_ONCE)]
    running = [asyncio.create_task(post(path, 2_000_000)) for path in paths]
    while len(received) < LARGE_AT_ONCE:
        await asyncio.sleep(0)
    await asyncio.gather(post("/0 again", 2_000_000), post("/more", 2_000_000))
    running.append(asyncio.create_task(post("/small", 1_000_000)))
    while len(received) <= LARGE_AT_ONCE:
        await asyncio.sleep(0)
    holding.set()
    await asyncio.gather(*running)
    assert said == {"/0 again": 503, "/more": 503, "/small": 200, **dict.fromkeys(paths, 200)}
    assert sorted(received) == [1_000_000, *[2_000_000] * LARGE_AT_ONCE]
    await post("/more later", 2_000_000)
    assert said["/more later"] == 200


async def test_missing_body_times_out() -> None:
    async def silent() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    said: list[Message] = []

    async def hear(message: Message) -> None:
        said.append(message)

    async def inner(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("nothing arrived, so nothing may be done")

    guard = BodyLimit(inner, lambda _, status: PlainTextResponse("refused", status), seconds=0.05)
    await guard({"type": "http", "method": "POST", "path": "/", "headers": []}, silent, hear)
    assert said[0]["status"] == 408


def test_locked_database_answers_503(sqlite_url: str, app: App, backend: Backend) -> None:
    db = open_database(sqlite_url)
    event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20"))
    quick = replace(app, db=db)
    behind = Backend(quick, backend.clock)
    ada = behind.join("ada@example.org")
    with browsing(quick) as client, db.write() as session:
        session.connection()
        for address, form in (
            ("/subscribe", {"email": "eve@example.org"}),
            (behind.link(Purpose.UNSUBSCRIBE, ada.key), {}),
        ):
            answer = client.post(address, data=form)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "30"
            assert heading(answer.text) == "One moment, please"
        assert client.get("/").status_code == 200, "reading goes on while another writes"
    db.close()


def test_server_error_is_logged_without_values(app: App) -> None:
    def broken() -> datetime:
        raise RuntimeError("ada@example.org")

    with browsing(replace(app, clock=broken)) as client, structlog.testing.capture_logs() as log:
        answer = client.get("/")
    assert answer.status_code == 500
    assert heading(answer.text) == "Something went wrong"
    assert "RuntimeError" not in answer.text
    fault = next(line for line in log if line["event"] == "web fault")
    assert fault["kind"] == "RuntimeError"
    assert any("broken" in place for place in fault["places"])
    assert "ada@" not in repr(log)


def test_log_has_routes_but_no_token_or_address(
    client: TestClient, backend: Backend, pages: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as log:
        for address in pages:
            client.get(f"{address}?q=secret-query", headers={"Referer": "https://secret.example.org"})
        client.post("/subscribe", data={"email": "carol@example.org", "topics": "secret topic"})
        client.post(backend.confirmation("carol@example.org"))
    told = repr(log) + "".join(
        record.getMessage() for record in caplog.records if record.name.split(".")[0] not in {"httpx2", "asyncio"}
    )
    assert {"/u/{token}", "/d/{token}", "/confirm/{token}", "/subscribe", "(none)"} <= {
        line.get("route") for line in log
    }
    tokens = [address.split("/")[2] for address in pages if len(address) > 36]
    assert tokens
    assert not any(word in told for word in [*tokens, "secret", "carol", "@example.org", HOME])
