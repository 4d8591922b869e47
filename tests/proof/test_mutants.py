"""Mutation tests: on a mutated copy of the package, a test must fail."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.mutants import CUTS, KILLS, MUTANTS, Mutant
from tests.proof.mutation import NoPlace, drop_if, mutate, mutated, swap_name
from tests.support.command_process import can_trace

ROOT = Path(__file__).parents[2]
POINTS = {KILLS: "48", CUTS: "120"}
"""So few suffice, because nearly every point detects the mutant."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: str(mutant.name))
def test_mutant_is_caught(mutant: Mutant, tmp_path: Path) -> None:
    if mutant.caught_by in POINTS and not can_trace():
        pytest.skip("strace is not installed here, or may not trace (it needs root)")
    _copy(tmp_path)
    mutate(tmp_path, mutant.function, mutant.change)
    done = _run_tests(tmp_path, mutant.caught_by)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, f"{mutant.name} lives: {done.stdout[-3000:]}{done.stderr}"
    assert re.search(r"^FAILED ", done.stdout, re.MULTILINE), done.stdout[-3000:]
    broken = re.search(r"^E +(?:Name|Attribute|Import|UnboundLocal|Type)Error.*", done.stdout, re.MULTILINE)
    assert broken is None, f"{mutant.name} is no bug but broken code: {broken and broken[0]}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: str(mutant.name))
def test_mutant_still_applies(mutant: Mutant) -> None:
    assert mutated(ROOT, mutant.function, mutant.change)


def test_mutation_without_a_place_is_refused() -> None:
    function = "digestd.store.ledger.commit_point:_decide"
    with pytest.raises(NoPlace, match="calls sleep"):
        mutated(ROOT, function, drop_if("sleep"))
    with pytest.raises(NoPlace, match="use 9 of OK"):
        mutated(ROOT, function, swap_name("OK", "GONE", number=9))
    with pytest.raises(NoPlace, match="there is no no_such"):
        mutated(ROOT, "digestd.store.ledger.commit_point:no_such", swap_name("OK", "GONE"))


def test_copy_without_mutation_passes(tmp_path: Path) -> None:
    _copy(tmp_path)
    done = _run_tests(tmp_path, "tests/web/test_unsubscribe.py")
    assert done.returncode == pytest.ExitCode.OK, done.stdout[-3000:]


def _run_tests(tree: Path, tests: str) -> "subprocess.CompletedProcess[str]":
    """Run tests on a tree."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "DIGESTD_TEST_POINTS": POINTS.get(tests, "1")}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def _copy(into: Path) -> None:
    """Copy the tree with its bytecode, valid for all files but the mutated one."""
    unfinished = shutil.ignore_patterns("*.pyc.*", "node_modules")
    for name in ("digestd", "templates", "tests"):
        shutil.copytree(ROOT / name, into / name, ignore=unfinished)
    shutil.copy(ROOT / "pyproject.toml", into)
