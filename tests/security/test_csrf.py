"""Test that other sites cannot act.

There is no cookie, and only the recipient knows a link.
"""

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from tests.security.routes import filled, posting
from tests.web.conftest import Backend

ELSEWHERE = [
    {},
    {"Cookie": "session=1; token=" + "A" * 40},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "null", "Referer": "https://evil.example/"},
    {"Origin": "https://papers.example.org", "Sec-Fetch-Site": "same-origin"},
    {"Authorization": "Basic YWRtaW46YWRtaW4="},
    {"X-HTTP-Method-Override": "DELETE", "X-Forwarded-User": "admin"},
]
TYPES = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/json", ""]


@pytest.mark.parametrize("headers", ELSEWHERE, ids=repr)
def test_no_header_replaces_link(
    client: TestClient, app: App, backend: Backend, headers: dict[str, str], pages: list[str]
) -> None:
    assert pages, "there is somebody to do harm to"
    before = backend.contents()
    with_token = [path for path in posting(app) if "{token}" in path]
    assert len(with_token) > 15
    for path in with_token:
        for kind in TYPES:
            said = {**headers, **({"Content-Type": kind} if kind else {})}
            answer = client.post(filled(path), headers=said, content=b"List-Unsubscribe=One-Click")
            assert answer.status_code in {400, 404, 422}, (path, kind)
            assert "set-cookie" not in answer.headers
            assert "access-control-allow-origin" not in answer.headers
    assert backend.contents() == before


def test_other_sites_cannot_read_pages(client: TestClient, pages: list[str]) -> None:
    for address in pages:
        for method in ("GET", "OPTIONS"):
            answer = client.request(
                method,
                address,
                headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
            )
            assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_there_is_no_operator_login(client: TestClient) -> None:
    for address in (
        "/login",
        "/api",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/.env",
        "/digestd.db",
        "/.git/config",
    ):
        assert client.get(address).status_code == 404
        assert client.post(address).status_code == 404
    assert client.get("/admin").status_code == 401
    assert client.post("/admin").status_code == 405, "it only shows"


def test_no_open_redirect(client: TestClient, app: App, pages: list[str]) -> None:
    away = {name: "https://evil.example/" for name in ("next", "url", "to", "redirect", "return", "continue")}
    for address in [*pages, "//evil.example", "/\\evil.example", "/https://evil.example"]:
        for method in ("GET", "POST"):
            answer = client.request(method, address, params=away, headers={"Host": "evil.example"})
            assert "evil" not in answer.headers.get("location", "")
