"""Mutation tests: on a mutated copy of the package, a test must fail."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.mutants import CUTS, KILLS, MUTANTS, Mutant
from tests.proof.mutation import NoPlace, drop_if, mutated, path_of, swap_name
from tests.support.command_process import can_trace

ROOT = Path(__file__).parents[2]
POINTS = {KILLS: "48", CUTS: "40"}
"""So few suffice, because nearly every point detects the mutant; as many cuts as the test tries by default."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the repository with its bytecode."""
    folder = tmp_path_factory.mktemp("copy")
    unfinished = shutil.ignore_patterns("*.pyc.*", "node_modules")
    for name in ("digestd", "templates", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=unfinished)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def tree(copy: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Yield the copy with the mutant of the test, and undo the change."""
    mutant: Mutant = request.getfixturevalue("mutant")
    file = path_of(copy, mutant.function)
    file.write_text(mutated(copy, mutant.function, mutant.change))
    yield copy
    shutil.copy2(path_of(ROOT, mutant.function), file)  # with its time, so that its bytecode is valid again


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: str(mutant.name))
def test_mutant_is_caught(mutant: Mutant, tree: Path) -> None:
    if mutant.caught_by in POINTS and not can_trace():
        pytest.skip("strace is not installed here, or may not trace (it needs root)")
    done = _run_tests(tree, mutant.caught_by)
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


def test_copy_without_mutation_passes(copy: Path) -> None:
    done = _run_tests(copy, "tests/web/test_scanners.py")
    assert done.returncode == pytest.ExitCode.OK, done.stdout[-3000:]


def _run_tests(tree: Path, tests: str) -> "subprocess.CompletedProcess[str]":
    """Run tests on a tree."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "DIGESTD_TEST_POINTS": POINTS.get(tests, "1")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # that of a mutant could be taken for that of the next
    with tempfile.TemporaryDirectory() as root:
        environment["PYTEST_DEBUG_TEMPROOT"] = root  # pytest would close our own root to Postfix in tests beside
        return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
