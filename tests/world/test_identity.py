"""Test identity on pairs in the forms that real sources give, written by us; each line names the form's origin."""

import json
from pathlib import Path

import pytest

from tests.world.identity import read_pair
from tests.world.imports import read_references

PAIRS = [json.loads(line) for line in Path(__file__).with_name("identity.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{number}: {pair['origin'][:50]}" for number, pair in enumerate(PAIRS)])
def test_pair_is_judged_as_expected(pair: dict[str, object]) -> None:
    raw = "\n".join(json.dumps(pair[side]) for side in ("one", "other"))
    assert read_pair(raw.encode()) == {pair["expect"]}


def test_read_references_labels_fields() -> None:
    found = read_references(b"@article{a, title={Lake Ice}, author={Lee, Ann}, year={2026}, doi={10.5555/a}}")
    assert found == {"papers=1", "title=lakeice", "author=annlee", "doi=10.5555/a", "year=2026"}
    assert read_references(b"\x00\x01\x02") == {"unread"}
