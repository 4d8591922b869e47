"""Errors go to Sentry and spans to a collector, without anything about a person."""

import gzip
import os
import subprocess
import sys
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from digestd import tracing
from digestd.errors import BadSetting
from digestd.papers.ingest import ingest
from tests.support import sample_data
from tests.support.install import install

_FAILING = """
import logging
from digestd import tracing
tracing.configure({dsn!r})
def greet(address):
    raise ValueError(f"cannot greet {{address}}")
try:
    greet("ada@example.org")
except ValueError:
    logging.getLogger("digestd").exception("greeting failed for ada@example.org")
    import sentry_sdk, sys
    sentry_sdk.flush(10)
    sys.exit(not sys.modules.keys().isdisjoint({{"mcp", "huggingface_hub", "sqlalchemy"}}))
"""
_VISITED = """
from digestd import app as wiring, web
from digestd.settings import Settings
from starlette.testclient import TestClient
with TestClient(web.build(wiring.initialise(Settings(embedding_model="none")))) as client:
    client.get("/unsubscribe/token-of-ada")
    client.get("/api/v1/papers")
"""


def test_errors_reach_sentry_without_their_texts() -> None:
    received: list[bytes] = []

    class Sentry(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Sentry) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        code = _FAILING.format(dsn=f"http://key@127.0.0.1:{server.server_port}/1")
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
        server.shutdown()
        serving.join()
    said = b"".join(received)
    assert b"ValueError" in said
    assert b"greet" in said
    assert b"ada@example.org" not in said


async def test_pipeline_has_spans(
    tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "_tracers", [])
    exporter = InMemorySpanExporter()
    tracing.configure("", exporter)
    made = install(tmp_path, sqlite_url, now, f"maildir:{tmp_path / 'mail'}")
    made.people(sample_data.people(2))
    made.papers(sample_data.papers(20))
    await ingest(made.db, made.app.sources, made.app.client, made.clock)
    made.plan()
    await made.deliver()
    assert [span.name for span in exporter.get_finished_spans()] == ["plan", "deliver"]


def test_nothing_is_reported_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_tracers", [])
    tracing.configure("")
    assert tracing._tracers == []
    with tracing.span("plan"):
        pass


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sentry_sdk", "opentelemetry.sdk.trace"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BadSetting, match=r"digestd\[sentry\]"):
        tracing.configure("https://key@sentry.example.org/1")
    monkeypatch.setenv(tracing.OTLP_SETTINGS[0], "http://127.0.0.1:4318")
    with pytest.raises(BadSetting, match=r"digestd\[traces\]"):
        tracing.configure("")


def test_pages_report_nothing_of_their_own(tmp_path: Path) -> None:
    """FastAPI would send the URL of every request, with its token, to the collector."""
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "FASTAPI_OTEL_AUTO_CONFIGURE": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        }
        subprocess.run([sys.executable, "-c", _VISITED], check=True, cwd=tmp_path, env=environment)
        server.shutdown()
        serving.join()
    assert received == []
