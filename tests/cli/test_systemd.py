"""systemd hears when a service is ready, alive and stopping."""

import socket
from pathlib import Path

import pytest

from tests.support.command_process import Command

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("command", ["web", "worker"])
def test_service_reports_to_systemd(command: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "DIGESTD_WEB_PORT": str(port),
        "DIGESTD_TRANSPORT_URL": "maildir:outbox",
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "200000",
    }
    assert Command(("init",), settings, tmp_path).run().code == 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(settings["NOTIFY_SOCKET"])
        systemd.settimeout(60)
        service = Command((command,), settings, tmp_path).start()
        try:
            heard = [systemd.recv(100) for _ in range(4)]
            service.process.terminate()
            while heard[-1] != b"STOPPING=1":
                heard.append(systemd.recv(100))
            assert service.end().code == 0
        finally:
            service.process.kill()
    assert set(heard) == {b"READY=1", b"WATCHDOG=1", b"STOPPING=1"}
