"""Test what an attacker inside a parser cannot do.

Layer by layer and under all layers.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from digestd.security import confinement
from digestd.security.parser_process import ParserProcess, probe
from tests.confinement import attacker

ROOT = Path(attacker.__file__).parents[2]
ALL, LANDLOCK, USER, LIMITS = "all", "landlock", "user", "limits"
SHUT: dict[str, set[str]] = {
    "read": {LANDLOCK, LIMITS},
    "read the secret": {LANDLOCK, USER, LIMITS},
    "read the environment of the service": {LANDLOCK, USER, LIMITS},
    "list": {LANDLOCK, LIMITS},
    "create": {LANDLOCK, USER, LIMITS},
    "append": {LANDLOCK, USER, LIMITS},
    "truncate": {LANDLOCK, USER},
    "delete": {LANDLOCK, USER},
    "rename": {LANDLOCK, USER},
    "link": {LANDLOCK, USER},
    "make a folder": {LANDLOCK, USER},
    "chmod": {USER},
    "chown": {USER},
    "execve": {LANDLOCK},
    "spawn": {LANDLOCK},
    "fork": set(),
    "thread": set(),
    "tcp": {LANDLOCK, LIMITS},
    "udp": {LIMITS},
    "unix": {USER, LIMITS},
    "abstract": {LANDLOCK, LIMITS},
    "listen": {LANDLOCK, LIMITS},
    "signal": {LANDLOCK, USER},
    "trace": {LANDLOCK, USER},
    "peek": {LANDLOCK, USER},
    "become root": {USER},
    "raise a limit": set(),
}
"""What an attacker tries, and the layers each of which shuts it by itself; several together shut what has none."""
SINCE = {"truncate": 3, "tcp": 4, "listen": 4, "abstract": 6, "signal": 6}
"""Versions of Landlock that added what shuts these."""


REFUSED = {
    *("EPERM", "EACCES", "EMFILE", "EAGAIN"),
    "can't start new thread",
    "not allowed to raise maximum limit",
}
reported = lru_cache(maxsize=1)(probe)


def lacking(layer: str) -> str:
    """Return why this machine lacks a layer, or nothing."""
    report = reported()
    if layer == LANDLOCK and not any(name.startswith("Landlock") for name in report.layers):
        return "this kernel has no Landlock, or it is refused"
    if layer == USER and os.geteuid() != 0:
        return "another user can only be taken by root"
    return " and ".join(report.gaps) if layer in {ALL, USER} else ""


def attempted(layer: str, wanted: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the outcomes of an attacker under a layer.

    One that became another program succeeded.
    """
    child = ParserProcess(attacker.__file__, [layer, json.dumps(wanted)])
    watch = threading.Timer(60, child.kill)
    watch.start()
    try:
        child.confinement()
        answer = child.receive(1_000_000)
        return {name: "done" for name, _ in wanted} if answer is None else json.loads(answer)
    finally:
        watch.cancel()
        child.end()


