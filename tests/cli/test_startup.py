"""Test which modules a command imports, as unused ones cost start-up time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    *("alembic", "aiosmtplib", "asyncio", "babel", "cryptography", "fastapi", "httpx2", "jinja2", "numpy"),
    *("onnxruntime", "tokenizers", "scipy", "sqlalchemy", "sqlmodel", "structlog", "uvicorn"),
}
COMPLETION = {"_DIGESTD_COMPLETE": "complete_bash", "COMP_WORDS": "digestd subscriber un", "COMP_CWORD": "2"}


def imported(folder: Path, *words: str, **environment: str) -> set[str]:
    """Return the modules that a command has imported when it ends.

    Top-level packages and digestd modules.
    """
    code = f"""
import sys
from digestd.cli import main
sys.argv = ["digestd", *{list(words)}]
try:
    main()
finally:
    sys.stderr.write("\\n" + " ".join(sys.modules))
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=clean | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    modules = done.stderr.splitlines()[-1].split()
    return {name if name.startswith("digestd.") else name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("words", [("--help",), ("subscriber", "--help"), ("--version",)])
def test_help_imports_no_heavy_library(words: tuple[str, ...], tmp_path: Path) -> None:
    found = imported(tmp_path, *words)
    assert not found & HEAVY
    assert "digestd.app" not in found


def test_completion_imports_no_heavy_library(tmp_path: Path) -> None:
    found = imported(tmp_path, **COMPLETION)
    assert not found & (HEAVY | {"rich"})


def test_lists_import_only_what_they_read(tmp_path: Path) -> None:
    imported(tmp_path, "init")
    for words in (("subscriber", "list"), ("delivery", "list"), ("webhook", "list")):
        found = imported(tmp_path, *words)
        assert not found & (HEAVY - {"asyncio", "babel", "numpy", "sqlalchemy", "sqlmodel"})
        assert not [name for name in found if name.startswith(("digestd.ranking.", "digestd.delivery.transports."))]
    assert not imported(tmp_path, "config", "show") & (HEAVY - {"asyncio"})
