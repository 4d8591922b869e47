"""Test that missing layers are reported.

In the report, by `config check` and in the log.
"""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from digestd.security.confinement import probe as probing
from digestd.security.confinement import seccomp
from digestd.security.confinement.parser_process import ConfinementFailed, probe
from digestd.security.confinement.report import Confinement, parse_report
from tests.confinement import older_kernel
from tests.support.install import Install, install

OPEN = Confinement("no Landlock; no seccomp", "no seccomp", "no seccomp", "the service is root", ("resource limits",))
NO_LANDLOCK = "this kernel has no Landlock; use Linux 5.13 or newer"
NO_SECCOMP = "the system call filter is refused (Invalid argument); use a kernel with CONFIG_SECCOMP_FILTER"


@pytest.fixture
def installed(tmp_path: Path, sqlite_url: str, now: datetime) -> Install:
    return install(tmp_path / "run", sqlite_url, now)


def ran(missing: str, program: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program on a simulated kernel without some layers."""
    if "seccomp" not in probe().layers:
        pytest.skip("older kernels are simulated with seccomp, which this machine lacks")
    command = [sys.executable, older_kernel.__file__, missing, program]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


def reported(missing: str) -> Confinement:
    shown = ran(
        missing, "from digestd.security.confinement.parser_process import probe; print(probe().to_json().decode())"
    )
    assert shown.stderr == ""
    return parse_report(shown.stdout.encode())


def test_report_survives_json() -> None:
    assert parse_report(OPEN.to_json()) == OPEN


def test_report_lists_gaps() -> None:
    assert OPEN.gaps() == (
        "parsers can still open files: no Landlock; no seccomp",
        "parsers can still start processes and change file modes: no seccomp",
        "parsers can still use the network: no seccomp",
        "parsers run as root: the service is root",
    )
    assert Confinement("", "", "", "").gaps() == ()


def test_probe_reports_machine() -> None:
    found = probe()
    assert "resource limits" in found.layers
    assert bool(found.processes) == ("seccomp" not in found.layers)
    assert bool(found.files) == (not any(name == "seccomp" or name.startswith("Landlock") for name in found.layers))


def test_probe_reports_start_failure_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit(3)")
    monkeypatch.setattr(probing, "__file__", str(broken))
    with pytest.raises(ConfinementFailed, match=r"does not start \(status 3\)"):
        probe()


def test_kernel_without_landlock_blocks_files() -> None:
    found = reported("landlock")
    assert (found.files, found.processes, found.network) == ("", "", "")
    assert not any(name.startswith("Landlock") for name in found.layers)


def test_kernel_without_seccomp_is_reported() -> None:
    found = reported("seccomp")
    assert (found.processes, found.network) == (NO_SECCOMP, NO_SECCOMP)
    assert (found.files == "") == any(name.startswith("Landlock") for name in found.layers)


def test_kernel_without_either_is_reported() -> None:
    assert reported("landlock+seccomp").files == f"{NO_LANDLOCK}; {NO_SECCOMP}"


def test_config_check_warns_about_gaps(installed: Install) -> None:
    program = "from digestd.cli import main; import sys; sys.argv[1:] = ['config', 'check']; main()"
    shown = ran("landlock+seccomp", program, installed.environment())
    assert (
        f"warning: parsers can still start processes and change file modes: {NO_SECCOMP}" in shown.stderr.splitlines()
    ), shown
    assert shown.returncode == 0


def test_service_logs_gaps_at_start() -> None:
    shown = ran("landlock+seccomp", "from digestd.cli.service import log_confinement_gaps; log_confinement_gaps()")
    assert shown.stdout.count("parsers are not fully confined") == 3
    assert NO_LANDLOCK in shown.stdout


def test_service_logs_nothing_without_gaps() -> None:
    if probe().gaps():
        pytest.skip("this machine does not shut everything: " + " and ".join(probe().gaps()))
    program = "from digestd.cli.service import log_confinement_gaps; log_confinement_gaps()"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (shown.stdout, shown.stderr) == ("", "")


def test_unsupported_architecture_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: type("", (), {"machine": "riscv64"}))
    assert seccomp.machine() is None
