"""Test the probes of `doctor` against servers of our own."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from digestd.cli import app as command_line
from digestd.domain.backoff import BackoffState
from digestd.domain.throttle import Throttle
from digestd.errors import BadInput
from digestd.mail.dkim import dns_record
from digestd.operations import doctor, local_probes, network_probes
from digestd.operations.diagnosis import Diagnosis, Level
from digestd.operations.doctor import DoctorOptions, probes_of
from digestd.settings import Settings
from digestd.store import rate_limits
from digestd.store.papers.sources import FetchRecord, record_fetches
from digestd.store.rate_limits import ThrottleState
from digestd.web import build
from tests.support.dns import name_server
from tests.support.install import Install, install
from tests.support.relay import Fault, Relay

HOME = "https://papers.example.org"


@pytest.fixture
def installed(tmp_path: Path, sqlite_url: str, now: datetime) -> Iterator[Install]:
    installed = install(tmp_path, sqlite_url, now)
    yield installed
    installed.db.close()


def faults(found: list[Diagnosis]) -> list[Diagnosis]:
    return [finding for finding in found if finding.level is not Level.OK]


async def test_relay_is_tried_without_sending(installed: Install) -> None:
    async with Relay().serving() as relay:
        [finding] = await network_probes.check_relays(Settings(transport_url=relay.url))
        assert (finding.level, relay.taken) == (Level.OK, [])
        url = relay.url
    [finding] = await network_probes.check_relays(Settings(transport_url=url))
    assert finding.level is Level.ERROR
    assert "DIGESTD_TRANSPORT_URL" in finding.remedy


async def test_relay_that_greets_with_refusal_is_an_error() -> None:
    async with Relay({"banner": Fault("554 5.7.1 go away")}).serving() as relay:
        [finding] = await network_probes.check_relays(Settings(transport_url=relay.url))
    assert (finding.level, "go away" in finding.message) == (Level.ERROR, True)


async def test_dns_is_read_from_a_server(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "dkim.pem"
    file.write_bytes(key)
    file.chmod(0o600)
    settings = Settings(
        transport_url="smtps://u:p@relay.example.net",
        mail_from="digest@example.org",
        dkim_domain="example.org",
        dkim_selector="s1",
        dkim_key_file=str(file),
    )
    records = {
        ("example.org", "MX"): "10 mx.example.org.",
        ("example.org", "TXT"): '"v=spf1 include:spf.exam" "ple.net -all"',
        ("spf.example.net", "TXT"): '"v=spf1 ip4:192.0.2.7 -all"',
        ("relay.example.net", "A"): "192.0.2.7",
        ("s1._domainkey.example.org", "TXT"): f'"{dns_record(key)}"',
        ("_dmarc.example.org", "TXT"): '"v=DMARC1; p=none"',
    }
    with name_server(records) as port:
        found = list(await network_probes.check_dns(settings, f"127.0.0.1:{port}"))
    assert faults(found) == []
    assert len(found) == 4
    with name_server({("example.com", "A"): "192.0.2.1"}) as port:
        found = list(await network_probes.check_dns(settings, f"127.0.0.1:{port}"))
    assert {finding.level for finding in found} == {Level.ERROR, Level.WARNING}
    assert any(dns_record(key) in finding.remedy for finding in found)


async def test_web_is_tried_as_by_a_stranger(installed: Install) -> None:
    app = replace(installed.app, settings=installed.app.settings.model_copy(update={"public_url": HOME}))
    ours = httpx2.ASGITransport(app=build(app), client=("127.0.0.1", 1234))
    assert faults(list(await network_probes.check_web(app.settings, ours))) == []


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, "/healthz answers 503"),
        ({"/healthz": (200, "ok"), "/u/": (302, "")}, "GET answers 302 and POST 302"),
        ({"/healthz": (200, "ok"), "/u/": (404, ""), "/metrics": (200, "x")}, "/metrics is open to everybody"),
    ],
)
async def test_web_faults_are_found(answers: dict[str, tuple[int, str]], said: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        path = "/u/" if request.url.path.startswith("/u/") else request.url.path
        status, text = answers.get(path, (404 if answers else 503, ""))
        return httpx2.Response(status, text=text)

    found = await network_probes.check_web(Settings(public_url=HOME), httpx2.MockTransport(answer))
    [finding] = faults(list(found))
    assert (finding.level, said in finding.message) == (Level.ERROR, True)


async def test_public_url_on_this_machine_is_a_warning() -> None:
    found = await network_probes.check_web(Settings(public_url="http://127.0.0.1:9"))
    assert [finding.level for finding in found] == [Level.WARNING, Level.ERROR]


@contextmanager
def dated_server(date: datetime) -> Iterator[str]:
    """Serve a fixed `Date`."""

    class Handler(BaseHTTPRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002  # the interface of the library
            return format_datetime(date, usegmt=True)

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("ahead", "level"), [(0, Level.OK), (60, Level.WARNING), (-3600, Level.ERROR), (86_400, Level.ERROR)]
)
async def test_clock_is_compared_with_several_servers(ahead: int, level: Level) -> None:
    now = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
    with dated_server(now) as one, dated_server(now) as two, dated_server(now - timedelta(days=400)) as wrong:
        servers = (one, wrong, two, "http://127.0.0.1:9/")
        [finding] = await network_probes.check_clock(Settings(), lambda: now + timedelta(seconds=ahead), servers)
    assert finding.level is level
    assert "3 web servers" in finding.message


def test_weak_secret_and_open_files_are_found(tmp_path: Path) -> None:
    secret = tmp_path / "secret.key"
    secret.write_bytes(b"changeme" * 8)
    secret.chmod(0o640)
    database = tmp_path / "digestd.db"
    database.touch(0o644)
    settings = Settings(secret_key_file=secret, database_url=f"sqlite:///{database}")
    weak, group, others = local_probes.check_files(settings)
    assert (weak.level, "easy to guess" in weak.message) == (Level.ERROR, True)
    assert (group.level, "its group" in group.message) == (Level.WARNING, True)
    assert (others.level, f"chmod go= {database}" in others.remedy) == (Level.ERROR, True)


def test_new_installation_is_sound_inside(installed: Install) -> None:
    assert faults(list(local_probes.check_database(installed.app))) == []
    assert faults(list(local_probes.check_service(installed.app))) == []
    assert faults(list(local_probes.check_fetches(installed.app))) == []


def test_slow_and_broken_probes_become_warnings(monkeypatch: pytest.MonkeyPatch, installed: Install) -> None:
    for name, value in installed.environment().items():
        monkeypatch.setenv(name, value)

    def hang() -> list[Diagnosis]:
        time.sleep(60)
        return []

    def fail(_settings: Settings) -> list[Diagnosis]:
        raise ZeroDivisionError

    monkeypatch.setattr(local_probes, "check_sandbox", hang)
    monkeypatch.setattr(local_probes, "check_files", fail)
    found = doctor.examine(DoctorOptions(clock_servers=(), deadline=2))
    said = {finding.area: finding.message for finding in found if finding.level is Level.WARNING}
    assert said["sandbox"] == "no result within 2 seconds"
    assert said["files"] == "could not be checked: ZeroDivisionError"
    assert "database" in {finding.area for finding in found if finding.level is Level.OK}


def test_command_reports_missing_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGESTD_NOW", "2026-11-24T07:00:00Z")
    done = CliRunner().invoke(command_line, ["doctor", "--json"])
    report = json.loads(done.stdout)
    assert (done.exit_code, report["findings"][0]["level"]) == (1, "error")
    assert report["errors"] == len([finding for finding in report["findings"] if finding["level"] == "error"])
    assert any("digestd init" in finding["message"] for finding in report["findings"])
    assert all(finding["remedy"] for finding in report["findings"] if finding["level"] != "ok")


def test_doctor_tells_each_fault_once_with_a_command(monkeypatch: pytest.MonkeyPatch, installed: Install) -> None:
    url = "smtp://127.0.0.1:9"
    settings = installed.environment(
        DIGESTD_TRANSPORT_URL=url, DIGESTD_SOURCES="arxiv-rss:cs.LG,hf-daily", DIGESTD_PUBLIC_URL="http://127.0.0.1:9"
    )
    paused = ThrottleState(Throttle(), BackoffState(3, installed.clock.now.timestamp() + 540, "Connect call failed"))
    with installed.db.write() as session:
        rate_limits.change_throttles(session, {"127.0.0.1:9": lambda _: paused})
        why = "export.example is not found"
        record_fetches(session, [FetchRecord("arxiv-rss:cs.LG", "u", installed.clock.now, error=why)])
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    found = faults(doctor.examine(DoctorOptions(clock_servers=(), deadline=9)))
    assert [one.message.partition(" until")[0] for one in found if one.area == "relay"] == ["127.0.0.1:9 is paused"]
    assert [one.message for one in found if "arxiv" in one.message] == [f"arxiv-rss:cs.LG is broken: {why}"]
    assert len({one.message for one in found}) == len(found)
    assert [
        one for one in found if "`" not in one.remedy and "publish" not in one.remedy and "DIGESTD_" not in one.remedy
    ] == []


def test_wrong_resolver_is_refused_where_nothing_is_looked_up(
    monkeypatch: pytest.MonkeyPatch, installed: Install
) -> None:
    for name, value in installed.environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match="--resolver: 'notip' is not an address"):
        doctor.examine(DoctorOptions("notip"))


def test_every_area_has_a_probe(installed: Install) -> None:
    settings = installed.app.settings
    assert len(probes_of(settings, installed.app, DoctorOptions())) == 10
    assert len(probes_of(settings, None, DoctorOptions())) == 6