@pytest.fixture
def place() -> Iterator[Path]:
    """Create a folder that every user can enter.

    This way, file modes alone protect its content.
    """
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def targets(place: Path) -> Iterator[dict[str, Any]]:
    """Return the target of each attempt; an unconfined process can reach all of them."""
    secret = place / "secret.key"
    secret.write_text("hush")
    secret.chmod(0o600)
    service = os.getpid()
    with ExitStack() as open_ones:
        tcp = open_ones.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = open_ones.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        unix, abstract = (open_ones.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
        unix.bind(str(place / "socket"))
        (place / "socket").chmod(0o600)
        abstract.bind(f"\0digestd-{service}")
        for one in (unix, abstract):
            one.listen()
        yield {
            **dict.fromkeys(SHUT, str(secret)),
            "read": "/etc/passwd",
            "read the environment of the service": f"/proc/{service}/environ",
            "list": str(place),
            "create": f"{secret}.new",
            "execve": "/bin/id",
            "spawn": "/bin/id",
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": str(place / "socket"),
            "abstract": f"digestd-{service}",
            **dict.fromkeys(("signal", "trace", "peek"), service),
        }


@pytest.mark.parametrize("layer", [ALL, LANDLOCK, USER, LIMITS])
def test_layer_refuses_attacks(layer: str, targets: dict[str, Any], place: Path) -> None:
    if reason := lacking(layer):
        pytest.skip(f"not shut on this machine: {reason}")
    names = [name for name, layers in SHUT.items() if layer == ALL or layer in layers]
    if layer == ALL and os.geteuid() != 0:  # filters of system calls belong to the unit and the container
        names = [name for name in names if SHUT[name] != {USER}]
    if layer == LANDLOCK:
        names = [name for name in names if confinement.landlock_version() >= SINCE.get(name, 1)]
    before = sorted(file.name for file in place.iterdir())
    outcomes = attempted(layer, [(name, targets[name]) for name in names])
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in REFUSED} == {}
    assert outcomes.keys() == set(names)
    assert sorted(file.name for file in place.iterdir()) == before
    assert (place / "secret.key").read_text() == "hush"


@pytest.mark.parametrize("name", sorted(SHUT))
def test_attack_works_without_confinement(name: str, targets: dict[str, Any]) -> None:
    """Each attack must succeed without a layer, as far as this user may."""
    rights = {"chown", "become root", "raise a limit"} if os.geteuid() != 0 else set()
    if name in rights:
        pytest.skip("needs root")
    outcome = attempted("none", [(name, targets[name])])[name]
    if outcome == "EPERM" and name in {"trace", "peek"}:
        pytest.skip("this machine forbids it to everybody")
    assert outcome == "done" or (name, outcome) == ("peek", "EFAULT")


def test_confinement_works_with_memory_deny_write_execute() -> None:
    """The systemd unit forbids writable and executable memory.

    ctypes once needed it.
    """
    service = (
        "from digestd.security.confinement import _prctl\n"
        "from digestd.security.parser_process import probe\n"
        "_prctl(65, 1)\n"  # PR_SET_MDWE
        "print(probe().gaps)\n"
    )
    ran = subprocess.run([sys.executable, "-c", service], capture_output=True, cwd=ROOT, text=True, timeout=120)
    if "Invalid argument" in ran.stderr:
        pytest.skip("this kernel cannot deny memory that is written and executed")
    assert (ran.stdout, ran.stderr) == (f"{reported().gaps}\n", "")


def test_parser_inherits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGESTD_GITHUB_TOKEN", "hush")
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "secret.key").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        found = attempted("none", [("around", None), ("descriptors", None)])
    around = found["around"]
    assert around["environment"] == ""
    assert around["folder"] == "/"
    assert around["leads a session"] is True
    assert around["umask"] == 0o077
    assert found["descriptors"] == [0, 1, 2]


def test_parser_of_root_runs_as_other_user() -> None:
    if reason := lacking(USER):
        pytest.skip(reason)
    around = attempted(USER, [("around", None)])["around"]
    assert (around["user"], around["groups"]) == (confinement.NOBODY, [])


def test_parser_ends_with_service(tmp_path: Path) -> None:
    """A hijacked parser must not outlive a killed service.

    It never reads its input again.
    """
    if sys.platform != "linux":
        pytest.skip("not shut on this machine: only Linux ends a child with its parent")
    service = (
        "from tests.confinement import attacker\n"
        "from digestd.security.parser_process import ParserProcess\n"
        "import time\n"
        """child = ParserProcess(attacker.__file__, ["all", '[["sleep", 600]]'])\n"""
        "child.confinement()\n"
        "print(child.process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    running = subprocess.Popen([sys.executable, "-c", service], stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert running.stdout is not None
    child = int(running.stdout.readline())
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    for _ in range(600):
        if has_ended(child):
            return
        time.sleep(0.1)
    pytest.fail("the child is still running")


def has_ended(pid: int) -> bool:
    """Return True if a process is gone, or a zombie that nobody has collected yet."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
