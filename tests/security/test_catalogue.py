"""Test that the table of threats names existing tests."""

import re
from pathlib import Path

import tests.security

TESTS = Path(__file__).parents[1]
NAMED = re.findall(r"([\w/]+\.py)::(\w+)", tests.security.__doc__ or "")


def test_threats_have_tests() -> None:
    threats = re.findall(r"^ *(S\d\d) .*\.py::", tests.security.__doc__ or "", re.MULTILINE)
    assert threats == [f"S{n:02}" for n in range(1, len(threats) + 1)]
    assert len(threats) > 24


def test_named_tests_exist() -> None:
    missing = [name for file, name in NAMED if f"def {name}(" not in (TESTS / file).read_text()]
    assert missing == []
