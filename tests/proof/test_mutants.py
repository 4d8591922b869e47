"""Mutation tests: on a mutated copy of the tree, a test must fail."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.mutants import MUTANTS, Mutant
from tests.support.command_process import can_trace

ROOT = Path(__file__).parents[2]
POINTS = {
    "tests/proof/test_kill.py": "48",
    "tests/proof/test_power_cut.py": "120",
    "tests/proof/test_commit_race.py": "1",
}
"""So few suffice, because nearly every point detects the mutant."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: str(mutant.name))
def test_mutant_is_caught(mutant: Mutant, tmp_path: Path) -> None:
    file = mutant.caught_by.partition("::")[0]
    if file in {"tests/proof/test_kill.py", "tests/proof/test_power_cut.py"} and not can_trace():
        pytest.skip("strace is not installed here, or may not trace (it needs root)")
    _copy(tmp_path)
    _mutate(tmp_path, mutant)
    done = _run_tests(tmp_path, mutant.caught_by)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, f"{mutant.name} lives: {done.stdout[-3000:]}{done.stderr}"
    assert re.search(r"^FAILED ", done.stdout, re.MULTILINE), done.stdout[-3000:]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: str(mutant.name))
def test_mutant_still_applies(mutant: Mutant) -> None:
    assert _original_text(ROOT, mutant)


def test_copy_without_mutation_passes(tmp_path: Path) -> None:
    _copy(tmp_path)
    done = _run_tests(tmp_path, "tests/mail/test_message.py")
    assert done.returncode == pytest.ExitCode.OK, done.stdout[-3000:]


def _run_tests(tree: Path, tests: str) -> "subprocess.CompletedProcess[str]":
    """Run tests on a tree."""
    points = POINTS.get(tests.partition("::")[0], "1")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "DIGESTD_TEST_POINTS": points}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def _copy(into: Path) -> None:
    """Copy the tree with its bytecode, valid for all files but the mutated one."""
    unfinished = shutil.ignore_patterns("*.pyc.*", "node_modules")
    for name in ("digestd", "templates", "tests"):
        shutil.copytree(ROOT / name, into / name, ignore=unfinished)
    shutil.copy(ROOT / "pyproject.toml", into)


def _mutate(tree: Path, mutant: Mutant) -> None:
    (tree / mutant.file).write_text(_original_text(tree, mutant).replace(mutant.was, mutant.becomes))


def _original_text(tree: Path, mutant: Mutant) -> str:
    """Return the text of the mutant's file, which must contain `was` once."""
    text = (tree / mutant.file).read_text()
    assert text.count(mutant.was) == 1, f"{mutant.file} has changed: update `was` of the mutant {mutant.name!r}"
    return text
