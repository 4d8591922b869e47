"""Audit of the locked packages against a local database with the interface of OSV."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.audit import LOCK, ROOT, Audit, audit, main, read, report, unconditional

pytestmark = pytest.mark.slow

KNOWN = {"numpy": ["2.5.5"], "jinja2": None}
"""Vulnerable versions; None means all."""


class Database(BaseHTTPRequestHandler):
    """A server that answers as OSV does."""

    queried: set[tuple[str, str]]

    def do_POST(self) -> None:
        """Answer a query for one package and version."""
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, version = query["package"]["name"], query["version"]
        self.queried.add((name, version))
        versions = KNOWN.get(name, [])
        answer = {"vulns": [_vulnerability(name)]} if versions is None or version in versions else {}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_said: object) -> None:
        """Write no log."""


def _vulnerability(name: str) -> dict[str, object]:
    fixed = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}
    package = {"name": name, "ecosystem": "PyPI"}
    return {
        "id": f"GHSA-{name}",
        "aliases": [f"CVE-{name}"],
        "schema_version": "1.6.0",
        "affected": [{"package": package, "ranges": [fixed]}],
        "published": "2026-01-01T00:00:00Z",
    }


@pytest.fixture
def database() -> Iterator[str]:
    """Yield the address of a database of known vulnerabilities."""
    Database.queried = set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Database)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def test_audit_queries_each_package_and_names_the_fix(database: str) -> None:
    found = audit(LOCK.read_text(), ("osv", "--osv-url", database))
    assert found.failure == ""
    pins = {line.split()[0] for line in LOCK.read_text().splitlines() if "==" in line and not line.startswith(" ")}
    assert {f"{name}=={version}" for name, version in Database.queried} == pins
    assert found.audited == len(pins)
    assert sorted(name for name, _ in found.findings) == ["CVE-jinja2", "CVE-numpy"]
    assert any("numpy 2.5.5: CVE-numpy GHSA-numpy, fixed in 99.1" in text for _, text in found.findings)


def test_main_fails_on_a_finding(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--osv-url", database]) == 1
    assert "audit: jinja2 3.1.6: CVE-jinja2 GHSA-jinja2, fixed in 99.1; lock again" in capsys.readouterr().out


def test_main_says_when_no_database_can_be_reached(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--osv-url", "http://127.0.0.1:9/v1/query"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("audit: SKIPPED, no database of known vulnerabilities can be reached (osv: ")
    assert "Connection" in line


def test_release_notes_say_that_no_audit_could_be_made(tmp_path: Path) -> None:
    """Run the step of the workflow with an audit that reaches no database."""
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]["packages"]["steps"]
    [command] = [step["run"] for step in steps if "tests.audit" in step.get("run", "")]
    assert any("--notes-file NOTES.md" in step.get("run", "") for step in steps)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} "$@" --osv-url http://127.0.0.1:9/v1/query\n')
    python.chmod(0o755)
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n")
    alone = command.replace("sudo --preserve-env=PATH ", "")
    subprocess.run(["bash", "-eo", "pipefail", "-c", alone], cwd=tmp_path, check=True)
    first, last = (tmp_path / "NOTES.md").read_text().splitlines()
    assert (first, last.startswith("audit: SKIPPED, no database")) == ("# Changelog", True)


def test_report_accepts_ignored_findings(capsys: pytest.CaptureFixture[str]) -> None:
    found = Audit([("GHSA-1", "lakes 1.0: GHSA-1, fixed in 1.1; lock again")], 3)
    assert report(found, {}) == 1
    assert report(found, {"GHSA-1": "the function is not called", "GHSA-2": "not used"}) == 0
    output = capsys.readouterr().out
    assert "GHSA-1 is ignored: the function is not called" in output
    assert "GHSA-2 is gone; stop ignoring it" in output


def test_read_counts_unknown_packages() -> None:
    found = read(json.dumps({"dependencies": [{"name": "lakes", "skip_reason": "not found"}]}), "")
    assert (found.audited, found.unknown, found.failure) == (0, ["lakes"], "")
    assert read("", "Traceback\nOSError: no route").failure == "OSError: no route"


def test_unconditional_keeps_each_version_of_a_package() -> None:
    files = unconditional(
        "a==1 ; os_name == 'nt' \\\n    --hash=sha256:1\nb==1 \\\n    --hash=sha256:2\na==2 \\\n    --hash=sha256:3\n"
    )
    assert files == ["a==1 \\\n    --hash=sha256:1\nb==1 \\\n    --hash=sha256:2\n", "a==2 \\\n    --hash=sha256:3\n"]
