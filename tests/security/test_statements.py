"""Test that no SQL statement is built from values: values are always bound."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "digestd"
RAW = {"text", "exec_driver_sql", "execute", "executemany", "executescript", "literal_column"}

OUR_OWN_WORDS = {
    *("store/database.py", "store/database_copy.py", "store/fsck/sql_checks.py"),
    *("store/fsck/file_checks.py",),  # names a check and a number
    *("store/job_queue.py", "store/ledger/claim_queue.py"),
}
"""Here names and statements of digestd's own are put together, no values; a statement can bind no name, and an index
of a part of a table serves none in which the part's own words are bound."""


def _is_put_together(argument: ast.expr) -> bool:
    """Return True if a string is built at run time: f-string, `%`, `+` or `.format`."""
    if isinstance(argument, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) and not _is_constant(part.value) for part in argument.values)
    if isinstance(argument, ast.BinOp):
        sides = (argument.left, argument.right)
        return any(isinstance(side, ast.JoinedStr) or isinstance(getattr(side, "value", None), str) for side in sides)
    return isinstance(argument, ast.Call) and getattr(argument.func, "attr", "") == "format"


def _is_constant(part: ast.expr) -> bool:
    return isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.attr.isupper()


def _raw(source: str) -> list[int]:
    """Return the lines on which a statement is built."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args]
    named = [(call, getattr(call.func, "attr", getattr(call.func, "id", ""))) for call in calls]
    return [call.lineno for call, name in named if name in RAW and _is_put_together(call.args[0])]


def test_no_statement_is_built_from_values() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(ROOT.rglob("*.py"))
        if "migrations" not in path.parts and "store" in path.relative_to(ROOT).parts
        for line in _raw(path.read_text())
    ]
    assert [place for place in found if place.partition(":")[0] not in OUR_OWN_WORDS] == []


@pytest.mark.parametrize(
    "source",
    ['run.execute(f"select {x}")', 'text("select %s" % x)', 'text("select " + x)', 'c.execute("select {}".format(x))'],
)
def test_check_finds_built_statements(source: str) -> None:
    assert _raw(source) == [1]
