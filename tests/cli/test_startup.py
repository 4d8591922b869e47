"""Test which modules a command imports, as unused ones cost start-up time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digestd.cli import app

HEAVY = {
    *("alembic", "aiosmtplib", "asyncio", "babel", "cryptography", "fastapi", "httpx2", "jinja2", "numpy"),
    *("onnxruntime", "pylatexenc", "tokenizers", "scipy", "sqlalchemy", "sqlmodel", "structlog", "uvicorn"),
}
COMPLETION = {"_DIGESTD_COMPLETE": "complete_bash", "COMP_WORDS": "digestd subscriber un", "COMP_CWORD": "2"}


def imported(folder: Path, *commands: str, **environment: str) -> list[set[str]]:
    """Run commands one after the other in a new process; return the modules that are imported after each.

    Names are those of top-level packages and of digestd's modules.
    """
    code = f"""
import sys
from digestd.cli import main
for words in {list(commands)}:
    sys.argv = ["digestd", *words.split()]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, words
    sys.stderr.write("\\nimported " + " ".join(sys.modules))
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=clean | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    modules = [line.split()[1:] for line in done.stderr.splitlines() if line.startswith("imported ")]
    return [{name if name.startswith("digestd.") else name.partition(".")[0] for name in each} for each in modules]


def test_help_imports_no_heavy_library(tmp_path: Path) -> None:
    found = imported(tmp_path, "--version", "--help", "subscriber --help")[-1]
    assert not found & HEAVY
    assert "digestd.app" not in found


def test_completion_imports_no_heavy_library(tmp_path: Path) -> None:
    [found] = imported(tmp_path, "", **COMPLETION)
    assert not found & (HEAVY | {"rich"})


def test_lists_import_only_what_they_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["init"]).exit_code == 0
    [config] = imported(tmp_path, "config show")
    assert not config & (HEAVY - {"asyncio"})
    reading = ("subscriber", "source", "delivery", "paper", "group", "webhook", "api-token")
    *_, lists, status = imported(tmp_path, *(f"{noun} list" for noun in reading), "coverage", "status")
    assert not lists & (HEAVY - {"asyncio", "babel", "sqlalchemy", "sqlmodel"})
    assert not [name for name in lists if name.startswith("digestd.delivery.transports.")]
    assert not status & (HEAVY - {"aiosmtplib", "asyncio", "babel", "sqlalchemy", "sqlmodel", "structlog"})
    assert not [name for name in status if name.startswith("digestd.ranking.")]


def test_idle_service_imports_nothing_that_ranks() -> None:
    parts = ("cli.service", "cli.web", "delivery.recovery", "jobs.children", "jobs.receiver", "jobs.scheduler")
    code = f"import sys, {', '.join(f'digestd.{part}' for part in parts)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"cryptography", "numpy", "rapidfuzz", "scipy", "digestd.digests.planner"} & set(done.stdout.split())
