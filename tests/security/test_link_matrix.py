"""Test each kind of link against each route.

What it discloses, and which tables it changes.

POWERS is the part of the threat model (.github/SECURITY.md) about links. A new route fails until it has a row, and a
row fails if the route discloses or changes more than it states.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.testclient import TestClient

from digestd.app import App
from tests.security.routes import filled, opening, routes
from tests.web.conftest import PAPER, Backend

TYPED = {"name": "Augusta Canary", "topics": ["Sorting keys", "canary topic"], "mute": {"authors": ["Mutina Canary"]}}
"""Facts of each reader besides the address."""
_SETTINGS = {"hour": "9", "timezone": "UTC", "cadence": "daily", "weekday": "mon", "size": "5", "language": "en"}
FORMS: Mapping[str, Mapping[str, str]] = {
    "/p/{token}": {**_SETTINGS, "min_score": "normal", "topics": "canary topic"},
    "/p/{token}/preview": {**_SETTINGS, "min_score": "normal", "topics": "canary topic"},
    "/p/{token}/preview/picks": {**_SETTINGS, "min_score": "normal", "topics": "canary topic"},
    "/p/{token}/mute": {"kind": "phrase", "value": "sorting keys"},
    "/p/{token}/mute/{period}/{n:int}": {"what": "author:Author 1"},
    "/p/{token}/drop": {"kind": "topic", "value": "canary topic"},
    "/p/{token}/move": {"email": "elsewhere@example.org"},
    "/p/{token}/saved/add": {"paper": "invented:1"},
    "/p/{token}/import": {"text": "arXiv:2401.00001"},
}
"""Fields that make a form act; an empty form does for the others."""


@dataclass(frozen=True)
class Power:
    """Facts of the reader that a route discloses, and tables that it changes."""

    shows: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()


def _power(shows: str = "", changes: str = "") -> Power:
    return Power(frozenset(shows.split()), frozenset(changes.split()))


ALL = "name topic muted"
CONSENT = "subscriber consent_event"
POWERS: Mapping[str, Power] = {
    "GET /confirm/{token}": _power("topic"),
    "POST /confirm/{token}": _power("", f"{CONSENT} interest pending_request consent_wording caused_mail"),
    "GET /confirm/{token}/decline": _power(),
    "POST /confirm/{token}/decline": _power("", f"{CONSENT} pending_request"),
    "GET /u/{token}": _power(),
    "POST /u/{token}": _power("", CONSENT),
    "POST /u/{token}/back": _power(),  # only within the hour after unsubscribing
    "POST /u/{token}/weekly": _power("", "subscriber"),
    "POST /u/{token}/fewer": _power("", "subscriber"),
    "POST /u/{token}/pause": _power("", CONSENT),
    "GET /d/{token}": _power(),
    "GET /d/{token}/digest.{ending}": _power(),
    "GET /f/{token}": _power(),
    "GET /f/{token}/{action}": _power(),
    "POST /f/{token}/{action}": _power("", "feedback subscriber"),  # the second is the profile's version alone
    "GET /s/{token}": _power(),
    "GET /s/{token}/{name}": _power(),
    "GET /p/{token}": _power(ALL),
    "POST /p/{token}": _power("topic", "subscriber interest"),
    "POST /p/{token}/preview": _power("topic"),
    "POST /p/{token}/preview/picks": _power("topic"),
    "POST /p/{token}/mute": _power(ALL, "subscriber interest"),
    "POST /p/{token}/drop": _power("name muted", "subscriber interest"),
    "GET /p/{token}/mute/{period}/{n:int}": _power(),
    "POST /p/{token}/mute/{period}/{n:int}": _power("", "subscriber muting"),
    "GET /p/{token}/saved": _power(),
    "GET /p/{token}/saved.{ending}": _power(),
    "POST /p/{token}/saved/add": _power("", "feedback subscriber"),
    "POST /p/{token}/saved/note": _power(),
    "POST /p/{token}/saved/remove": _power(),
    "POST /p/{token}/pause": _power(ALL, CONSENT),
    "POST /p/{token}/resume": _power(ALL),
    "POST /p/{token}/leave": _power(ALL, CONSENT),
    "POST /p/{token}/back": _power(ALL),
    "POST /p/{token}/move": _power(ALL, "address_change delivery caused_mail"),
    "POST /p/{token}/renew": _power("", "delivery caused_mail"),
    "GET /p/{token}/erase": _power(),
    "POST /p/{token}/erase": _power("", "delivery caused_mail"),
    "GET /p/{token}/data.json": _power("topic muted"),
    "GET /p/{token}/import": _power(),
    "POST /p/{token}/import": _power("", "subscriber interest paper_lookup"),
    "GET /p/{token}/libraries": _power(),
    "POST /p/{token}/libraries/zotero": _power(),
    "POST /p/{token}/libraries/read": _power(),
    "POST /p/{token}/libraries/stop": _power(),
    "POST /p/{token}/libraries/unlink": _power(),
    "POST /p/{token}/groups/share": _power(),  # only for members
    "POST /p/{token}/groups/leave": _power(),
    "GET /erase/{token}": _power(),
    "POST /erase/{token}": _power("", f"{CONSENT} interest suppression"),
    "GET /renew/{token}": _power(),
    "POST /renew/{token}": _power(ALL, "subscriber"),
    "GET /move/{token}": _power(),
    "POST /move/{token}": _power("", "address_change"),
    "POST /move/{token}/stop": _power("", "address_change"),
}


def _calls(app: App) -> list[tuple[str, str]]:
    """Yield each method and path of the routes behind a link, without HEAD."""
    found = [
        (method, route.path)
        for route in routes(app)
        if "{token}" in route.path
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]
    assert len(found) > 30
    return found


def _facts(address: str) -> dict[str, str]:
    return {"address": address, "name": "Augusta Canary", "topic": "canary topic", "muted": "Mutina Canary"}


def test_routes_disclose_and_change_only_listed_things(client: TestClient, app: App, backend: Backend) -> None:
    backend.import_papers({**PAPER, "id": "invented:1"})
    found: dict[str, Power] = {}
    for number, (method, path) in enumerate(_calls(app)):
        token = opening(backend, path, number, **TYPED)["token"]
        before = backend.contents()
        form = {"data": dict(FORMS.get(path, {}))} if method == "POST" else {}
        answer = client.request(method, filled(path, token), **form)  # type: ignore[arg-type]  # a form or nothing
        after = backend.contents()
        assert answer.status_code != 404, path
        shown = {fact for fact, value in _facts(f"reader{number}@example.org").items() if value in answer.text}
        assert not any(f"reader{other}@" in answer.text for other in range(number)), f"{path} shows another reader"
        changed = {name for name in after if after[name] != before[name]}
        found[f"{method} {path}"] = Power(frozenset(shown), frozenset(changed))
    assert found.keys() == POWERS.keys()
    for route, power in POWERS.items():
        assert found[route] == power, route


def test_links_open_only_routes_of_their_kind(client: TestClient, app: App, backend: Backend) -> None:
    backend.import_papers(PAPER)
    calls = _calls(app)
    kinds = {path.split("/")[1]: path for _, path in calls}
    tokens = {kind: opening(backend, path, number)["token"] for number, (kind, path) in enumerate(kinds.items())}
    before, opened = backend.contents(), []
    for method, path in calls:
        for kind, token in tokens.items():
            if kind != path.split("/")[1]:
                form = {"data": dict(FORMS.get(path, {"library": "1", "group": "1"}))} if method == "POST" else {}
                answer = client.request(method, filled(path, token), **form)  # type: ignore[arg-type]  # likewise
                if answer.status_code != 404:
                    opened.append((kind, method, path, answer.status_code))
    assert opened == []
    assert backend.contents() == before
