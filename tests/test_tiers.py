"""Sampling of test matrices for the default tier."""

import pytest

from tests.support.tiers import sampled


def test_sampled_marks_all_but_a_share_as_long() -> None:
    cases = [(number, str(number)) for number in range(22)]
    found = sampled(cases, every=5)
    marked = [case for case in found if case not in cases]
    assert [tuple(case.values) if case in marked else case for case in found] == cases
    assert len(found) - len(marked) == 5
    assert {mark.name for case in marked for mark in case.marks} == {pytest.mark.long.name}


def test_sampled_is_deterministic() -> None:
    assert sampled(range(40), every=4) == sampled(range(40), every=4)
