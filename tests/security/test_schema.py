"""Test the pages with schemathesis, with valid and invalid links.

The API is tested by its own description in web/test_api_described.py.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from digestd.app import App
from digestd.web import build
from tests.bounces.webhook_requests import SETTINGS
from tests.security.routes import opening, routes
from tests.support.tiers import sized
from tests.web.conftest import PAPER, Backend

EXAMPLES = sized(6, 100)
WHERE = "/description.json"
MINUTE = 61
"""Seconds from one request to the next: what slows robots down is tried elsewhere."""
AWAY = {"/p/{token}/libraries/zotero": 503, "/readyz": 503}
"""What is truly not there: nobody answers for Zotero here, and no scheduler ticks for the days that pass."""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Use SQLite alone: parsing a request does not depend on the engine."""
    return sqlite_url


@pytest.fixture
def everywhere(app: App, backend: Backend) -> App:
    """Return an installation with papers and every provider.

    Without outgoing requests.
    """
    backend.import_papers(PAPER)
    return replace(app, settings=app.settings.model_copy(update=SETTINGS))


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")  # one function shows a page for GET and for HEAD
def test_described_requests_cause_no_server_error(everywhere: App, backend: Backend) -> None:
    web = build(everywhere)
    described = web.openapi()
    web.add_api_route(WHERE, lambda: described, include_in_schema=False)
    schema = schemathesis.openapi.from_asgi(WHERE, web)
    tried = set()
    faults = []
    for n, found in enumerate(schema.get_all_operations()):
        operation = found.ok()  # type: ignore[union-attr]  # one that cannot be read fails here
        genuine = opening(backend, operation.path, n)

        @seed(8)
        @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
        @given(case=_cases(operation, genuine))
        def ask(case: Any) -> None:
            status = case.call(headers={"Host": "papers.example.org"}).status_code
            if status >= 500 and status != AWAY.get(case.path):
                faults.append(f"{case.method} {case.formatted_path} {case.body!r}: {status}")
            tried.add((case.method.upper(), case.path))
            backend.clock.advance(seconds=MINUTE)

        ask()
    assert faults == []
    assert tried == {(method, _plain(route.path)) for route in routes(everywhere) for method in route.methods or ()}


def _cases(operation: Any, genuine: Mapping[str, str]) -> st.SearchStrategy[Any]:
    """Yield requests that fit the description and others.

    With valid and invalid links.
    """
    kinds: list[st.SearchStrategy[Any]] = [
        operation.as_strategy(mode, path_parameters=places)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for places in ({}, *([genuine] if genuine else []))
    ]
    return st.one_of(kinds)


def _plain(path: str) -> str:
    return path.replace(":int", "").replace(":path", "")
