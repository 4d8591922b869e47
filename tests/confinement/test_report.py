"""Test that missing layers are reported: in the report, by `config check` and in the log."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from digestd.security import confinement
from digestd.security.parser_process import ConfinementFailed, probe
from tests.support.install import Install, install
from tests.support.postfix import tool

LOGGED = "from digestd.cli.service import log_confinement_gaps; log_confinement_gaps()"
GAP = "parsers can change files and start programs: this kernel has no Landlock; use Linux 5.13 or newer"


@pytest.fixture
def installed(tmp_path: Path, sqlite_url: str, now: datetime) -> Install:
    return install(tmp_path / "run", sqlite_url, now)


def run_without_landlock(program: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a Python program on a kernel that answers as one without Landlock."""
    inject = ["-e", "trace=landlock_create_ruleset", "-e", "inject=landlock_create_ruleset:error=ENOSYS"]
    command = [tool("strace"), "-f", "-qq", "-o", "/dev/null", *inject, sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_probe_reports_machine() -> None:
    found = probe()
    assert "resource limits" in found.layers
    assert any(name.startswith("Landlock") for name in found.layers) != any("Landlock" in gap for gap in found.gaps)


def test_probe_reports_start_failure_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit(3)")
    monkeypatch.setattr(confinement, "__file__", str(broken))
    with pytest.raises(ConfinementFailed, match=r"does not start \(status 3\)"):
        probe()


def test_config_check_warns_about_gaps(installed: Install) -> None:
    program = "from digestd.cli import main; import sys; sys.argv[1:] = ['config', 'check']; main()"
    shown = run_without_landlock(program, installed.environment())
    assert f"warning: {GAP}" in shown.stderr.splitlines(), shown
    assert shown.returncode == 0


def test_service_logs_gaps_at_start() -> None:
    shown = run_without_landlock(LOGGED)
    assert "parsers are not fully confined" in shown.stdout
    assert GAP in shown.stdout


def test_service_logs_nothing_without_gaps() -> None:
    if gaps := probe().gaps:
        pytest.skip("this machine does not shut everything: " + " and ".join(gaps))
    shown = subprocess.run([sys.executable, "-c", LOGGED], capture_output=True, text=True, timeout=60, check=True)
    assert (shown.stdout, shown.stderr) == ("", "")
