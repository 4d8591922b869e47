"""Test that the API matches its OpenAPI description, errors included."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import schemathesis
import structlog
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import event
from starlette.testclient import TestClient

from digestd.app import App
from digestd.security.tokens import Scope
from digestd.store import integrations
from digestd.store.database import open_database
from digestd.web import _refusal, build
from digestd.web.middleware import SLOW
from tests.support.tiers import sized
from tests.web.conftest import PAPER, Backend, browsing
from tests.web.test_api import ADA, ALL, SECRET, token

EXAMPLES = sized(10, 100)
TRUE = [status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance]
"""What must hold for the description to be true."""


def test_middleware_errors_are_problem_json(client: TestClient, backend: Backend, app: App) -> None:
    headers = token(backend)
    answer = client.post("/api/v1/subscribers", content=b"x" * 20_000, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json()["detail"] == "the body is larger than 16 kB; send less"

    def broken() -> datetime:
        raise RuntimeError(ADA)

    with browsing(replace(app, clock=broken)) as other, structlog.testing.capture_logs() as log:
        fault = other.get("/api/v1/subscribers", headers=headers)
    assert (fault.status_code, fault.headers["content-type"]) == (500, "application/problem+json")
    assert ADA not in fault.text + repr(log)
    assert [line["kind"] for line in log if line["event"] == "web fault"] == ["RuntimeError"]
    methods = [client.request(how, "/api/v1/papers", headers=headers) for how in ("PUT", "DELETE")]
    assert {(answer.status_code, answer.headers["content-type"]) for answer in methods} == {
        (405, "application/problem+json")
    }


def test_transport_errors_are_problem_json(app: App, sqlite_url: str) -> None:
    late = _refusal({"type": "http", "path": "/api/v1/subscribers", "headers": []}, SLOW)
    assert (late.status_code, late.media_type) == (408, "application/problem+json")
    assert json.loads(bytes(late.body))["detail"] == "the body did not arrive in time; send it again"
    db = open_database(sqlite_url)
    event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20"))
    with db.write() as session:
        integrations.add_token(session, "test", SECRET, ALL, app.clock())
    bearer = {"Authorization": f"Bearer digestd_1_{SECRET}"}
    with browsing(replace(app, db=db)) as client, db.write() as session:
        session.connection()
        busy = client.post("/api/v1/subscribers", json={"email": ADA}, headers=bearer)
    db.close()
    assert (busy.status_code, busy.headers["content-type"]) == (503, "application/problem+json")
    assert busy.headers["retry-after"] == "30"


def test_description_names_every_path_and_needs_a_token(client: TestClient, backend: Backend) -> None:
    assert client.get("/api/v1/openapi.json").status_code == 404
    headers = token(backend, Scope.SIGNUP)
    assert client.get("/api/v1/openapi.json").status_code == 401
    said = client.get("/api/v1/openapi.json", headers=headers).json()
    assert said["openapi"].startswith("3.1")
    assert {"/subscribers", "/papers/{id}", "/digests/{number}", "/deliveries"} <= {
        path.replace(":path", "") for path in said["paths"]
    }
    assert "HTTPBearer" in json.dumps(said["components"]["securitySchemes"])


def test_described_requests_cause_no_server_error(app: App, backend: Backend) -> None:
    backend.import_papers(PAPER)
    backend.join(ADA, hour=0)
    backend.plan()
    headers = token(backend, *Scope)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", build(app), headers=headers)
    tried = 0
    for found in schema.get_all_operations():

        @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
        @given(case=found.ok().as_strategy())  # type: ignore[union-attr]  # one that cannot be read fails here
        def ask(case: Any) -> None:
            answer = case.call(headers=headers)
            assert answer.status_code < 500, (case.method, case.formatted_path, case.query, case.body)
            case.validate_response(answer, checks=TRUE)

        ask()
        tried += 1
    assert tried == 31
