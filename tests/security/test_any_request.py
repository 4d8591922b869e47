"""Test that no request to any route causes a server error."""

from random import Random

from starlette.testclient import TestClient

from digestd.app import App
from tests.conftest import database_url
from tests.security.hostile import HOSTILE
from tests.security.routes import filled, opening, posting, routes
from tests.support.tiers import sized
from tests.web.conftest import PAPER, Backend

__all__ = ["database_url"]

MINUTE = 61
"""Seconds from one form to the next, so that no rate limit answers instead."""
ZOTERO = ("/p/{token}/libraries/zotero", 503)
"""Nobody answers for Zotero here."""
CASES = sized(200, 2_000)
TYPES = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json", "x"]
PART = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n'
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"]
FIELDS = ["email", "topics", "hour", "size", "timezone", "papers", "until", "kind", "name", "subject", "edition"]
FIELDS += ["key", "place", "library", "form", "text", "what", "value", "paper"]
ODD = ["", "x", "9" * 30, "\x00"]


def test_any_request_causes_no_server_error(client: TestClient, app: App, backend: Backend, pages: list[str]) -> None:
    dice = Random(24)
    paths = sorted({filled(route.path) for route in routes(app)}) + [page for page in pages if "{" not in page]
    assert len(posting(app)) > 15
    faults = []
    for _ in range(CASES):
        path, method = dice.choice(paths), dice.choice(METHODS)
        answer = client.request(
            method,
            path,
            params={dice.choice(FIELDS): dice.choice(HOSTILE).encode("utf-8", "replace").decode()},
            content=_body(dice),
            headers={"Content-Type": dice.choice(TYPES), "Accept-Language": _plain(dice.choice(HOSTILE))},
        )
        if answer.status_code >= 500 and path not in {"/readyz"}:
            faults.append((method, path, answer.status_code))
    assert faults == []
    assert client.get("/").status_code == 200


def test_every_form_survives_odd_input(client: TestClient, app: App, backend: Backend) -> None:
    """Post each odd value in every field at once, with links that are valid."""
    backend.import_papers(PAPER)
    tried, faults = set(), []
    for number, path in enumerate(posting(app)):
        link = opening(backend, path, number)
        for odd in ODD:
            status = client.post(filled(path, link.get("token", "x")), data=dict.fromkeys(FIELDS, odd)).status_code
            assert not (status == 404 and link and odd == ODD[0]), f"{path}: the link opens nothing"
            if status >= 500 and (path, status) != ZOTERO:
                faults.append((path, odd, status))
            backend.clock.advance(seconds=MINUTE)
        tried.add(path)
    assert faults == []
    assert tried == set(posting(app))


def _body(dice: Random) -> bytes:
    words = dice.choices(HOSTILE, k=2)
    return dice.choice(
        [
            b"",
            dice.randbytes(300),
            "&".join(f"{name}={word}" for name in FIELDS for word in words).encode("utf-8", "replace")[:16_000],
            PART + words[0].encode("utf-8", "replace") + b"\r\n--x--",
            b'--x\r\nContent-Disposition: form-data; name="email"; filename="../a"\r\n\r\na\r\n--x--',
            b'{"email": ' + b"[" * 5_000,
            b"email=%00%ff%zz&email=2&" * 50,
        ]
    )


def _plain(text: str) -> str:
    return "".join(letter for letter in text if " " <= letter <= "~")
