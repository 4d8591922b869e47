"""Test the threat model in .github/SECURITY.md.

No empty cell, no undefined mark, no missing test.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
POLICY = (ROOT / ".github" / "SECURITY.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in POLICY.partition("## Threat model")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| An attacker holds")
]
DEFINED = dict(re.findall(r"^- \*\*([A-Z]\d+)\*\* (.+(?:\n  .+)*)", POLICY, re.MULTILINE))
COLUMNS = 6


def test_matrix_has_a_claim_in_every_cell() -> None:
    assert len(ROWS) > 15
    for row in ROWS:
        assert len(row) == COLUMNS, row
        for cell in row[1:]:
            assert re.search(r"\[[A-Z]\d+(?:, [A-Z]\d+)*\]$", cell), f"name a test in the cell {cell!r} of {row[0]}"


def test_matrix_uses_exactly_the_defined_marks() -> None:
    used = {mark for row in ROWS for cell in row for mark in re.findall(r"\b[A-Z]\d+\b", cell.rpartition("[")[2])}
    assert used == set(DEFINED)


@pytest.mark.parametrize("mark", DEFINED)
def test_marks_name_existing_tests(mark: str) -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", DEFINED[mark])
    assert named, f"{mark} names no test"
    missing = [name for file, name in named if f"def {name}(" not in (ROOT / "tests" / file).read_text("utf-8")]
    assert missing == []
