"""Test that planning imports only what it needs."""

import subprocess
import sys

import pytest

SPARED = (
    "alembic",
    "bibtexparser",
    "cryptography",
    "digestd.delivery",
    "feedparser",
    "flufl",
    "httpx2",
    "scipy.linalg",
)
SAYING = "import sys; import digestd.cli.pipeline, digestd.digests.planner, digestd.digests.refit; print(*sys.modules)"


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Return the modules that a command imports in its own process."""
    done = subprocess.run([sys.executable, "-c", SAYING], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", SPARED)
def test_planner_imports_nothing_unneeded(imported: set[str], module: str) -> None:
    assert "digestd.digests.planner" in imported
    assert module not in imported


def test_garbage_collection_is_enabled_after_import() -> None:
    saying = (
        "import gc; from digestd.cli.commands import pause_gc, resume_gc; pause_gc(); assert not gc.isenabled(); "
        "resume_gc(); print(gc.isenabled(), gc.get_freeze_count() > 0)"
    )
    done = subprocess.run([sys.executable, "-c", saying], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
