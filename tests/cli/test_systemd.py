"""systemd hears when a service is ready, alive and stopping."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("command", ["web", "worker"])
def test_service_reports_to_systemd(command: str, tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")}
    digestd = [sys.executable, "-m", "digestd"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = clean | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "DIGESTD_WEB_PORT": str(port),
        "DIGESTD_TRANSPORT_URL": "maildir:outbox",
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "200000",
    }
    subprocess.run([*digestd, "init"], cwd=tmp_path, env=settings, check=True, capture_output=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(settings["NOTIFY_SOCKET"])
        systemd.settimeout(60)
        service = subprocess.Popen([*digestd, command], cwd=tmp_path, env=settings, stderr=subprocess.DEVNULL)
        try:
            heard = [systemd.recv(100) for _ in range(4)]
            service.send_signal(signal.SIGTERM)
            while heard[-1] != b"STOPPING=1":
                heard.append(systemd.recv(100))
            assert service.wait(60) == 0
        finally:
            service.kill()
            service.wait()
    assert set(heard) == {b"READY=1", b"WATCHDOG=1", b"STOPPING=1"}
